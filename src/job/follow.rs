//! Follows a worker to its end: its output becomes a publication.
//!
//! The daemon and `ladderd transcode` share this loop, and the way in which a worker is started.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::context::Config;
use super::error::Error;
use crate::domain::backend::Backend;
use crate::domain::download::Remux;
use crate::domain::encode::EncodeConfig;
use crate::domain::ladder::Ladder;
use crate::domain::limits::Limits;
use crate::domain::plan::Plan;
use crate::domain::sandbox::Mode;
use crate::domain::still::Still;
use crate::publish::{self, Publication};
use crate::source::Source;
use crate::worker::parent::{self, Output, Report, Worker};
use crate::worker::protocol::WorkerRequest;
use crate::worker::spawn::{Program, ProgramFile};

/// Settings that a worker is started with, beside its source.
#[derive(Clone, Copy)]
pub(crate) struct WorkerSettings<'a> {
    /// The program whose subcommand `worker` is started.
    pub(crate) program: &'a Program,
    /// The configured ladder.
    pub(crate) ladder: &'a Ladder,
    /// The encode settings.
    pub(crate) encode: &'a EncodeConfig,
    /// Limits of the source.
    pub(crate) limits: &'a Limits,
    /// Limits of the worker.
    pub(crate) jobs: &'a Config,
    /// Effect of a sandbox layer that the kernel does not enforce.
    pub(crate) sandbox: Mode,
}

impl WorkerSettings<'_> {
    /// Starts a worker. It chooses the first of `backends` that can take the source; with `plan_only`
    /// it ends after its plan.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub(crate) fn start(
        &self,
        source: Arc<dyn Source>,
        backends: Vec<Backend>,
        plan_only: bool,
    ) -> Result<Worker, parent::Error> {
        self.spawn(source, WorkerRequest { backends, plan_only, ..self.request()? })
    }

    /// Starts a worker that makes a poster of a source, and nothing else.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub(crate) fn start_still(
        &self,
        source: Arc<dyn Source>,
        still: Still,
    ) -> Result<Worker, parent::Error> {
        self.spawn(source, WorkerRequest { still: Some(still), ..self.request()? })
    }

    /// Starts a worker that makes one file of the segments in a source, and nothing else.
    ///
    /// # Errors
    /// If the process cannot be started.
    pub(crate) fn start_remux(
        &self,
        source: Arc<dyn Source>,
        remux: Remux,
    ) -> Result<Worker, parent::Error> {
        self.spawn(source, WorkerRequest { remux: Some(remux), ..self.request()? })
    }

    fn spawn(
        &self,
        source: Arc<dyn Source>,
        request: WorkerRequest,
    ) -> Result<Worker, parent::Error> {
        let request = WorkerRequest { source_bytes: source.size_bytes(), ..request };
        let stall_timeout = Duration::from_secs(self.jobs.stall_timeout_secs);
        Worker::spawn(self.program, &request, source, stall_timeout)
    }

    fn request(&self) -> Result<WorkerRequest, parent::Error> {
        Ok(WorkerRequest {
            source_bytes: 0,
            ladder: self.ladder.clone(),
            encode: self.encode.clone(),
            backends: Vec::new(),
            plan_only: false,
            still: None,
            remux: None,
            limits: self.limits.clone(),
            memory_bytes: self.jobs.worker_memory_bytes,
            sandbox: self.sandbox,
            program: Some(ProgramFile::running().map_err(parent::Error::Spawn)?),
        })
    }
}

/// Watches a worker that is followed.
pub(crate) trait Observer {
    /// Why the observer wants to stop.
    type Error;

    /// Gets every output of the worker, before it is published.
    fn received(&mut self, output: &Output) -> Result<(), Self::Error>;

    /// Gets the publication after some outputs were passed to it.
    fn published(&mut self, publication: &Publication, step: Step);
}

/// The output after which an observer gets the publication.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A thumbnail.
    Thumbnail,
    /// A report of progress.
    Progress {
        /// Position of the encode in nanoseconds.
        position_ns: u64,
    },
}

/// Why following ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError<E> {
    /// The worker or the target failed, the worker sent output before its plan, or it ended early.
    #[error(transparent)]
    Job(Error),
    /// The observer wants to stop.
    #[error("the observer stopped")]
    Observer(E),
}

impl<E> From<parent::Error> for FollowError<E> {
    fn from(error: parent::Error) -> Self {
        Self::Job(error.into())
    }
}

impl<E> From<publish::Error> for FollowError<E> {
    fn from(error: publish::Error) -> Self {
        Self::Job(error.into())
    }
}

impl From<FollowError<Infallible>> for Error {
    fn from(error: FollowError<Infallible>) -> Self {
        match error {
            FollowError::Job(error) => error,
            FollowError::Observer(never) => match never {},
        }
    }
}

/// Passes all output of a worker to the publication that `begin` starts with its plan. Returns the
/// publication, which is not finished yet.
///
/// # Errors
/// The first failure of worker, target or observer. The worker may still run then.
pub(crate) async fn follow<O: Observer>(
    worker: &mut Worker,
    begin: impl Fn(&Plan) -> Publication,
    observer: &mut O,
) -> Result<Publication, FollowError<O::Error>> {
    let mut publication = None::<Publication>;
    let mut planned = None::<Plan>;
    let mut is_done = false;
    while let Some(output) = worker.next().await? {
        observer.received(&output).map_err(FollowError::Observer)?;
        let begun = publication.as_mut().ok_or(FollowError::Job(Error::Unfinished));
        match output {
            Output::Report(Report::Planned { plan }) => {
                publication = Some(begin(&plan));
                planned = Some(*plan);
            }
            // Nothing but thumbnails was published, and they are overwritten.
            Output::Report(Report::Restarted) => publication = planned.as_ref().map(&begin),
            Output::Report(Report::Rendition { rendition, codec }) => {
                begun?.set_codec(rendition, codec)?;
            }
            Output::Report(Report::Cue { subtitles, cue }) => begun?.add_cue(subtitles, cue)?,
            Output::Segment(segment) => begun?.add_segment(segment).await?,
            Output::Thumbnail(thumbnail, jpeg) => {
                let publication = begun?;
                publication.add_thumbnail(thumbnail, jpeg).await?;
                observer.published(publication, Step::Thumbnail);
            }
            Output::Report(Report::Progress { position_ns }) => {
                let publication = begun?;
                publication.announce().await?;
                observer.published(publication, Step::Progress { position_ns });
            }
            Output::Report(Report::Done { .. }) => is_done = true,
            Output::Piece(_) | Output::Report(Report::Probed { .. } | Report::Warning { .. }) => {}
        }
    }
    publication.filter(|_| is_done).ok_or(FollowError::Job(Error::Unfinished))
}
