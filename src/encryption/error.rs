//! Errors of key delivery.

use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;

/// Reasons why the key of a video cannot be had. They are faults of the surroundings and may pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The endpoint cannot be reached, or answers with an error.
    #[error("the key endpoint gives no key: {0}")]
    Unavailable(String),
    /// The body of the answer is not a key.
    #[error("the key endpoint answered {found} bytes instead of the 16 raw bytes of a key")]
    Length {
        /// Number of bytes, or `more than 16`.
        found: String,
    },
    /// The section `[encryption]` lacks a valid key or URL. `ladderd` verifies it at the start.
    #[error("the settings of [encryption] are incomplete")]
    Settings,
}

impl Error {
    /// Whether the fault lasts until an operator acts.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Unavailable(_) => false,
            Self::Length { .. } | Self::Settings => true,
        }
    }
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::Unavailable(_) => FailureCode::KeyUnavailable,
            Self::Length { .. } => FailureCode::KeyLength,
            Self::Settings => FailureCode::KeySettings,
        }
    }
}
