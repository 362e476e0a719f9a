//! Search for the key frames of a segment, whatever its format.

use super::{fragments, transport_stream};

pub use super::key_frame::{Error, KeyFrame, KeyFrames};

/// Finds the H.264 key frames of a segment; the result is empty if there is no H.264. A segment with
/// an initialization section is fragmented MP4, one without is a transport stream.
///
/// # Errors
/// [`Error`] if the bytes are not of that format.
pub fn find(init: Option<&[u8]>, segment: &[u8]) -> Result<KeyFrames, Error> {
    match init {
        Some(init) => fragments::find(init, segment),
        None => transport_stream::find(segment),
    }
}
