//! The story of one message, on one screen each: receive, publish, settle.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::lease::Lease;
use super::video::{Failure, Job};
use super::{Context, Error};
use crate::backend::Slot;
use crate::domain::job::JobRequest;
use crate::domain::outcome::{Disposition, Fault, FaultClass};
use crate::domain::{backoff, message};
use crate::queue::{self, Message};

/// Proof that a message needs nothing more: its result is durable in the bucket. Only a job that
/// has ended, or a message that asks for nothing, makes one; nothing is acknowledged without.
pub(super) struct Settled(pub(super) &'static str);

/// Takes a message from its reception to its end.
pub(super) async fn process(
    context: &Context,
    message: Message,
    slot: &Slot,
    stop: &CancellationToken,
) {
    let lease_time = Duration::from_secs(context.queue_config.lease_secs);
    let lease = Lease::keep(&context.queue, &message.receipt, lease_time);
    let settled = match message::parse(&message.body, context.private.name(), &context.sources) {
        Ok(parsed) => {
            for reason in &parsed.ignored {
                tracing::info!(message.id, reason, "ignored");
            }
            publish_all(context, &message, &parsed.jobs, slot, stop, lease.lost()).await
        }
        Err(poison) => {
            let reason = format!("{}: {poison}", poison.code());
            Err((Disposition::DeadLetter { reason }, "dead"))
        }
    };
    drop(lease);
    context.metrics.ended(match &settled {
        Ok(Settled(outcome)) | Err((_, outcome)) => outcome,
    });
    let told = match settled {
        Ok(proof) => acknowledge(context, &message, proof).await,
        Err((disposition, _)) => dispose(context, &message, disposition).await,
    };
    if let Err(error) = told {
        // The message comes back when its lease runs out, and finds what was done.
        tracing::warn!(message.id, %error, "the queue was not told");
    }
}

/// The one place where messages are acknowledged: it takes the proof.
async fn acknowledge(
    context: &Context,
    message: &Message,
    _proof: Settled,
) -> Result<(), queue::Error> {
    context.queue.ack(&message.receipt).await
}

/// Does with the message what its failure leads to.
async fn dispose(
    context: &Context,
    message: &Message,
    disposition: Disposition,
) -> Result<(), queue::Error> {
    match disposition {
        Disposition::Retry { after } => context.queue.retry_after(&message.receipt, after).await,
        Disposition::DeadLetter { reason } => {
            tracing::error!(message.id, reason, "dead letter");
            context.queue.dead_letter(&message.receipt, &reason).await
        }
        Disposition::Leave => Ok(()),
    }
}

/// Publishes what the message asks for, one after the other. What was done by an earlier delivery
/// is not done again.
async fn publish_all(
    context: &Context,
    message: &Message,
    jobs: &[JobRequest],
    slot: &Slot,
    stop: &CancellationToken,
    lost: &CancellationToken,
) -> Result<Settled, (Disposition, &'static str)> {
    let mut settled = Settled("nothing-to-do");
    for request in jobs {
        let id = request.video_id();
        let span = tracing::info_span!("job", %id, delivery = message.receive_count);
        let job = Job { context, request, id, slot };
        let ended = Box::pin(job.publish(stop, lost)).instrument(span.clone()).await;
        let judged = |failure| span.in_scope(|| judge(context, message, &failure));
        settled = ended.map_err(judged)?;
    }
    Ok(settled)
}

/// What becomes of the message after a failed attempt.
fn judge(context: &Context, message: &Message, failure: &Failure) -> (Disposition, &'static str) {
    let (error, code) = (&failure.error, failure.error.code().as_str());
    let dead = || {
        let reason = format!("{code}: {error}");
        (Disposition::DeadLetter { reason }, "dead")
    };
    let jitter = rand::random::<f64>();
    let retry = &context.queue_config.retry;
    let after = match error {
        Error::Cancelled | Error::Stopped => {
            tracing::info!(code, "given back");
            Duration::ZERO
        }
        // Somebody else has the message: nothing is ours to say.
        Error::LeaseLost => {
            tracing::warn!(code, "stopped");
            return (Disposition::Leave, "retried");
        }
        // Looked at again when the other attempt may have ended.
        Error::Busy | Error::ClaimLost => {
            tracing::info!(code, "another attempt is at it");
            Duration::from_secs(context.queue_config.lease_secs).mul_f64(0.25 + jitter / 4.0)
        }
        Error::Store(_) if error.class() == FaultClass::Permanent => return dead(),
        Error::Worker(_) | Error::Publish(_) | Error::Unfinished | Error::Exhausted
            if failure.is_last =>
        {
            return dead();
        }
        Error::Store(_)
        | Error::Queue(_)
        | Error::Worker(_)
        | Error::Publish(_)
        | Error::Key(_)
        | Error::Unfinished
        | Error::NotConformant(_)
        | Error::TooSlow { .. }
        | Error::Exhausted => {
            let after = backoff::delay(failure.attempt.max(1), retry, jitter);
            tracing::warn!(code, %error, retry_secs = after.as_secs_f64(), "the attempt failed");
            after.max(if failure.attempt == 0 {
                backoff::delay(message.receive_count, retry, jitter)
            } else {
                Duration::ZERO
            })
        }
    };
    (Disposition::Retry { after }, "retried")
}
