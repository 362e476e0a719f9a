//! Keys of encrypted streams: from the settings, from the operator's key endpoint, or, for private videos,
//! derived from a master key.
//!
//! Invariant: a key is not passed to a worker, written to a bucket, logged or printed. Players load
//! keys from `key_url`, a server of the operator, or with their token from the gateway.

mod config;
mod endpoint;
mod error;
mod master;

use crate::domain::hls::key::{Key, StreamKey, Template};
use crate::domain::visibility::Visibility;
use crate::tls::Trust;

pub use config::{Config, Kind};
use endpoint::Endpoint;
pub use error::Error;
use master::MasterKeys;

/// Source of the keys of videos.
#[derive(Clone)]
pub struct Encryption {
    /// The external key server, if segments are encrypted with its keys.
    external: Option<Aes128>,
    /// The master keys; they open private streams of before, also if nothing is encrypted any more.
    master: MasterKeys,
    is_on: bool,
}

/// AES-128 encryption of whole segments.
#[derive(Clone)]
struct Aes128 {
    key_url: Template,
    keys: Keys,
}

#[derive(Clone)]
enum Keys {
    /// One key for all videos.
    Fixed(Key),
    Endpoint(Endpoint),
}

impl Encryption {
    /// Prepares the key source that the settings name. The endpoint of keys may have a certificate of these
    /// authorities.
    ///
    /// # Errors
    /// [`Error::Settings`] if the settings are not valid, [`Error::Unavailable`] if TLS cannot be set
    /// up.
    pub fn open(config: &Config, trust: &Trust) -> Result<Self, Error> {
        let master = MasterKeys::new(&config.master_keys)?;
        let is_on = config.kind == Kind::Aes128;
        if !is_on || !config.has_external() {
            return Ok(Self { external: None, master, is_on });
        }
        let template = |text: &str| Template::parse(text).map_err(|_| Error::Settings);
        let keys = if config.key_endpoint.is_empty() {
            Keys::Fixed(Key::from_hex(config.key_hex.reveal()).ok_or(Error::Settings)?)
        } else {
            let url = template(&config.key_endpoint)?;
            Keys::Endpoint(Endpoint::new(url, config.key_endpoint_token.clone(), trust)?)
        };
        let external = Some(Aes128 { key_url: template(&config.key_url)?, keys });
        Ok(Self { external, master, is_on })
    }

    /// The key of an attempt at a video; `None` if its segments are not encrypted. Private videos have keys of
    /// the newest master key, if there is one, and all others those of the external key server, if there is
    /// one.
    ///
    /// # Errors
    /// As [`Encryption::key_of`].
    pub async fn key_of_attempt(
        &self,
        video_id: &str,
        attempt: &str,
        visibility: Visibility,
    ) -> Result<Option<StreamKey>, Error> {
        if self.is_on
            && visibility == Visibility::Private
            && let Some(key) = self.master.newest(video_id, attempt)
        {
            return Ok(Some(key));
        }
        if self.external.is_none() { Ok(None) } else { self.key_of(video_id).await }
    }

    /// The key of a video at the external key server; `None` if segments are not encrypted.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Length`] if the endpoint gives no key, [`Error::Settings`] if there is
    /// no such server, but master keys alone.
    pub async fn key_of(&self, video_id: &str) -> Result<Option<StreamKey>, Error> {
        let Some(aes) = &self.external else {
            return if self.is_on { Err(Error::Settings) } else { Ok(None) };
        };
        let key = match &aes.keys {
            Keys::Fixed(key) => *key,
            Keys::Endpoint(endpoint) => endpoint.key_of(video_id).await?,
        };
        Ok(Some(StreamKey { key, uri: aes.key_url.fill(video_id) }))
    }

    /// The key of an attempt at a private video by the master key of this version, for its players. `None` if
    /// there is no such version.
    #[must_use]
    pub fn master_key_of(&self, version: &str, video_id: &str, attempt: &str) -> Option<Key> {
        self.master.derive(version, video_id, attempt)
    }
}
