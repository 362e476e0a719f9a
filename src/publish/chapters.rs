//! Upload of the chapters.

use std::sync::Arc;

use super::error::Error;
use super::multivariant::StreamPlaylists;
use super::object::{Object, Target};
use crate::domain::hls::{chapters, names};

/// Publishes the chapters of a stream of this duration. Returns their path, relative to `main.m3u8`; `None` if
/// the stream has no chapters. No playlist names them.
///
/// # Errors
/// [`Error::Target`].
pub(super) async fn publish(
    target: &Arc<dyn Target>,
    playlists: &StreamPlaylists,
    duration_ns: u64,
) -> Result<Option<String>, Error> {
    let Some(text) = chapters::render(&playlists.plan().chapters, duration_ns) else {
        return Ok(None);
    };
    let layout = playlists.layout();
    let key = layout.key_of_stream_file(names::CHAPTERS);
    let object = Object::immutable(key, text.into(), names::CONTENT_TYPE_WEBVTT);
    target.put(Object { compressible: true, ..object }).await?;
    Ok(Some(layout.uri_of_stream_file(names::CHAPTERS)))
}
