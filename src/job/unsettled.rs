//! Why an attempt did not settle its message.

use super::error::Error;
use super::records::WrittenRecord;

/// Why an attempt did not settle its message.
pub(super) enum Unsettled {
    /// Another attempt follows.
    Retried(Error),
    /// No further attempt follows, and the completion record says why.
    GivenUp(Error, WrittenRecord),
}

impl<E: Into<Error>> From<E> for Unsettled {
    fn from(error: E) -> Self {
        Self::Retried(error.into())
    }
}
