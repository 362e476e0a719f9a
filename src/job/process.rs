//! The story of one message, on one screen each: receive, publish, settle.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::attempt::{Attempt, Signals};
use super::board::Ticket;
use super::claim::Claim;
use super::lease::Lease;
use super::{Context, Error, records};
use crate::domain::backoff;
use crate::domain::hls::names;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::message;
use crate::domain::outcome::{Disposition, Fault, FaultClass};
use crate::domain::record::{self, JobRecord};
use crate::domain::video::{Timings, VideoError, VideoState, VideoView};
use crate::publish::Flipped;
use crate::queue::{self, Message};
use crate::store::{self, Head};

/// Proof that a message needs nothing more: its result is durable in the bucket. Only this module
/// can make one, and nothing is acknowledged without.
pub(super) struct Settled(&'static str);

/// Takes a message from its reception to its end.
pub(super) async fn process(context: &Context, message: Message, stop: &CancellationToken) {
    let lease_time = Duration::from_secs(context.queue_config.lease_secs);
    let lease = Lease::keep(&context.queue, &message.receipt, lease_time);
    let settled = match message::parse(&message.body, context.private.name()) {
        Ok(parsed) => {
            for reason in &parsed.ignored {
                tracing::info!(message.id, reason, "ignored");
            }
            publish_all(context, &message, &parsed.jobs, stop, lease.lost()).await
        }
        Err(poison) => Err((Disposition::DeadLetter { reason: poison.to_string() }, "dead")),
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
    stop: &CancellationToken,
    lost: &CancellationToken,
) -> Result<Settled, (Disposition, &'static str)> {
    let mut settled = Settled("nothing-to-do");
    for request in jobs {
        let id = request.video_id();
        let span = tracing::info_span!("job", %id, attempt = message.receive_count);
        let job = Job { context, message, request, id };
        settled = job.publish(stop, lost).instrument(span).await?;
    }
    Ok(settled)
}

struct Job<'a> {
    context: &'a Context,
    message: &'a Message,
    request: &'a JobRequest,
    id: VideoId,
}

impl Job<'_> {
    async fn publish(
        &self,
        stop: &CancellationToken,
        lost: &CancellationToken,
    ) -> Result<Settled, (Disposition, &'static str)> {
        let cancel = CancellationToken::new();
        let signals = Signals { stop, cancel: &cancel, lost };
        match Box::pin(self.attempt(&signals)).await {
            Ok(settled) => Ok(settled),
            Err(error) => self.judge(&error),
        }
    }

    /// The attempt: source, claim, encode, flip, record.
    async fn attempt(&self, signals: &Signals<'_>) -> Result<Settled, Error> {
        let Some(head) = self.source().await? else {
            tracing::warn!("there is no source any more: nothing to do");
            return Ok(Settled("nothing-to-do"));
        };
        let record: Option<JobRecord> =
            self.context.public.read_json(&record::job_record_key(&self.id)).await?;
        if record.as_ref().is_some_and(|record| record.source_etag == head.etag) {
            tracing::info!("this version is done already");
            return Ok(Settled("nothing-to-do"));
        }
        let view = self.first_view();
        let ticket = self.context.board.start(view, signals.cancel.clone()).ok_or(Error::Busy)?;
        // Whoever deletes the video removes the source, then looks for its job on the board: one
        // of the two finds the other.
        if self.source().await?.is_none() {
            return Ok(Settled("nothing-to-do"));
        }
        let upload = records::upload_record(self.context, self.request, &head).await?;
        ticket.update(|view| {
            view.filename = upload.filename;
            view.timings.created_at = Some(upload.created_at);
        });
        let attempt_id =
            format!("a{}-{}", self.message.receive_count, hex::encode(rand::random::<[u8; 4]>()));
        let mut claim = Claim::take(&self.context.private, &self.id, &attempt_id).await?;
        records::sweep(&self.context.public, &self.id, record.as_ref()).await?;
        let attempt = Attempt {
            context: self.context,
            request: self.request,
            id: &self.id,
            folder: &attempt_id,
            head: &head,
            ticket: &ticket,
        };
        let outcome = match Box::pin(attempt.run(signals)).await {
            Ok(whole) => {
                signals.guard(Box::pin(claim.hold())).await?;
                let flipped = whole.flip().await?;
                self.record_success(&ticket, &head, &attempt_id, &flipped).await
            }
            Err(error) if error.class() == FaultClass::Permanent => {
                signals.guard(Box::pin(claim.hold())).await?;
                self.record_failure(&ticket, &head, error.code(), &error.to_string()).await
            }
            Err(error) if self.is_last_attempt(&error) => {
                signals.guard(Box::pin(claim.hold())).await?;
                let told = format!(
                    "The video could not be processed in {} attempts, and the fault seems to be \
                     ours: {error}. Try again, or tell the operator.",
                    self.message.receive_count
                );
                self.record_failure(&ticket, &head, error.code(), &told).await?;
                Err(error)
            }
            Err(error) => Err(error),
        };
        drop(ticket);
        outcome
    }

    /// The version of the source that is there now.
    async fn source(&self) -> Result<Option<Head>, Error> {
        match self.context.private.head(&self.request.key).await {
            Ok(head) => Ok(Some(head)),
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn first_view(&self) -> VideoView {
        VideoView {
            id: self.id.to_string(),
            filename: records::filename(&self.request.key).to_owned(),
            state: VideoState::Running,
            playable: false,
            progress: 0.0,
            speed: None,
            eta_secs: None,
            backend: Some(self.context.recipe.name.clone()),
            attempt: self.message.receive_count,
            duration_secs: None,
            renditions: Vec::new(),
            playback_url: format!(
                "{}/{}",
                self.context.playback_base_url,
                names::main_key(&self.id)
            ),
            timings: Timings {
                started_at: Some(jiff::Timestamp::now().to_string()),
                ..Timings::default()
            },
            error: None,
        }
    }

    /// The completion record of a stream that is whole: last of all that is public.
    async fn record_success(
        &self,
        ticket: &Ticket,
        head: &Head,
        attempt_id: &str,
        flipped: &Flipped,
    ) -> Result<Settled, Error> {
        ticket.update(|view| view.renditions = flipped.renditions().to_vec());
        let record = records::job_record(&self.id, &ticket.view(), &head.etag, attempt_id, None);
        records::put_job_record(self.context, &record).await?;
        records::sweep(&self.context.public, &self.id, Some(&record)).await?;
        ticket.update(|view| {
            view.state = VideoState::Ready;
            view.playable = true;
            view.speed = None;
            view.eta_secs = None;
            view.timings = record.timings;
        });
        tracing::info!("ready");
        Ok(Settled("ready"))
    }

    /// Withdraws what was shown, then says why.
    async fn record_failure(
        &self,
        ticket: &Ticket,
        head: &Head,
        code: &str,
        message: &str,
    ) -> Result<Settled, Error> {
        records::sweep(&self.context.public, &self.id, None).await?;
        let error = VideoError { code: code.to_owned(), message: message.to_owned() };
        let record =
            records::job_record(&self.id, &ticket.view(), &head.etag, "", Some(error.clone()));
        records::put_job_record(self.context, &record).await?;
        ticket.update(|view| {
            view.state = VideoState::Failed;
            view.playable = false;
            view.renditions.clear();
            view.timings = record.timings;
            view.error = Some(error);
        });
        tracing::warn!(code, message, "failed");
        Ok(Settled("failed"))
    }

    /// Whether a further failure would be one too many. What is not the job's own fault never is.
    fn is_last_attempt(&self, error: &Error) -> bool {
        let counts = match error {
            Error::Busy
            | Error::ClaimLost
            | Error::LeaseLost
            | Error::Cancelled
            | Error::Stopped => false,
            Error::Store(_) | Error::Worker(_) | Error::Publish(_) | Error::Unfinished => true,
        };
        counts && self.message.receive_count >= self.context.queue_config.max_attempts
    }

    /// What becomes of the message after a failed attempt.
    fn judge(&self, error: &Error) -> Result<Settled, (Disposition, &'static str)> {
        let code = error.code().to_owned();
        match error {
            Error::Cancelled | Error::Stopped => {
                tracing::info!(code, "given back");
                return Err((Disposition::Retry { after: Duration::ZERO }, "retried"));
            }
            // Somebody else has the message: nothing is ours to say.
            Error::LeaseLost => {
                tracing::warn!(code, "stopped");
                return Err((Disposition::Leave, "retried"));
            }
            Error::Busy | Error::ClaimLost => {}
            Error::Store(_) | Error::Worker(_) | Error::Publish(_) | Error::Unfinished => {
                if self.is_last_attempt(error) {
                    let reason = format!("{code}: {error}");
                    return Err((Disposition::DeadLetter { reason }, "dead"));
                }
            }
        }
        let jitter = rand::random::<f64>();
        let retry = &self.context.queue_config.retry;
        let after = backoff::delay(self.message.receive_count, retry, jitter);
        tracing::warn!(code, %error, retry_secs = after.as_secs_f64(), "the attempt failed");
        Err((Disposition::Retry { after }, "retried"))
    }
}
