//! Records that a job writes (completion records, upload records), and the objects that it clears away.

use std::collections::BTreeSet;
use std::time::Duration;

use super::adapters;
use super::claim::{self, Claim};
use super::context::Context;
use super::error::Error;
use crate::domain::claim::{ClaimRecord, ClaimState};
use crate::domain::conformance::Report;
use crate::domain::hls::names;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::metadata::Metadata;
use crate::domain::priority::Priority;
use crate::domain::record::{self, JobOutcome, JobRecord, Superseded, UploadRecord};
use crate::domain::shown;
use crate::domain::video::{VideoError, VideoView};
use crate::domain::visibility::Visibility;
use crate::store::{self, Bucket, Entry, Head, Home, Homes, Precondition, Removal};

/// Name of the file that a key stands for.
pub(super) fn filename(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// The upload record of a source; written now, with this visibility, if it came by another way than our API.
pub(super) async fn upload_record(
    private: &Bucket,
    request: &JobRequest,
    head: &Head,
    visibility: Visibility,
) -> Result<UploadRecord, Error> {
    let id = request.video_id();
    let key = record::upload_record_key(&id);
    if let Some(known) = private.read_json(&key).await? {
        return Ok(known);
    }
    let filename = filename(&request.key).to_owned();
    let created_at = head.last_modified.unwrap_or_else(jiff::Timestamp::now).to_string();
    let key_of_source = request.key.clone();
    let record = UploadRecord {
        id,
        key: key_of_source,
        filename,
        size_bytes: head.size_bytes,
        part_size_bytes: None,
        is_issued: false,
        owner: None,
        visibility,
        priority: Priority::default(),
        metadata: Metadata::default(),
        fingerprint: None,
        created_at,
        rest: record::Rest::new(),
    };
    match private.put_json(&key, &record, None, Precondition::Absent).await {
        Ok(_) | Err(store::Error::PreconditionFailed { .. }) => Ok(record),
        Err(error) => Err(error.into()),
    }
}

/// The home of a video, as its upload record says. Without a record, the video is public, as all were once; a
/// record that cannot be read is an error, because it may be of a private video.
pub(super) async fn home_of<'a>(
    private: &Bucket,
    homes: &'a Homes,
    id: &VideoId,
) -> Result<&'a Home, store::Error> {
    let key = record::upload_record_key(id);
    let Some(found) = private.find_whole(&key).await? else {
        return Ok(homes.of(Visibility::Public));
    };
    let upload = serde_json::from_slice::<UploadRecord>(&found.bytes);
    let rejected = |error: serde_json::Error| store::Error::Rejected {
        operation: "read",
        key,
        reason: error.to_string(),
    };
    Ok(homes.of(upload.map_err(rejected)?.visibility))
}

/// A completion record and its version.
pub(super) type Versioned = (JobRecord, String);

/// The completion record that is there.
pub(super) async fn job_record_of(
    home: &Home,
    id: &VideoId,
) -> Result<Option<Versioned>, store::Error> {
    home.read_json_version(&record::job_record_key(id)).await
}

/// Whether the completion record covers the source, if there is one: no job will work on the video.
pub(super) async fn is_settled(context: &Context, id: &VideoId) -> Result<bool, Error> {
    let key = record::upload_record_key(id);
    let Some(upload) = context.private.read_json::<UploadRecord>(&key).await? else {
        return Ok(false);
    };
    let home = context.homes.of(upload.visibility);
    let Some((found, _)) = job_record_of(home, id).await? else { return Ok(false) };
    let source = context.private.find(&upload.key).await?;
    Ok(source.is_none_or(|source| found.covers(&source.etag)))
}

/// The superseded files of a stream, beside those that this record names and the next one does not.
pub(super) fn superseded(
    context: &Context,
    record: &JobRecord,
    prefixes: impl IntoIterator<Item = String>,
) -> Vec<Superseded> {
    let kept_for = Duration::from_secs(context.config.superseded_secs);
    record.superseded_with(prefixes, context.private.clock().now(), kept_for)
}

/// Evidence that a completion record is durable. Only [`put_job_record`] makes one.
pub(super) struct WrittenRecord {
    outcome: JobOutcome,
}

impl WrittenRecord {
    /// Outcome of the latest version that the record states.
    pub(super) fn outcome(&self) -> JobOutcome {
        self.outcome
    }
}

/// Writes the completion record in place of the one that was seen.
pub(super) async fn put_job_record(
    home: &Home,
    record: &JobRecord,
    seen: Option<&Versioned>,
) -> Result<WrittenRecord, Error> {
    let key = record::job_record_key(&record.id);
    let seen = seen.map(|(_, etag)| etag.as_str());
    let cache = names::cache_control(home.visibility(), names::CACHE_SHORT);
    match home.replace_json(&key, record, Some(cache), seen).await {
        Ok(_) => Ok(WrittenRecord { outcome: record.latest_outcome() }),
        Err(store::Error::PreconditionFailed { .. }) => Err(Error::ClaimLost),
        Err(error) => Err(error.into()),
    }
}

/// The completion record that a view amounts to.
pub(super) fn job_record(
    id: &VideoId,
    view: &VideoView,
    source_etag: &str,
    attempt_id: &str,
    error: Option<VideoError>,
    conformance: Option<Report>,
) -> JobRecord {
    let mut timings = view.timings.clone();
    timings.finished_at = Some(jiff::Timestamp::now().to_string());
    let failed = error.is_some();
    let path_of =
        |url: &Option<String>| url.as_ref().filter(|_| !failed).and_then(|u| view.path_of(u));
    JobRecord {
        id: id.clone(),
        filename: view.filename.clone(),
        outcome: if failed { JobOutcome::Failed } else { JobOutcome::Ready },
        source_etag: source_etag.to_owned(),
        attempt_id: if failed { String::new() } else { attempt_id.to_owned() },
        attempt: view.attempt,
        backend: view.backend.clone(),
        backend_failures: view.backend_failures.clone(),
        duration_secs: view.duration_secs,
        renditions: if failed { Vec::new() } else { view.renditions.clone() },
        poster: path_of(&view.poster_url),
        storyboard: path_of(&view.storyboard_url),
        chapters: path_of(&view.chapters_url),
        warnings: view.warnings.clone(),
        timings,
        error,
        conformance,
        trace: None,
        failed_update: None,
        is_outdated: false,
        main: None,
        text_tracks: Vec::new(),
        own_poster: None,
        superseded: Vec::new(),
        rest: record::Rest::new(),
    }
}

/// Removes what attempts have left behind, but for the attempt that is whole. `main.m3u8` goes
/// first, unless it shows that one.
///
/// The claim is held between the listing and the deletions: whoever takes it afterwards writes
/// under names that are not in the list.
pub(super) async fn sweep(
    home: &Home,
    id: &VideoId,
    whole: Option<&JobRecord>,
    claim: &Claim,
) -> Result<(), Error> {
    let listed = home.list(&format!("{id}/")).await?;
    if listed.is_empty() {
        return Ok(());
    }
    claim.hold().await?;
    let keys = listed.iter().map(|entry| entry.key.clone()).collect();
    let shown = shown_folders(home, id).await?;
    let left = record::left_behind(id, keys, whole, &shown, home.clock().now());
    Ok(delete_listed(home, &listed, left).await?)
}

/// Folders of a stream, and of others, that its `main.m3u8` names.
pub(super) async fn shown_folders(
    home: &Home,
    id: &VideoId,
) -> Result<BTreeSet<String>, store::Error> {
    let main = adapters::read_main(home, id).await?;
    Ok(main.map(|(text, _)| shown::folders_of(&text)).unwrap_or_default())
}

/// Deletes those of the listed objects of a home that have these keys. The mutable ones go first,
/// and only in the version that was listed.
pub(super) async fn delete_listed(
    home: &Home,
    listed: &[Entry],
    keys: Vec<String>,
) -> Result<(), store::Error> {
    let (immutable, mutable): (Vec<String>, Vec<String>) =
        keys.into_iter().partition(|key| record::is_immutable_key(key));
    for entry in listed.iter().filter(|entry| mutable.contains(&entry.key)) {
        let (Removal::Gone | Removal::Changed) =
            home.delete_version(&entry.key, &entry.etag).await?;
    }
    home.delete_immutable(&immutable).await
}

/// Removes what a cancelled attempt has published, then its claim: nothing of it writes any more.
pub(super) async fn withdraw(context: &Context, id: &VideoId, folder: &str) -> Result<(), Error> {
    for home in context.homes.all() {
        if let Some((text, etag)) = adapters::read_main(home, id).await?
            && text.contains(&format!("{folder}/"))
        {
            let (Removal::Gone | Removal::Changed) =
                home.delete_version(&names::main_key(id), &etag).await?;
        }
        // With those of its further backends, which have the same beginning.
        let listed = home.list(&format!("{id}/{folder}")).await?;
        let keys: Vec<String> = listed.into_iter().map(|entry| entry.key).collect();
        home.delete_immutable(&keys).await?;
    }
    let claim = claim::read(&context.private, id).await?;
    let is_ours =
        |claim: &ClaimRecord| claim.state == ClaimState::Cancelled || claim.attempt_id == folder;
    if let Some((_, _, etag)) = claim.filter(|(claim, _, _)| is_ours(claim)) {
        let (Removal::Gone | Removal::Changed) =
            context.private.delete_version(&record::claim_key(id), &etag).await?;
    }
    Ok(())
}
