//! Tokens: made, looked up, listed, revoked.

use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::Timestamp;

use super::accounts::{Auth, random};
use super::error::Error;
use crate::domain::auth::Scope;
use crate::domain::auth::token::{
    self, Hash, Kind, Moment, Origin, SecretId, TOKENS_PREFIX, TokenRecord,
};
use crate::store::Precondition;

/// Shortest time between two notes of the use of a token by one box.
const NOTE_USE_EVERY: Duration = Duration::from_mins(10);

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Name for people, 1 to 100 bytes.
    pub name: String,
    /// Rights that it gives, at least one.
    pub scopes: Vec<Scope>,
    /// End of its validity; none for a token that lasts until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// How it comes to be.
    pub origin: Origin,
}

impl Auth {
    /// The token with this text.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] if it gives no rights now, [`Error::Store`] if that cannot be known.
    pub async fn by_token(&self, text: &str) -> Result<TokenRecord, Error> {
        let hash = token::parse(Kind::Token, text).ok_or(Error::InvalidToken)?;
        let record = self.find(&hash.id()).await?.ok_or(Error::InvalidToken)?;
        let is_valid = record.sha256 == hash && record.is_valid(Timestamp::now());
        if is_valid { Ok(record) } else { Err(Error::InvalidToken) }
    }

    /// Whether this text was the secret of a valid record at the last look: it is no guess.
    #[must_use]
    pub fn is_known(&self, text: &str) -> bool {
        let token = token::parse(Kind::Token, text).map(|hash| hash.id());
        let grant = token::parse(Kind::Grant, text).map(|hash| hash.id());
        match (token, grant) {
            (Some(id), _) => {
                let read = self.0.tokens.peek(id.as_str(), Duration::MAX).and_then(|seen| seen.0);
                let is_valid = |token: TokenRecord| token.is_valid(Timestamp::now());
                self.0.configured.get(&id).is_some() || read.is_some_and(is_valid)
            }
            (None, Some(id)) => {
                let read = self.0.grants.peek(id.as_str(), Duration::MAX);
                read.is_some_and(|seen| seen.0.is_some())
            }
            (None, None) => false,
        }
    }

    /// A token by its id, valid or not.
    pub(super) async fn find(&self, id: &SecretId) -> Result<Option<TokenRecord>, Error> {
        if let Some(configured) = self.0.configured.get(id) {
            return Ok(Some(configured.clone()));
        }
        let key = Kind::Token.key(id);
        let read = self.0.private.read_json::<TokenRecord>(&key);
        Ok(self.0.tokens.get(id.as_str(), read).await?)
    }

    /// Makes a token. Returns its text, which nothing keeps, and its record.
    ///
    /// # Errors
    /// [`Error::Invalid`] or [`Error::Store`].
    pub async fn create(&self, new: NewToken) -> Result<(String, TokenRecord), Error> {
        token::check_name(&new.name).map_err(Error::Invalid)?;
        if new.scopes.is_empty() {
            return Err(Error::Invalid("scopes: must have at least one entry".to_owned()));
        }
        let created_at = Timestamp::now();
        if new.expires_at.is_some_and(|expires| expires <= created_at) {
            return Err(Error::Invalid("the token would have expired already".to_owned()));
        }
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        let text = token::text(Kind::Token, random());
        let sha256 = Hash::of(&text);
        let record = TokenRecord {
            id: sha256.id(),
            name: new.name,
            scopes,
            sha256,
            created_at,
            expires_at: new.expires_at,
            revoked_at: None,
            origin: new.origin,
        };
        let key = Kind::Token.key(&record.id);
        self.0.private.replace_json(&key, &record, None, None).await?;
        self.0.tokens.set(record.id.as_str(), Some(record.clone()));
        if record.origin == Origin::Made {
            self.0.made.set("", Some(true));
        }
        Ok((text, record))
    }

    /// Ends a token and its sessions: here at once, on other boxes within [`STALE`](super::STALE).
    ///
    /// # Errors
    /// [`Error::NoSuchToken`], [`Error::InSettings`] or [`Error::Store`].
    pub async fn revoke(&self, id: &SecretId) -> Result<TokenRecord, Error> {
        if self.0.configured.get(id).is_some() {
            return Err(Error::InSettings(id.to_string()));
        }
        let key = Kind::Token.key(id);
        let found = self.0.private.read_json_version::<TokenRecord>(&key).await?;
        let (record, etag) = found.ok_or_else(|| Error::NoSuchToken(id.to_string()))?;
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        let record = TokenRecord { revoked_at: Some(Timestamp::now()), ..record };
        self.0.private.replace_json(&key, &record, None, Some(&etag)).await?;
        self.0.tokens.set(id.as_str(), Some(record.clone()));
        Ok(record)
    }

    /// All tokens by name, each with the time of its last use, which boxes note every ten minutes.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(&self) -> Result<Vec<(TokenRecord, Option<Timestamp>)>, Error> {
        let mut records: Vec<TokenRecord> = self.0.configured.all().cloned().collect();
        let mut entries = self.0.private.entries(TOKENS_PREFIX);
        while let Some(entry) = entries.try_next().await? {
            records.extend(self.0.private.read_json::<TokenRecord>(&entry.key).await?);
        }
        records.sort_by(|a, b| (&a.name, a.created_at, &a.id).cmp(&(&b.name, b.created_at, &b.id)));
        let mut listed = Vec::with_capacity(records.len());
        for record in records {
            let used: Option<Moment> =
                self.0.private.read_json(&token::use_key(&record.id)).await?;
            listed.push((record, used.map(|used| used.at)));
        }
        Ok(listed)
    }

    /// Notes that a token was used, unless this box did so not long ago. A failure is only logged: the note is for
    /// people.
    pub fn note_use(&self, id: &SecretId) {
        let key = token::use_key(id);
        if self.0.uses.peek(&key, NOTE_USE_EVERY).is_some() {
            return;
        }
        self.0.uses.set(&key, None);
        let private = self.0.private.clone();
        tokio::spawn(async move {
            let moment = Moment { at: Timestamp::now() };
            if let Err(error) = private.put_json(&key, &moment, None, Precondition::None).await {
                tracing::warn!(%error, "failed to note the use of a token");
            }
        });
    }

    /// Whether somebody has made a token, here or on another box, or put one into the settings.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn has_made_tokens(&self) -> Result<bool, Error> {
        if !self.0.configured.is_empty() {
            return Ok(true);
        }
        let made = self.0.made.get("", async {
            let mut entries = self.0.private.entries(TOKENS_PREFIX);
            while let Some(entry) = entries.try_next().await? {
                let record = self.0.private.read_json::<TokenRecord>(&entry.key).await?;
                // One that cannot be read was made by a later release.
                if record.is_none_or(|record| record.origin == Origin::Made) {
                    return Ok(Some(true));
                }
            }
            Ok(Some(false))
        });
        Ok(made.await?.unwrap_or(true))
    }

    /// Whether there is any token that somebody can sign in with.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn has_tokens(&self) -> Result<bool, Error> {
        if !self.0.configured.is_empty() {
            return Ok(true);
        }
        Ok(self.0.private.entries(TOKENS_PREFIX).try_next().await?.is_some())
    }
}
