//! Where the check has the keys of encrypted streams from.

use std::collections::HashMap;

use tokio::sync::Mutex;

use super::files::{Files, Http};
use super::resolve;

/// A key of AES-128.
pub type Key = [u8; 16];

/// The keys of a stream.
pub struct Keys {
    origin: Origin,
    /// What was answered, by URI: all playlists of a stream name the same few keys.
    answers: Mutex<HashMap<String, Result<Key, String>>>,
}

enum Origin {
    /// There is none.
    None,
    /// One for all, whatever the playlists name.
    Known(Key),
    /// From where the playlists say.
    Fetched,
}

impl Keys {
    /// No key: the stream should not be encrypted.
    #[must_use]
    pub fn none() -> Self {
        Self::from(Origin::None)
    }

    /// This key for everything. Nobody is asked for it.
    #[must_use]
    pub fn known(key: Key) -> Self {
        Self::from(Origin::Known(key))
    }

    /// Keys from the URIs in the playlists, as a player gets them.
    #[must_use]
    pub fn fetched() -> Self {
        Self::from(Origin::Fetched)
    }

    fn from(origin: Origin) -> Self {
        Self { origin, answers: Mutex::default() }
    }

    /// Reads 32 hex digits.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn parse_hex(text: &str) -> Result<Key, hex::FromHexError> {
        let mut key = [0; 16];
        hex::decode_to_slice(text, &mut key)?;
        Ok(key)
    }

    /// The key that a playlist names.
    pub(super) async fn get(
        &self,
        files: &dyn Files,
        playlist: &str,
        uri: &str,
    ) -> Result<Key, String> {
        match &self.origin {
            Origin::None => return Err("none was expected".to_owned()),
            Origin::Known(key) => return Ok(*key),
            Origin::Fetched => {}
        }
        let place = resolve(playlist, uri);
        let mut answers = self.answers.lock().await;
        if let Some(known) = answers.get(&place) {
            return known.clone();
        }
        let fetched = match place.split_once("://") {
            // Keys that are relative to a playlist are read like its segments.
            None => files.get(&place).await,
            // A client only now: TLS needs the machine's certificates, which a folder does not.
            Some(("http" | "https", _)) => match Http::anywhere() {
                Ok(http) => http.get(&place).await,
                Err(error) => Err(format!("TLS cannot be set up: {error}")),
            },
            Some((scheme, _)) => Err(format!("{scheme} is not a scheme that it can be read by")),
        };
        let key = fetched.and_then(|fetched| {
            let found = fetched.bytes.len();
            let key = Key::try_from(&fetched.bytes[..]);
            key.map_err(|_| format!("there are {found} bytes and not 16"))
        });
        answers.insert(place, key.clone());
        key
    }
}
