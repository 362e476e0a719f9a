//! Why a try at a pull ended.

use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault as _;
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
    /// The bucket.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Another box has the pull, or the video is deleted.
    #[error("the pull is no longer ours")]
    Lost,
}

/// How much a fault weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Another try cannot help.
    Final,
    /// It counts against the tries that a pull has.
    Counts,
    /// It passes: it is waited for.
    Nothing,
}

impl Error {
    /// How much the fault weighs.
    pub(super) fn weight(&self) -> Weight {
        match self {
            Self::Lost | Self::Source { is_final: true, .. } => Weight::Final,
            Self::Source { is_final: false, .. } => Weight::Counts,
            // A store that denies the request may do so until an operator acts.
            Self::Store(error) if error.is_lasting() => Weight::Counts,
            Self::Store(_) => Weight::Nothing,
        }
    }

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
            Self::Store(error) => error.code(),
            Self::Lost => FailureCode::StoreUnavailable,
        };
        let message = format!("{} {}", code.sentence(), self);
        VideoError { code: code.as_str().to_owned(), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_denies_is_not_waited_for_until_the_end_of_time() {
        let (operation, key, reason) = ("upload-part", "k".to_owned(), "no".to_owned());
        let denied = Error::from(store::Error::Denied { operation, key, reason });
        assert_eq!((denied.weight(), denied.shown().code), (Weight::Counts, "store-denied".into()));
        let (key, reason) = ("k".to_owned(), "no".to_owned());
        let away = Error::from(store::Error::Unavailable { operation, key, reason });
        assert_eq!(away.weight(), Weight::Nothing);
        assert_eq!(away.shown().code, "store-unavailable");
    }
}
