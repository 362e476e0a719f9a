//! Pulls sources from URLs into the private bucket, where the event of the new object starts the job.
//!
//! A record `pulls/<id>.json` says what is to be pulled ([`PullRecord`]). A box takes it by a conditional write and
//! renews it while it works; after a crash, the same box or another one goes on with the parts that the store has.
//! Two boxes that pull the same file by accident upload the same parts, and one of them completes the upload.

mod config;
mod error;
mod fetch;
mod held;
mod parts;
mod transfer;
mod waiting;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::held::Held;
use self::waiting::{Free, Seen};
use crate::domain::job::VideoId;
use crate::domain::pull::{PullRecord, PullState};
use crate::domain::record::pull_key;
use crate::outgoing::Refused;
use crate::store::{self, Entry, Precondition};

pub use self::config::Config;
pub use self::parts::Parts;

/// State that a request for another pull found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The source is pulled from the start.
    Begun,
    /// It is being pulled.
    Running,
    /// The source comes another way.
    NotPulled,
}

/// The pulls of this appliance. Clones share them.
#[derive(Clone)]
pub struct Pulls(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// There may be something to do.
    wake: Notify,
    /// Those that run here.
    running: Mutex<HashSet<VideoId>>,
}

impl Pulls {
    /// The pulls of an appliance with these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, wake: Notify::new(), running: Mutex::default() }))
    }

    /// Checks a URL that a caller names.
    ///
    /// # Errors
    /// [`Refused`] says what is wrong with it.
    pub fn check(&self, url: &str) -> Result<(), Refused> {
        let url = self.0.parts.outgoing.check(url)?;
        fetch::check_port(&url)
    }

    /// Notes that the source of a video is to be pulled. Its upload record is there already.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn begin(&self, record: &PullRecord) -> Result<(), store::Error> {
        let private = &self.0.parts.private;
        private.put_json(&pull_key(&record.id), record, None, Precondition::Absent).await?;
        self.0.wake.notify_one();
        Ok(())
    }

    /// Pulls the source of a video once more, if that has failed.
    ///
    /// # Errors
    /// If the store fails, or somebody else changes the record at the same moment.
    pub async fn retry(&self, id: &VideoId) -> Result<Retry, store::Error> {
        let private = &self.0.parts.private;
        let key = pull_key(id);
        let Some((record, etag)) = private.read_json_version::<PullRecord>(&key).await? else {
            return Ok(Retry::NotPulled);
        };
        if record.state != PullState::Failed {
            return Ok(Retry::Running);
        }
        private.put_json(&key, &record.again(), None, Precondition::Etag(&etag)).await?;
        self.0.parts.changes.note(id);
        self.0.wake.notify_one();
        Ok(Retry::Begun)
    }

    /// Pulls until `stop`; then gives back what is not done, for this box or another to go on with.
    pub async fn run(self, stop: CancellationToken) {
        let drain = self.0.parts.drain.clone();
        let tasks = drain.pulls();
        let pause = Duration::from_secs(self.0.parts.config.look_secs);
        let mut seen = Seen::default();
        let work = Box::pin(async {
            loop {
                drain.ended().await;
                if let Err(error) = self.look(&mut seen, tasks, &stop).await {
                    tracing::warn!(%error, "failed to look for sources to pull");
                }
                // On a wake-up and on a timeout alike, look again.
                drop(tokio::time::timeout(pause, self.0.wake.notified()).await);
            }
        });
        stop.run_until_cancelled(work).await;
        tasks.close();
        tasks.wait().await;
    }

    /// Begins the pulls that no box works at, as many as are allowed, in turns of their owners.
    async fn look(
        &self,
        seen: &mut Seen,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<(), store::Error> {
        let parts = &self.0.parts;
        let most = usize::try_from(parts.config.max_running).unwrap_or(usize::MAX);
        let running = self.0.running.lock().clone();
        if running.len() >= most {
            return Ok(());
        }
        let mut free = seen.free(parts, &running).await?;
        while self.0.running.lock().len() < most {
            let next = seen.turns.next(free.iter().map(|free| &free.waiting));
            let Some(Free { id, entry, waiting }) = next.map(|next| free.swap_remove(next)) else {
                return Ok(());
            };
            let Some(held) = self.take(&entry).await? else { continue };
            seen.turns.took(waiting.owner);
            self.0.running.lock().insert(id.clone());
            let (pulls, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move {
                let parts = &pulls.0.parts;
                let work = |stop| async move { transfer::run(parts, held, &stop).await };
                Box::pin(parts.drain.hand_over(&stop, work)).await;
                pulls.0.running.lock().remove(&id);
                pulls.0.wake.notify_one();
            });
        }
        Ok(())
    }

    /// Takes a pull, if no box works at it and its video is not deleted.
    async fn take(&self, entry: &Entry) -> Result<Option<Held>, store::Error> {
        let parts = &self.0.parts;
        let age = entry.last_modified.map_or(Duration::ZERO, |at| parts.private.clock().age(at));
        let found = parts.private.read_json_version::<PullRecord>(&entry.key).await?;
        let Some((record, etag)) = found else { return Ok(None) };
        if !record.is_free(age, parts.renewal, &parts.claimant) {
            return Ok(None);
        }
        if held::is_deleted(&parts.private, &record.id).await? {
            return Ok(None);
        }
        let taken = record.taken_by(&parts.claimant, Timestamp::now());
        Held::take(&parts.private, taken, &etag).await
    }
}
