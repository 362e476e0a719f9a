//! Why an attempt did not end well.

use crate::domain::conformance::Finding;
use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;
use crate::domain::waiting::Hindrance;
use crate::{encryption, publish, queue, source, store, worker};

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

/// Meaning of an error for the attempt that it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The video or ladderd itself: the attempt is one of those that a message may have.
    Video,
    /// The surroundings of the job: they may fail as often as they like, and the upload survives that.
    Surroundings {
        /// It fails until somebody acts.
        is_lasting: bool,
    },
    /// Nothing failed: a restart, another attempt, another version of the source, a deleted video.
    Nobody,
}

impl Error {
    /// Meaning of the error for the attempt that it ended.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Worker(error) if error.counts() => Blame::Video,
            Self::Worker(worker::parent::Error::Source(
                source::Error::Gone { .. } | source::Error::Changed,
            )) => Blame::Nobody,
            Self::Worker(error) => Blame::Surroundings {
                is_lasting: matches!(
                    error,
                    worker::parent::Error::Source(source::Error::Denied { .. })
                ),
            },
            Self::Store(error) => Blame::Surroundings { is_lasting: error.is_lasting() },
            Self::Publish(publish::Error::Target { is_lasting, .. }) => {
                Blame::Surroundings { is_lasting: *is_lasting }
            }
            Self::Key(error) => Blame::Surroundings { is_lasting: error.is_lasting() },
            Self::Queue(_) => Blame::Surroundings { is_lasting: false },
            Self::Busy | Self::ClaimLost | Self::LeaseLost | Self::Cancelled | Self::Stopped => {
                Blame::Nobody
            }
            Self::Publish(publish::Error::Incomplete(_))
            | Self::Unfinished
            | Self::NotConformant(_)
            | Self::TooSlow { .. }
            | Self::Exhausted => Blame::Video,
        }
    }

    /// The fault of the surroundings that the error is, if it is one.
    #[must_use]
    pub fn hindrance(&self) -> Option<Hindrance> {
        match self.blame() {
            Blame::Surroundings { is_lasting } => {
                Some(Hindrance { code: self.code(), message: self.to_string(), is_lasting })
            }
            Blame::Video | Blame::Nobody => None,
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
