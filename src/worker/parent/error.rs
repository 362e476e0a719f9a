//! Why a worker failed.

use std::time::Duration;

use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;
use crate::source;
use crate::worker::protocol::Failure;

/// Why a worker failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process could not be started.
    #[error("failed to start the worker: {0}")]
    Spawn(std::io::Error),
    /// The worker reported its failure.
    #[error("{0}")]
    Failed(Failure),
    /// The source could not be read.
    #[error("{0}")]
    Source(source::Error),
    /// The process ended without a report.
    #[error("the worker died ({status}); its last words: {stderr}")]
    Died {
        /// How it ended.
        status: String,
        /// The end of its standard error.
        stderr: String,
    },
    /// The worker reached its memory limit.
    #[error(
        "The video needs more memory to be decoded than a job may have (jobs.worker_memory_bytes): \
         its frames are too large, or the file is made to do harm. Upload a smaller version."
    )]
    Memory,
    /// The worker could start no further thread: the stacks reached its memory limit, or the machine or the
    /// service has too many threads.
    #[error("the worker could not start a thread; its last words: {stderr}")]
    NoThread {
        /// The end of its standard error.
        stderr: String,
    },
    /// The worker made no progress within the limit and was killed.
    #[error("the worker made no progress for {} s and was killed; its last words: {stderr}", after.as_secs())]
    Stalled {
        /// The limit.
        after: Duration,
        /// The end of its standard error.
        stderr: String,
    },
    /// The worker sent something that the protocol forbids.
    #[error("the worker broke the protocol: {0}")]
    Protocol(String),
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::Spawn(_) => FailureCode::WorkerSpawn,
            Self::Failed(failure) => failure.code,
            Self::Source(error) => error.code(),
            Self::Memory => FailureCode::MemoryLimit,
            Self::NoThread { .. } => FailureCode::WorkerResource,
            Self::Died { .. } => FailureCode::WorkerDied,
            Self::Stalled { .. } => FailureCode::WorkerStalled,
            Self::Protocol(_) => FailureCode::WorkerProtocol,
        }
    }
}
