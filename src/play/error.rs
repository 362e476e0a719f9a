//! Why the gateway does not answer.

use crate::domain::play::claims::Refusal;
use crate::store;

/// Failure of a request to the gateway.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token does not open the video.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The gateway has no such file.
    #[error("there is no such file of a private stream")]
    NotFound,
    /// The settings have no master key of this version any more.
    #[error(
        "the stream needs the master key {version:?}: add it to encryption.master_keys, or process the video again"
    )]
    NoMasterKey {
        /// Version that the stream names.
        version: String,
    },
    /// The credentials of the daemon end before the URLs that they should sign.
    #[error("{}", store::SHORT_CREDENTIALS)]
    ShortCredentials,
    /// The store fails.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A record or a file in the store has no readable content.
    #[error("{key} cannot be read: {reason}")]
    Unreadable {
        /// Key of the object.
        key: String,
        /// Why not.
        reason: String,
    },
}
