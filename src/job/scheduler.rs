//! Runs jobs, as many at a time as are allowed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::context::Context;
use super::message;

/// Pause after the queue could not be asked.
const QUEUE_PAUSE: Duration = Duration::from_secs(2);

/// The loop that receives messages.
pub struct Scheduler {
    context: Context,
}

impl Scheduler {
    /// A scheduler of jobs in this context.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Receives and runs until `drain`; then lets running jobs go on for the grace period, or until `hurry`,
    /// and gives back what is not done by then.
    pub async fn run(self, drain: CancellationToken, hurry: CancellationToken) {
        let stop = CancellationToken::new();
        let jobs = TaskTracker::new();
        drain.run_until_cancelled(self.receive(&jobs, &stop)).await;
        jobs.close();
        let grace = Duration::from_secs(self.context.config.shutdown_grace_secs);
        tracing::info!(running = jobs.len(), grace_secs = grace.as_secs(), "draining");
        let waited = tokio::time::timeout(grace, hurry.run_until_cancelled(jobs.wait())).await;
        if !matches!(waited, Ok(Some(()))) {
            stop.cancel();
            jobs.wait().await;
        }
    }

    /// The slot comes before the message: what cannot run here stays visible to others.
    async fn receive(&self, jobs: &TaskTracker, stop: &CancellationToken) {
        let config = &self.context.queue_config;
        let (wait, lease) =
            (Duration::from_secs(config.wait_secs), Duration::from_secs(config.lease_secs));
        loop {
            let slot = self.context.backends.slot().await;
            match self.context.queue.receive(wait, lease).await {
                Ok(Some(message)) => {
                    slot.settle();
                    let (context, stop) = (self.context.clone(), stop.clone());
                    jobs.spawn(async move {
                        context.metrics.jobs.running.inc();
                        message::process(&context, message, &slot, &stop).await;
                        context.metrics.jobs.running.dec();
                        drop(slot);
                    });
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "failed to receive a message");
                    tokio::time::sleep(QUEUE_PAUSE).await;
                }
            }
        }
    }
}
