//! Work that no message asks for: uploads whose event was lost, and what dead attempts left behind.
//!
//! Any box may do it; a turn is an object that is written conditionally, so that one does.

mod orphans;
mod purge;
mod reconcile;
mod repair;
mod sweep;

use std::collections::HashMap;
use std::future;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::deletion::Deletions;
use super::error::Error;
use crate::domain::declare::{Any, settings};
use crate::domain::id_map::{IdMap, IdMapBuilder};
use crate::domain::job::VideoId;
use crate::domain::record::{CLAIMS_PREFIX, INTERNAL_PREFIXES, RECORDS_PREFIX};
use crate::domain::tombstone::TOMBSTONES_PREFIX;
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
        /// Seconds for which a delete can be undone. The objects of a deleted video are removed after that.
        purge_delay_secs: u64 = 0, 0..=365 * 86_400;
        /// Seconds between two looks for deletes that are due, or that a box has left unfinished.
        purge_secs: u64 = 60, 1..=86_400;
    }
}

/// By id: the version of a tombstone that was read, and until when it needs nothing.
type Idle = HashMap<String, (String, Timestamp)>;

/// The work of all turns.
pub struct Housekeeping {
    context: Context,
    inspect: std::sync::Arc<dyn Inspect>,
    config: Config,
    /// By id: when a claim was written that needs no message, as the last reconciliation found.
    settled: tokio::sync::Mutex<IdMap<Timestamp>>,
    deletions: Deletions,
    idle: tokio::sync::Mutex<Idle>,
}

/// Our own objects of the private bucket, in little memory.
struct Own {
    /// By id: when the claim was written.
    claims: IdMap<Option<Timestamp>>,
    /// By id: when the upload was asked for.
    records: IdMap<Option<Timestamp>>,
    /// By id: when a delete was noted last.
    tombstones: IdMap<Option<Timestamp>>,
}

impl Housekeeping {
    /// Housekeeping for the jobs of this context.
    #[must_use]
    pub fn new(context: Context, inspect: std::sync::Arc<dyn Inspect>, config: Config) -> Self {
        let deletions = Deletions::of(&context);
        let (settled, idle) = (tokio::sync::Mutex::default(), tokio::sync::Mutex::default());
        Self { context, inspect, config, settled, deletions, idle }
    }

    /// Works until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let all = async {
            // The next turn tries again.
            if let Err(error) = self.first_start().await {
                tracing::warn!(%error, "failed to note the first start");
            }
            tokio::join!(
                self.turns("reconcile", self.config.reconcile_secs),
                self.turns("sweep", self.config.sweep_secs),
                self.turns("purge", self.config.purge_secs)
            )
        };
        stop.run_until_cancelled(Box::pin(all)).await;
    }

    async fn turns(&self, task: &'static str, every_secs: u64) {
        let every = Duration::from_secs(every_secs);
        loop {
            // Boxes that started together do not ask together.
            tokio::time::sleep(every.mul_f64(0.9 + rand::random::<f64>() / 5.0)).await;
            let done = match self.take_turn(task, every).await {
                Ok(false) => continue,
                Ok(true) if task == "sweep" => Box::pin(self.sweep()).await,
                Ok(true) if task == "purge" => self.purge().await,
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
        let last = private.find(&key).await?;
        if last.as_ref().is_some_and(|last| self.age(last.last_modified) < every.mul_f64(0.8)) {
            return Ok(false);
        }
        let precondition =
            last.as_ref().map_or(Precondition::Absent, |last| Precondition::Etag(&last.etag));
        let options =
            PutOptions { content_type: "text/plain", precondition, ..PutOptions::default() };
        let text = format!("{} {}", self.context.claimant.box_id, private.clock().now());
        match private.put(&key, Bytes::from(text), options).await {
            Ok(_) => Ok(true),
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How long ago this was, by the clock of the store.
    fn age(&self, at: Option<Timestamp>) -> Duration {
        at.map(|at| self.context.private.clock().age(at)).unwrap_or_default()
    }

    /// Lists claims, upload records and tombstones.
    async fn own(&self) -> Result<Own, Error> {
        let [claims, records, tombstones] =
            [CLAIMS_PREFIX, RECORDS_PREFIX, TOMBSTONES_PREFIX].map(|prefix| self.times(prefix));
        Ok(Own { claims: claims.await?, records: records.await?, tombstones: tombstones.await? })
    }

    /// When the objects `<prefix><id>.json` of the private bucket were written, by id.
    async fn times(&self, prefix: &str) -> Result<IdMap<Option<Timestamp>>, Error> {
        let mut found = IdMapBuilder::default();
        let mut entries = self.context.private.entries(prefix);
        while let Some(entry) = entries.try_next().await? {
            let id = entry.key.strip_prefix(prefix).and_then(|name| name.strip_suffix(".json"));
            if let Some(id) = id.and_then(VideoId::parse) {
                found.insert(&id, entry.last_modified);
            }
        }
        Ok(found.build())
    }

    /// The sources in the private bucket, in the order of their keys. Holds a page of the listing at a time.
    fn sources(&self) -> BoxStream<'_, Result<(VideoId, Entry), Error>> {
        let (private, filter) = (&self.context.private, &self.context.sources);
        // All keys, without a listing of our own objects.
        let after = [None].into_iter().chain(INTERNAL_PREFIXES.map(Some));
        let until = INTERNAL_PREFIXES.map(Some).into_iter().chain([None]);
        let entries = stream::iter(after.zip(until)).flat_map(|(after, until)| {
            let after = after.map(|prefix| format!("{prefix}{}", char::MAX));
            private.entries_after("", after).try_take_while(move |entry| {
                let is_in_range = until.is_none_or(|until| entry.key.as_str() < until);
                future::ready(Ok(is_in_range))
            })
        });
        let sources = entries.try_filter_map(|entry| {
            let is_source = filter.accept(&entry.key).is_ok();
            let id = VideoId::of_source(private.name(), &entry.key);
            future::ready(Ok(is_source.then_some((id, entry))))
        });
        sources.map_err(Error::from).boxed()
    }
}
