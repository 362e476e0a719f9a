//! The tokens of the settings.

use std::collections::HashMap;

use jiff::Timestamp;

use super::config::TokenConfig;
use crate::domain::auth::token::{Hash, Origin, SecretId, TokenRecord};

/// The tokens of the settings.
pub(super) struct Configured(HashMap<SecretId, TokenRecord>);

impl Configured {
    /// The valid ones of these entries, which the settings have checked.
    pub(super) fn new(tokens: &[TokenConfig]) -> Self {
        let record = |token: &TokenConfig| {
            let sha256 = Hash::parse(&token.sha256)?;
            let record = TokenRecord {
                id: sha256.id(),
                name: token.name.clone(),
                scopes: token.scopes.clone(),
                sha256,
                created_at: Timestamp::UNIX_EPOCH,
                expires_at: token.expires_at.parse().ok(),
                revoked_at: None,
                origin: Origin::Made,
            };
            Some((record.id.clone(), record))
        };
        Self(tokens.iter().filter_map(record).collect())
    }

    pub(super) fn get(&self, id: &SecretId) -> Option<&TokenRecord> {
        self.0.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &TokenRecord> {
        self.0.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
