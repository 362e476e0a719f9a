//! Codes that sign in once, so that a link can be printed to a terminal.

use std::time::Duration;

use jiff::Timestamp;

use super::accounts::{Auth, random};
use super::error::Error;
use super::tokens::NewToken;
use crate::domain::auth::Scope;
use crate::domain::auth::token::{self, CodeRecord, Hash, Kind, Origin, SecretId, TokenRecord};

/// How long a code is valid.
pub const CODE_TTL: Duration = Duration::from_hours(1);

impl Auth {
    /// Makes a code that signs in once with the rights of this token.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn create_code(&self, token: &SecretId) -> Result<String, Error> {
        let text = token::text(Kind::Code, random());
        let sha256 = Hash::of(&text);
        let key = Kind::Code.key(&sha256.id());
        let expires_at = Timestamp::now() + CODE_TTL;
        let record =
            CodeRecord { sha256, token: token.clone(), expires_at, used_at: None, used_by: None };
        self.0.private.replace_json(&key, &record, None, None).await?;
        Ok(text)
    }

    /// Uses a code up. Returns its token.
    ///
    /// # Errors
    /// [`Error::InvalidCode`] or [`Error::Store`].
    pub async fn redeem_code(&self, text: &str) -> Result<TokenRecord, Error> {
        let hash = token::parse(Kind::Code, text).ok_or(Error::InvalidCode)?;
        let key = Kind::Code.key(&hash.id());
        let found = self.0.private.read_json_version::<CodeRecord>(&key).await?;
        let (record, etag) = found.ok_or(Error::InvalidCode)?;
        let now = Timestamp::now();
        if record.sha256 != hash || record.used_at.is_some() || record.expires_at <= now {
            return Err(Error::InvalidCode);
        }
        let used_by = Some(hex::encode(random()));
        let used = CodeRecord { used_at: Some(now), used_by, ..record };
        if !self.0.private.win_json(&key, &used, &etag).await? {
            return Err(Error::InvalidCode);
        }
        self.valid(&used.token).await.map_err(|error| error.instead_of_session(Error::InvalidCode))
    }

    /// The code of the first sign-in, if there is no token yet: makes an admin token of which nobody knows the
    /// text.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn first_code(&self) -> Result<Option<String>, Error> {
        if self.has_tokens().await? {
            return Ok(None);
        }
        let record = self.create_unknown().await?;
        self.create_code(&record.id).await.map(Some)
    }

    /// A token with all rights for a sign-in link: a valid one, or a new one of which nobody knows the text.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn admin(&self) -> Result<TokenRecord, Error> {
        let now = Timestamp::now();
        let is_admin = |token: &TokenRecord| {
            token.is_valid(now)
                && token.scopes.contains(&Scope::Admin)
                && token.expires_at.is_none()
        };
        let tokens = self.list().await?.into_iter().map(|(token, _)| token);
        let admins: Vec<TokenRecord> = tokens.filter(is_admin).collect();
        let unknown = admins.iter().find(|token| token.origin == Origin::Unknown);
        match unknown.or(admins.first()) {
            Some(admin) => Ok(admin.clone()),
            None => self.create_unknown().await,
        }
    }

    async fn create_unknown(&self) -> Result<TokenRecord, Error> {
        let new = NewToken {
            name: "admin".to_owned(),
            scopes: vec![Scope::Admin],
            expires_at: None,
            origin: Origin::Unknown,
        };
        Ok(self.create(new).await?.1)
    }
}
