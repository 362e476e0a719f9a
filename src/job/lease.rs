//! Keeps a message ours while its job runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::queue::{Error, Queue, Receipt};

/// A lease that is extended until this is dropped.
pub(super) struct Lease {
    lost: CancellationToken,
    _ends: DropGuard,
}

impl Lease {
    /// Extends the lease three times as often as it would run out.
    pub(super) fn keep(queue: &Arc<dyn Queue>, receipt: &Receipt, duration: Duration) -> Self {
        let (lost, ended) = (CancellationToken::new(), CancellationToken::new());
        let task = extend(Arc::clone(queue), receipt.clone(), duration, lost.clone());
        let until = ended.clone();
        tokio::spawn(async move { until.run_until_cancelled(task).await });
        Self { lost, _ends: ended.drop_guard() }
    }

    /// Is cancelled once the message is no longer ours.
    pub(super) fn lost(&self) -> &CancellationToken {
        &self.lost
    }
}

async fn extend(
    queue: Arc<dyn Queue>,
    receipt: Receipt,
    duration: Duration,
    lost: CancellationToken,
) {
    let mut until = Instant::now() + duration;
    loop {
        tokio::time::sleep(duration / 3).await;
        let asked = Instant::now();
        match queue.extend(&receipt, duration).await {
            Ok(()) => until = asked + duration,
            Err(error @ Error::Unavailable { .. }) if Instant::now() < until => {
                tracing::warn!(%error, "the lease could not be extended; trying again");
            }
            Err(Error::LeaseLost | Error::Unavailable { .. }) => break,
        }
    }
    lost.cancel();
}
