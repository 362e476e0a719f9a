//! Content of a media playlist.

use super::attributes::Attributes;

/// A media playlist, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct MediaPlaylist {
    pub(in super::super) version: Option<usize>,
    /// `EXT-X-TARGETDURATION` in seconds.
    pub(in super::super) target_duration: Option<u64>,
    pub(in super::super) media_sequence: u64,
    pub(in super::super) playlist_type: Option<PlaylistType>,
    pub(in super::super) end_list: bool,
    pub(in super::super) i_frames_only: bool,
    pub(in super::super) independent_segments: bool,
    pub(in super::super) segments: Vec<MediaSegment>,
}

/// `EXT-X-PLAYLIST-TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum PlaylistType {
    Vod,
    Event,
}

/// A media segment, with the tags that stand before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct MediaSegment {
    /// Number of the line with the URI.
    pub(in super::super) line: usize,
    pub(in super::super) uri: String,
    /// `EXTINF` in seconds; 0 if it cannot be read.
    pub(in super::super) duration: f64,
    /// The part of the resource; all of it without a range.
    pub(in super::super) byte_range: Option<ByteRange>,
    pub(in super::super) discontinuity: bool,
    pub(in super::super) gap: bool,
    pub(in super::super) key: Option<Key>,
    pub(in super::super) map: Option<Map>,
}

/// Part of a resource, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct ByteRange {
    pub(in super::super) offset: u64,
    pub(in super::super) length: u64,
}

/// `EXT-X-KEY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Key {
    pub(in super::super) method: KeyMethod,
    pub(in super::super) uri: Option<String>,
    pub(in super::super) iv: Option<String>,
    pub(in super::super) keyformat: Option<String>,
    pub(in super::super) keyformatversions: Option<String>,
}

/// `METHOD` of `EXT-X-KEY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum KeyMethod {
    #[default]
    None,
    Aes128,
    SampleAes,
    Other(String),
}

/// `EXT-X-MAP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Map {
    pub(in super::super) uri: String,
    pub(in super::super) byte_range: Option<ByteRange>,
}

impl Key {
    /// Reads the attributes of the tag.
    pub(super) fn of(attributes: &Attributes) -> Self {
        let method = match attributes.get("METHOD") {
            Some("NONE") => KeyMethod::None,
            Some("AES-128") => KeyMethod::Aes128,
            Some("SAMPLE-AES") => KeyMethod::SampleAes,
            other => KeyMethod::Other(other.unwrap_or_default().to_owned()),
        };
        Self {
            method,
            uri: attributes.text("URI"),
            iv: attributes.text("IV"),
            keyformat: attributes.text("KEYFORMAT"),
            keyformatversions: attributes.text("KEYFORMATVERSIONS"),
        }
    }
}
