//! Keeps a message ours while its job runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::context::Context;
use crate::metrics::{self, Jobs, Renewal};
use crate::queue::{Error, Queue, Receipt};

/// A lease that is extended until this is dropped.
pub(super) struct Lease {
    lost: CancellationToken,
    _ends: DropGuard,
}

impl Lease {
    /// Extends the lease three times as often as it would run out.
    pub(super) fn keep(context: &Context, receipt: &Receipt, duration: Duration) -> Self {
        let (lost, ended) = (CancellationToken::new(), CancellationToken::new());
        let (queue, jobs) = (Arc::clone(&context.queue), context.metrics.jobs.clone());
        let task = extend(queue, receipt.clone(), duration, lost.clone(), jobs);
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
    jobs: Jobs,
) {
    let renewed = |result| jobs.renewed(metrics::Lease::Message, result);
    let mut until = Instant::now() + duration;
    loop {
        tokio::time::sleep(duration / 3).await;
        let asked = Instant::now();
        match queue.extend(&receipt, duration).await {
            Ok(()) => {
                until = asked + duration;
                renewed(Renewal::Ok);
            }
            Err(error @ Error::Unavailable { .. }) if Instant::now() < until => {
                renewed(Renewal::Failed);
                tracing::warn!(%error, "the lease could not be extended; trying again");
            }
            Err(Error::LeaseLost | Error::Unavailable { .. }) => break,
        }
    }
    renewed(Renewal::Lost);
    lost.cancel();
}
