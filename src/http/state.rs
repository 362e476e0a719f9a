//! State that all handlers share.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::watch;

use super::access::Access;
use super::machine::Machine;
use super::readiness_log::ReadinessLog;
use super::uploads::Config as UploadConfig;
use super::uploads::in_flight::InFlight;
use super::videos::watches::Watches;
use crate::backend::Pool;
use crate::catalog::Catalog;
use crate::changes::Changes;
use crate::doctor::Doctor;
use crate::domain::playback_urls::PlaybackUrls;
use crate::domain::sources::SourceFilter;
use crate::domain::visibility::Visibility;
use crate::drain::Drain;
use crate::embedded::Store;
use crate::events::Events;
use crate::gpu;
use crate::heartbeat::Heartbeats;
use crate::job::additions::Additions;
use crate::job::board::Board;
use crate::job::downloads::Downloads;
use crate::job::{Deletions, JobSettings, Moves};
use crate::metrics::Metrics;
use crate::play::Gateway;
use crate::pull::Pulls;
use crate::queue::{Enqueue, Inspect};
use crate::store::{Bucket, Homes};
use crate::webhook::Webhooks;

/// Everything that handlers need. Clones share it.
#[derive(Clone)]
pub struct AppState {
    /// Tells the senders of requests apart.
    pub access: Access,
    /// Whether tokens cross the network in the clear.
    pub is_insecure: bool,
    /// Bucket of sources and upload records.
    pub private: Bucket,
    /// Homes of streams and completion records.
    pub homes: Homes,
    /// Visibility of uploads that ask for none.
    pub visibility: Visibility,
    /// Jobs that run on this box.
    pub board: Board,
    /// The videos that event streams watch.
    pub watches: Watches,
    /// The deletes of videos.
    pub deletions: Deletions,
    /// Downloads of videos.
    pub downloads: Downloads,
    /// Additions of users to their videos.
    pub additions: Additions,
    /// The changes of visibility.
    pub moves: Moves,
    /// The queue, only for its depth.
    pub queue: Arc<dyn Inspect>,
    /// The queue that messages of retries go to.
    pub enqueue: Arc<dyn Enqueue>,
    /// The index of all videos.
    pub catalog: Catalog,
    /// Who is told of changes of videos.
    pub changes: Changes,
    /// The events of videos.
    pub events: Events,
    /// The endpoints that events are posted to.
    pub webhooks: Webhooks,
    /// The sources that are pulled from URLs.
    pub pulls: Pulls,
    /// Counters and gauges.
    pub metrics: Metrics,
    /// All backends, with the state of each.
    pub backends: Pool,
    /// Reads the state of the GPUs.
    pub gpu: Arc<dyn gpu::Driver>,
    /// This box.
    pub machine: Arc<Machine>,
    /// Interval at which a running job renews its claim.
    pub claim_renewal: Duration,
    /// Decides which objects are sources.
    pub sources: SourceFilter,
    /// The uploads that callers have begun here.
    pub in_flight: InFlight,
    /// Limits of uploads.
    pub uploads: UploadConfig,
    /// Gateway to private streams.
    pub gateway: Gateway,
    /// URLs of streams.
    pub urls: PlaybackUrls,
    /// Origins of the store, such as `https://bucket.example.com`, for the page's
    /// Content-Security-Policy.
    pub store_origins: Arc<[String]>,
    /// Origins whose pages may show the player in a frame; `*` for all.
    pub embed_origins: Arc<[String]>,
    /// Whether players may report how playback went.
    pub has_beacons: bool,
    /// The embedded store, only for its free space; `None` if the buckets are on S3.
    pub embedded_store: Option<Store>,
    /// The examination of this daemon.
    pub doctor: Doctor,
    /// The parts of the daemon.
    pub hearts: Heartbeats,
    /// Becomes true when the daemon begins to stop.
    pub stopping: watch::Receiver<bool>,
    /// Log of changes of the readiness.
    pub readiness: ReadinessLog,
    /// The switch that keeps new jobs from starting.
    pub drain: Drain,
    /// Ladder, limits and timeouts of jobs as the last reload left them.
    pub job_settings: Arc<RwLock<JobSettings>>,
}
