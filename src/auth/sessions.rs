//! Sessions of the page: a signed cookie. The signature is by a key that all boxes read from the private bucket.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

use super::accounts::{Auth, random};
use super::error::Error;
use super::session_key::{KeyRecord, SessionKey};
use crate::domain::auth::session::{self, Lengths};
use crate::domain::auth::token::{self, AUTH_PREFIX, Moment, SecretId, TokenRecord};
use crate::store::{self, Precondition};

/// Claims of the cookie (RFC 7519, section 4.1), with times in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Claims {
    /// Id of the token.
    sub: SecretId,
    /// When the cookie was written.
    iat: i64,
    /// When it ends unless it is written anew.
    exp: i64,
    /// When the session began.
    began: i64,
}

/// A session that counts.
#[derive(Clone, Debug)]
pub struct Session {
    /// The token whose rights it has.
    pub token: TokenRecord,
    /// The cookie to be written anew, with its age in seconds; none while it is young.
    pub renewed: Option<(String, i64)>,
}

impl Auth {
    /// Begins a session. Returns the value of its cookie, and the seconds for which a browser keeps it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn begin_session(&self, token: &TokenRecord) -> Result<(String, i64), Error> {
        let now = Timestamp::now().as_second();
        self.sign(token, now, now).await
    }

    /// The session of a cookie.
    ///
    /// # Errors
    /// [`Error::InvalidSession`] or [`Error::Store`].
    pub async fn session(&self, cookie: &str) -> Result<Session, Error> {
        let key = self.session_key().await?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        let claims = jsonwebtoken::decode::<Claims>(cookie, &key.verify, &validation);
        let claims = claims.map_err(|_| Error::InvalidSession)?.claims;
        let token = self.valid(&claims.sub).await?;
        if let Some(signed_out) = self.signed_out(&claims.sub).await?
            && claims.began <= signed_out.as_second()
        {
            return Err(Error::InvalidSession);
        }
        let now = Timestamp::now().as_second();
        let renewed = if session::is_due(now, claims.iat, self.lengths()) {
            Some(self.sign(&token, claims.began, now).await?)
        } else {
            None
        };
        Ok(Session { token, renewed })
    }

    /// Ends all sessions of a token.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sign_out_everywhere(&self, id: &SecretId) -> Result<(), Error> {
        let moment = Moment { at: Timestamp::now() };
        let key = token::sign_out_key(id);
        self.0.private.put_json(&key, &moment, None, Precondition::None).await?;
        self.0.sign_outs.set(id.as_str(), Some(moment));
        Ok(())
    }

    async fn signed_out(&self, id: &SecretId) -> Result<Option<Timestamp>, Error> {
        let key = token::sign_out_key(id);
        let read = self.0.private.read_json::<Moment>(&key);
        let moment = self.0.sign_outs.get(id.as_str(), read).await?;
        Ok(moment.map(|moment| moment.at))
    }

    /// Signs a cookie that was written at `now`, of a session that began at `began`.
    async fn sign(
        &self,
        token: &TokenRecord,
        began: i64,
        now: i64,
    ) -> Result<(String, i64), Error> {
        let token_ends = token.expires_at.map(Timestamp::as_second);
        let exp = session::end(now, began, self.lengths(), token_ends);
        let claims = Claims { sub: token.id.clone(), iat: now, exp, began };
        let key = self.session_key().await?;
        let cookie = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key.sign);
        let cookie = cookie.map_err(|error| Error::Invalid(error.to_string()))?;
        Ok((cookie, (exp - now).max(0)))
    }

    /// The key that signs sessions, made by the box that needs it first.
    async fn session_key(&self) -> Result<&SessionKey, Error> {
        let key = self.0.session_key.get_or_try_init(async || {
            let name = format!("{AUTH_PREFIX}session-key.json");
            let made = KeyRecord { secret: hex::encode(random()) };
            let found = self.0.private.read_or_create_json(&name, &made).await?;
            // Each box with a key of its own would end the sessions of the others.
            let record: KeyRecord = serde_json::from_slice(&found.bytes).map_err(|_| {
                let (operation, key) = ("read", name);
                let reason = "no key of sessions; delete it, and a new one is made".to_owned();
                store::Error::Rejected { operation, key, reason }
            })?;
            Ok(SessionKey::of(&record))
        });
        key.await
    }

    fn lengths(&self) -> Lengths {
        let config = self.config();
        let (idle, max) = (config.session_idle_secs, config.session_max_secs);
        Lengths { idle: idle.cast_signed(), max: max.cast_signed() }
    }
}
