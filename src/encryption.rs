//! Keys of encrypted streams, from the settings or from the operator's key endpoint.
//!
//! Invariant: a key is not passed to a worker, written to a bucket, logged or printed. Players load
//! keys from `key_url`, a server of the operator.

mod config;
mod endpoint;
mod error;

use crate::domain::hls::key::{Key, StreamKey, Template};

pub use config::{Config, Kind};
use endpoint::Endpoint;
pub use error::Error;

/// Source of the keys of videos.
#[derive(Clone)]
pub struct Encryption(Option<Aes128>);

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
    /// Prepares the key source that the settings name.
    ///
    /// # Errors
    /// [`Error::Settings`] if the settings are not valid, [`Error::Unavailable`] if TLS cannot be set
    /// up.
    pub fn open(config: &Config) -> Result<Self, Error> {
        if config.kind == Kind::None {
            return Ok(Self(None));
        }
        let template = |text: &str| Template::parse(text).map_err(|_| Error::Settings);
        let keys = if config.key_endpoint.is_empty() {
            Keys::Fixed(Key::from_hex(config.key_hex.reveal()).ok_or(Error::Settings)?)
        } else {
            let url = template(&config.key_endpoint)?;
            Keys::Endpoint(Endpoint::new(url, config.key_endpoint_token.clone())?)
        };
        Ok(Self(Some(Aes128 { key_url: template(&config.key_url)?, keys })))
    }

    /// The key of a video; `None` if segments are not encrypted.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Length`] if the endpoint gives no key.
    pub async fn key_of(&self, video_id: &str) -> Result<Option<StreamKey>, Error> {
        let Some(aes) = &self.0 else { return Ok(None) };
        let key = match &aes.keys {
            Keys::Fixed(key) => *key,
            Keys::Endpoint(endpoint) => endpoint.key_of(video_id).await?,
        };
        Ok(Some(StreamKey { key, uri: aes.key_url.fill(video_id) }))
    }
}
