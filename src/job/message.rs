//! One message: parses it, publishes what it asks for, and settles it with the queue.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::context::Context;
use super::error::Error;
use super::lease::Lease;
use super::outcome::{self, Failure, Outcome, RetryPolicy};
use super::settled::Settled;
use super::video::Job;
use crate::backend::Slot;
use crate::domain::doctor::probe;
use crate::domain::job::JobRequest;
use crate::domain::message;
use crate::domain::outcome::{Disposition, Fault};
use crate::domain::record;
use crate::domain::trace::Step;
use crate::domain::turns::Place;
use crate::queue::{self, Message};
use crate::store::Precondition;
use crate::tracer::Tracer;

/// Handles a received message to its end.
pub(super) async fn process(
    context: &Context,
    message: Message,
    slot: &Slot,
    stop: &CancellationToken,
) {
    let lease_time = Duration::from_secs(context.queue_config.lease_secs);
    let lease = Lease::keep(context, &message.receipt, lease_time);
    let received = Timestamp::now();
    let settled = match message::parse(&message.body, context.private.name(), &context.sources) {
        Ok(parsed) => {
            let tracer = tracer(&parsed.jobs, received);
            if tracer.during(Step::Place, is_moved(context, &message, &parsed.jobs)).await {
                return;
            }
            for reason in &parsed.ignored {
                tracing::info!(message.id, reason, "ignored a record of the message");
            }
            for nonce in &parsed.probes {
                echo(context, nonce).await;
            }
            let run = Run { context, message: &message, slot, stop, lost: lease.lost() };
            publish_all(run, &parsed.jobs, tracer).await
        }
        Err(poison) => {
            context.metrics.jobs.failed(poison.code());
            let reason = format!("{}: {poison}", poison.code());
            Err(Disposition::DeadLetter { reason })
        }
    };
    drop(lease);
    let outcome = match &settled {
        Ok(proof) => proof.outcome(),
        Err(Disposition::DeadLetter { .. }) => Outcome::Dead,
        Err(Disposition::Retry { .. } | Disposition::Leave) => Outcome::Retried,
    };
    context.metrics.jobs.ended(outcome.as_str());
    let told = match settled {
        Ok(proof) => acknowledge(context, &message, proof).await,
        Err(disposition) => dispose(context, &message, disposition).await,
    };
    if let Err(error) = told {
        // The message is delivered again when its lease runs out, and its result is found then.
        tracing::warn!(message.id, %error, "failed to settle message");
    }
}

/// A message that is processed.
#[derive(Clone, Copy)]
struct Run<'a> {
    context: &'a Context,
    message: &'a Message,
    slot: &'a Slot,
    stop: &'a CancellationToken,
    lost: &'a CancellationToken,
}

/// The trace of the first of these jobs. Its source has waited from the time in the message, by the clock of its
/// sender, to `received`, by that of this box.
fn tracer(jobs: &[JobRequest], received: Timestamp) -> Tracer {
    let stored_at = jobs.first().and_then(|job| job.stored_at);
    let waited = stored_at.map(|at| Duration::try_from(received.duration_since(at)));
    Tracer::begin(waited.and_then(Result::ok))
}

/// Tells who has written a probe that its message came to this box.
async fn echo(context: &Context, nonce: &str) {
    let key = probe::echo_key(nonce);
    let echo = serde_json::json!({"box_id": context.claimant.box_id});
    if let Err(error) = context.private.put_json(&key, &echo, None, Precondition::None).await {
        tracing::warn!(%error, "failed to write the echo of a probe");
    }
}

/// Whether the message was moved to where those of its video's priority wait. Events know no priority, and it may
/// have changed since.
async fn is_moved(context: &Context, message: &Message, jobs: &[JobRequest]) -> bool {
    let [job] = jobs else { return false };
    let key = record::upload_record_key(&job.video_id());
    let moved = async {
        let Some(place) = context.private.read_json::<Place>(&key).await? else {
            return Ok::<_, Error>(false);
        };
        Ok(context.queue.move_to(&message.receipt, &place).await?)
    };
    moved.await.unwrap_or_else(|error| {
        // It is processed out of turn, which is better than not at all.
        tracing::warn!(message.id, %error, "failed to move a message to its priority");
        false
    })
}

/// Acknowledges a message. It is the only place that does, and takes the proof.
async fn acknowledge(
    context: &Context,
    message: &Message,
    _proof: Settled,
) -> Result<(), queue::Error> {
    context.queue.ack(&message.receipt).await
}

/// Applies the decision about a failed message.
async fn dispose(
    context: &Context,
    message: &Message,
    disposition: Disposition,
) -> Result<(), queue::Error> {
    match disposition {
        Disposition::Retry { after } => context.queue.retry_after(&message.receipt, after).await,
        Disposition::DeadLetter { reason } => {
            tracing::error!(message.id, reason, "sending message to the dead letters");
            context.queue.dead_letter(&message.receipt, &reason).await
        }
        Disposition::Leave => Ok(()),
    }
}

/// Publishes the videos that the message asks for, one after the other. Those that an earlier delivery has
/// published are not published again.
async fn publish_all(
    run: Run<'_>,
    jobs: &[JobRequest],
    mut tracer: Tracer,
) -> Result<Settled, Disposition> {
    let Run { context, message, slot, stop, lost } = run;
    let mut settled = Settled::without_jobs(jobs);
    for request in jobs {
        let id = request.video_id();
        let span = tracing::info_span!("job", %id, delivery = message.receive_count);
        let job = Job { context, request, id, slot, tracer };
        let ended = Box::pin(job.publish(stop, lost)).instrument(span.clone()).await;
        let decide = |failure| span.in_scope(|| decide(context, message, &failure));
        settled = Some(ended.map_err(decide)?);
        // Another source of the same message has waited for this one.
        tracer = Tracer::begin(None);
    }
    settled.ok_or(Disposition::Leave)
}

fn decide(context: &Context, message: &Message, failure: &Failure) -> Disposition {
    context.metrics.jobs.failed(failure.error().code());
    let config = &context.queue_config;
    let disposition = outcome::decide(
        failure,
        RetryPolicy {
            backoff: &config.retry,
            lease: Duration::from_secs(config.lease_secs),
            receive_count: message.receive_count,
            jitter: rand::random(),
        },
    );
    log(failure, &disposition);
    disposition
}

/// Logs a failed attempt and what becomes of its message.
fn log(failure: &Failure, disposition: &Disposition) {
    let (error, code) = (failure.error(), failure.error().code().as_str());
    match disposition {
        Disposition::Retry { .. } if matches!(error, Error::Cancelled | Error::Stopped) => {
            tracing::info!(code, "job given back");
        }
        Disposition::Retry { after } if matches!(error, Error::Busy | Error::ClaimLost) => {
            tracing::info!(code, retry_secs = after.as_secs_f64(), "another attempt is running");
        }
        Disposition::Retry { after } => {
            tracing::warn!(code, %error, retry_secs = after.as_secs_f64(), "attempt failed");
        }
        Disposition::Leave => tracing::warn!(code, "job stopped"),
        // Logged with its reason where the message is settled.
        Disposition::DeadLetter { .. } => {}
    }
}
