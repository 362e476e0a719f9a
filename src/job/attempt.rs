//! One try at a job: the worker's output, published as it comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::adapters::{ObjectSource, PublicTarget};
use super::board::Ticket;
use super::claim::Claim;
use super::{Context, Error};
use crate::backend::Slot;
use crate::domain::backend::Backend;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names::Layout;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::plan::Plan;
use crate::publish::{self, Finished, Publication, ThumbnailPaths};
use crate::source::Source;
use crate::source::read_ahead::ReadAhead;
use crate::store::Head;
use crate::worker::parent::{Output, Worker};
use crate::worker::protocol::{Event, Order};

/// What ends an attempt from outside.
pub(super) struct Signals<'a> {
    /// The daemon stops.
    pub(super) stop: &'a CancellationToken,
    /// The video was deleted.
    pub(super) cancel: &'a CancellationToken,
    /// The message is no longer ours.
    pub(super) lost: &'a CancellationToken,
    /// The right to flip, once it was taken.
    pub(super) claim: Option<&'a Claim>,
}

impl Signals<'_> {
    async fn first(&self) -> Error {
        tokio::select! {
            biased;
            () = self.lost.cancelled() => Error::LeaseLost,
            () = self.cancel.cancelled() => Error::Cancelled,
            () = self.stop.cancelled() => Error::Stopped,
            error = claim_ended(self.claim) => error,
        }
    }

    /// Runs `work` unless one of the signals comes first.
    pub(super) async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            error = self.first() => Err(error),
            done = work => done,
        }
    }
}

async fn claim_ended(claim: Option<&Claim>) -> Error {
    match claim {
        Some(claim) => claim.ended().await,
        None => std::future::pending().await,
    }
}

/// One try.
pub(super) struct Attempt<'a> {
    pub(super) context: &'a Context,
    pub(super) request: &'a JobRequest,
    pub(super) id: &'a VideoId,
    /// Folder of the attempt.
    pub(super) folder: &'a str,
    pub(super) head: &'a Head,
    pub(super) ticket: &'a Ticket,
    /// What the segments are encrypted with, if they are.
    pub(super) key: Option<StreamKey>,
    /// The backends that may be taken, the best first.
    pub(super) backends: Vec<Backend>,
    /// The job's place among those that run.
    pub(super) slot: &'a Slot,
}

impl Attempt<'_> {
    /// Encodes and uploads everything but the flip.
    pub(super) async fn run(&self, signals: &Signals<'_>) -> Result<Finished, Error> {
        let target = Arc::new(PublicTarget::open(&self.context.public, self.id).await?);
        let mut worker = self.spawn()?;
        let limit_secs = self.context.limits.job_secs;
        let limited = async {
            let followed = self.follow(&mut worker, &target);
            let ended = tokio::time::timeout(Duration::from_secs(limit_secs), followed).await;
            ended.unwrap_or(Err(Error::TooSlow { limit_secs }))
        };
        let ended = signals.guard(limited).await;
        // However it ended: nothing of this attempt runs on.
        worker.kill().await;
        ended
    }

    fn spawn(&self) -> Result<Worker, Error> {
        let object = ObjectSource {
            bucket: self.context.private.clone(),
            key: self.request.key.clone(),
            etag: self.head.etag.clone(),
            size_bytes: self.head.size_bytes,
        };
        let source: Arc<dyn Source> = Arc::new(ReadAhead::new(Arc::new(object)));
        let order = Order {
            source_bytes: self.head.size_bytes,
            ladder: self.context.ladder.clone(),
            encode: self.context.encode.clone(),
            backends: self.backends.clone(),
            plan_only: false,
            limits: self.context.limits.clone(),
            memory_bytes: self.context.config.worker_memory_bytes,
        };
        let stall = Duration::from_secs(self.context.config.stall_timeout_secs);
        let worker = Worker::spawn(&self.context.program, &order, source, stall)?;
        tracing::info!(pid = worker.pid(), "the worker runs");
        Ok(worker)
    }

    async fn follow(
        &self,
        worker: &mut Worker,
        target: &Arc<PublicTarget>,
    ) -> Result<Finished, Error> {
        let began = Instant::now();
        let mut publication: Option<Publication> = None;
        let mut done = false;
        while let Some(output) = worker.next().await? {
            match output {
                Output::Event(Event::Planned { plan }) => {
                    self.show_plan(&plan);
                    self.slot.moved_to(&plan.backend);
                    let target = Arc::clone(target) as Arc<dyn publish::Target>;
                    let layout = Layout::of_attempt(self.id, self.folder);
                    let key = self.key.clone();
                    publication = Some(Publication::start(target, layout, &plan, key));
                }
                Output::Event(Event::Rendition { rendition, codec }) => {
                    planned(publication.as_mut())?.set_codec(rendition, codec)?;
                }
                Output::Segment(segment) => {
                    self.context.metrics.published_bytes.inc_by(segment.bytes.len() as u64);
                    planned(publication.as_mut())?.add_segment(segment).await?;
                }
                Output::Thumbnail(thumbnail, jpeg) => {
                    let publication = planned(publication.as_mut())?;
                    publication.add_thumbnail(thumbnail, jpeg).await?;
                    self.show_thumbnails(publication.thumbnails());
                }
                Output::Event(Event::Cue { subtitles, cue }) => {
                    planned(publication.as_mut())?.add_cue(subtitles, cue)?;
                }
                Output::Event(Event::Progress { position_ns }) => {
                    let publication = planned(publication.as_mut())?;
                    publication.announce().await?;
                    self.show_progress(publication, position_ns, began);
                }
                Output::Event(Event::Warning { message }) => {
                    tracing::warn!(warning = message, "the worker warns");
                }
                Output::Event(Event::Done { duration_ns }) => {
                    done = true;
                    self.context.metrics.encoded_seconds.inc_by(seconds(duration_ns));
                    self.ticket.update(|view| {
                        view.duration_secs = Some(seconds(duration_ns));
                        view.progress = 1.0;
                    });
                }
                Output::Event(Event::Probed { .. } | Event::Segment { .. } | Event::Failed(_)) => {}
            }
        }
        let publication = publication.filter(|_| done).ok_or(Error::Unfinished)?;
        let finished = publication.finish().await?;
        self.show_thumbnails(finished.thumbnails());
        Ok(finished)
    }

    fn show_thumbnails(&self, thumbnails: &ThumbnailPaths) {
        self.ticket.update(|view| {
            let url = |path: &Option<String>| path.as_ref().map(|path| view.url_of(path));
            (view.poster_url, view.storyboard_url) =
                (url(&thumbnails.poster), url(&thumbnails.storyboard));
        });
    }

    fn show_plan(&self, plan: &Plan) {
        for note in &plan.notes {
            tracing::info!(note, "plan");
        }
        let renditions = publish::planned_renditions(plan);
        self.ticket.update(|view| {
            view.backend = Some(plan.backend.clone());
            view.duration_secs = plan.duration_ns.map(seconds);
            view.renditions = renditions;
        });
    }

    fn show_progress(&self, publication: &Publication, position_ns: u64, began: Instant) {
        let playable = *publication.playable().borrow();
        let published = publication.published();
        let position = seconds(position_ns);
        let speed = position / began.elapsed().as_secs_f64().max(0.001);
        self.ticket.update(|view| {
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
            }
        });
    }
}

fn planned(publication: Option<&mut Publication>) -> Result<&mut Publication, Error> {
    publication.ok_or(Error::Unfinished)
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
