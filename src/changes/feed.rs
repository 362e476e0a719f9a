//! The news of this box and of the others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::config::Config;
use crate::domain::job::VideoId;
use crate::domain::record::CHANGES_PREFIX;
use crate::store::{Bucket, Error, PutOptions};

/// News that a slow subscriber may leave unread before it misses some.
const CAPACITY: usize = 16_384;
/// Time in which the changes of one object are collected.
const COLLECT: Duration = Duration::from_secs(1);
/// Pause after a failure to write.
const RETRY: Duration = Duration::from_secs(5);
/// Most videos that one object names.
const BATCH: usize = 1000;
/// Time that a write may take: objects whose names are older than the latest that was seen are looked for again
/// for so long.
const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// News of videos. Clones share it.
#[derive(Clone)]
pub struct Changes(Arc<Inner>);

struct Inner {
    news: broadcast::Sender<VideoId>,
    /// Name of this box among others, and how they tell each other; `None` if there are no others.
    others: Option<(String, Config)>,
    /// Videos of which the others have not been told.
    untold: Mutex<BTreeSet<VideoId>>,
    noted: Notify,
}

/// One object: the videos that a box has changed.
#[derive(Serialize, Deserialize)]
struct Batch {
    videos: Vec<VideoId>,
}

impl Changes {
    /// The news of a box that is alone.
    #[must_use]
    pub fn alone() -> Self {
        Self::of(None)
    }

    /// The news of the box with this name, which tells others once [`Changes::run`] runs.
    #[must_use]
    pub fn of_box(box_id: &str, config: Config) -> Self {
        Self::of(Some((box_id.to_owned(), config)))
    }

    fn of(others: Option<(String, Config)>) -> Self {
        let (news, _) = broadcast::channel(CAPACITY);
        Self(Arc::new(Inner { news, others, untold: Mutex::default(), noted: Notify::new() }))
    }

    /// Notes that something about this video has changed.
    pub fn note(&self, id: &VideoId) {
        // Nobody listens before the catalog is open.
        drop(self.0.news.send(id.clone()));
        if self.0.others.is_some() {
            self.0.untold.lock().insert(id.clone());
            self.0.noted.notify_one();
        }
    }

    /// The videos as they change, on this box and on the others. The same one comes more than once. A receiver that
    /// lags has missed some.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<VideoId> {
        self.0.news.subscribe()
    }

    /// Tells the others and listens to them, until `stop`. Returns at once on a box that is alone.
    pub async fn run(self, private: Bucket, stop: CancellationToken) {
        let Some((box_id, config)) = self.0.others.clone() else { return };
        let work = async {
            tokio::join!(
                self.tell_always(&private, &box_id),
                self.listen_always(&private, &box_id, config)
            )
        };
        if stop.run_until_cancelled(Box::pin(work)).await.is_none()
            && let Err(error) = self.tell(&private, &box_id).await
        {
            tracing::warn!(%error, "failed to tell other boxes about the last changes");
        }
    }

    async fn tell_always(&self, private: &Bucket, box_id: &str) {
        loop {
            self.0.noted.notified().await;
            tokio::time::sleep(COLLECT).await;
            while let Err(error) = self.tell(private, box_id).await {
                tracing::warn!(%error, "failed to tell other boxes about changes");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Writes what the others have not been told. All of it remains untold if that fails.
    async fn tell(&self, private: &Bucket, box_id: &str) -> Result<(), Error> {
        loop {
            let videos: Vec<VideoId> = self.0.untold.lock().iter().take(BATCH).cloned().collect();
            if videos.is_empty() {
                return Ok(());
            }
            // A change that comes after this is told once more.
            self.0.untold.lock().retain(|id| videos.binary_search(id).is_err());
            let key = key_at(private.clock().now(), box_id, rand::random());
            let body = serde_json::to_vec(&Batch { videos: videos.clone() });
            let body = Bytes::from(body.unwrap_or_default());
            let options = PutOptions { content_type: "application/json", ..PutOptions::default() };
            if let Err(error) = private.put(&key, body, options).await {
                self.0.untold.lock().extend(videos);
                return Err(error);
            }
        }
    }

    async fn listen_always(&self, private: &Bucket, box_id: &str, config: Config) {
        let mut seen = Seen { since: private.clock().now(), keys: BTreeSet::new() };
        loop {
            tokio::time::sleep(Duration::from_secs(config.poll_secs)).await;
            if let Err(error) = self.listen(private, box_id, &mut seen).await {
                tracing::warn!(%error, "failed to look for changes of other boxes");
            }
        }
    }

    /// Reads what the others have written since the last time.
    async fn listen(&self, private: &Bucket, box_id: &str, seen: &mut Seen) -> Result<(), Error> {
        let now = private.clock().now();
        let after = prefix_at(seen.since - OVERLAP);
        let mut entries = private.entries_after(CHANGES_PREFIX, Some(after.clone()));
        while let Some(entry) = entries.try_next().await? {
            if is_of(&entry.key, box_id) || seen.keys.contains(&entry.key) {
                continue;
            }
            let batch = private.read_json::<Batch>(&entry.key).await?;
            for id in batch.map(|batch| batch.videos).unwrap_or_default() {
                drop(self.0.news.send(id));
            }
            seen.keys.insert(entry.key);
        }
        // Older ones are not listed any more.
        seen.keys = seen.keys.split_off(&after);
        seen.since = now;
        Ok(())
    }

    /// Removes what was written longer ago than `keep_secs`. Returns the number of objects.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sweep(&self, private: &Bucket) -> Result<usize, Error> {
        let Some((_, config)) = &self.0.others else { return Ok(0) };
        let kept = SignedDuration::from_secs(i64::try_from(config.keep_secs).unwrap_or(i64::MAX));
        let until = prefix_at(private.clock().now() - kept);
        let mut entries = private.entries(CHANGES_PREFIX);
        let mut old = Vec::new();
        while let Some(entry) = entries.try_next().await? {
            if entry.key >= until {
                break;
            }
            old.push(entry.key);
        }
        private.delete_immutable(&old).await?;
        Ok(old.len())
    }
}

/// The part of the others' news that was read.
struct Seen {
    /// When they were looked at last, by the clock of the store.
    since: Timestamp,
    /// Keys that were read, of the time that is looked at again.
    keys: BTreeSet<String>,
}

/// Start of the keys of what is written at this time.
pub(super) fn prefix_at(at: Timestamp) -> String {
    let hour = at.strftime("%Y-%m-%dT%H");
    format!("{CHANGES_PREFIX}{hour}/{:013}", at.as_millisecond())
}

pub(super) fn key_at(at: Timestamp, box_id: &str, n: u32) -> String {
    format!("{}-{box_id}-{n:08x}.json", prefix_at(at))
}

/// Whether an object was written by the box with this name.
pub(super) fn is_of(key: &str, box_id: &str) -> bool {
    let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
    let rest = name.split_once('-').map(|(_, rest)| rest);
    let writer = rest.and_then(|rest| rest.rsplit_once('-')).map(|(writer, _)| writer);
    writer == Some(box_id)
}
