//! Failures of the embedded store: at start, and as answers to S3 requests.

use s3s::{S3Error, S3ErrorCode};

/// Failure to open the store or to clean it up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement on the database failed.
    #[error("embedded store: database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The database cannot be opened.
    #[error("embedded store: database: {0}")]
    Open(#[from] crate::db::Error),
    /// A file of the store cannot be created, listed or removed.
    #[error("embedded store: files: {0}")]
    Files(#[from] std::io::Error),
    /// The database is missing or older than the files.
    #[error(
        "the database in {0} does not belong to the files there: it is missing, or older than they are. \
         Put the right database back, or rebuild its rows from the files with \
         `ladderd store repair --data-dir {0}`"
    )]
    OlderDatabase(String),
    /// A folder that must be empty is not.
    #[error("{0} is not empty; choose another folder, or move away what is there")]
    NotEmpty(String),
    /// A backup lacks a blob that its database names.
    #[error("the backup is incomplete: file {0} is missing")]
    IncompleteBackup(String),
    /// Objects were replaced faster than they could be copied.
    #[error("the store changed during each of {0} snapshots; try again when less is written")]
    NoSnapshot(u32),
}

/// The bytes of an object are not what its row says.
#[derive(Debug, thiserror::Error)]
#[error("object {key} is damaged: {error}")]
pub(super) struct Damaged {
    /// Key of the object.
    pub(super) key: String,
    /// The fault.
    pub(super) error: std::io::Error,
}

/// Turns a failure of the database or of a file into S3's `InternalError`, and logs it: the client
/// learns no details.
pub(super) fn internal_error(error: impl std::error::Error + Send + Sync + 'static) -> S3Error {
    tracing::error!(%error, "failed to serve S3 request");
    S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))
}
