//! Why an attempt did not end well.

use crate::domain::conformance::Finding;
use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;
use crate::{encryption, publish, queue, store, worker};

/// Why an attempt did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A bucket.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The worker.
    #[error(transparent)]
    Worker(#[from] worker::parent::Error),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] queue::Error),
    /// The publisher.
    #[error(transparent)]
    Publish(#[from] publish::Error),
    /// There is no key to encrypt with.
    #[error(transparent)]
    Key(#[from] encryption::Error),
    /// Another attempt at the same video runs, here or on another box.
    #[error("another attempt at this video is running")]
    Busy,
    /// Another attempt at the same video took over.
    #[error("another attempt has taken this video over")]
    ClaimLost,
    /// The message is no longer ours.
    #[error("the lease on the message is lost")]
    LeaseLost,
    /// The video was deleted.
    #[error("the video was deleted")]
    Cancelled,
    /// The daemon stops.
    #[error("the daemon is stopping")]
    Stopped,
    /// The worker ended without a plan or before its end.
    #[error("the worker ended too early")]
    Unfinished,
    /// The stream breaks rules that players rely on: it is not shown.
    #[error("the stream breaks rule {}: {}: {}", .0.rule, .0.place, .0.message)]
    NotConformant(Finding),
    /// The attempt took too long.
    #[error(
        "The video takes longer than {limit_secs} s to process, which is the limit (limits.job_secs). \
         Upload a shorter or smaller version."
    )]
    TooSlow {
        /// The limit in seconds.
        limit_secs: u64,
    },
    /// Every attempt before this one died together with its daemon.
    #[error("each of its attempts took the daemon down with it")]
    Exhausted,
}

impl Error {
    /// Whether the attempt is one of those that a message may have: what surrounds the job (store,
    /// queue, another box, a restart) may fail as often as it likes, and the upload survives it.
    #[must_use]
    pub fn counts(&self) -> bool {
        match self {
            Self::Worker(error) => error.counts(),
            Self::Store(_)
            | Self::Queue(_)
            | Self::Key(_)
            | Self::Publish(publish::Error::Target { .. })
            | Self::Busy
            | Self::ClaimLost
            | Self::LeaseLost
            | Self::Cancelled
            | Self::Stopped => false,
            Self::Publish(publish::Error::Incomplete(_))
            | Self::Unfinished
            | Self::NotConformant(_)
            | Self::TooSlow { .. }
            | Self::Exhausted => true,
        }
    }
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::Store(error) => error.code(),
            Self::Queue(error) => error.code(),
            Self::Worker(error) => error.code(),
            Self::Publish(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Busy => FailureCode::Busy,
            Self::ClaimLost => FailureCode::ClaimLost,
            Self::LeaseLost => FailureCode::LeaseLost,
            Self::Cancelled => FailureCode::Cancelled,
            Self::Stopped => FailureCode::Stopped,
            Self::Unfinished => FailureCode::WorkerUnfinished,
            Self::NotConformant(_) => FailureCode::NotConformant,
            Self::TooSlow { .. } => FailureCode::JobTimeout,
            Self::Exhausted => FailureCode::DaemonDied,
        }
    }
}
