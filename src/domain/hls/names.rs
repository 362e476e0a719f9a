//! Names of what is published, and how it is served.

use crate::domain::encode::SegmentFormat;
use crate::domain::job::VideoId;

/// `Content-Type` of playlists (RFC 8216, 10).
pub const CONTENT_TYPE_PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// `Content-Type` of initialization sections.
pub const CONTENT_TYPE_INIT: &str = "video/mp4";
/// `Cache-Control` of what never changes under its name.
pub const CACHE_IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// `Cache-Control` of `main.m3u8` and of records: a flip is seen within seconds.
pub const CACHE_SHORT: &str = "public, max-age=2";
/// `Cache-Control` of a playlist that grows every few seconds.
pub const CACHE_GROWING: &str = "public, max-age=1";

/// Name of the multivariant playlist.
pub const MAIN: &str = "main.m3u8";
/// Name of a rendition's playlist while it grows.
pub const EVENT: &str = "event.m3u8";
/// Name of a rendition's playlist once it is whole.
pub const INDEX: &str = "index.m3u8";
/// Name of a rendition's I-frame playlist.
pub const IFRAMES: &str = "iframes.m3u8";

/// `Content-Type` of `WebVTT`: the storyboard and subtitles.
pub const CONTENT_TYPE_WEBVTT: &str = "text/vtt";
/// `Content-Type` of still pictures.
pub const CONTENT_TYPE_PICTURE: &str = "image/jpeg";
/// Name of the poster.
pub const POSTER: &str = "poster.jpg";
/// Name of the storyboard's `WebVTT`.
pub const STORYBOARD: &str = "storyboard.vtt";

/// Name of a sheet of the storyboard.
#[must_use]
pub fn sheet(number: u32) -> String {
    format!("storyboard_{number:03}.jpg")
}

/// Name of the initialization section that the fragments of a rendition are read with.
pub const INIT: &str = "init.mp4";

/// Name of a segment within its rendition.
#[must_use]
pub fn segment(format: SegmentFormat, number: u32) -> String {
    format!("seg_{number:05}.{}", extension(format))
}

/// Name of a segment of subtitles within its rendition.
#[must_use]
pub fn subtitles(number: u32) -> String {
    format!("seg_{number:05}.vtt")
}

fn extension(format: SegmentFormat) -> &'static str {
    match format {
        SegmentFormat::Ts => "ts",
        SegmentFormat::Cmaf => "m4s",
    }
}

/// `Content-Type` of segments.
#[must_use]
pub fn segment_content_type(format: SegmentFormat) -> &'static str {
    match format {
        SegmentFormat::Ts => "video/mp2t",
        SegmentFormat::Cmaf => "video/iso.segment",
    }
}

/// Name of the file with the pictures of an encrypted segment.
#[must_use]
pub fn pictures(format: SegmentFormat, number: u32) -> String {
    format!("iframes_{number:05}.{}", extension(format))
}

/// Key of a video's multivariant playlist.
#[must_use]
pub fn main_key(id: &VideoId) -> String {
    format!("{id}/{MAIN}")
}

/// Where the files of one stream lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Prefix of `main.m3u8`: empty, or with a slash at its end.
    base: String,
    /// Folder of the renditions below the base: empty, or with a slash at its end.
    renditions: String,
    /// Whether players may watch while the stream is being made.
    live: bool,
}

impl Layout {
    /// An attempt at a video in the public bucket.
    #[must_use]
    pub fn of_attempt(id: &VideoId, attempt_id: &str) -> Self {
        Self { base: format!("{id}/"), renditions: format!("{attempt_id}/"), live: true }
    }

    /// A folder of its own, which nobody reads before it is whole.
    #[must_use]
    pub fn of_folder() -> Self {
        Self { base: String::new(), renditions: String::new(), live: false }
    }

    /// Whether players may watch while the stream is being made: there are event playlists then.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Key of the multivariant playlist.
    #[must_use]
    pub fn main(&self) -> String {
        format!("{}{MAIN}", self.base)
    }

    /// Key of a file of a rendition.
    #[must_use]
    pub fn key(&self, rendition: &str, file: &str) -> String {
        format!("{}{}", self.base, self.uri(rendition, file))
    }

    /// Path of a file that belongs to no rendition, relative to the multivariant playlist.
    #[must_use]
    pub fn beside(&self, file: &str) -> String {
        format!("{}{file}", self.renditions)
    }

    /// Key of a file that belongs to no rendition.
    #[must_use]
    pub fn key_beside(&self, file: &str) -> String {
        format!("{}{}", self.base, self.beside(file))
    }

    /// The same file as the multivariant playlist refers to it.
    #[must_use]
    pub fn uri(&self, rendition: &str, file: &str) -> String {
        format!("{}{rendition}/{file}", self.renditions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_uris_agree() {
        let id = VideoId::of_source("uploads", "x.mp4");
        let layout = Layout::of_attempt(&id, "1-ab");
        assert_eq!(layout.main(), main_key(&id));
        assert_eq!(
            layout.key("720p", &segment(SegmentFormat::Ts, 7)),
            format!("{id}/1-ab/720p/seg_00007.ts")
        );
        assert_eq!(segment(SegmentFormat::Cmaf, 7), "seg_00007.m4s");
        assert_eq!(layout.uri("720p", EVENT), "1-ab/720p/event.m3u8");
        let folder = Layout::of_folder();
        assert_eq!(
            (folder.main().as_str(), folder.key("720p", INDEX).as_str()),
            (MAIN, "720p/index.m3u8")
        );
    }
}
