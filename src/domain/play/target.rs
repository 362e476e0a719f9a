//! Files that the gateway serves, by their paths below the video.

use crate::domain::hls::names::OWN_POSTER_PREFIX;

/// A file of a private stream that a player loads from the gateway. Everything else it loads from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The multivariant playlist.
    Main,
    /// A media playlist; `is_event` if it grows.
    Media {
        /// Whether it grows.
        is_event: bool,
    },
    /// The poster (JPEG).
    Poster,
    /// The storyboard (`WebVTT`).
    Storyboard,
    /// The chapters (`WebVTT`).
    Chapters,
    /// The key of the segments.
    Key,
}

impl Target {
    /// The file at a path such as `a1/720p/index.m3u8`. `None` if the gateway has no such file.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let is_name = |name: &str| {
            let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_allowed)
        };
        let parts: Vec<&str> = path.split('/').collect();
        if !parts.iter().all(|name| is_name(name)) {
            return None;
        }
        match parts[..] {
            ["main.m3u8"] => Some(Self::Main),
            [_, "poster.jpg"] => Some(Self::Poster),
            [_, file] if is_own_poster(file) => Some(Self::Poster),
            [_, "storyboard.vtt"] => Some(Self::Storyboard),
            [_, "chapters.vtt"] => Some(Self::Chapters),
            [_, "key"] => Some(Self::Key),
            [_, _, "index.m3u8" | "iframes.m3u8"] => Some(Self::Media { is_event: false }),
            [_, _, "event.m3u8"] => Some(Self::Media { is_event: true }),
            _ => None,
        }
    }
}

/// Whether this is the name of a poster that a user has chosen.
fn is_own_poster(file: &str) -> bool {
    file.strip_suffix(".jpg").is_some_and(|name| name.starts_with(OWN_POSTER_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_stream_are_known_and_no_others() {
        let vod = Target::Media { is_event: false };
        let table = [
            ("main.m3u8", Some(Target::Main)),
            ("a1-2/720p/index.m3u8", Some(vod)),
            ("a1/720p/iframes.m3u8", Some(vod)),
            ("a1/subtitles-en/index.m3u8", Some(vod)),
            ("a1/audio-en/event.m3u8", Some(Target::Media { is_event: true })),
            ("a1/poster.jpg", Some(Target::Poster)),
            ("a1/poster-0a.jpg", Some(Target::Poster)),
            ("a1/poster-0a.png", None),
            ("a1/storyboard.vtt", Some(Target::Storyboard)),
            ("a1/chapters.vtt", Some(Target::Chapters)),
            ("a1/key", Some(Target::Key)),
            ("job.json", None),
            ("a1/720p/seg_00000.ts", None),
            ("a1/storyboard_000.jpg", None),
            ("a1/main.m3u8", None),
            ("../main.m3u8", None),
            ("a1/../index.m3u8", None),
            ("a1//index.m3u8", None),
            ("/main.m3u8", None),
            ("a%2F1/720p/index.m3u8", None),
            ("", None),
        ];
        for (path, expected) in table {
            assert_eq!(Target::parse(path), expected, "{path}");
        }
    }
}
