//! Object names of a published stream, and the headers that they are served with.

use crate::domain::encode::SegmentFormat;
use crate::domain::job::VideoId;
use crate::domain::visibility::Visibility;

/// `Content-Type` of playlists (RFC 8216, 10).
pub const CONTENT_TYPE_PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// `Content-Type` of initialization sections.
pub const CONTENT_TYPE_INIT: &str = "video/mp4";
/// `Content-Type` of `WebVTT`: the storyboard, chapters and subtitles.
pub const CONTENT_TYPE_WEBVTT: &str = "text/vtt";
/// `Content-Type` of the poster and the sheets of the storyboard.
pub const CONTENT_TYPE_JPEG: &str = "image/jpeg";

/// `Cache-Control` of objects that never change: one year.
pub const CACHE_IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// `Cache-Control` of `main.m3u8`, ended event playlists and records: caches show a flip within 2 s.
pub const CACHE_SHORT: &str = "public, max-age=2";
/// `Cache-Control` of event playlists, which change with every segment.
pub const CACHE_EVENT: &str = "public, max-age=1";

/// `Cache-Control` of an object of a stream of this visibility: shared caches keep nothing of a private one.
#[must_use]
pub fn cache_control(visibility: Visibility, of_public: &'static str) -> &'static str {
    match (visibility, of_public) {
        (Visibility::Public, _) => of_public,
        (Visibility::Private, CACHE_IMMUTABLE) => "private, max-age=31536000, immutable",
        (Visibility::Private, _) => "private, no-store",
    }
}

/// `Cache-Control` of the copy of an object whose stream becomes one of this visibility.
#[must_use]
pub fn cache_control_of_copy(visibility: Visibility, of_original: &str) -> &'static str {
    let is_immutable = of_original.contains("immutable");
    cache_control(visibility, if is_immutable { CACHE_IMMUTABLE } else { CACHE_SHORT })
}

/// Multivariant playlist.
pub const MAIN: &str = "main.m3u8";
/// Event playlist of a rendition.
pub const EVENT: &str = "event.m3u8";
/// VOD playlist of a rendition.
pub const INDEX: &str = "index.m3u8";
/// I-frame playlist of a rendition.
pub const IFRAMES: &str = "iframes.m3u8";
/// Initialization section of a CMAF rendition.
pub const INIT: &str = "init.mp4";
/// Poster of a video.
pub const POSTER: &str = "poster.jpg";
/// Storyboard of a video (`WebVTT`).
pub const STORYBOARD: &str = "storyboard.vtt";
/// Chapters of a video (`WebVTT`).
pub const CHAPTERS: &str = "chapters.vtt";

/// Begin of the names of posters that users have chosen.
pub const OWN_POSTER_PREFIX: &str = "poster-";

/// Name of a poster that a user has chosen. `random` makes it unique: names are used once.
#[must_use]
pub fn own_poster(random: &str) -> String {
    format!("{OWN_POSTER_PREFIX}{random}.jpg")
}

/// Name of a sheet of the storyboard.
#[must_use]
pub fn storyboard_sheet(number: u32) -> String {
    format!("storyboard_{number:03}.jpg")
}

/// Name of a media segment within its rendition.
#[must_use]
pub fn segment(format: SegmentFormat, number: u32) -> String {
    format!("seg_{number:05}.{}", extension(format))
}

/// Whether a file is the first media segment of its rendition.
#[must_use]
pub fn is_first_segment(file: &str) -> bool {
    [SegmentFormat::Ts, SegmentFormat::Cmaf].iter().any(|format| file == segment(*format, 0))
}

/// Name of a subtitle segment within its rendition.
#[must_use]
pub fn subtitle_segment(number: u32) -> String {
    format!("seg_{number:05}.vtt")
}

/// Name of the file with the key frames of an encrypted segment, each encrypted by itself.
#[must_use]
pub fn encrypted_iframes(format: SegmentFormat, number: u32) -> String {
    format!("iframes_{number:05}.{}", extension(format))
}

fn extension(format: SegmentFormat) -> &'static str {
    match format {
        SegmentFormat::Ts => "ts",
        SegmentFormat::Cmaf => "m4s",
    }
}

/// `Content-Type` of media segments.
#[must_use]
pub fn segment_content_type(format: SegmentFormat) -> &'static str {
    match format {
        SegmentFormat::Ts => "video/mp2t",
        SegmentFormat::Cmaf => "video/iso.segment",
    }
}

/// Key of a video's multivariant playlist.
#[must_use]
pub fn main_key(id: &VideoId) -> String {
    format!("{id}/{MAIN}")
}

/// Keys and URIs of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Prefix of the key of `main.m3u8`: empty, or ends with a slash.
    base: String,
    /// Folder of the attempt below `base`: empty, or ends with a slash.
    attempt: String,
    is_live: bool,
}

impl Layout {
    /// Layout of an attempt in the home of its stream: `main.m3u8` below the video's id, everything else
    /// below the attempt's. Players may watch while the stream is encoded.
    #[must_use]
    pub fn of_attempt(id: &VideoId, attempt_id: &str) -> Self {
        Self { base: format!("{id}/"), attempt: format!("{attempt_id}/"), is_live: true }
    }

    /// The same keys for a stream that nobody may watch before it is finished: no event playlists.
    #[must_use]
    pub fn hidden(self) -> Self {
        Self { is_live: false, ..self }
    }

    /// Layout of a folder that nobody reads before the stream is finished: no event playlists.
    #[must_use]
    pub fn of_folder() -> Self {
        Self { base: String::new(), attempt: String::new(), is_live: false }
    }

    /// Whether players may watch while the stream is encoded. If so, there are event playlists.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// Key of the multivariant playlist.
    #[must_use]
    pub fn main_key(&self) -> String {
        format!("{}{MAIN}", self.base)
    }

    /// Key of a file of a rendition.
    #[must_use]
    pub fn key(&self, rendition: &str, file: &str) -> String {
        format!("{}{}", self.base, self.uri(rendition, file))
    }

    /// URI of a file of a rendition, relative to the multivariant playlist.
    #[must_use]
    pub fn uri(&self, rendition: &str, file: &str) -> String {
        format!("{}{rendition}/{file}", self.attempt)
    }

    /// Key of a file of the whole stream, such as the poster.
    #[must_use]
    pub fn key_of_stream_file(&self, file: &str) -> String {
        format!("{}{}", self.base, self.uri_of_stream_file(file))
    }

    /// URI of a file of the whole stream, relative to the multivariant playlist.
    #[must_use]
    pub fn uri_of_stream_file(&self, file: &str) -> String {
        format!("{}{file}", self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_caches_keep_nothing_of_a_private_stream() {
        use Visibility::{Private, Public};
        for cache in [CACHE_IMMUTABLE, CACHE_SHORT, CACHE_EVENT] {
            assert_eq!(cache_control(Public, cache), cache);
            let private = cache_control(Private, cache);
            assert!(private.starts_with("private, "), "{private}");
            assert_eq!(cache_control_of_copy(Private, cache), private);
            let again = if cache == CACHE_IMMUTABLE { CACHE_IMMUTABLE } else { CACHE_SHORT };
            assert_eq!(cache_control_of_copy(Public, private), again);
        }
    }

    #[test]
    fn keys_and_uris_agree() {
        let id = VideoId::of_source("uploads", "x.mp4");
        let layout = Layout::of_attempt(&id, "1-ab");
        assert_eq!(layout.main_key(), main_key(&id));
        assert_eq!(
            layout.key("720p", &segment(SegmentFormat::Ts, 7)),
            format!("{id}/1-ab/720p/seg_00007.ts")
        );
        assert_eq!(segment(SegmentFormat::Cmaf, 7), "seg_00007.m4s");
        assert_eq!(layout.uri("720p", EVENT), "1-ab/720p/event.m3u8");
        let folder = Layout::of_folder();
        assert_eq!(
            (folder.main_key().as_str(), folder.key("720p", INDEX).as_str()),
            (MAIN, "720p/index.m3u8")
        );
    }
}
