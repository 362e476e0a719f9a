//! Claims of videos that move to another home.

use std::time::Duration;

use tokio::sync::watch;

use super::{Claim, Shared, read};
use crate::domain::claim::{self, ClaimRecord, ClaimState};
use crate::domain::job::VideoId;
use crate::domain::video::VideoView;
use crate::job::context::Context;
use crate::job::error::Error;
use crate::store::{Precondition, Removal};

impl Claim {
    /// Takes the claim to move the video to another home.
    ///
    /// # Errors
    /// [`Error::Busy`] if a job works on the video, or will.
    pub(in crate::job) async fn take_for_move(
        context: &Context,
        id: &VideoId,
        attempt_id: &str,
        is_settled: bool,
        view: watch::Receiver<VideoView>,
    ) -> Result<Self, Error> {
        let renewal = Duration::from_secs(context.config.claim_renewal_secs);
        let current = read(&context.private, id).await?;
        let may_be_moved = current
            .as_ref()
            .is_none_or(|(record, age, _)| claim::may_be_moved(record, *age, renewal, is_settled));
        if !may_be_moved {
            return Err(Error::Busy);
        }
        let etag = current.as_ref().map(|(_, _, etag)| etag.as_str());
        let before = current.as_ref().map(|(record, _, _)| record.clone());
        let record = ClaimRecord {
            state: ClaimState::Moving,
            attempt_id: attempt_id.to_owned(),
            box_id: context.claimant.box_id.clone(),
            instance: context.claimant.instance.clone(),
            ..before.unwrap_or_else(|| ClaimRecord::without_attempt(ClaimState::Moving, ""))
        };
        let shared = Shared::new(&context.private, id, record, etag);
        let condition = etag.map_or(Precondition::Absent, Precondition::Etag);
        match shared.first_write(condition).await {
            Ok(()) => Ok(Self::keep(shared, renewal, view, &context.metrics.jobs)),
            Err(Error::ClaimLost) => Err(Error::Busy),
            Err(error) => Err(error),
        }
    }

    /// Removes the claim, if it is still ours.
    pub(in crate::job) async fn remove(self) -> Result<(), Error> {
        let written = self.shared.written.lock().await;
        let (Removal::Gone | Removal::Changed) =
            self.shared.bucket.delete_version(&self.shared.key, &written.etag).await?;
        Ok(())
    }
}
