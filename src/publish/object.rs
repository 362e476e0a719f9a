//! Objects of a stream, and the target that they are written to.

use async_trait::async_trait;
use bytes::Bytes;

use super::error::Error;
use crate::domain::hls::names;

/// One object to publish.
#[derive(Clone, Debug)]
pub struct Object {
    /// Key below the target.
    pub key: String,
    /// Content, not compressed.
    pub body: Bytes,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache_control: &'static str,
    /// Whether the target may compress the content (`Content-Encoding: gzip`).
    pub compressible: bool,
}

impl Object {
    /// The playlist with this text.
    #[must_use]
    pub fn playlist(key: String, text: String, cache_control: &'static str) -> Self {
        Self {
            key,
            body: Bytes::from(text),
            content_type: names::CONTENT_TYPE_PLAYLIST,
            cache_control,
            compressible: true,
        }
    }

    /// The `main.m3u8` with this text. It is the only object that is overwritten by a flip.
    #[must_use]
    pub fn multivariant_playlist(key: String, text: String) -> Self {
        Self::playlist(key, text, names::CACHE_SHORT)
    }

    /// A poster (JPEG).
    #[must_use]
    pub fn poster(key: String, jpeg: Bytes) -> Self {
        Self::immutable(key, jpeg, names::CONTENT_TYPE_JPEG)
    }

    /// An object with binary content that never changes.
    pub(super) fn immutable(key: String, body: Bytes, content_type: &'static str) -> Self {
        let cache_control = names::CACHE_IMMUTABLE;
        Self { key, body, content_type, cache_control, compressible: false }
    }
}

/// Destination of a stream: a bucket or a folder.
#[async_trait]
pub trait Target: Send + Sync {
    /// Writes an object. The object is durable and readable when this returns.
    ///
    /// # Errors
    /// [`Error::Target`] if the destination refuses the object or cannot be reached.
    async fn put(&self, object: Object) -> Result<(), Error>;
}
