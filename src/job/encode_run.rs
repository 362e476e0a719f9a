//! One encode run: one backend's go within an attempt. The worker's output is published as it comes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::adapters::{ObjectSource, StreamTarget};
use super::context::VideoJob;
use super::error::Error;
use super::follow::{Observer, Step, WorkerSettings, follow};
use super::reencode;
use super::signals::Signals;
use super::traced::{TracedSource, TracedTarget};
use crate::domain::backend::Backend;
use crate::domain::encode_choice::EncodeChoice;
use crate::domain::event;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names::Layout;
use crate::domain::plan::Plan;
use crate::domain::trace;
use crate::domain::warning::{SourceWarning, WarningCode};
use crate::metrics::Stage;
use crate::publish::{self, Finished, Publication, ThumbnailPaths};
use crate::source::Source;
use crate::source::read_ahead::ReadAhead;
use crate::worker::parent::{Output, Report, Worker};

/// One encode run.
pub(super) struct EncodeRun<'a> {
    pub(super) job: VideoJob<'a>,
    /// Folder of the run in the home of its stream.
    pub(super) folder: &'a str,
    /// An earlier stream of the video stays visible until this one is finished.
    pub(super) is_hidden: bool,
    /// It is of the first attempt at the first version of the source.
    pub(super) is_first: bool,
    /// Key of the segments, if they are encrypted.
    pub(super) key: Option<StreamKey>,
    /// The backends that the worker may choose, best first.
    pub(super) backends: Vec<Backend>,
}

impl EncodeRun<'_> {
    /// Encodes and uploads everything but the flip.
    pub(super) async fn run(&self, signals: &Signals<'_>) -> Result<Finished, Error> {
        let looking = self.job.tracer.step(trace::Step::Target);
        let target = StreamTarget::open(self.job.home, self.job.id).await?;
        let target = Arc::new(TracedTarget::new(target, self.job.tracer));
        let choice = reencode::choice(&self.job.context.private, self.job.id).await?;
        drop(looking);
        let mut worker = self.start_worker(&choice)?;
        let limit_secs = self.job.context.limits.job_secs;
        let limited = async {
            let published = self.publish(&mut worker, &target);
            let ended = tokio::time::timeout(Duration::from_secs(limit_secs), published).await;
            ended.unwrap_or(Err(Error::TooSlow { limit_secs }))
        };
        let ended = signals.guard(limited).await;
        if let Err(Error::Worker(error)) = &ended
            && let Some(stderr) = error.stderr()
        {
            tracing::warn!(%error, stderr, "worker failed");
        }
        // Nothing of this run goes on, however it ended.
        worker.kill().await;
        ended
    }

    fn start_worker(&self, choice: &EncodeChoice) -> Result<Worker, Error> {
        let object = ObjectSource {
            bucket: self.job.context.private.clone(),
            key: self.job.request.key.clone(),
            etag: self.job.head.etag.clone(),
            size_bytes: self.job.head.size_bytes,
        };
        let traced = TracedSource::new(object, self.job.tracer);
        let source: Arc<dyn Source> = Arc::new(ReadAhead::new(Arc::new(traced)));
        let (encode, ladder) = choice.applied(&self.job.context.encode, &self.job.context.ladder);
        let settings = WorkerSettings {
            program: &self.job.context.program,
            ladder: &ladder,
            encode: &encode,
            limits: &self.job.context.limits,
            jobs: &self.job.context.config,
            sandbox: self.job.context.sandbox,
        };
        let mut worker = settings.start(source, self.backends.clone(), false)?;
        worker.trace_to(self.job.tracer);
        tracing::info!(pid = worker.pid(), "started worker");
        Ok(worker)
    }

    /// Publishes what the worker makes, and finishes the publication.
    async fn publish(
        &self,
        worker: &mut Worker,
        target: &Arc<TracedTarget>,
    ) -> Result<Finished, Error> {
        let begin = |plan: &Plan| {
            let target = Arc::clone(target) as Arc<dyn publish::Target>;
            let layout = Layout::of_attempt(self.job.id, self.folder);
            let layout = if self.is_hidden { layout.hidden() } else { layout };
            Publication::start(target, layout, plan, self.key.clone())
        };
        let mut board = BoardObserver { run: self, began: Instant::now(), has_segment: false };
        let publication = follow(worker, begin, &mut board).await?;
        self.note_encode(board.began);
        self.job.tracer.add(trace::Step::Worker, None, board.began, Instant::now());
        let finished = self.job.tracer.during(trace::Step::Finish, publication.finish()).await?;
        self.show_thumbnails(finished.thumbnails());
        self.job.ticket.update(|view| {
            view.chapters_url = finished.chapters().map(|path| view.url_of(path));
        });
        Ok(finished)
    }

    /// Notes how long the encode took.
    fn note_encode(&self, began: Instant) {
        let (view, jobs) = (self.job.ticket.view(), &self.job.context.metrics.jobs);
        jobs.took(Stage::Encode, began.elapsed());
        if let (Some(backend), Some(secs)) = (&view.backend, view.duration_secs) {
            jobs.encoded(backend, secs, began.elapsed(), self.job.head.size_bytes);
        }
    }

    fn show_thumbnails(&self, thumbnails: &ThumbnailPaths) {
        self.job.ticket.update(|view| {
            let url = |path: &Option<String>| path.as_ref().map(|path| view.url_of(path));
            (view.poster_url, view.storyboard_url) =
                (url(&thumbnails.poster), url(&thumbnails.storyboard));
        });
    }

    fn show_warning(&self, code: Option<WarningCode>, message: &str) {
        let Some(code) = code else { return };
        let warning = SourceWarning { code, message: message.to_owned() };
        self.job.ticket.update(|view| view.warnings.push(warning));
    }

    fn show_plan(&self, plan: &Plan) {
        for note in &plan.notes {
            tracing::info!(note, "plan");
        }
        let renditions = publish::planned_renditions(plan);
        self.job.ticket.update(|view| {
            view.backend = Some(plan.backend.clone());
            view.duration_secs = plan.duration_ns.map(seconds);
            // An earlier run on another backend may have given some.
            view.warnings.clear();
            view.renditions = renditions;
        });
    }

    fn show_progress(&self, publication: &Publication, position_ns: u64, began: Instant) {
        let playable = *publication.playable().borrow();
        let was_playable = self.job.ticket.view().playable;
        let published = publication.published();
        let position = seconds(position_ns);
        let speed = position / began.elapsed().as_secs_f64().max(0.001);
        self.job.ticket.update(|view| {
            view.speed = Some(speed);
            if let Some(duration) = view.duration_secs.filter(|duration| *duration > 0.0) {
                view.progress = (position / duration).clamp(0.0, 1.0);
                let left = (duration - position).max(0.0) / speed;
                view.eta_secs = Some(left).filter(|left| left.is_finite());
            }
            for (rendition, segments) in view.renditions.iter_mut().zip(published) {
                rendition.segments = segments;
            }
            if playable && !view.playable {
                view.playable = true;
                view.timings.playable_at = Some(jiff::Timestamp::now().to_string());
                self.job.context.changes.note(self.job.id);
            }
        });
        if playable && !was_playable {
            self.record_playable();
            if self.is_first {
                self.job.note_playable();
            }
        }
    }

    /// Records that the stream is shown. The encode does not wait for it: the end of the job records it again, and an
    /// attempt after a crash shows a stream of its own.
    fn record_playable(&self) {
        let (events, id) = (self.job.context.events.clone(), self.job.id.clone());
        let playable = event::of_stream(self.folder);
        let view = self.job.ticket.view();
        tokio::spawn(async move {
            if let Err(error) = events.record_all(&id, &[playable], Some(view)).await {
                tracing::warn!(%error, "failed to record that the video plays, its end does");
            }
        });
    }
}

/// Shows the run on the board, counts it, and logs what the worker reports.
struct BoardObserver<'a> {
    run: &'a EncodeRun<'a>,
    began: Instant,
    has_segment: bool,
}

impl Observer for BoardObserver<'_> {
    type Error = Infallible;

    fn received(&mut self, output: &Output) -> Result<(), Infallible> {
        let (run, jobs) = (self.run, &self.run.job.context.metrics.jobs);
        match output {
            Output::Report(Report::Planned { plan }) => {
                jobs.took(Stage::Probe, self.began.elapsed());
                run.show_plan(plan);
                run.job.slot.moved_to(&plan.backend);
            }
            Output::Segment(segment) => {
                jobs.published(segment.bytes.len());
                if !self.has_segment {
                    self.has_segment = true;
                    jobs.took(Stage::FirstSegment, self.began.elapsed());
                }
            }
            Output::Report(Report::Warning { code, message, debug: said }) => {
                tracing::warn!(warning = message, gstreamer = said.as_deref(), "worker warning");
                run.show_warning(*code, message);
            }
            Output::Report(Report::Done { duration_ns }) => {
                run.job.ticket.update(|view| {
                    view.duration_secs = Some(seconds(*duration_ns));
                    view.progress = 1.0;
                });
            }
            Output::Thumbnail(..)
            | Output::Piece(_)
            | Output::Report(
                Report::Probed { .. }
                | Report::Restarted
                | Report::Rendition { .. }
                | Report::Progress { .. }
                | Report::Cue { .. },
            ) => {}
        }
        Ok(())
    }

    fn published(&mut self, publication: &Publication, step: Step) {
        match step {
            Step::Thumbnail => self.run.show_thumbnails(publication.thumbnails()),
            Step::Progress { position_ns } => {
                self.run.show_progress(publication, position_ns, self.began);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
