//! Errors of the store, and how an answer of S3 becomes one.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::error::display::DisplayErrorContext;

use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;

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
    /// The credentials are wrong or do not allow the call.
    #[error("{operation} {key}: access denied: {reason}")]
    Denied {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
        /// Answer of the store.
        reason: String,
    },
    /// The store refuses the request; the same request fails again.
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
        /// The error with all its causes.
        reason: String,
    },
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

/// Turns a failed SDK call into an [`Error`] by its HTTP status. A call without a response is
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
    let reason = DisplayErrorContext(error).to_string();
    let Some(status) = error.raw_response().map(|r| r.status().as_u16()) else {
        return Error::Unavailable { operation, key, reason };
    };
    match status {
        404 => Error::NotFound { operation, key },
        409 | 412 => Error::PreconditionFailed { operation, key },
        401 | 403 => Error::Denied { operation, key, reason },
        400 | 405 | 411 | 416 | 422 | 501 => Error::Rejected { operation, key, reason },
        _ => Error::Unavailable { operation, key, reason },
    }
}
