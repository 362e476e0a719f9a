//! The subject of an examination: settings, buckets, queue, and the daemon if one runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::backend::{Pool, Trials};
use crate::domain::doctor::Examiner;
use crate::domain::doctor::mend::Caller;
use crate::domain::sandbox::Mode;
use crate::domain::sources::SourceFilter;
use crate::gpu;
use crate::job::board::Board;
use crate::queue::sqs::SqsSetup;
use crate::queue::{self, Inspect};
use crate::store::{self, Bucket};
use crate::tls::{self, Trust};
use crate::worker::spawn::Program;

/// The unit of the package.
const UNIT: &str = "/usr/lib/systemd/system/ladderd.service";

/// The settings that are examined.
#[derive(Clone, Debug)]
pub struct Config {
    /// `data_dir`.
    pub data_dir: PathBuf,
    /// Path of the daemon's socket.
    pub socket: PathBuf,
    /// Settings that are allowed and risky: key and value, and the risk.
    pub risks: Vec<(String, &'static str)>,
    /// `http.listen`.
    pub listen: String,
    /// `http.public_url`.
    pub public_url: String,
    /// Origin of the page, and those of `http.cors_origins`.
    pub page_origins: Vec<String>,
    /// `embedded.min_free_bytes`; 0 if the buckets are on S3.
    pub reserve_bytes: u64,
    /// Files that the daemon may have open.
    pub files_needed: u64,
    /// `jobs.worker_memory_bytes`.
    pub worker_memory_bytes: u64,
    /// `jobs.required_backends`.
    pub required_backends: Vec<String>,
    /// `sandbox.mode`.
    pub sandbox: Mode,
    /// `sources`.
    pub sources: SourceFilter,
    /// `store.kind`.
    pub store_kind: store::Kind,
    /// URL of S3.
    pub store_url: String,
    /// `store.after_success`.
    pub after_success: store::AfterSuccess,
    /// `queue.kind`.
    pub queue_kind: queue::Kind,
    /// `housekeeping.reconcile_secs`.
    pub reconcile_secs: u64,
    /// `tls`.
    pub tls: tls::Config,
}

/// The buckets, as the settings name them. Nobody has looked at them yet.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Bucket of sources and records.
    pub private: Bucket,
    /// Bucket of public streams.
    pub public: Bucket,
    /// URL of the public bucket for players.
    pub playback_base_url: String,
}

/// The queue.
#[derive(Clone)]
pub enum Queues {
    /// In this process; `None` for a command without a daemon.
    Embedded(Option<Arc<dyn Inspect>>),
    /// On SQS, or why its client cannot be made.
    Sqs(Result<SqsSetup, String>),
}

/// The parts of a running daemon.
#[derive(Clone)]
pub struct Running {
    /// Address of the API.
    pub api: SocketAddr,
    /// Jobs that run.
    pub board: Board,
    /// The backends that jobs use.
    pub backends: Pool,
}

/// The subject of an examination.
#[derive(Clone)]
pub struct Subject {
    /// The settings.
    pub config: Config,
    /// The buckets, or why their clients cannot be made.
    pub stores: Result<Stores, String>,
    /// The queue.
    pub queues: Queues,
    /// Trials of the recipes.
    pub trials: Trials,
    /// This program, for the probe of the sandbox.
    pub program: Program,
    /// The NVIDIA driver.
    pub driver: Arc<dyn gpu::Driver>,
    /// Authorities that are trusted besides those of the system.
    pub trust: Trust,
    /// The daemon that executes the checks; `None` in a command.
    pub running: Option<Running>,
}

impl Subject {
    /// The process that executes the checks.
    pub(super) fn examiner(&self) -> Examiner {
        if self.running.is_some() { Examiner::Service } else { Examiner::Command }
    }

    /// Whom the steps are for that mend findings.
    pub(super) fn caller(&self) -> Caller {
        let user = rustix::process::geteuid();
        let is_for_service = user.is_root() && Path::new(UNIT).try_exists().unwrap_or(false);
        match self.examiner() {
            Examiner::Service => Caller::Service,
            Examiner::Command if is_for_service => Caller::Service,
            Examiner::Command => Caller::User(user.as_raw()),
        }
    }

    /// Path of the daemon's socket, for commands.
    pub(super) fn socket(&self) -> String {
        self.config.socket.display().to_string()
    }
}
