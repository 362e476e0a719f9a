//! Why a worker failed.

use std::time::Duration;

use super::misbehaviour::Misbehaviour;
use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;
use crate::domain::standstill::Standstill;
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
    #[error("the worker died ({status})")]
    Died {
        /// Whether it had read of the source: only then may the source be the reason.
        has_read: bool,
        /// How it ended.
        status: String,
        /// The end of its standard error.
        stderr: String,
    },
    /// An assertion of a demuxer or a parser ended the process while it probed the source: the same source
    /// does so again.
    #[error(
        "The file cannot be read: it is damaged, or of a kind that its format does not allow. Convert it to \
         MP4 with H.264 video and upload that."
    )]
    Unreadable {
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
    #[error("the worker could not start a thread")]
    NoThread {
        /// The end of its standard error.
        stderr: String,
    },
    /// The worker made no progress within the limit and was killed.
    #[error("the worker made no progress for {} s and was killed{}", after.as_secs(), told(at.as_ref()))]
    Stalled {
        /// Whether it had read of the source: only then may the source be the reason.
        has_read: bool,
        /// The limit.
        after: Duration,
        /// The stream at which it stood still, if it said so.
        at: Option<Standstill>,
        /// The end of its standard error.
        stderr: String,
    },
    /// The worker did what no worker does, and was killed.
    #[error("the worker was killed: {0}")]
    Misbehaved(#[from] Misbehaviour),
}

/// The stream at which a worker stood still, behind the message.
fn told(at: Option<&Standstill>) -> String {
    at.map(|at| format!(": {}", at.clause())).unwrap_or_default()
}

impl Error {
    /// End of the worker's standard error, for the operator. It is not part of the message, which becomes
    /// public.
    #[must_use]
    pub fn stderr(&self) -> Option<&str> {
        match self {
            Self::Died { stderr, .. }
            | Self::Unreadable { stderr }
            | Self::NoThread { stderr }
            | Self::Stalled { stderr, .. } => Some(stderr),
            Self::Spawn(_)
            | Self::Failed(_)
            | Self::Source(_)
            | Self::Memory
            | Self::Misbehaved(_) => None,
        }
    }

    /// Whether the failure counts against the video: the worker reported a fault of the source or of the
    /// encode, or died or stalled after its first read of the source.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Self::Spawn(_) | Self::Source(_) | Self::NoThread { .. } => false,
            Self::Failed(failure) => !matches!(
                failure.code,
                FailureCode::WorkerOrder
                    | FailureCode::GstreamerInit
                    | FailureCode::SandboxIncomplete
                    | FailureCode::WorkerResource
                    | FailureCode::SourceRead
            ),
            Self::Died { has_read, .. } | Self::Stalled { has_read, .. } => *has_read,
            Self::Unreadable { .. } | Self::Memory | Self::Misbehaved(_) => true,
        }
    }
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::Spawn(_) => FailureCode::WorkerSpawn,
            Self::Failed(failure) => failure.code,
            Self::Source(error) => error.code(),
            Self::Unreadable { .. } => FailureCode::SourceDamaged,
            Self::Memory => FailureCode::MemoryLimit,
            Self::NoThread { .. } => FailureCode::WorkerResource,
            Self::Died { .. } => FailureCode::WorkerDied,
            Self::Stalled { .. } => FailureCode::WorkerStalled,
            Self::Misbehaved(_) => FailureCode::WorkerMisbehaved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_worker_says_of_the_source_or_dies_of_counts() {
        let failed = |code| Error::Failed(Failure::new(code, "no"));
        let stderr = || "none".to_owned();
        let died =
            |has_read| Error::Died { has_read, status: "SIGSEGV".to_owned(), stderr: stderr() };
        let stalled = |has_read| Error::Stalled {
            has_read,
            after: Duration::from_mins(2),
            at: None,
            stderr: stderr(),
        };
        let table = [
            (Error::Spawn(std::io::Error::other("too many open files")), false),
            (failed(FailureCode::GstreamerInit), false),
            (failed(FailureCode::WorkerOrder), false),
            (failed(FailureCode::WorkerResource), false),
            (failed(FailureCode::SourceRead), false),
            (Error::NoThread { stderr: stderr() }, false),
            (died(false), false),
            (stalled(false), false),
            (died(true), true),
            (stalled(true), true),
            (failed(FailureCode::SourceDamaged), true),
            (failed(FailureCode::PipelineFailed), true),
            (Error::Unreadable { stderr: stderr() }, true),
            (Error::Memory, true),
            (Error::Misbehaved(Misbehaviour::TooMuch("warnings")), true),
        ];
        for (error, counts) in table {
            assert_eq!(error.counts(), counts, "{error:?}");
        }
    }
}
