//! Undoes a delete.

use super::deletions::{Deletions, TRIES};
use super::held::{self, Held};
use crate::domain::event::EventKind;
use crate::domain::job::VideoId;
use crate::domain::message;
use crate::domain::record::{self, JobOutcome, UploadRecord};
use crate::domain::tombstone::Stage;
use crate::events::cause_of_delete;
use crate::job::error::Error;
use crate::job::{adapters, records};
use crate::store::Precondition;

/// Result of a request to restore a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restore {
    /// The video is restored.
    Done,
    /// The video is not deleted.
    NotDeleted,
    /// Its objects are being removed, or are gone.
    TooLate,
}

impl Deletions {
    /// Undoes the delete of a video: its stream is shown again, and its job goes on.
    ///
    /// # Errors
    /// If store or queue fail, or if somebody else works on the delete at the same moment.
    pub async fn restore(&self, id: &VideoId) -> Result<Restore, Error> {
        let Some(mut held) = held::read(&self.private, id).await? else {
            return Ok(Restore::NotDeleted);
        };
        match held.tombstone.stage {
            Stage::Deleted | Stage::Restoring => {}
            Stage::Purging | Stage::Purged => return Ok(Restore::TooLate),
            Stage::Lifted => return Ok(Restore::NotDeleted),
        }
        held.write(|tombstone| tombstone.stage = Stage::Restoring).await?;
        self.finish_restore(held).await?;
        Ok(Restore::Done)
    }

    /// Does what a restore promises, and lifts the tombstone.
    pub(super) async fn finish_restore(&self, mut held: Held) -> Result<(), Error> {
        let id = held.tombstone.id.clone();
        self.forget_end(&id).await?;
        self.show(&id).await?;
        if let Some(key) = &held.tombstone.key
            && self.private.find(key).await?.is_some()
        {
            // A job waits until the tombstone is lifted, and finds out whether there is anything to do.
            self.enqueue.send(&message::own(self.private.name(), key)).await?;
        }
        let cause = format!("restored/{}", cause_of_delete(held.tombstone.deleted_at));
        self.events.record(&id, EventKind::VideoUpdated, &cause).await?;
        held.write(|tombstone| tombstone.stage = Stage::Lifted).await?;
        self.changes.note(&id);
        tracing::info!(%id, "restored a deleted video");
        Ok(())
    }

    /// Removes an end that has passed: the video would be deleted again at once.
    async fn forget_end(&self, id: &VideoId) -> Result<(), Error> {
        let key = record::upload_record_key(id);
        let found = self.private.read_json_version::<UploadRecord>(&key).await?;
        let now = self.private.clock().now();
        let ended =
            found.filter(|(upload, _)| upload.metadata.expires_at.is_some_and(|at| at <= now));
        if let Some((mut upload, etag)) = ended {
            upload.metadata.expires_at = None;
            self.private.put_json(&key, &upload, None, Precondition::Etag(&etag)).await?;
        }
        Ok(())
    }

    /// Hides the stream of a deleted video. A restore may come between the look at the tombstone and the
    /// removal of `main.m3u8`, whose versions have the same bytes, so that no condition tells them apart: the
    /// tombstone is looked at again, and the stream shown again.
    pub(super) async fn hide_while_deleted(&self, id: &VideoId) -> Result<(), Error> {
        for _ in 0..TRIES {
            self.hide(id).await?;
            if self.is_marked_deleted(id).await? {
                break;
            }
            self.show(id).await?;
            if !self.is_marked_deleted(id).await? {
                break;
            }
        }
        Ok(())
    }

    async fn is_marked_deleted(&self, id: &VideoId) -> Result<bool, Error> {
        let held = held::read(&self.private, id).await?;
        let stage = held.map(|held| held.tombstone.stage);
        Ok(matches!(stage, Some(Stage::Deleted | Stage::Purging | Stage::Purged)))
    }

    /// Shows the stream of the last job, if it has made one.
    async fn show(&self, id: &VideoId) -> Result<(), Error> {
        let home = records::home_of(&self.private, &self.homes, id).await?;
        let record = records::job_record_of(home, id).await?;
        let ready = record.filter(|(record, _)| record.outcome == JobOutcome::Ready);
        if let Some(main) = ready.and_then(|(record, _)| record.main) {
            adapters::show(home, id, main, None).await?;
        }
        Ok(())
    }
}
