//! Where the key of a video comes from, if segments are encrypted at all.
//!
//! Nothing here is shown to a worker, written to a bucket or printed: what players need is behind
//! `key_url`, which is the operator's.

mod config;
mod endpoint;

use crate::domain::hls::key::{Key, StreamKey, Template};
use crate::domain::outcome::{Fault, FaultClass};

pub use config::{Config, Kind, Secret};
use endpoint::Endpoint;

/// Why there is no key. None of it is the video's fault, and none of it lasts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The endpoint cannot be reached, or refuses.
    #[error("the key endpoint gives no key: {0}")]
    Unavailable(String),
    /// What it answered is no key.
    #[error("the key endpoint answered {found} bytes instead of the 16 raw bytes of a key")]
    Length {
        /// How many came: `16` is never among them.
        found: String,
    },
    /// The settings hold no key; they were checked before.
    #[error("the settings of [encryption] are incomplete")]
    Settings,
}

impl Fault for Error {
    fn class(&self) -> FaultClass {
        match self {
            Self::Unavailable(_) | Self::Length { .. } | Self::Settings => FaultClass::Retryable,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Unavailable(_) => "key-unavailable",
            Self::Length { .. } => "key-length",
            Self::Settings => "key-settings",
        }
    }
}

/// What gives videos their keys.
#[derive(Clone)]
pub struct Encryption(Option<Aes128>);

/// Segments are encrypted.
#[derive(Clone)]
struct Aes128 {
    key_url: Template,
    keys: Keys,
}

#[derive(Clone)]
enum Keys {
    Same(Key),
    Asked(Endpoint),
}

impl Encryption {
    /// What the settings say.
    ///
    /// # Errors
    /// If the settings are not valid, or TLS cannot be set up.
    pub fn open(config: &Config) -> Result<Self, Error> {
        if config.kind == Kind::None {
            return Ok(Self(None));
        }
        let template = |text: &str| Template::parse(text).map_err(|_| Error::Settings);
        let keys = if config.key_endpoint.is_empty() {
            Keys::Same(Key::from_hex(config.key_hex.reveal()).ok_or(Error::Settings)?)
        } else {
            let url = template(&config.key_endpoint)?;
            Keys::Asked(Endpoint::new(url, config.key_endpoint_token.clone())?)
        };
        Ok(Self(Some(Aes128 { key_url: template(&config.key_url)?, keys })))
    }

    /// The key of this video; none if segments are not encrypted.
    ///
    /// # Errors
    /// If the endpoint gives none.
    pub async fn key_of(&self, video_id: &str) -> Result<Option<StreamKey>, Error> {
        let Some(aes) = &self.0 else { return Ok(None) };
        let key = match &aes.keys {
            Keys::Same(key) => *key,
            Keys::Asked(endpoint) => endpoint.ask(video_id).await?,
        };
        Ok(Some(StreamKey { key, uri: aes.key_url.fill(video_id) }))
    }
}
