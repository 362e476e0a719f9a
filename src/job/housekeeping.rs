//! What no message asks for: uploads whose event was lost, and what dead attempts left behind.
//!
//! Any box may do it; a turn is an object that is written conditionally, so that one does.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::error::Error;
use super::{claim, records};
use crate::domain::claim::{ClaimRecord, ClaimState};
use crate::domain::declare::{Any, settings};
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::message;
use crate::domain::record::{self, CLAIMS_PREFIX, RECORDS_PREFIX};
use crate::queue::Inspect;
use crate::store::{self, Entry, Precondition, PutOptions};

settings! {
    /// Intervals and ages of the periodic cleaning.
    #[derive(Copy, Eq)]
    pub struct Config {
        /// Seconds between two searches for uploads whose event was lost. They are queued.
        reconcile_secs: u64 = 300, 1..=86_400;
        /// Whether objects that are older than the first start with their bucket are queued, too. They are
        /// left alone by default: a bucket may hold years of files.
        adopt_existing: bool = false, Any;
        /// Seconds that an upload waits for its event before it counts as lost.
        event_grace_secs: u64 = 600, 0..=86_400;
        /// Seconds between two removals of the remains of failed attempts and abandoned uploads.
        sweep_secs: u64 = 3600, 1..=7 * 86_400;
        /// Seconds without a change after which such remains are removed.
        orphan_age_secs: u64 = 3600, 0..=90 * 86_400;
        /// Seconds after which an incomplete upload is aborted and its record removed.
        upload_ttl_secs: u64 = 604_800, 60..=90 * 86_400;
    }
}

/// While messages wait, a source without a claim is taken to wait among them for this long.
const BACKLOG_PATIENCE: Duration = Duration::from_hours(6);

/// The work of all turns.
pub struct Housekeeping {
    context: Context,
    inspect: std::sync::Arc<dyn Inspect>,
    config: Config,
}

/// The private bucket, taken apart.
#[derive(Default)]
struct Private {
    /// By id: the source.
    sources: BTreeMap<String, Entry>,
    /// By id: when the claim was written.
    claims: HashMap<String, Option<Timestamp>>,
    /// By id: when the upload was asked for.
    records: HashMap<String, Option<Timestamp>>,
}

impl Housekeeping {
    /// Housekeeping for the jobs of this context.
    #[must_use]
    pub fn new(context: Context, inspect: std::sync::Arc<dyn Inspect>, config: Config) -> Self {
        Self { context, inspect, config }
    }

    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let both = async {
            // The next turn tries again.
            if let Err(error) = self.first_start().await {
                tracing::warn!(%error, "failed to note the first start");
            }
            tokio::join!(
                self.turns("reconcile", self.config.reconcile_secs),
                self.turns("sweep", self.config.sweep_secs)
            )
        };
        stop.run_until_cancelled(Box::pin(both)).await;
    }

    async fn turns(&self, task: &'static str, every_secs: u64) {
        let every = Duration::from_secs(every_secs);
        loop {
            // Boxes that started together do not ask together.
            tokio::time::sleep(every.mul_f64(0.9 + rand::random::<f64>() / 5.0)).await;
            let done = match self.take_turn(task, every).await {
                Ok(false) => continue,
                Ok(true) if task == "sweep" => self.sweep().await,
                Ok(true) => self.reconcile().await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                tracing::warn!(task, %error, "housekeeping did not end; it comes again");
            }
        }
    }

    /// Whether it is our turn: nobody else has had one lately.
    async fn take_turn(&self, task: &str, every: Duration) -> Result<bool, Error> {
        let key = format!("{CLAIMS_PREFIX}turns/{task}");
        let private = &self.context.private;
        let last = match private.head(&key).await {
            Ok(head) => Some(head),
            Err(store::Error::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        if last.as_ref().is_some_and(|last| age(last.last_modified) < every.mul_f64(0.8)) {
            return Ok(false);
        }
        let precondition =
            last.as_ref().map_or(Precondition::Absent, |last| Precondition::Etag(&last.etag));
        let options =
            PutOptions { content_type: "text/plain", precondition, ..PutOptions::default() };
        let text = format!("{} {}", self.context.box_id, Timestamp::now());
        match private.put(&key, Bytes::from(text), options).await {
            Ok(_) => Ok(true),
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Queues the sources that no message ever brought to a box: a claim shows that one did, and
    /// from then on the queue loses nothing.
    async fn reconcile(&self) -> Result<(), Error> {
        let first_start = self.first_start().await?;
        let private = self.private().await?;
        let mut left_alone = 0;
        let grace = Duration::from_secs(self.config.event_grace_secs);
        let backlog = self.inspect.depth().await?.visible > 0;
        for (id, source) in &private.sources {
            let waited = age(source.last_modified);
            let seen = private.claims.get(id).is_some_and(|at| *at >= source.last_modified);
            if seen || waited < grace || (backlog && waited < BACKLOG_PATIENCE) {
                continue;
            }
            let is_known = private.claims.contains_key(id) || private.records.contains_key(id);
            let is_older = source.last_modified < first_start;
            if is_older && !is_known && !self.config.adopt_existing {
                left_alone += 1;
                continue;
            }
            tracing::warn!(id, key = source.key, "no event came for this upload: it is queued");
            self.queue(source).await?;
        }
        if left_alone > 0 {
            tracing::info!(
                left_alone,
                "objects are older than the first start; housekeeping.adopt_existing queues them"
            );
        }
        Ok(())
    }

    /// Time of the first start with this private bucket, by the clock of the store.
    async fn first_start(&self) -> Result<Option<Timestamp>, Error> {
        let (private, key) = (&self.context.private, format!("{CLAIMS_PREFIX}first-start"));
        if let Err(error) = private.head(&key).await {
            let store::Error::NotFound { .. } = error else { return Err(error.into()) };
            let precondition = Precondition::Absent;
            let options =
                PutOptions { content_type: "text/plain", precondition, ..PutOptions::default() };
            match private.put(&key, Bytes::from(self.context.box_id.clone()), options).await {
                Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(private.head(&key).await?.last_modified)
    }

    /// Sends a message for the source, then notes that there is one.
    async fn queue(&self, source: &Entry) -> Result<(), Error> {
        let context = &self.context;
        context.enqueue.send(&message::own(context.private.name(), &source.key)).await?;
        let id = VideoId::of_source(context.private.name(), &source.key);
        let seen = claim::read(&context.private, &id).await?;
        if seen.as_ref().is_some_and(|(claim, _, _)| claim.source_etag == source.etag) {
            return Ok(());
        }
        let note = ClaimRecord::without_attempt(ClaimState::Queued, &context.box_id, &source.etag);
        let condition =
            seen.as_ref().map_or(Precondition::Absent, |(_, _, etag)| Precondition::Etag(etag));
        let key = record::claim_key(&id);
        match context.private.put_json(&key, &note, None, condition).await {
            // Whoever was faster has seen the source, too.
            Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let request = JobRequest {
            bucket: context.private.name().to_owned(),
            key: source.key.clone(),
            etag: None,
            size_bytes: None,
            sequencer: None,
        };
        let head = store::Head {
            etag: source.etag.clone(),
            size_bytes: source.size_bytes,
            last_modified: source.last_modified,
        };
        records::upload_record(&context.private, &request, &head).await.map(drop)
    }

    /// Lists the private bucket.
    async fn private(&self) -> Result<Private, Error> {
        let bucket = &self.context.private;
        let mut found = Private::default();
        for entry in bucket.list("").await? {
            let id_in = |prefix: &str| {
                let id = entry.key.strip_prefix(prefix)?.strip_suffix(".json")?;
                VideoId::parse(id).map(|id| id.to_string())
            };
            if let Some(id) = id_in(CLAIMS_PREFIX) {
                found.claims.insert(id, entry.last_modified);
            } else if let Some(id) = id_in(RECORDS_PREFIX) {
                found.records.insert(id, entry.last_modified);
            } else if self.context.sources.accept(&entry.key).is_ok() {
                let id = VideoId::of_source(bucket.name(), &entry.key).to_string();
                found.sources.insert(id, entry);
            }
        }
        Ok(found)
    }

    /// Removes what nobody needs and nobody works on.
    async fn sweep(&self) -> Result<(), Error> {
        // Public first: what is private when it is listed later was there, or has ended, by then.
        let mut streams: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in self.context.public.list("").await? {
            let id = entry.key.split('/').next().and_then(VideoId::parse);
            if let Some(id) = id {
                streams.entry(id.to_string()).or_default().push(entry);
            }
        }
        let private = self.private().await?;
        let mut removed = 0;
        for (id, entries) in &streams {
            removed += self.sweep_stream(id, entries, &private).await?;
        }
        removed += self.sweep_private(&private, &streams).await?;
        removed += self.sweep_uploads().await?;
        if removed > 0 {
            tracing::info!(removed, "swept");
        }
        Ok(())
    }

    /// Removes what failed and superseded attempts at a video have left.
    async fn sweep_stream(
        &self,
        id: &str,
        entries: &[Entry],
        private: &Private,
    ) -> Result<usize, Error> {
        let Some(id) = VideoId::parse(id) else { return Ok(0) };
        if looks_whole(&id, entries) && private.records.contains_key(id.as_str()) {
            return Ok(0);
        }
        let orphan_age = Duration::from_secs(self.config.orphan_age_secs);
        let untouched = entries.iter().all(|entry| age(entry.last_modified) >= orphan_age);
        let found = claim::read(&self.context.private, &id).await?;
        let alive = found
            .as_ref()
            .is_some_and(|(claim, age, _)| claim.state == ClaimState::Held && *age < orphan_age);
        if !untouched || alive {
            return Ok(0);
        }
        let keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        let record = records::job_record_of(&self.context.public, &id).await?;
        let known =
            private.records.contains_key(id.as_str()) || private.sources.contains_key(id.as_str());
        let dead = match record {
            // A deleted video, of which a last write came late.
            _ if !known => keys,
            Some((record, _)) => record::left_behind(&id, keys, Some(&record)),
            // Its message is in the queue; the next attempt removes what this one has left.
            None => Vec::new(),
        };
        for key in &dead {
            self.context.public.delete(key).await?;
        }
        Ok(dead.len())
    }

    /// Removes claims and records of which neither a source nor a stream is left.
    async fn sweep_private(
        &self,
        private: &Private,
        streams: &BTreeMap<String, Vec<Entry>>,
    ) -> Result<usize, Error> {
        let orphan_age = Duration::from_secs(self.config.orphan_age_secs);
        let upload_ttl = Duration::from_secs(self.config.upload_ttl_secs);
        let is_used = |id: &String| private.sources.contains_key(id) || streams.contains_key(id);
        let mut dead = HashSet::new();
        for (id, at) in private.claims.iter().filter(|(id, _)| !is_used(id)) {
            if age(*at) >= orphan_age {
                dead.insert(format!("{CLAIMS_PREFIX}{id}.json"));
            }
        }
        for (id, at) in private.records.iter().filter(|(id, _)| !is_used(id)) {
            if age(*at) >= upload_ttl {
                dead.insert(format!("{RECORDS_PREFIX}{id}.json"));
            }
        }
        for key in &dead {
            self.context.private.delete(key).await?;
        }
        Ok(dead.len())
    }

    /// Gives up multipart uploads that were begun long ago.
    async fn sweep_uploads(&self) -> Result<usize, Error> {
        let private = &self.context.private;
        let ttl = SignedDuration::from_secs(
            i64::try_from(self.config.upload_ttl_secs).unwrap_or(i64::MAX),
        );
        let until = Timestamp::now().checked_sub(ttl).unwrap_or(Timestamp::MIN);
        let stale = match private.stale_multiparts(until).await {
            Ok(stale) => stale,
            // The embedded store has a reaper of its own and no such listing.
            Err(store::Error::Rejected { .. }) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        for (key, upload_id) in &stale {
            match private.abort_multipart(key, upload_id).await {
                Ok(()) | Err(store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stale.len())
    }
}

/// Whether the keys are those of one whole stream, or of a failure: the usual case, which needs
/// nothing to be read.
fn looks_whole(id: &VideoId, entries: &[Entry]) -> bool {
    let has = |name: &str| entries.iter().any(|entry| entry.key == format!("{id}/{name}"));
    let folders: HashSet<&str> = entries
        .iter()
        .filter_map(|entry| {
            let (folder, _) = entry.key.strip_prefix(id.as_str())?[1..].split_once('/')?;
            Some(folder)
        })
        .collect();
    match folders.len() {
        0 => has("job.json") && !has("main.m3u8"),
        1 => has("job.json") && has("main.m3u8"),
        _ => false,
    }
}

/// How long ago this was, by this box's clock.
fn age(at: Option<Timestamp>) -> Duration {
    let since = at.map(|at| Timestamp::now().duration_since(at));
    since.and_then(|since| Duration::try_from(since).ok()).unwrap_or_default()
}
