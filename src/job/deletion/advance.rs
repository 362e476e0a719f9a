//! Goes on with a delete.

use std::time::Duration;

use jiff::Timestamp;

use super::deletions::Deletions;
use super::held;
use crate::domain::claim::LIFE_IN_RENEWALS;
use crate::domain::job::VideoId;
use crate::domain::tombstone::{KEPT, Stage};
use crate::job::claim;
use crate::job::error::Error;

/// Age up to which a tombstone may be of a delete whose box died before it hid the stream.
const YOUNG: Duration = Duration::from_hours(1);

impl Deletions {
    /// Does what is left to do for a delete. Returns until when nothing more is.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::job) async fn advance(&self, id: &VideoId) -> Result<Option<Timestamp>, Error> {
        let Some(held) = held::read(&self.private, id).await? else { return Ok(None) };
        let now = self.private.clock().now();
        let is_held = held.age < self.claim_renewal * LIFE_IN_RENEWALS;
        match held.tombstone.stage {
            Stage::Deleted if held.tombstone.may_be_purged(now) && !is_held => {
                tracing::info!(%id, "purging a deleted video");
                self.purge(held, false).await?;
            }
            Stage::Deleted => {
                if held.age < YOUNG {
                    self.record(&held.tombstone).await?;
                    let claim = claim::claim_view(&self.private, id, self.claim_renewal).await?;
                    if claim.is_some_and(|claim| claim.running.is_some()) {
                        self.stop_job(id).await?;
                    }
                    self.hide_while_deleted(id).await?;
                }
                return Ok(held.tombstone.purge_after());
            }
            // Another box is at it.
            Stage::Restoring | Stage::Purging if is_held => {}
            Stage::Restoring => self.finish_restore(held).await?,
            Stage::Purging => {
                tracing::info!(%id, "going on with the purge of a deleted video");
                self.purge(held, false).await?;
            }
            Stage::Purged | Stage::Lifted if held.tombstone.is_expired(now) => {
                self.remove_tombstone(id).await?;
            }
            Stage::Purged | Stage::Lifted => {
                let deleted_at = held.tombstone.deleted_at;
                return Ok(deleted_at.and_then(|at| at.checked_add(KEPT).ok()));
            }
        }
        Ok(None)
    }
}
