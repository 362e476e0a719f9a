//! The key that signs sessions.

use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};

/// The record of the key that signs sessions.
#[derive(Serialize, Deserialize)]
pub(super) struct KeyRecord {
    /// 256 random bits, in hex.
    pub(super) secret: String,
}

/// The key that signs sessions.
pub(super) struct SessionKey {
    pub(super) sign: EncodingKey,
    pub(super) verify: DecodingKey,
}

impl SessionKey {
    /// The key of this record.
    pub(super) fn of(record: &KeyRecord) -> Self {
        let secret = record.secret.as_bytes();
        Self { sign: EncodingKey::from_secret(secret), verify: DecodingKey::from_secret(secret) }
    }
}
