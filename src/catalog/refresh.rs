//! Keeps the index true.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::facts::Facts;
use super::index::{Due, Error, Index};
use super::list::Page;
use crate::changes::Changes;
use crate::domain::catalog::Query;
use crate::domain::job::VideoId;
use crate::domain::view::Known;

/// Videos that are read at the same time.
pub(super) const AT_ONCE: usize = 8;
/// Number of locks: two videos that share one wait for each other.
const LOCKS: usize = 64;
/// Interval at which due videos are looked for.
const TICK: Duration = Duration::from_secs(2);
/// Most awaited uploads of one look: eight requests per second.
const DUE: i64 = 16;
/// Most videos of one look that somebody should be working on.
const DUE_AT_WORK: i64 = 4;
/// Pause before videos are read again whose reading failed.
const RETRY: Duration = Duration::from_secs(5);

/// The catalog of all videos. Clones share it.
#[derive(Clone)]
pub struct Catalog(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) facts: Facts,
    pub(super) changes: Changes,
    pub(super) index: Index,
    /// By a hash of the id: who reads a video and writes its row. What is written last was read last.
    locks: Vec<tokio::sync::Mutex<()>>,
    /// When the oldest change was heard of that is not read.
    pub(super) behind_since: Mutex<Option<Instant>>,
}

impl Catalog {
    /// Opens the catalog in this folder.
    ///
    /// # Errors
    /// If there is no memory for an empty one.
    pub fn open(data_dir: &Path, facts: Facts, changes: Changes) -> Result<Self, Error> {
        let index = Index::open(data_dir)?;
        let locks = (0..LOCKS).map(|_| tokio::sync::Mutex::default()).collect();
        let behind_since = Mutex::default();
        Ok(Self(Arc::new(Inner { facts, changes, index, locks, behind_since })))
    }

    /// Reads the records of videos, without the index.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// One page of the list.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn list(&self, query: Query) -> Result<Page, Error> {
        self.0.index.list(query).await
    }

    /// Notes a change of this box: the index has it when this returns, if the buckets answer, and the other boxes
    /// have it soon.
    pub async fn changed(&self, id: &VideoId) {
        self.0.changes.note(id);
        if let Err(error) = self.refresh(id).await {
            // The news comes again.
            tracing::warn!(%id, %error, "failed to read a changed video");
        }
    }

    /// Reads a video, writes its row and returns the facts.
    ///
    /// # Errors
    /// As [`Facts::of`], and [`Error::Index`].
    pub async fn refresh(&self, id: &VideoId) -> Result<Known, Error> {
        self.refresh_as(id, String::new()).await
    }

    /// The same, with the version of the records that a comparison has found before.
    pub(super) async fn refresh_as(&self, id: &VideoId, version: String) -> Result<Known, Error> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let lock = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or_default();
        let _only = match self.0.locks.get(lock) {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        let (known, _) = Box::pin(self.0.facts.of(id)).await?;
        self.0.index.put(id, known.clone(), version).await?;
        Ok(known)
    }

    /// Keeps the index true until `stop`. The first comparison, which may take all cores for minutes, begins after
    /// `quiet`.
    pub async fn run(self, quiet: impl Future<Output = ()> + Send, stop: CancellationToken) {
        let compare = async {
            quiet.await;
            self.compare_daily().await;
        };
        let work = async { tokio::join!(self.follow_always(), compare, self.look_always()) };
        stop.run_until_cancelled(Box::pin(work)).await;
    }

    /// Follows the news.
    async fn follow_always(&self) {
        let mut news = self.0.changes.subscribe();
        let mut left = BTreeSet::new();
        loop {
            if left.is_empty() {
                self.hear(&mut news, &mut left).await;
            } else {
                // They failed before.
                drop(tokio::time::timeout(RETRY, self.hear(&mut news, &mut left)).await);
            }
            if !left.is_empty() {
                self.0.behind_since.lock().get_or_insert_with(Instant::now);
            }
            left = self.refresh_all(std::mem::take(&mut left)).await;
            if left.is_empty() {
                *self.0.behind_since.lock() = None;
            }
        }
    }

    /// Waits for news, and takes all that is there.
    async fn hear(&self, news: &mut broadcast::Receiver<VideoId>, heard: &mut BTreeSet<VideoId>) {
        match news.recv().await {
            Ok(id) => drop(heard.insert(id)),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "the catalog missed changes, it is compared");
                self.0.index.incomplete.notify_one();
            }
            // This struct has a sender.
            Err(RecvError::Closed) => {}
        }
        while let Ok(id) = news.try_recv() {
            heard.insert(id);
        }
    }

    /// Reads these videos. Returns those that could not be read.
    async fn refresh_all(&self, ids: BTreeSet<VideoId>) -> BTreeSet<VideoId> {
        let read = stream::iter(ids).map(|id| async move {
            let read = self.refresh(&id).await;
            read.err().map(|error| (id, error))
        });
        let failed: Vec<_> =
            read.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
        if let Some((id, error)) = failed.first() {
            tracing::warn!(%id, %error, videos = failed.len(), "failed to read changed videos");
        }
        failed.into_iter().map(|(id, _)| id).collect()
    }

    /// Looks at the videos that are due. One whose upload has not arrived costs one request. One that cannot be read
    /// is looked at later, and keeps no other from its turn.
    async fn look_at_due(&self) -> Result<(), Error> {
        let mut due = self.0.index.due(Due::Awaited, DUE).await?;
        due.extend(self.0.index.due(Due::Work, DUE_AT_WORK).await?);
        for id in due {
            if let Err(error) = self.look_at(&id).await {
                tracing::warn!(%id, %error, "failed to look at a due video");
                self.0.index.postpone(&id).await?;
            }
        }
        Ok(())
    }

    async fn look_at(&self, id: &VideoId) -> Result<(), Error> {
        match self.0.index.awaited(id).await? {
            Some(key) if self.0.facts.source_etag(&key).await?.is_none() => {
                self.0.index.postpone(id).await
            }
            Some(_) | None => self.refresh(id).await.map(drop),
        }
    }

    /// Looks at videos that are due: an upload that has arrived tells nobody but the queue.
    async fn look_always(&self) {
        loop {
            tokio::time::sleep(TICK.mul_f64(0.9 + rand::random::<f64>() / 5.0)).await;
            if let Err(error) = self.look_at_due().await {
                tracing::warn!(%error, "failed to look at due videos");
            }
            if let Err(error) = self.end_due().await {
                tracing::warn!(%error, "failed to delete videos whose end has come");
            }
        }
    }
}
