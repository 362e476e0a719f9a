//! Tells jobs and housekeeping what a tombstone means for a source.

use super::deletions::Deletions;
use super::held::{self, Held};
use crate::domain::claim::LIFE_IN_RENEWALS;
use crate::domain::job::VideoId;
use crate::domain::tombstone::{SourceVersion, Stage, Verdict};
use crate::job::error::Error;
use crate::store;

/// Evidence that a source is of a deleted video, and that no job needs it. Only [`Deletions::look`] makes
/// one.
pub(in crate::job) struct Covered(());

/// Meaning of a tombstone for a source.
pub(in crate::job) enum Looked {
    /// No tombstone stands in the way.
    Clear,
    /// The source is of a deleted video.
    Deleted(Covered),
}

impl Deletions {
    /// Looks whether the source is of a deleted video. An upload to an issued key is removed. If the source
    /// was uploaded after the delete, the delete is ended first, and the video is a new one.
    ///
    /// # Errors
    /// [`Error::Busy`] if another box works on the delete.
    pub(in crate::job) async fn look(
        &self,
        id: &VideoId,
        source: &SourceVersion,
    ) -> Result<Looked, Error> {
        let Some(held) = held::read(&self.private, id).await? else { return Ok(Looked::Clear) };
        match held.tombstone.judge(source) {
            Verdict::Lifted => Ok(Looked::Clear),
            Verdict::Undecided => Err(Error::Busy),
            Verdict::New => {
                self.supersede(held).await?;
                Ok(Looked::Clear)
            }
            Verdict::Deleted => {
                let is_removed = matches!(held.tombstone.stage, Stage::Purging | Stage::Purged);
                if is_removed && held.tombstone.is_issued {
                    self.remove_late_upload(&held.tombstone).await?;
                }
                Ok(Looked::Deleted(Covered(())))
            }
        }
    }

    /// Whether housekeeping may queue a source whose event was lost.
    pub(in crate::job) async fn may_be_queued(
        &self,
        id: &VideoId,
        source: &SourceVersion,
    ) -> Result<bool, Error> {
        let tombstone = self.tombstone(id).await?;
        match tombstone.map_or(Verdict::Lifted, |tombstone| tombstone.judge(source)) {
            Verdict::Lifted | Verdict::New => Ok(true),
            Verdict::Undecided => Ok(false),
            Verdict::Deleted => {
                self.look(id, source).await?;
                Ok(false)
            }
        }
    }

    /// Whether the video was deleted after the look. The answer is right from the moment on at which the
    /// caller has a claim, because a delete writes its tombstone before it looks for claims.
    pub(in crate::job) async fn is_deleted(&self, id: &VideoId) -> Result<bool, Error> {
        let Some(tombstone) = self.tombstone(id).await? else { return Ok(false) };
        match tombstone.stage {
            Stage::Lifted => return Ok(false),
            Stage::Deleted | Stage::Restoring | Stage::Purging => {}
            // The job has written it after the purge.
            Stage::Purged => self.remove_record(id).await?,
        }
        Ok(true)
    }

    /// The videos that are being deleted, of those that have a tombstone.
    pub(in crate::job) async fn is_in_progress(&self, id: &VideoId) -> Result<bool, store::Error> {
        Ok(self.tombstone(id).await?.is_some_and(|tombstone| tombstone.is_in_progress()))
    }

    /// Ends the delete: the key has a new video.
    async fn supersede(&self, mut held: Held) -> Result<(), Error> {
        let is_held = held.age < self.claim_renewal * LIFE_IN_RENEWALS;
        match held.tombstone.stage {
            Stage::Purging if is_held => return Err(Error::Busy),
            Stage::Deleted | Stage::Restoring | Stage::Purging => {
                held = self.purge(held, false).await?;
            }
            Stage::Purged | Stage::Lifted => {}
        }
        held.write(|tombstone| tombstone.stage = Stage::Lifted).await
    }
}
