//! Errors of the store, and how an answer of S3 becomes one.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;
use crate::domain::store_fault::{self, StoreFault};
use crate::sdk_error;

/// Failure of a call to the store. `operation` is the call, `key` the object or the bucket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The object, the upload or the bucket does not exist.
    #[error("{operation} {key}: no such object")]
    NotFound {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
    },
    /// The precondition does not hold: another writer changed the object.
    #[error("{operation} {key}: the object has changed")]
    PreconditionFailed {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
    },
    /// The credentials are wrong or do not allow the call, or the operator has to act otherwise.
    #[error("{operation} {key}: access denied: {reason}")]
    Denied {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
        /// Answer of the store.
        reason: String,
    },
    /// The store does not take such a request.
    #[error("{operation} {key}: {reason}")]
    Rejected {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
        /// Answer of the store.
        reason: String,
    },
    /// The store cannot be reached, or still fails after the retries of the SDK.
    #[error("{operation} {key}: {reason}")]
    Unavailable {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
        /// Answer of the store, or why there was none.
        reason: String,
    },
}

impl Error {
    /// Whether the fault lasts until an operator acts, or the store learns the request.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Denied { .. } | Self::Rejected { .. } => true,
            Self::NotFound { .. } | Self::PreconditionFailed { .. } | Self::Unavailable { .. } => {
                false
            }
        }
    }
}

impl Error {
    /// `None` for [`Error::NotFound`]; every other error stays one.
    pub(super) fn none_if_missing<T>(self) -> Result<Option<T>, Self> {
        match self {
            Self::NotFound { .. } => Ok(None),
            other @ (Self::PreconditionFailed { .. }
            | Self::Denied { .. }
            | Self::Rejected { .. }
            | Self::Unavailable { .. }) => Err(other),
        }
    }
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::NotFound { .. } => FailureCode::SourceMissing,
            Self::PreconditionFailed { .. } => FailureCode::SourceChanged,
            Self::Denied { .. } => FailureCode::StoreDenied,
            Self::Rejected { .. } => FailureCode::StoreRejected,
            Self::Unavailable { .. } => FailureCode::StoreUnavailable,
        }
    }
}

/// Turns a failed SDK call into an [`Error`] by its HTTP status and code. A call without a response is
/// [`Error::Unavailable`].
pub(super) fn map_error<E>(
    operation: &'static str,
    key: &str,
    error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let key = key.to_owned();
    let reason = sdk_error::describe(error);
    let Some(status) = error.raw_response().map(|r| r.status().as_u16()) else {
        return Error::Unavailable { operation, key, reason };
    };
    match store_fault::classify(status, error.code()) {
        StoreFault::NotFound => Error::NotFound { operation, key },
        StoreFault::PreconditionFailed => Error::PreconditionFailed { operation, key },
        StoreFault::Denied => Error::Denied { operation, key, reason },
        StoreFault::Rejected => Error::Rejected { operation, key, reason },
        StoreFault::Unavailable => Error::Unavailable { operation, key, reason },
    }
}
