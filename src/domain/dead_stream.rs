//! Streams whose parser or decoder gives up while the others of the source can be used.

use serde::{Deserialize, Serialize};

/// Earliest time in nanoseconds at which a stream counts as lost from there on, and not as a whole.
const MIN_FROM_NS: u64 = 500_000_000;

/// Kind of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamKind {
    /// Moving video.
    Video,
    /// Audio.
    Audio,
    /// Subtitles, cover art, data.
    Other,
}

impl StreamKind {
    /// The kind of a stream with caps of this name, such as `audio/mpeg`.
    #[must_use]
    pub fn of_caps(name: &str) -> Self {
        match name {
            _ if name.starts_with("video/") => Self::Video,
            _ if name.starts_with("audio/") => Self::Audio,
            _ => Self::Other,
        }
    }

    /// Whether a source can do without a stream of this kind, if streams of these kinds are left: video needs
    /// other video, and all others need anything that is seen or heard.
    #[must_use]
    pub fn is_dispensable(self, left: &[Self]) -> bool {
        match self {
            Self::Video => left.contains(&Self::Video),
            Self::Audio | Self::Other => left.iter().any(|kind| *kind != Self::Other),
        }
    }
}

/// A stream that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadStream {
    /// GStreamer's stream id.
    pub stream_id: String,
    /// Kind of the stream.
    pub kind: StreamKind,
    /// Number among the streams of its kind, from 1.
    pub number: usize,
    /// Name of the codec for people; empty if it is unknown.
    pub codec: String,
    /// Time from which on nothing is decoded, in nanoseconds; none if it is unknown.
    pub from_ns: Option<u64>,
}

impl DeadStream {
    /// A sentence for the person who uploaded the source.
    #[must_use]
    pub fn sentence(&self) -> String {
        let kind = match self.kind {
            StreamKind::Video => "Video",
            StreamKind::Audio => "Audio",
            StreamKind::Other => "Other",
        };
        let (number, codec) = (self.number, self.codec.as_str());
        let codec = if codec.is_empty() { String::new() } else { format!(" ({codec})") };
        let name = format!("{kind} track {number}{codec}");
        match self.from_ns.filter(|ns| *ns >= MIN_FROM_NS) {
            Some(ns) => {
                let (tenths, begin) = (ns / 100_000_000, "cannot be decoded from");
                format!(
                    "{name} {begin} {}.{} s on and is left out there.",
                    tenths / 10,
                    tenths % 10
                )
            }
            None => format!("{name} cannot be decoded and is left out."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StreamKind::{Audio, Other, Video};

    #[test]
    fn a_stream_is_dispensable_while_others_can_be_used() {
        let table = [
            (Audio, &[Video][..], true),
            (Audio, &[Audio], true),
            (Audio, &[Other], false),
            (Audio, &[], false),
            (Other, &[Audio], true),
            (Video, &[Audio, Other], false),
            (Video, &[Audio, Video], true),
        ];
        for (lost, left, expected) in table {
            assert_eq!(lost.is_dispensable(left), expected, "{lost:?} {left:?}");
        }
    }

    #[test]
    fn a_sentence_names_track_codec_and_time() {
        let stream = DeadStream {
            stream_id: "a".to_owned(),
            kind: StreamKind::of_caps("audio/x-ac3"),
            number: 2,
            codec: "AC-3".to_owned(),
            from_ns: Some(12_340_000_000),
        };
        let sentence =
            "Audio track 2 (AC-3) cannot be decoded from 12.3 s on and is left out there.";
        assert_eq!(stream.sentence(), sentence);
        let whole = DeadStream { codec: String::new(), from_ns: Some(20_000_000), ..stream };
        assert_eq!(whole.sentence(), "Audio track 2 cannot be decoded and is left out.");
    }
}
