//! Serves the playlists and small files of private streams to holders of a token.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::Config;
use super::error::Error;
use super::keys::Keys;
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::play::claims::{Claims, Refusal};
use crate::domain::play::link_life::LinkLife;
use crate::domain::play::playlist::{self, Kind};
use crate::domain::play::target::Target;
use crate::domain::play::tiles;
use crate::encryption::Encryption;
use crate::store::{Bucket, Home, SignedLinks};

/// The gateway. Clones share it.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    home: Home,
    keys: Keys,
    encryption: Encryption,
    token_ttl_secs: u64,
}

/// `Content-Type` of a key (RFC 8216, 4.3.2.4: 16 octets).
const CONTENT_TYPE_KEY: &str = "application/octet-stream";

/// Parameters that the gateway puts into URLs itself, besides the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Put<'a> {
    /// Period of the signing time of an event playlist.
    pub period: Option<u32>,
    /// Version of the master key of a stream.
    pub master_version: Option<&'a str>,
}

/// A file for a player.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Content, not compressed.
    pub body: Bytes,
}

/// A playback token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// End of its validity.
    pub expires_at: Timestamp,
}

/// A request of a player that showed a valid token.
struct Request<'a> {
    id: &'a VideoId,
    /// Path below the video.
    path: &'a str,
    token: &'a str,
    life: LinkLife,
}

impl Gateway {
    /// The gateway to the private streams in `home`. `private` is the bucket of the record with the keys.
    #[must_use]
    pub fn new(private: &Bucket, home: &Home, encryption: &Encryption, config: &Config) -> Self {
        let keys = Keys::new(private.clone(), config.keys.clone());
        let (home, encryption) = (home.clone(), encryption.clone());
        let token_ttl_secs = config.token_ttl_secs;
        Self(Arc::new(Inner { home, keys, encryption, token_ttl_secs }))
    }

    /// Signs a token for a video, valid for so many seconds from now.
    ///
    /// # Errors
    /// If the keys cannot be read.
    pub async fn issue(
        &self,
        id: &VideoId,
        valid_secs: Option<u64>,
        viewer: Option<String>,
    ) -> Result<Issued, Error> {
        let valid_secs = valid_secs.unwrap_or(self.0.token_ttl_secs);
        let iat = Timestamp::now().as_second();
        let exp = iat.saturating_add(i64::try_from(valid_secs).unwrap_or(i64::MAX));
        let claims = Claims { sub: id.to_string(), exp, iat, viewer };
        let token = self.0.keys.sign(&claims).await?;
        Ok(Issued { token, expires_at: Timestamp::from_second(exp).unwrap_or(Timestamp::MAX) })
    }

    /// The file at this path below the video. `put` is what the gateway has put into its URL.
    ///
    /// # Errors
    /// [`Error::Refused`] without a valid token for the video, [`Error::NotFound`], or a failure of the store.
    pub async fn serve(
        &self,
        id: &VideoId,
        path: &str,
        token: Option<&str>,
        put: &Put<'_>,
    ) -> Result<Served, Error> {
        let now = Timestamp::now();
        let (token, claims) = self.claims(id, token, now).await?;
        let target = Target::parse(path).ok_or(Error::NotFound)?;
        if target == Target::Key {
            return self.key(id, path, put.master_version);
        }
        let pinned = put.period.filter(|_| target == Target::Media { is_event: true });
        let life = LinkLife::of(&claims, now.as_second(), pinned);
        let request = Request { id, path, token, life };
        let key = format!("{id}/{path}");
        let found = self.0.home.find_whole(&key).await?.ok_or(Error::NotFound)?;
        let body = found
            .unzipped()
            .map_err(|error| Error::Unreadable { key: key.clone(), reason: error.to_string() })?;
        let text = || String::from_utf8_lossy(&body).into_owned();
        Ok(match target {
            Target::Main => {
                let linked = playlist::rewrite(&text(), |kind, uri| request.page_link(kind, uri));
                Served { content_type: names::CONTENT_TYPE_PLAYLIST, body: linked.into() }
            }
            Target::Media { .. } => {
                let linked = self.media_playlist(&request, &text()).await?;
                Served { content_type: names::CONTENT_TYPE_PLAYLIST, body: linked.into() }
            }
            Target::Storyboard => {
                let linked = self.storyboard(&request, &text()).await?;
                Served { content_type: names::CONTENT_TYPE_WEBVTT, body: linked.into() }
            }
            Target::Chapters => Served { content_type: names::CONTENT_TYPE_WEBVTT, body },
            Target::Key => return Err(Error::NotFound),
            Target::Poster => Served { content_type: names::CONTENT_TYPE_JPEG, body },
        })
    }

    /// Makes sure that a token opens this video now.
    ///
    /// # Errors
    /// [`Error::Refused`] without a valid token for the video, or a failure of the store.
    pub async fn admit(&self, id: &VideoId, token: Option<&str>) -> Result<(), Error> {
        self.claims(id, token, Timestamp::now()).await.map(drop)
    }

    /// The token of a request and its claims, if it opens this video at this time.
    async fn claims<'a>(
        &self,
        id: &VideoId,
        token: Option<&'a str>,
        now: Timestamp,
    ) -> Result<(&'a str, Claims), Error> {
        let token = token.filter(|token| !token.is_empty()).ok_or(Refusal::Missing)?;
        let claims = self.0.keys.verify(token).await?;
        claims.check(id, now)?;
        Ok((token, claims))
    }

    /// The key of an attempt, by the version of the master key that its playlists name.
    fn key(&self, id: &VideoId, path: &str, version: Option<&str>) -> Result<Served, Error> {
        let attempt = path.split('/').next().unwrap_or_default();
        let version = version.ok_or(Error::NotFound)?;
        let key = self.0.encryption.master_key_of(version, id.as_str(), attempt);
        let key = key.ok_or_else(|| Error::NoMasterKey { version: version.to_owned() })?;
        Ok(Served { content_type: CONTENT_TYPE_KEY, body: Bytes::copy_from_slice(&key.0) })
    }

    async fn media_playlist(&self, request: &Request<'_>, text: &str) -> Result<String, Error> {
        let mut uris = Vec::new();
        playlist::rewrite(text, |kind, uri| {
            uris.extend((kind == Kind::Media).then(|| uri.to_owned()));
            None
        });
        let links = self.sign_all(request, uris).await?;
        Ok(playlist::rewrite(text, |kind, uri| match kind {
            Kind::Media => links.get(uri).cloned(),
            Kind::Key | Kind::Playlist => request.page_link(kind, uri),
        }))
    }

    async fn storyboard(&self, request: &Request<'_>, text: &str) -> Result<String, Error> {
        let mut uris = Vec::new();
        tiles::rewrite(text, |uri| {
            uris.push(uri.to_owned());
            None
        });
        let links = self.sign_all(request, uris).await?;
        Ok(tiles::rewrite(text, |uri| links.get(uri).cloned()))
    }

    /// Presigned URLs of files beside the requested one, by the URIs that name them.
    async fn sign_all(
        &self,
        request: &Request<'_>,
        uris: Vec<String>,
    ) -> Result<HashMap<String, String>, Error> {
        let folder = request.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let signed_at = Timestamp::from_second(request.life.signed_at).unwrap_or(Timestamp::MIN);
        let valid_for = Duration::from_secs(request.life.valid_secs);
        let mut uris: Vec<String> = uris.into_iter().filter(|uri| is_relative(uri)).collect();
        uris.sort_unstable();
        uris.dedup();
        let key = |uri: &String| format!("{}/{folder}/{uri}", request.id);
        let keys: Vec<String> = uris.iter().map(key).collect();
        match self.0.home.presign_gets(&keys, signed_at, valid_for).await? {
            SignedLinks::Valid(links) => Ok(uris.into_iter().zip(links).collect()),
            SignedLinks::ShortCredentials => Err(Error::ShortCredentials),
        }
    }
}

impl Request<'_> {
    /// URI of a file that the gateway serves, with the token. `None` for a URI of another server.
    fn page_link(&self, kind: Kind, uri: &str) -> Option<String> {
        if !is_relative(uri) {
            return None;
        }
        let (separator, token) = (if uri.contains('?') { '&' } else { '?' }, self.token);
        let period = self.life.period.filter(|_| kind == Kind::Playlist);
        let period = period.map(|period| format!("&period={period}")).unwrap_or_default();
        Some(format!("{uri}{separator}token={token}{period}"))
    }
}

/// Whether a URI names a file of the same stream.
fn is_relative(uri: &str) -> bool {
    !uri.starts_with('/') && !uri.contains(':')
}
