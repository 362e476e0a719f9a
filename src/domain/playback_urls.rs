//! URLs at which players find the streams.

use super::hls::names;
use super::job::VideoId;
use super::visibility::Visibility;

/// Base URLs of the streams, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaybackUrls {
    /// Of the public bucket.
    pub public: String,
    /// Of the gateway to private streams, `https://<api>/play`.
    pub gateway: String,
}

impl PlaybackUrls {
    /// URL of `main.m3u8` of a video. The URL of a private video needs a token besides.
    #[must_use]
    pub fn main(&self, id: &VideoId, visibility: Visibility) -> String {
        let base = match visibility {
            Visibility::Public => &self.public,
            Visibility::Private => &self.gateway,
        };
        format!("{base}/{}", names::main_key(id))
    }
}
