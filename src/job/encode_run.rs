//! One encode run: one backend's go within an attempt. The worker's output is published as it comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::adapters::{ObjectSource, PublicTarget};
use super::board::Ticket;
use super::context::Context;
use super::error::Error;
use super::signals::Signals;
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

/// One encode run.
pub(super) struct EncodeRun<'a> {
    pub(super) context: &'a Context,
    pub(super) request: &'a JobRequest,
    pub(super) id: &'a VideoId,
    /// Folder of the run in the public bucket.
    pub(super) folder: &'a str,
    pub(super) head: &'a Head,
    pub(super) ticket: &'a Ticket,
    /// Key of the segments, if they are encrypted.
    pub(super) key: Option<StreamKey>,
    /// The backends that the worker may choose, best first.
    pub(super) backends: Vec<Backend>,
    /// The job's slot in the pool of backends.
    pub(super) slot: &'a Slot,
}

impl EncodeRun<'_> {
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
        // Nothing of this run goes on, however it ended.
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
        tracing::info!(pid = worker.pid(), "started worker");
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
                    tracing::warn!(warning = message, "worker warning");
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
