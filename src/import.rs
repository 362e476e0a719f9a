//! Makes videos of the objects that are in a bucket already.
//!
//! An object that is a source where it is gets an upload record and a message. Another one is copied by the store to
//! a key that follows from its own, and its event starts the job. What has a record is not imported twice, so an
//! import that was interrupted goes on when it is started again.

use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::time::MissedTickBehavior;

use crate::domain::id_map::{IdMap, IdMapBuilder};
use crate::domain::job::VideoId;
use crate::domain::message;
use crate::domain::metadata::Metadata;
use crate::domain::priority::Priority;
use crate::domain::record::{self, RECORDS_PREFIX, UploadRecord, is_internal_key};
use crate::domain::sources::SourceFilter;
use crate::domain::tombstone::tombstone_key;
use crate::domain::turns::Place;
use crate::domain::visibility::Visibility;
use crate::queue::{self, Enqueue, Inspect};
use crate::store::{self, Bucket, Entry, Homes, Precondition};

/// Imports between two looks at the queue.
const DEPTH_EVERY: u32 = 10;
/// Pause while the queue is full.
const FULL_PAUSE: Duration = Duration::from_secs(2);

/// The appliance that gets the videos.
pub struct Library<'a> {
    /// Bucket of sources and records.
    pub private: &'a Bucket,
    /// Homes of the streams.
    pub homes: &'a Homes,
    /// The filter of keys that are sources.
    pub sources: &'a SourceFilter,
    /// The queue that messages go to.
    pub enqueue: &'a dyn Enqueue,
    /// The queue, for its depth.
    pub inspect: &'a dyn Inspect,
}

/// Objects to be imported, and how.
pub struct Request {
    /// Bucket of the objects, which may be the private one.
    pub bucket: Bucket,
    /// Begin of their keys.
    pub prefix: String,
    /// Ends of their keys. Empty: any.
    pub suffixes: Vec<String>,
    /// Who may watch the videos.
    pub visibility: Visibility,
    /// Turn of the videos among those that wait.
    pub priority: Priority,
    /// Most objects per second.
    pub rate_per_sec: f64,
    /// Visible messages at which the import waits.
    pub max_queued: u64,
    /// Whether nothing is changed.
    pub is_dry_run: bool,
}

/// Fate of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It becomes a video where it is.
    InPlace,
    /// It is copied to this key.
    Copied(String),
    /// It is a video already, or a deleted one.
    Known,
    /// It is no source.
    Ignored(String),
    /// It could not be imported.
    Failed(String),
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A bucket.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] queue::Error),
}

/// Imports all objects. `note` is told of each one: its key, its size in bytes, and what becomes of it.
///
/// # Errors
/// If the store or the queue cannot be reached or deny access. The import goes on when it is started again.
pub async fn run(
    library: &Library<'_>,
    request: &Request,
    mut note: impl FnMut(&str, u64, &Step),
) -> Result<(), Error> {
    let known = ids(library, RECORDS_PREFIX, |key| {
        VideoId::parse(key.strip_prefix(RECORDS_PREFIX)?.strip_suffix(".json")?)
    });
    let copies_prefix = copy_key(library, request, &request.prefix);
    let copied =
        ids(library, &copies_prefix, |key| Some(VideoId::of_source(library.private.name(), key)));
    let (known, copied) = (known.await?, copied.await?);
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / request.rate_per_sec));
    // Objects that a pause has delayed are not made up for.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut imported = 0;
    let mut objects = request.bucket.entries(&request.prefix);
    while let Some(object) = objects.try_next().await? {
        let step = match plan(library, request, &object) {
            Ok(target) => {
                let id = VideoId::of_source(library.private.name(), target.key(&object));
                if is_known(library, &target, &id, &known, &copied).await? {
                    Step::Known
                } else if request.is_dry_run {
                    target.step()
                } else {
                    if imported % DEPTH_EVERY == 0 {
                        wait_for_room(library, request.max_queued).await?;
                    }
                    imported += 1;
                    pace.tick().await;
                    import(library, request, &object, &target, id).await?
                }
            }
            Err(reason) => Step::Ignored(reason),
        };
        note(&object.key, object.size_bytes, &step);
    }
    Ok(())
}

/// Where the source of the video will be.
enum Target {
    /// Where it is.
    InPlace,
    /// A copy with this key.
    Copy(String),
}

impl Target {
    fn key<'a>(&'a self, object: &'a Entry) -> &'a str {
        match self {
            Self::InPlace => &object.key,
            Self::Copy(key) => key,
        }
    }

    fn step(&self) -> Step {
        match self {
            Self::InPlace => Step::InPlace,
            Self::Copy(key) => Step::Copied(key.clone()),
        }
    }
}

/// Key of the copy of an object.
fn copy_key(library: &Library<'_>, request: &Request, key: &str) -> String {
    format!("{}imports/{}/{key}", library.sources.prefix, request.bucket.name())
}

/// Where the source of the video will be, or why the object is none.
fn plan(library: &Library<'_>, request: &Request, object: &Entry) -> Result<Target, String> {
    let key = &object.key;
    let lower = key.to_lowercase();
    let has_suffix = |suffix: &String| lower.ends_with(&suffix.to_lowercase());
    if !request.suffixes.is_empty() && !request.suffixes.iter().any(has_suffix) {
        return Err(format!("{key:?} ends with none of {}", request.suffixes.join(", ")));
    }
    let is_ours = request.bucket.name() == library.private.name();
    if is_ours && is_internal_key(key) {
        return Err(format!("{key:?} is one of our records"));
    }
    if is_ours && library.sources.accept(key).is_ok() {
        return Ok(Target::InPlace);
    }
    let copy = copy_key(library, request, key);
    library.sources.accept(&copy).map_err(|reason| reason.to_string())?;
    Ok(Target::Copy(copy))
}

/// The videos of the private bucket that `id_of` finds in the keys below a prefix.
async fn ids(
    library: &Library<'_>,
    prefix: &str,
    id_of: impl Fn(&str) -> Option<VideoId>,
) -> Result<IdMap<()>, store::Error> {
    let mut found = IdMapBuilder::default();
    let mut entries = library.private.entries(prefix);
    while let Some(entry) = entries.try_next().await? {
        if let Some(id) = id_of(&entry.key) {
            found.insert(&id, ());
        }
    }
    Ok(found.build())
}

/// Whether the video is there already, or was deleted. A record without a source is that of a copy that was
/// interrupted, unless a job has worked on the video.
async fn is_known(
    library: &Library<'_>,
    target: &Target,
    id: &VideoId,
    known: &IdMap<()>,
    copied: &IdMap<()>,
) -> Result<bool, store::Error> {
    if known.contains_key(id.as_str()) {
        if matches!(target, Target::InPlace) || copied.contains_key(id.as_str()) {
            return Ok(true);
        }
        for home in library.homes.all() {
            if home.find(&record::job_record_key(id)).await?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(library.private.find(&tombstone_key(id)).await?.is_some())
}

/// Waits until the queue has room.
async fn wait_for_room(library: &Library<'_>, max_queued: u64) -> Result<(), queue::Error> {
    while library.inspect.depth().await?.visible >= max_queued {
        tokio::time::sleep(FULL_PAUSE).await;
    }
    Ok(())
}

/// Imports one object. The record comes first, so that the job finds visibility and priority.
async fn import(
    library: &Library<'_>,
    request: &Request,
    object: &Entry,
    target: &Target,
    id: VideoId,
) -> Result<Step, Error> {
    let key = target.key(object).to_owned();
    let created_at = object.last_modified.unwrap_or_else(jiff::Timestamp::now).to_string();
    let record_key = record::upload_record_key(&id);
    let record = UploadRecord {
        id,
        key: key.clone(),
        filename: key.rsplit('/').next().unwrap_or(&key).to_owned(),
        size_bytes: object.size_bytes,
        part_size_bytes: None,
        is_issued: false,
        owner: None,
        visibility: request.visibility,
        priority: request.priority,
        metadata: Metadata::default(),
        fingerprint: None,
        created_at,
        rest: record::Rest::new(),
    };
    match library.private.put_json(&record_key, &record, None, Precondition::Absent).await {
        Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
        Err(error) => return failed(error),
    }
    match target {
        Target::InPlace => {
            let place = Place { priority: request.priority, owner: None };
            let message = message::own(library.private.name(), &key);
            library.enqueue.send_to(&message, &place).await?;
        }
        Target::Copy(copy) => {
            let (from, size) = (&request.bucket, object.size_bytes);
            if let Err(error) = library.private.copy_source(from, &object.key, copy, size).await {
                return failed(error);
            }
        }
    }
    Ok(target.step())
}

/// A fault of one object, or the end of the import.
fn failed(error: store::Error) -> Result<Step, Error> {
    match error {
        store::Error::Denied { .. } | store::Error::Unavailable { .. } => Err(error.into()),
        store::Error::NotFound { .. }
        | store::Error::PreconditionFailed { .. }
        | store::Error::Rejected { .. } => Ok(Step::Failed(error.to_string())),
    }
}
