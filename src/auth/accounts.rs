//! The accounts of an appliance, and what this box has read of them.

use std::sync::Arc;

use jiff::Timestamp;

use super::config::Config;
use super::configured::Configured;
use super::error::Error;
use super::known::Known;
use super::session_key::SessionKey;
use crate::domain::auth::token::{GrantRecord, Moment, SecretId, TokenRecord};
use crate::store::Bucket;

/// The accounts of an appliance. Clones share what they have read.
#[derive(Clone)]
pub struct Auth(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) private: Bucket,
    pub(super) config: Config,
    pub(super) configured: Configured,
    pub(super) tokens: Known<TokenRecord>,
    pub(super) grants: Known<GrantRecord>,
    pub(super) sign_outs: Known<Moment>,
    pub(super) uses: Known<()>,
    pub(super) made: Known<bool>,
    pub(super) session_key: tokio::sync::OnceCell<SessionKey>,
}

impl Auth {
    /// The accounts in this bucket and in these settings.
    #[must_use]
    pub fn new(private: &Bucket, config: &Config) -> Self {
        Self(Arc::new(Inner {
            private: private.clone(),
            config: config.clone(),
            configured: Configured::new(&config.tokens),
            tokens: Known::default(),
            grants: Known::default(),
            sign_outs: Known::default(),
            uses: Known::default(),
            made: Known::default(),
            session_key: tokio::sync::OnceCell::new(),
        }))
    }

    /// The settings of the accounts.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// A valid token by its id; of a session, whose text nobody sends.
    ///
    /// # Errors
    /// [`Error::InvalidSession`] or [`Error::Store`].
    pub async fn valid(&self, id: &SecretId) -> Result<TokenRecord, Error> {
        let token = self.find(id).await?.ok_or(Error::InvalidSession)?;
        if token.is_valid(Timestamp::now()) { Ok(token) } else { Err(Error::InvalidSession) }
    }
}

/// 256 random bits.
pub(super) fn random() -> [u8; 32] {
    rand::random()
}
