//! Errors of webhooks.

use crate::outgoing::Refused;
use crate::store;

/// Why a call on webhooks failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such endpoint.
    #[error("webhook {0} does not exist")]
    NoSuchEndpoint(String),
    /// There is no such delivery, or its event is not kept any more.
    #[error("delivery {0} does not exist, or its event is not kept any more")]
    NoSuchDelivery(String),
    /// A field is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The URL is not allowed.
    #[error("url: {0}; private addresses need webhooks.allow_private")]
    Url(#[from] Refused),
    /// There are too many endpoints or replays.
    #[error("{0}")]
    TooMany(String),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] store::Error),
}
