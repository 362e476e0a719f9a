//! The gateway to private streams: playback tokens, and playlists whose segments are presigned.
//!
//! A player loads playlists and small files from here, by a token, and segments from the store, by URLs that are
//! signed for it. No segment passes through the daemon.

mod error;
mod gateway;
mod keys;
mod token;

use crate::domain::declare::settings;
use crate::domain::secret::{NamedSecrets, Secret};

pub use error::Error;
pub use gateway::{Gateway, Issued, Put, Served};
pub use keys::KEYS_RECORD;

/// Shortest secret of a key in bytes: that of HS256 (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;

settings! {
    /// Playback of private videos.
    #[derive(Eq)]
    pub struct Config {
        /// Keys with which an app of yours signs playback tokens itself: JWTs with HS256, the name of the key in
        /// the header `kid`, and the claims `sub` (id of the video), `iat` and `exp`. Several keys let you change
        /// them one after the other. Set `LADDERD__PLAYBACK__KEYS` rather than a file that others can read.
        keys: Secret = Secret::default(), NamedSecrets {
            allowed: "a secret has 32 characters or more",
            accepts: |secret| secret.len() >= MIN_SECRET_BYTES,
        };
        /// Seconds for which a playback token is valid if the request names no other time. Viewers who watch
        /// longer need a new one.
        token_ttl_secs: u64 = 21_600, 1..=604_800;
    }
}
