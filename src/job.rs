//! The life of one job: from a message to its acknowledgement.
//!
//! `process` tells the story. The borders meet here: queue, store, source, worker and
//! publisher do not know of each other.

pub(crate) mod adapters;
mod attempt;
pub mod board;
mod claim;
mod error;
mod fallback;
pub mod housekeeping;
mod lease;
mod process;
mod records;
mod scheduler;
mod video;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::board::Board;
pub use self::error::Error;
use crate::backend::Pool;
use crate::domain::encode::EncodeConfig;
use crate::domain::ladder::Ladder;
use crate::domain::limits::Limits;
use crate::domain::sources::SourceFilter;
use crate::encryption::Encryption;
use crate::metrics::Metrics;
use crate::queue::{self, Enqueue, Queue};
use crate::store::{AfterSuccess, Bucket};
use crate::worker::spawn::Program;
pub use claim::{cancel, claim_is_gone, running_elsewhere};
pub use scheduler::Scheduler;

/// How jobs run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Jobs at the same time at most; 0 for as many as the trials of the backends say.
    pub max_running: u64,
    /// Backends without which the daemon does not start.
    pub required_backends: Vec<String>,
    /// Encoders that each NVIDIA GPU may run at a time, each rung being one; 0 for no limit. Cards
    /// for gamers have one: 8 for all together since the drivers of 2024.
    pub max_encoder_sessions: u32,
    /// A backend that has failed its trial is tried again after this; each failure doubles it.
    pub backend_retrial_secs: u64,
    /// A worker without progress for this long is killed.
    pub stall_timeout_secs: u64,
    /// How long running jobs may go on after SIGTERM.
    pub shutdown_grace_secs: u64,
    /// A running job says this often that it lives; other boxes wait for it meanwhile.
    pub claim_renewal_secs: u64,
    /// Bytes of memory that a worker may fill; 0 for no cap.
    pub worker_memory_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_running: 0,
            required_backends: Vec::new(),
            max_encoder_sessions: 0,
            backend_retrial_secs: 30,
            stall_timeout_secs: 120,
            shutdown_grace_secs: 30,
            claim_renewal_secs: 5,
            worker_memory_bytes: 4 << 30,
        }
    }
}

/// What every job needs.
#[derive(Clone)]
pub struct Context {
    /// The bucket of sources, records and claims.
    pub private: Bucket,
    /// The bucket of streams.
    pub public: Bucket,
    /// Where messages come from.
    pub queue: Arc<dyn Queue>,
    /// Where our own messages go.
    pub enqueue: Arc<dyn Enqueue>,
    /// Name of this box: the same after a restart, and no other box has it.
    pub box_id: String,
    /// Which objects are sources.
    pub sources: SourceFilter,
    /// What becomes of a source once its stream is ready.
    pub after_success: AfterSuccess,
    /// What the API shows.
    pub board: Board,
    /// What is counted.
    pub metrics: Metrics,
    /// This program, which is also the worker.
    pub program: Program,
    /// What encodes.
    pub backends: Pool,
    /// The configured ladder.
    pub ladder: Ladder,
    /// How it is encoded.
    pub encode: EncodeConfig,
    /// What a source may be.
    pub limits: Limits,
    /// What gives videos their keys, if segments are encrypted.
    pub encryption: Encryption,
    /// How jobs run.
    pub config: Config,
    /// How the queue is used.
    pub queue_config: queue::Config,
    /// URL of the public bucket, without a slash at its end.
    pub playback_base_url: String,
}
