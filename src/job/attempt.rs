//! One attempt: encodes on one backend after the other, passes the gate, commits, flips and records.

use std::time::{Duration, Instant};

use super::adapters::StreamTarget;
use super::additions::{self, Added};
use super::board::Ticket;
use super::claim::Claim;
use super::context::{Context, VideoJob};
use super::encode_run::EncodeRun;
use super::error::{Blame, Error};
use super::fallback::backend_failure;
use super::gate;
use super::records::{self, Versioned, WrittenRecord};
use super::settled::{Flip, Settled};
use super::signals::Signals;
use super::source_state::treat_source;
use super::unsettled::Unsettled;
use crate::domain::claim::Commit;
use crate::domain::conformance::Report;
use crate::domain::event;
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::key::StreamKey;
use crate::domain::outcome::{Fault, FaultClass};
use crate::domain::record::{FailedUpdate, JobOutcome, JobRecord};
use crate::domain::text_track::PublishedTrack;
use crate::domain::trace::Step;
use crate::domain::video::{BackendFailure, VideoError, VideoState};
use crate::domain::view;
use crate::domain::waiting::Waiting;
use crate::metrics::Stage;
use crate::publish::Finished;

/// Deaths of the daemon during attempts at one version after which the video is given up. They say little of
/// the video, because a sandboxed child decodes it: restarts, updates and power cuts are the usual reasons.
const MOST_DEATHS: u32 = 50;

/// An attempt that has its claim.
pub(super) struct Attempt<'a> {
    pub(super) job: VideoJob<'a>,
    pub(super) claim: &'a Claim,
    /// Folder of the attempt in the home of its stream.
    pub(super) folder: &'a str,
    pub(super) number: Number,
    /// The completion record of an earlier version of the source.
    pub(super) earlier: Option<Versioned>,
    /// The fault of the surroundings that the last attempt at this version ended with.
    pub(super) waiting: Option<Waiting>,
}

/// Which attempt it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    /// Number among those that counted, from 1.
    pub(super) attempt: u32,
    /// Attempts before it that died together with their daemon.
    pub(super) deaths: u32,
}

/// A stream that is uploaded and not shown yet.
struct Encoded {
    finished: Finished,
    /// Folder of its encode run.
    folder: String,
    /// Text tracks and posters that users have added to the video.
    added: Added,
    /// Report of the gate.
    report: Report,
}

impl Encoded {
    /// The first broken MUST rule.
    fn first_must(&self) -> Option<Error> {
        self.report.musts().next().cloned().map(Error::NotConformant)
    }
}

impl Attempt<'_> {
    /// The record of the stream of an earlier version, which viewers see until this one is finished.
    fn shown(&self) -> Option<&JobRecord> {
        let earlier = self.earlier.as_ref().map(|(record, _)| record);
        earlier.filter(|record| record.outcome == JobOutcome::Ready)
    }

    /// Runs the attempt to its end. `unfinished` is the commit of an attempt that died after it.
    pub(super) async fn run(
        &self,
        signals: &Signals<'_>,
        unfinished: Option<Box<Commit>>,
    ) -> Result<Settled, Unsettled> {
        let error = match self.try_to_publish(signals, unfinished).await {
            Ok(settled) => return Ok(settled),
            Err(error) => error,
        };
        let Some(told) = self.reason_to_give_up(&error) else { return Err(error.into()) };
        let written = Box::pin(self.write_failure(error.code(), &told, None));
        let written = signals.guard(written).await?;
        Err(Unsettled::GivenUp(error, written))
    }

    /// The error that people are shown if no attempt follows.
    fn reason_to_give_up(&self, error: &Error) -> Option<String> {
        let (context, attempt) = (self.job.context, self.number.attempt);
        match error.blame() {
            Blame::Video => {
                let is_last = attempt >= context.queue_config.max_attempts;
                (is_last || matches!(error, Error::Exhausted)).then(|| {
                    format!(
                        "The video could not be processed in {attempt} attempts, and the fault \
                         seems to be ours: {error}. Try again, or tell the operator."
                    )
                })
            }
            Blame::Surroundings { .. } => {
                let now = context.private.clock().now();
                let most = Duration::from_secs(context.config.surroundings_max_age_secs);
                let waiting = Waiting::after(self.waiting.as_ref(), error.hindrance()?, now);
                waiting.is_over(now, most).then(|| {
                    format!(
                        "The video has waited since {} for this to be mended: {error}. Try again \
                         once it is.",
                        waiting.since
                    )
                })
            }
            Blame::Nobody => None,
        }
    }

    async fn try_to_publish(
        &self,
        signals: &Signals<'_>,
        unfinished: Option<Box<Commit>>,
    ) -> Result<Settled, Error> {
        if let Some(commit) = unfinished {
            tracing::info!(
                attempt_id = commit.record.attempt_id,
                "finishing the commit of a dead attempt"
            );
            return signals.guard(Box::pin(self.finish_commit(*commit))).await;
        }
        let VideoJob { context, id, home, tracer, .. } = self.job;
        let earlier = self.earlier.as_ref().map(|(record, _)| record);
        let swept = Box::pin(records::sweep(home, id, earlier, self.claim));
        tracer.during(Step::Sweep, signals.guard(swept)).await?;
        let is_shown = self.shown().is_some();
        self.job.ticket.update(|view| view.playable = is_shown);
        let is_exhausted = self.number.attempt > context.queue_config.max_attempts;
        if is_exhausted || self.number.deaths >= MOST_DEATHS {
            return Err(Error::Exhausted);
        }
        // Without a key, nothing is encoded or published.
        let visibility = home.visibility();
        let asked = async {
            Ok(context.encryption.key_of_attempt(id.as_str(), self.folder, visibility).await?)
        };
        let key = tracer.during(Step::Key, signals.guard(asked)).await?;
        match Box::pin(self.encode(signals, key.as_ref())).await {
            Ok(encoded) => {
                let began = Instant::now();
                let settled = signals.guard(Box::pin(self.commit_and_flip(encoded))).await?;
                context.metrics.jobs.took(Stage::Flip, began.elapsed());
                Ok(settled)
            }
            Err(error @ (Error::Worker(_) | Error::TooSlow { .. }))
                if error.class() == FaultClass::Permanent =>
            {
                let (code, message) = (error.code(), error.to_string());
                context.metrics.jobs.failed(code);
                let written = Box::pin(self.write_failure(code, &message, None));
                Ok(Settled::failed(&signals.guard(written).await?))
            }
            Err(error) => Err(error),
        }
    }

    /// Commits what is left to do, and does it. A stream that breaks a MUST rule is never shown.
    async fn commit_and_flip(&self, encoded: Encoded) -> Result<Settled, Error> {
        let broken = encoded.first_must();
        let Encoded { finished, folder, added, report } = encoded;
        if let Some(error) = broken {
            let told = format!(
                "The stream that was made of the video would not play everywhere, and the fault is \
                 ours: {error}. Tell the operator; the original is kept."
            );
            self.job.context.metrics.jobs.failed(error.code());
            let written = self.write_failure(error.code(), &told, Some(report)).await?;
            return Ok(Settled::failed(&written));
        }
        let is_first = self.number.attempt == 1 && self.earlier.is_none();
        let is_playable_now = is_first && !self.job.ticket.view().playable;
        self.job.ticket.update(|view| {
            view.renditions = [finished.renditions(), &added.renditions[..]].concat();
            view.text_tracks = added.tracks.iter().map(PublishedTrack::view).collect();
            view.timings.playable_at.get_or_insert_with(|| jiff::Timestamp::now().to_string());
        });
        let (id, etag) = (self.job.id, &self.job.head.etag);
        let view = self.job.ticket.view();
        let record = records::job_record(id, &view, etag, &folder, None, Some(report));
        let old = self.shown();
        let superseded = old.map(|old| {
            records::superseded(self.job.context, old, [format!("{}/", old.attempt_id)])
        });
        let record = JobRecord {
            main: Some(finished.main()),
            text_tracks: added.tracks,
            own_poster: added.own_poster,
            superseded: superseded.unwrap_or_default(),
            trace: Some(self.job.tracer.trace()),
            ..record
        };
        let flipping = self.job.tracer.step(Step::Flip);
        let commit = Commit { record: record.clone(), main: finished.main() };
        self.claim.commit(commit).await?;
        let flipped = finished.flip().await?;
        drop(flipping);
        let record = JobRecord { trace: Some(self.job.tracer.trace()), ..record };
        if is_playable_now {
            self.job.note_playable();
        }
        self.record_success(record, Flip::Now(flipped)).await
    }

    /// Flips and records for an attempt that died in between.
    async fn finish_commit(&self, commit: Commit) -> Result<Settled, Error> {
        let target = StreamTarget::open(self.job.home, self.job.id).await?;
        let shown = target.flip(commit.main).await?;
        self.record_success(commit.record, Flip::Recovered(shown)).await
    }

    /// Writes the completion record, which is the last object of a stream.
    async fn record_success(&self, record: JobRecord, flip: Flip) -> Result<Settled, Error> {
        let VideoJob { context, id, home, .. } = self.job;
        let written = records::put_job_record(home, &record, self.earlier.as_ref()).await?;
        let causes = event::all_of_job(&record);
        context.events.record_all(id, &causes, None).await?;
        additions::note_tracks(context, id, &record.text_tracks).await;
        records::sweep(home, id, Some(&record), self.claim).await?;
        treat_source(context, self.job.request, self.job.head).await?;
        self.job.ticket.update(|view| {
            view.state = VideoState::Ready;
            view.playable = true;
            view.speed = None;
            view.eta_secs = None;
            view.poster_url = record.shown_poster().map(|path| view.url_of(path));
            view.timings = record.timings;
        });
        tracing::info!("job finished");
        Ok(Settled::published(flip, &written))
    }

    /// Withdraws what this attempt has shown, and records the failure. The stream of an earlier version
    /// stays.
    async fn write_failure(
        &self,
        code: FailureCode,
        message: &str,
        report: Option<Report>,
    ) -> Result<WrittenRecord, Error> {
        let VideoJob { id, home, .. } = self.job;
        self.claim.hold().await?;
        let shown = self.shown();
        records::sweep(home, id, shown, self.claim).await?;
        let error = VideoError { code: code.as_str().to_owned(), message: message.to_owned() };
        let (view, etag) = (self.job.ticket.view(), &self.job.head.etag);
        let record = match shown {
            Some(shown) => {
                let update = FailedUpdate { source_etag: etag.clone(), error };
                JobRecord { failed_update: Some(update), is_outdated: false, ..shown.clone() }
            }
            None => JobRecord {
                trace: Some(self.job.tracer.trace()),
                ..records::job_record(id, &view, etag, "", Some(error), report)
            },
        };
        let written = records::put_job_record(home, &record, self.earlier.as_ref()).await?;
        let failed = event::of_job(&record);
        self.job.context.events.record_all(id, &[failed], None).await?;
        self.job.ticket.update(|view| view::finished(view, record));
        tracing::warn!(code = code.as_str(), message, "job failed");
        Ok(written)
    }

    /// Encodes on one backend after the other until one succeeds. Each encodes the whole ladder, in a folder
    /// of its own.
    async fn encode(
        &self,
        signals: &Signals<'_>,
        key: Option<&StreamKey>,
    ) -> Result<Encoded, Error> {
        let VideoJob { context, id, home, slot, .. } = self.job;
        let mut failed = Vec::new();
        loop {
            let folder = match failed.len() {
                0 => self.folder.to_owned(),
                before => format!("{}-{}", self.folder, before + 1),
            };
            let ended = Box::pin(self.encode_once(signals, key, &folder, &failed)).await;
            let broken = ended.as_ref().ok().and_then(Encoded::first_must);
            let error = broken.as_ref().or(ended.as_ref().err());
            let failure =
                error.and_then(|error| backend_failure(error, self.job.ticket.view().backend));
            let has_other = |failure: &BackendFailure| {
                let failed = [&failed[..], std::slice::from_ref(&failure.backend)].concat();
                !context.backends.candidates(slot, &failed).is_empty()
            };
            let Some(failure) = failure.filter(has_other) else { return ended };
            let earlier = self.earlier.as_ref().map(|(record, _)| record);
            let swept = records::sweep(home, id, earlier, self.claim);
            signals.guard(Box::pin(swept)).await?;
            failed.push(failure.backend.clone());
            let is_shown = self.shown().is_some();
            signals.guard(fall_back(context, self.job.ticket, failure, is_shown)).await?;
        }
    }

    async fn encode_once(
        &self,
        signals: &Signals<'_>,
        key: Option<&StreamKey>,
        folder: &str,
        failed: &[String],
    ) -> Result<Encoded, Error> {
        self.job.ticket.update(|view| view.backend = None);
        let VideoJob { context, id, home, slot, tracer, .. } = self.job;
        let run = EncodeRun {
            job: self.job,
            folder,
            is_hidden: self.shown().is_some(),
            is_first: self.number.attempt == 1 && self.earlier.is_none(),
            key: key.cloned(),
            backends: context.backends.candidates(slot, failed),
        };
        let finished = Box::pin(run.run(signals)).await?;
        let kept = additions::add_to_finished(&context.private, home, id, folder, finished, key);
        let kept = tracer.during(Step::Additions, signals.guard(Box::pin(kept)));
        let (finished, added) = kept.await?;
        let (began, checked) = (Instant::now(), gate::check(home, id, &finished, key));
        let checked = Box::pin(async { Ok(checked.await) });
        let report = tracer.during(Step::Gate, signals.guard(checked)).await?;
        context.metrics.jobs.took(Stage::Gate, began.elapsed());
        Ok(Encoded { finished, folder: folder.to_owned(), added, report })
    }
}

/// Records the failure of a backend, once its trial has shown whether it still works. `is_shown`: viewers see
/// the stream of an earlier version.
async fn fall_back(
    context: &Context,
    ticket: &Ticket,
    failure: BackendFailure,
    is_shown: bool,
) -> Result<(), Error> {
    let works = context.backends.still_works(&failure.backend).await;
    let failure = BackendFailure { quarantined: !works, ..failure };
    tracing::warn!(
        backend = failure.backend,
        element = failure.element,
        code = failure.code,
        error = failure.message,
        quarantined = failure.quarantined,
        "backend failed, encoding starts again on the next"
    );
    context.metrics.jobs.fell_back();
    ticket.update(|view| {
        view.playable = is_shown;
        view.progress = 0.0;
        view.timings.playable_at = None;
        view.backend_failures.push(failure);
    });
    Ok(())
}
