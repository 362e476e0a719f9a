//! Runs jobs, as many at a time as are allowed.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::message;
use crate::queue::Message;

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

    /// Receives and runs until `end`; then lets running jobs go on for the grace period, or until `hurry`,
    /// and gives back what is not done by then.
    pub async fn run(self, end: CancellationToken, hurry: CancellationToken) {
        let stop = CancellationToken::new();
        end.run_until_cancelled(self.receive(&stop)).await;
        let jobs = self.context.drain.jobs();
        jobs.close();
        let grace = Duration::from_secs(self.context.current().config.shutdown_grace_secs);
        tracing::info!(running = jobs.len(), grace_secs = grace.as_secs(), "draining");
        let waited = tokio::time::timeout(grace, hurry.run_until_cancelled(jobs.wait())).await;
        if !matches!(waited, Ok(Some(()))) {
            stop.cancel();
            jobs.wait().await;
        }
    }

    /// Receives and runs jobs, but for the time of a drain.
    async fn receive(&self, stop: &CancellationToken) {
        let drain = &self.context.drain;
        loop {
            drain.ended().await;
            // The slot comes before the message: what cannot run here stays visible to others.
            let slot = tokio::select! {
                () = drain.begun() => continue,
                slot = self.context.backends.slot() => slot,
            };
            // A poll that is given up may still get a message, which nobody sees until its lease ends then.
            let Some(message) = drain.polls().track_future(self.next()).await else { continue };
            slot.settle();
            let (context, stop) = (self.context.current(), stop.clone());
            drain.jobs().spawn(async move {
                context.metrics.jobs.running.inc();
                let process = |stop| {
                    let (context, slot) = (&context, &slot);
                    async move { message::process(context, message, slot, &stop).await }
                };
                context.drain.hand_over(&stop, process).await;
                context.metrics.jobs.running.dec();
                drop(slot);
            });
        }
    }

    /// Polls the queue once. A message that comes when a drain has begun goes back.
    async fn next(&self) -> Option<Message> {
        let config = &self.context.queue_config;
        let (wait, lease) =
            (Duration::from_secs(config.wait_secs), Duration::from_secs(config.lease_secs));
        let queue = &self.context.queue;
        match queue.receive(wait, lease).await {
            Ok(Some(message)) if self.context.drain.now().is_some() => {
                if let Err(error) = queue.retry_after(&message.receipt, Duration::ZERO).await {
                    tracing::warn!(message.id, %error, "failed to give a message back");
                }
                None
            }
            Ok(received) => received,
            Err(error) => {
                tracing::error!(%error, "failed to receive a message");
                tokio::time::sleep(QUEUE_PAUSE).await;
                None
            }
        }
    }
}
