//! Grants: each makes one upload, for browsers of people without an account.

use jiff::Timestamp;

use super::accounts::{Auth, random};
use super::error::Error;
use crate::domain::auth::token::{self, GrantRecord, Hash, Kind, SecretId};
use crate::domain::job::VideoId;
use crate::store;

/// A grant that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: SecretId,
    /// Its record.
    pub record: GrantRecord,
}

impl Auth {
    /// Makes a grant. Returns its text and its id.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn create_grant(
        &self,
        max_bytes: u64,
        expires_at: Timestamp,
        allowed_origin: Option<String>,
        owner: Option<String>,
    ) -> Result<(String, SecretId), Error> {
        let text = token::text(Kind::Grant, random());
        let sha256 = Hash::of(&text);
        let key = Kind::Grant.key(&sha256.id());
        let used_for = None;
        let record = GrantRecord { sha256, max_bytes, expires_at, allowed_origin, owner, used_for };
        self.0.private.replace_json(&key, &record, None, None).await?;
        let id = record.sha256.id();
        self.0.grants.set(id.as_str(), Some(record));
        Ok((text, id))
    }

    /// The grant with this text, used or not.
    ///
    /// # Errors
    /// [`Error::InvalidGrant`] or [`Error::Store`].
    pub async fn by_grant(&self, text: &str) -> Result<Grant, Error> {
        let hash = token::parse(Kind::Grant, text).ok_or(Error::InvalidGrant)?;
        let id = hash.id();
        let key = Kind::Grant.key(&id);
        let read = || self.0.private.read_json::<GrantRecord>(&key);
        let mut record = self.0.grants.get(id.as_str(), read()).await?;
        if record.as_ref().is_some_and(|record| record.used_for.is_none()) {
            // Another box may have used it a moment ago.
            record = read().await?;
            self.0.grants.set(id.as_str(), record.clone());
        }
        let record = record.filter(|record| record.sha256 == hash).ok_or(Error::InvalidGrant)?;
        if record.expires_at <= Timestamp::now() {
            return Err(Error::InvalidGrant);
        }
        // It ends with the token that made it. Users whom a proxy names have none.
        if let Some(owner) = record.owner.as_deref().and_then(SecretId::parse) {
            let owner = self.valid(&owner).await;
            owner.map_err(|error| error.instead_of_session(Error::InvalidGrant))?;
        }
        Ok(Grant { id, record })
    }

    /// Uses a grant up for the upload of this video.
    ///
    /// # Errors
    /// [`Error::InvalidGrant`] if it was used already, or [`Error::Store`].
    pub async fn use_grant(&self, grant: &Grant, video: &VideoId) -> Result<(), Error> {
        let key = Kind::Grant.key(&grant.id);
        let found = self.0.private.read_json_version::<GrantRecord>(&key).await?;
        let (record, etag) = found.ok_or(Error::InvalidGrant)?;
        if record.used_for.is_some() {
            return Err(Error::InvalidGrant);
        }
        let used = GrantRecord { used_for: Some(video.clone()), ..record };
        match self.0.private.replace_json(&key, &used, None, Some(&etag)).await {
            Ok(_) => {}
            Err(store::Error::PreconditionFailed { .. }) => return Err(Error::InvalidGrant),
            Err(error) => return Err(error.into()),
        }
        self.let_others_write().await;
        let found = self.0.private.read_json::<GrantRecord>(&key).await?;
        let is_ours = found.as_ref() == Some(&used);
        self.0.grants.set(grant.id.as_str(), found);
        if is_ours { Ok(()) } else { Err(Error::InvalidGrant) }
    }
}
