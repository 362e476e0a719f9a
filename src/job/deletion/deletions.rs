//! State that all steps of a delete share.

use std::sync::Arc;
use std::time::Duration;

use super::held;
use crate::changes::Changes;
use crate::domain::event::EventKind;
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::tombstone::{SourceVersion, Tombstone};
use crate::events::{Events, cause_of_delete};
use crate::job::board::Board;
use crate::job::claim;
use crate::job::context::Context;
use crate::job::error::Error;
use crate::queue::Enqueue;
use crate::store::{self, Bucket, Head, Homes, Removal};

/// How often a `main.m3u8` is removed that a running job writes again.
pub(super) const TRIES: u32 = 5;

/// Deletes videos. Clones share its connections.
#[derive(Clone)]
pub struct Deletions {
    /// The bucket of sources, records, claims and tombstones.
    pub private: Bucket,
    /// The homes of streams.
    pub homes: Homes,
    /// The events of videos.
    pub events: Events,
    /// The running jobs of this box.
    pub board: Board,
    /// The queue that restored videos go to.
    pub enqueue: Arc<dyn Enqueue>,
    /// Who is told of changes of videos.
    pub changes: Changes,
    /// Interval at which a running job renews its claim.
    pub claim_renewal: Duration,
    /// How long a delete can be undone.
    pub purge_delay: Duration,
}

/// The version of a source that a look has found.
pub(in crate::job) fn version_of(head: &Head) -> SourceVersion {
    SourceVersion { etag: head.etag.clone(), last_modified: head.last_modified }
}

impl Deletions {
    /// The deletes of the videos that these jobs make.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        Self {
            private: context.private.clone(),
            homes: context.homes.clone(),
            events: context.events.clone(),
            board: context.board.clone(),
            enqueue: Arc::clone(&context.enqueue),
            changes: context.changes.clone(),
            claim_renewal: Duration::from_secs(context.config.claim_renewal_secs),
            purge_delay: context.purge_delay,
        }
    }

    /// The tombstone of a video.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn tombstone(&self, id: &VideoId) -> Result<Option<Tombstone>, store::Error> {
        Ok(held::read(&self.private, id).await?.map(|held| held.tombstone))
    }

    /// Records the event of a delete, once.
    pub(super) async fn record(&self, tombstone: &Tombstone) -> Result<(), Error> {
        let cause = cause_of_delete(tombstone.deleted_at);
        Ok(self.events.record(&tombstone.id, EventKind::VideoDeleted, &cause).await?)
    }

    /// Asks the job of the video to end, on any box. Returns whether there was one: it removes its claim
    /// once it has ended.
    pub(super) async fn stop_job(&self, id: &VideoId) -> Result<bool, Error> {
        let is_here = self.board.cancel(id.as_str());
        let cancelled = claim::cancel(&self.private, id, self.claim_renewal).await?;
        Ok(is_here || cancelled.was_alive)
    }

    /// Removes `main.m3u8`: no viewer finds the stream any more.
    pub(super) async fn hide(&self, id: &VideoId) -> Result<(), Error> {
        let main = names::main_key(id);
        for home in self.homes.all() {
            for _ in 0..TRIES {
                let Some(head) = home.find(&main).await? else { break };
                if home.delete_version(&main, &head.etag).await? == Removal::Gone {
                    break;
                }
            }
        }
        Ok(())
    }
}
