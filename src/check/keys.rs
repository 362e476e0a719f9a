//! Keys that decrypt the segments of a stream.

use std::collections::HashMap;

use tokio::sync::Mutex;

use super::files::{self, Files, Http, resolve};

/// An AES-128 key.
pub type Key = [u8; 16];

/// The keys of one stream.
pub struct Keys {
    origin: Origin,
    /// Results by URI: all playlists of a stream name the same few keys.
    results: Mutex<HashMap<String, Result<Key, Error>>>,
}

enum Origin {
    None,
    Known(Key),
    Fetched,
}

/// Reasons why a key cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    #[error("the stream should not be encrypted")]
    Unexpected,
    #[error("{0}")]
    Fetch(#[from] files::Error),
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    #[error("keys cannot be loaded by {0}")]
    Scheme(String),
    #[error("it has {0} bytes instead of 16")]
    Length(usize),
}

impl Keys {
    /// No key: the stream should not be encrypted.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Origin::None)
    }

    /// One key for all segments; the URIs in the playlists are not loaded.
    #[must_use]
    pub fn known(key: Key) -> Self {
        Self::new(Origin::Known(key))
    }

    /// The keys at the URIs in the playlists, as players load them.
    #[must_use]
    pub fn fetched() -> Self {
        Self::new(Origin::Fetched)
    }

    fn new(origin: Origin) -> Self {
        Self { origin, results: Mutex::default() }
    }

    /// Parses exactly 32 hex digits.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse_hex(text: &str) -> Result<Key, hex::FromHexError> {
        let mut key = [0; 16];
        hex::decode_to_slice(text, &mut key)?;
        Ok(key)
    }

    /// Whether the stream should not be encrypted.
    pub(super) fn are_unexpected(&self) -> bool {
        matches!(self.origin, Origin::None)
    }

    /// The key at the URI that a playlist names.
    pub(super) async fn get(
        &self,
        files: &dyn Files,
        playlist: &str,
        uri: &str,
    ) -> Result<Key, Error> {
        match &self.origin {
            Origin::None => return Err(Error::Unexpected),
            Origin::Known(key) => return Ok(*key),
            Origin::Fetched => {}
        }
        let place = resolve(playlist, uri);
        let mut results = self.results.lock().await;
        if let Some(known) = results.get(&place) {
            return known.clone();
        }
        let key = fetch(files, &place).await;
        results.insert(place, key.clone());
        key
    }
}

async fn fetch(files: &dyn Files, place: &str) -> Result<Key, Error> {
    let fetched = match place.split_once("://") {
        // A relative URI lies beside the segments.
        None => files.get(place).await?,
        // Created on demand: TLS needs the machine's certificates, a folder does not.
        Some(("http" | "https", _)) => {
            let http = Http::anywhere().map_err(|error| Error::Tls(error.to_string()))?;
            http.get(place).await?
        }
        Some((scheme, _)) => return Err(Error::Scheme(scheme.to_owned())),
    };
    Key::try_from(&fetched.bytes[..]).map_err(|_| Error::Length(fetched.bytes.len()))
}
