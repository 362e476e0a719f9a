//! One video: source, claim, encode, flip, record.

use tokio_util::sync::CancellationToken;

use super::adapters::PublicTarget;
use super::attempt::Signals;
use super::claim::{Claim, End, Taken};
use super::fallback::{Encoded, Run};
use super::process::Settled;
use super::records::{self, Versioned};
use super::{Context, Error};
use crate::backend::Slot;
use crate::domain::claim::Commit;
use crate::domain::conformance::Report;
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::names;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::message;
use crate::domain::outcome::{Fault, FaultClass};
use crate::domain::record::{JobOutcome, JobRecord};
use crate::domain::video::{Timings, VideoError, VideoState, VideoView};
use crate::store::{self, AfterSuccess, Head};

/// One video that a message asks for.
pub(super) struct Job<'a> {
    pub(super) context: &'a Context,
    pub(super) request: &'a JobRequest,
    pub(super) id: VideoId,
    /// Its place among the jobs that run.
    pub(super) slot: &'a Slot,
}

/// Why an attempt did not settle its message.
pub(super) struct Failure {
    pub(super) error: Error,
    /// Number of the attempt, 0 if it came to none.
    pub(super) attempt: u32,
    /// Whether the message has no further attempt.
    pub(super) is_last: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, attempt: 0, is_last: false }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Error::from(error).into()
    }
}

impl Job<'_> {
    /// Publishes the version of the source that is there now, whichever the message meant: so
    /// events of the same key may come in any order and more than once.
    pub(super) async fn publish(
        &self,
        stop: &CancellationToken,
        lost: &CancellationToken,
    ) -> Result<Settled, Failure> {
        let Some(head) = self.source().await? else {
            tracing::warn!(key = self.request.key, "there is no such source: nothing to do");
            return Ok(Settled("nothing-to-do"));
        };
        if let Some((record, _)) = self.done(&head).await? {
            return Ok(self.done_already(&head, &record).await?);
        }
        let cancel = CancellationToken::new();
        let board = &self.context.board;
        let ticket = board.start(self.first_view(), cancel.clone()).ok_or(Error::Busy)?;
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
        let folder = format!("a{}", hex::encode(rand::random::<[u8; 6]>()));
        let view = ticket.subscribe();
        let Taken { claim, attempt, unfinished } =
            Claim::take(self.context, &self.id, &folder, &head.etag, view).await?;
        ticket.update(|view| view.attempt = attempt);
        let signals = Signals { stop, cancel: &cancel, lost, claim: Some(&claim) };
        // It may have been written between the look and the claim.
        let earlier = records::job_record_of(self.context, &self.id).await;
        let ended = match earlier {
            Ok(Some((record, _))) if record.source_etag == head.etag => {
                self.done_already(&head, &record).await
            }
            Ok(earlier) => {
                let (ticket, claim, folder) = (&ticket, &claim, folder.as_str());
                let run = Run { job: self, head: &head, ticket, claim, folder, attempt, earlier };
                Box::pin(run.to_its_end(&signals, unfinished)).await
            }
            Err(error) => Err(error.into()),
        };
        self.let_go(claim, &folder, &ended).await;
        ended.map_err(|error| {
            let is_last = error.counts() && attempt >= self.context.queue_config.max_attempts;
            Failure { error, attempt, is_last }
        })
    }

    /// Tells the next taker of the claim how this attempt ended.
    async fn let_go(&self, claim: Claim, folder: &str, ended: &Result<Settled, Error>) {
        let told = match ended {
            Ok(_) => claim.end(End::Done).await,
            Err(Error::ClaimLost) => Ok(()),
            // Whoever deletes the video waits until nothing of the attempt is left.
            Err(Error::Cancelled) => {
                drop(claim);
                records::withdraw(self.context, &self.id, folder).await
            }
            Err(error) => claim.end(End::Released { counts: error.counts() }).await,
        };
        if let Err(error) = told {
            tracing::warn!(%error, "the claim was not let go; it ends by itself");
        }
    }

    /// The version of the source that is there now.
    async fn source(&self) -> Result<Option<Head>, store::Error> {
        match self.context.private.head(&self.request.key).await {
            Ok(head) => Ok(Some(head)),
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The completion record, if it is of this version.
    async fn done(&self, head: &Head) -> Result<Option<Versioned>, store::Error> {
        let record = records::job_record_of(self.context, &self.id).await?;
        Ok(record.filter(|(record, _)| record.source_etag == head.etag))
    }

    async fn done_already(&self, head: &Head, record: &JobRecord) -> Result<Settled, Error> {
        tracing::info!("this version is done already");
        if record.outcome == JobOutcome::Ready {
            self.after_success(head).await?;
        }
        Ok(Settled("nothing-to-do"))
    }

    /// Does with the source what the settings say; asks for another job if the source is another
    /// one by now, whose own event may be lost.
    async fn after_success(&self, head: &Head) -> Result<(), Error> {
        let private = &self.context.private;
        let Some(now) = self.source().await? else { return Ok(()) };
        if now.etag != head.etag {
            tracing::info!("the source was replaced meanwhile: its new version is queued");
            let body = message::own(private.name(), &self.request.key);
            return Ok(self.context.enqueue.send(&body).await?);
        }
        match self.context.after_success {
            AfterSuccess::Keep => {}
            AfterSuccess::Delete => private.delete(&self.request.key).await?,
            AfterSuccess::Tag => private.tag_done(&self.request.key).await?,
        }
        Ok(())
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
            backend: None,
            backend_failures: Vec::new(),
            attempt: 0,
            duration_secs: None,
            renditions: Vec::new(),
            playback_url: format!(
                "{}/{}",
                self.context.playback_base_url,
                names::main_key(&self.id)
            ),
            poster_url: None,
            storyboard_url: None,
            timings: Timings {
                started_at: Some(jiff::Timestamp::now().to_string()),
                ..Timings::default()
            },
            error: None,
        }
    }
}

impl Run<'_> {
    async fn to_its_end(
        &self,
        signals: &Signals<'_>,
        unfinished: Option<Box<Commit>>,
    ) -> Result<Settled, Error> {
        if let Some(commit) = unfinished {
            tracing::info!(attempt_id = commit.record.attempt_id, "ending what was begun");
            return signals.guard(Box::pin(self.end_what_was_begun(*commit))).await;
        }
        let (context, id) = (self.job.context, &self.job.id);
        let earlier = self.earlier.as_ref().map(|(record, _)| record);
        signals.guard(Box::pin(records::sweep(&context.public, id, earlier, self.claim))).await?;
        if self.attempt > context.queue_config.max_attempts {
            return self.give_up(signals, Error::Exhausted).await;
        }
        // Before anything is encoded or published: without a key there is nothing to do.
        let asked = async { Ok(context.encryption.key_of(id.as_str()).await?) };
        let key = signals.guard(asked).await?;
        match Box::pin(self.encode(signals, key.as_ref())).await {
            Ok(encoded) => signals.guard(Box::pin(self.commit_and_flip(encoded))).await,
            Err(error @ (Error::Worker(_) | Error::TooSlow { .. }))
                if error.class() == FaultClass::Permanent =>
            {
                let (code, message) = (error.code(), error.to_string());
                signals.guard(Box::pin(self.record_failure(code, &message, None))).await
            }
            Err(error) if error.counts() && self.attempt >= context.queue_config.max_attempts => {
                self.give_up(signals, error).await
            }
            Err(error) => Err(error),
        }
    }

    /// Records that there will be no further attempt.
    async fn give_up(&self, signals: &Signals<'_>, error: Error) -> Result<Settled, Error> {
        let told = format!(
            "The video could not be processed in {} attempts, and the fault seems to be ours: \
             {error}. Try again, or tell the operator.",
            self.attempt
        );
        signals.guard(Box::pin(self.record_failure(error.code(), &told, None))).await?;
        Err(error)
    }

    /// Writes down what is left to do, and does it: a stream that breaks a binding rule is never
    /// shown.
    async fn commit_and_flip(&self, encoded: Encoded) -> Result<Settled, Error> {
        let Encoded { whole, folder, report } = encoded;
        let broken = report.musts().next().cloned();
        if let Some(finding) = broken {
            let error = Error::NotConformant(finding);
            let told = format!(
                "The stream that was made of the video would not play everywhere, and the fault is \
                 ours: {error}. Tell the operator; the original is kept."
            );
            return self.record_failure(error.code(), &told, Some(report)).await;
        }
        self.ticket.update(|view| view.renditions = whole.renditions().to_vec());
        let (id, etag) = (&self.job.id, &self.head.etag);
        let view = self.ticket.view();
        let record = records::job_record(id, &view, etag, &folder, None, Some(report));
        let commit = Commit { record: record.clone(), main: whole.main() };
        self.claim.commit(commit).await?;
        drop(whole.flip().await?);
        self.record_success(record).await
    }

    /// The flip and the record of an attempt that died in between.
    async fn end_what_was_begun(&self, commit: Commit) -> Result<Settled, Error> {
        PublicTarget::open(&self.job.context.public, &self.job.id).await?.flip(commit.main).await?;
        self.record_success(commit.record).await
    }

    /// The completion record of a stream that is whole: last of all that is public.
    async fn record_success(&self, record: JobRecord) -> Result<Settled, Error> {
        let (context, id) = (self.job.context, &self.job.id);
        records::put_job_record(context, &record, self.earlier.as_ref()).await?;
        records::sweep(&context.public, id, Some(&record), self.claim).await?;
        self.job.after_success(self.head).await?;
        self.ticket.update(|view| {
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
        code: FailureCode,
        message: &str,
        report: Option<Report>,
    ) -> Result<Settled, Error> {
        let (context, id) = (self.job.context, &self.job.id);
        self.claim.hold().await?;
        records::sweep(&context.public, id, None, self.claim).await?;
        let error = VideoError { code: code.as_str().to_owned(), message: message.to_owned() };
        let (view, etag) = (self.ticket.view(), &self.head.etag);
        let record = records::job_record(id, &view, etag, "", Some(error.clone()), report);
        records::put_job_record(context, &record, self.earlier.as_ref()).await?;
        self.ticket.update(|view| {
            view.state = VideoState::Failed;
            view.playable = false;
            view.renditions.clear();
            (view.poster_url, view.storyboard_url) = (None, None);
            view.timings = record.timings;
            view.error = Some(error);
        });
        tracing::warn!(code = code.as_str(), message, "failed");
        Ok(Settled("failed"))
    }
}
