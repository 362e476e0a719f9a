//! The context that jobs share: buckets, queue, backends and settings.

use std::sync::Arc;

use parking_lot::RwLock;
use std::time::Duration;

use super::board::{Board, Ticket};
use crate::backend::{Pool, Slot};
use crate::changes::Changes;
use crate::domain::claim::Claimant;
use crate::domain::declare::{Any, AtLeast, settings};
use crate::domain::encode::EncodeConfig;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::ladder::Ladder;
use crate::domain::limits::Limits;
use crate::domain::playback_urls::PlaybackUrls;
use crate::domain::sandbox::Mode;
use crate::domain::sources::SourceFilter;
use crate::domain::visibility::Visibility;
use crate::drain::Drain;
use crate::encryption::Encryption;
use crate::events::Events;
use crate::metrics::{Metrics, Stage};
use crate::queue::{self, Enqueue, Queue};
use crate::store::{AfterSuccess, Bucket, Head, Home, Homes};
use crate::tracer::Tracer;
use crate::worker::spawn::Program;

settings! {
    /// Limits and timeouts of jobs.
    #[derive(Eq)]
    pub struct Config {
        /// Jobs at the same time. 0: derived from the trials of the backends, per GPU; without a GPU,
        /// one job that uses the whole CPU, or more if all of them encode faster than real time.
        max_running: u64 = 0, 0..=64;
        /// Backends without which the daemon ends with an error soon after its start, such as `["nvenc"]`. The command
        /// `ladderd backends` lists their names.
        required_backends: Vec<String> = Vec::new(), Any;
        /// Encoders at the same time on each NVIDIA GPU. A job uses one per rung. 0: no limit. Consumer
        /// cards share a limit of 8 (drivers of 2024).
        max_encoder_sessions: u32 = 0, AtLeast(0);
        /// Seconds until a backend is tried again that failed in a job and then in its trial. The
        /// pause grows with each further failure.
        backend_retrial_secs: u64 = 30, 1..=3600;
        /// Seconds without progress after which a worker is killed and its job is tried again.
        stall_timeout_secs: u64 = 120, 5..=3600;
        /// Seconds for which running jobs may continue after SIGTERM. After that they return to the
        /// queue.
        shutdown_grace_secs: u64 = 30, 0..=86_400;
        /// Seconds between two renewals of a running job's claim. Another box takes the job over after
        /// six missed renewals.
        claim_renewal_secs: u64 = 5, 1..=300;
        /// Seconds for which a video waits for surroundings that fail until somebody acts: an archived
        /// source, a lost key, a store that denies access. After that it fails, and can be retried.
        surroundings_max_age_secs: u64 = 259_200, 1..=31_536_000;
        /// Seconds for which files of a stream stay once newer ones have replaced them: viewers who began before
        /// that still load them.
        superseded_secs: u64 = 21_600, 0..=604_800;
        /// Memory of a worker in bytes. A video that needs more fails. 0: no limit. 1080p needs less
        /// than 1 GiB, 10-bit 4K about 2 GiB.
        worker_memory_bytes: u64 = 4 << 30, AtLeast(0);
    }
}

/// The settings of jobs that a reload may change.
#[derive(Clone, Debug)]
pub struct JobSettings {
    /// The configured ladder.
    pub ladder: Ladder,
    /// Limits of sources.
    pub limits: Limits,
    /// Limits and timeouts of jobs.
    pub config: Config,
}

/// The context that jobs share. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The bucket of sources, records and claims.
    pub private: Bucket,
    /// The homes of streams.
    pub homes: Homes,
    /// Visibility of videos that come without one.
    pub visibility: Visibility,
    /// The queue that messages come from.
    pub queue: Arc<dyn Queue>,
    /// The queue that our own messages go to.
    pub enqueue: Arc<dyn Enqueue>,
    /// This box, as claims name it.
    pub claimant: Claimant,
    /// The filter of keys that are sources.
    pub sources: SourceFilter,
    /// Treatment of a source once its stream is ready.
    pub after_success: AfterSuccess,
    /// How long a delete can be undone.
    pub purge_delay: Duration,
    /// The running jobs, as the API shows them.
    pub board: Board,
    /// Who is told of changes of videos.
    pub changes: Changes,
    /// The events of videos.
    pub events: Events,
    /// The counters.
    pub metrics: Metrics,
    /// This program, which is also the worker.
    pub program: Program,
    /// The backends of this machine.
    pub backends: Pool,
    /// The configured ladder.
    pub ladder: Ladder,
    /// The encode settings.
    pub encode: EncodeConfig,
    /// Limits of sources.
    pub limits: Limits,
    /// Effect of a sandbox layer that the kernel does not enforce.
    pub sandbox: Mode,
    /// The source of keys, if segments are encrypted.
    pub encryption: Encryption,
    /// Limits and timeouts of jobs.
    pub config: Config,
    /// Settings of the queue.
    pub queue_config: queue::Config,
    /// URLs of streams.
    pub urls: PlaybackUrls,
    /// The switch that keeps new jobs from starting.
    pub drain: Drain,
    /// Ladder, limits and timeouts as the last reload left them. `ladder`, `limits` and `config` are those of the
    /// moment at which [`Context::current`] made this.
    pub latest: Arc<RwLock<JobSettings>>,
}

impl Context {
    /// This context with the settings that the last reload left: for one job, from its begin to its end.
    #[must_use]
    pub fn current(&self) -> Self {
        let JobSettings { ladder, limits, config } = self.latest.read().clone();
        Self { ladder, limits, config, ..self.clone() }
    }
}

/// The job of one version of a source, as an attempt and its encode runs share it.
#[derive(Clone, Copy)]
pub(super) struct VideoJob<'a> {
    pub(super) context: &'a Context,
    pub(super) request: &'a JobRequest,
    pub(super) id: &'a VideoId,
    /// The home of its stream.
    pub(super) home: &'a Home,
    /// The job's slot in the pool of backends.
    pub(super) slot: &'a Slot,
    /// Size and `ETag` of the version.
    pub(super) head: &'a Head,
    pub(super) ticket: &'a Ticket,
    /// The trace of the attempt.
    pub(super) tracer: &'a Tracer,
}

impl VideoJob<'_> {
    /// Notes how long after its arrival the source plays for the first time.
    pub(super) fn note_playable(&self) {
        if let Some(arrived) = self.head.last_modified {
            let age = self.context.private.clock().age(arrived);
            self.context.metrics.jobs.took(Stage::Playable, age);
        }
    }
}
