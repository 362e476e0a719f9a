//! Where the bytes of a source come from.

pub mod file;
pub mod read_ahead;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;

/// Why a source could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no source (any more).
    #[error("the source is gone: {reason}")]
    Gone {
        /// Answer of the store.
        reason: String,
    },
    /// Somebody put another version there since the job began.
    #[error("the source was replaced while it was being read")]
    Changed,
    /// The store refuses to read it out: an archived object, a lost key, a policy.
    #[error("the store refuses to read the source: {reason}")]
    Denied {
        /// Answer of the store.
        reason: String,
    },
    /// The store failed.
    #[error("the source cannot be read: {reason}")]
    Unavailable {
        /// Answer of the store.
        reason: String,
    },
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::Gone { .. } => FailureCode::SourceGone,
            Self::Changed => FailureCode::SourceChanged,
            Self::Denied { .. } => FailureCode::StoreDenied,
            Self::Unavailable { .. } => FailureCode::SourceUnavailable,
        }
    }
}

/// One version of a source. Every read is of that version or fails.
#[async_trait]
pub trait Source: Send + Sync {
    /// Size in bytes.
    fn size_bytes(&self) -> u64;

    /// Exactly `len` bytes from `offset`. The range lies within the source.
    async fn read(&self, offset: u64, len: u32) -> Result<Bytes, Error>;
}
