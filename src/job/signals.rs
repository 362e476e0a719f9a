//! Signals that end an attempt from outside.

use tokio_util::sync::CancellationToken;

use super::claim::Claim;
use super::error::Error;

/// The signals that end an attempt.
pub(super) struct Signals<'a> {
    /// The daemon stops.
    pub(super) stop: &'a CancellationToken,
    /// The video was deleted.
    pub(super) cancel: &'a CancellationToken,
    /// The message is no longer ours.
    pub(super) lost: &'a CancellationToken,
    /// The claim, once it was taken.
    pub(super) claim: Option<&'a Claim>,
}

impl Signals<'_> {
    async fn first(&self) -> Error {
        tokio::select! {
            biased;
            () = self.lost.cancelled() => Error::LeaseLost,
            () = self.cancel.cancelled() => Error::Cancelled,
            () = self.stop.cancelled() => Error::Stopped,
            error = claim_ended(self.claim) => error,
        }
    }

    /// Runs `work` unless one of the signals comes first.
    pub(super) async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            error = self.first() => Err(error),
            done = work => done,
        }
    }
}

async fn claim_ended(claim: Option<&Claim>) -> Error {
    match claim {
        Some(claim) => claim.ended().await,
        None => std::future::pending().await,
    }
}
