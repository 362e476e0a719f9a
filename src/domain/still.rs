//! Posters that users choose: an image of their own, or a frame of the video.

use serde::{Deserialize, Serialize};

/// Longest side of a poster in pixels: that of 720p.
pub const MAX_SIDE_PX: u32 = 1280;
/// Most bytes of an image that somebody uploads as a poster.
pub const MAX_IMAGE_BYTES: usize = 20 << 20;
/// Most pixels of such an image.
pub const MAX_IMAGE_PIXELS: u64 = 100_000_000;

/// The frame of a source that becomes a poster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Still {
    /// Time of the frame behind the first one, in nanoseconds. The last frame that begins by then is taken.
    pub offset_ns: u64,
}

/// Whether a file begins as a JPEG, PNG or WebP image does.
#[must_use]
pub fn is_image(bytes: &[u8]) -> bool {
    const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF];
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    bytes.starts_with(JPEG) || bytes.starts_with(PNG) || is_webp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_first_bytes() {
        for image in [&b"\xFF\xD8\xFF\xE0"[..], b"\x89PNG\r\n\x1a\n..", b"RIFF\0\0\0\0WEBPVP8 "] {
            assert!(is_image(image), "{image:?}");
        }
        for other in [&b""[..], b"\xFF\xD8", b"GIF89a", b"RIFF\0\0\0\0WAVE", b"<svg/>", b"RIFF"] {
            assert!(!is_image(other), "{other:?}");
        }
    }
}
