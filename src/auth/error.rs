//! Failures of accounts.

use crate::store;

/// Reason why a secret gives no rights, or an account cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token is unknown, has expired or was revoked. Which of them is nobody's business.
    #[error("the token is not known, has expired or was revoked")]
    InvalidToken,
    /// The session has ended, or its token has.
    #[error("the session has ended: sign in again")]
    InvalidSession,
    /// The sign-in code is unknown, used or too old.
    #[error(
        "the sign-in link was used already or is too old: `ladderd token link` on the server prints a new one"
    )]
    InvalidCode,
    /// The grant is unknown, has expired, or was used for another upload.
    #[error("the upload grant is not known, has expired or was used already")]
    InvalidGrant,
    /// There is no such token.
    #[error("there is no token {0}")]
    NoSuchToken(String),
    /// A field of the request is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The token is one of the settings, which alone can change it.
    #[error("the token {0} is in the settings: remove it from auth.tokens")]
    InSettings(String),
    /// Another writer changed it at the same time.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// The same, with `other` in place of an ended token.
    pub(super) fn instead_of_session(self, other: Self) -> Self {
        if let Self::InvalidSession = self { other } else { self }
    }
}
