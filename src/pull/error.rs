//! Why a try at a pull ended.

use crate::domain::failure_code::FailureCode;
use crate::domain::video::VideoError;
use crate::store;

/// Why a try at a pull ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The URL or its server.
    #[error("{message}")]
    Source {
        code: FailureCode,
        /// A sentence without the URL.
        message: String,
        /// Another try cannot help.
        is_final: bool,
    },
    /// The bucket. The next try may succeed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another box has the pull, or the video is deleted.
    #[error("the pull is no longer ours")]
    Lost,
}

impl Error {
    /// A fault that may pass.
    pub(super) fn passing(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Source { code, message: message.into(), is_final: false }
    }

    /// A fault that stays.
    pub(super) fn lasting(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Source { code, message: message.into(), is_final: true }
    }

    /// The error that a video shows.
    pub(super) fn shown(&self) -> VideoError {
        let code = match self {
            Self::Source { code, .. } => *code,
            Self::Store(_) | Self::Lost => FailureCode::StoreUnavailable,
        };
        let message = format!("{} {}", code.sentence(), self);
        VideoError { code: code.as_str().to_owned(), message }
    }
}
