//! Failures of the embedded store: at start, and as answers to S3 requests.

use s3s::{S3Error, S3ErrorCode};

/// Failure to open the store or to clean it up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement on the database failed.
    #[error("embedded store: database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file of the store cannot be created, listed or removed.
    #[error("embedded store: files: {0}")]
    Files(#[from] std::io::Error),
}

/// Turns a failure of the database or of a file into S3's `InternalError`, and logs it: the client
/// learns no details.
pub(super) fn internal_error(error: impl std::error::Error + Send + Sync + 'static) -> S3Error {
    tracing::error!(%error, "failed to serve S3 request");
    S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))
}
