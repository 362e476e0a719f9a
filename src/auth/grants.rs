//! Grants: each makes one upload, for browsers of people without an account.

use jiff::Timestamp;

use super::accounts::{Auth, random};
use super::error::Error;
use super::known::{FRESH, Seen};
use crate::domain::auth::token::{self, GrantRecord, Hash, Kind, SecretId};
use crate::domain::job::VideoId;
use crate::domain::metadata::Preset;

/// A grant that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: SecretId,
    /// Its record.
    pub record: GrantRecord,
}

impl Auth {
    /// Makes a grant for an upload with this owner and preset. Returns its text and its id.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn create_grant(
        &self,
        max_bytes: u64,
        expires_at: Timestamp,
        allowed_origin: Option<String>,
        (owner, preset): (Option<String>, Preset),
    ) -> Result<(String, SecretId), Error> {
        let text = token::text(Kind::Grant, random());
        let sha256 = Hash::of(&text);
        let key = Kind::Grant.key(&sha256.id());
        let record = GrantRecord {
            sha256,
            max_bytes,
            expires_at,
            allowed_origin,
            owner,
            preset,
            used_for: None,
        };
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
        let record = match self.0.grants.peek(id.as_str(), FRESH) {
            Some(Seen(record)) if record.as_ref().is_none_or(|known| known.used_for.is_some()) => {
                record
            }
            // Another box may have used it a moment ago.
            _ => {
                let record = self.0.private.read_json::<GrantRecord>(&key).await?;
                self.0.grants.set(id.as_str(), record.clone());
                record
            }
        };
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
        if !self.0.private.win_json(&key, &used, &etag).await? {
            return Err(Error::InvalidGrant);
        }
        self.0.grants.set(grant.id.as_str(), Some(used));
        Ok(())
    }
}
