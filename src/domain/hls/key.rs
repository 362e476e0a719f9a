//! Keys of encrypted streams: the key itself, where players get it, and what a playlist says of it
//! (RFC 8216, 4.3.2.4).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for the video in a [`Template`].
const VIDEO_ID: &str = "{video_id}";
/// What an id keeps as it is in a URL (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A key of AES-128. Nothing prints it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(redacted)")
    }
}

impl Key {
    /// Reads 32 hex digits; `None` if it is anything else.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut key = [0; 16];
        hex::decode_to_slice(text, &mut key).ok()?;
        Some(Self(key))
    }
}

/// A key, and where players of the stream get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamKey {
    /// The key.
    pub key: Key,
    /// What the playlists name.
    pub uri: String,
}

impl StreamKey {
    /// The line of a playlist that says how the segment behind it is encrypted.
    #[must_use]
    pub fn line(&self, iv: [u8; 16]) -> String {
        format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{}\",IV=0x{}", self.uri, hex::encode(iv))
    }
}

/// The playlist with a line before the `EXTINF` of each segment, the first line before the first.
/// What stands before all segments, such as `EXT-X-MAP`, stays outside the reach of any key.
#[must_use]
pub fn before_segments(playlist: &str, lines: &[String]) -> String {
    let mut lines = lines.iter();
    let mut text = String::with_capacity(playlist.len() + lines.len() * 120);
    for part in playlist.split_inclusive('\n') {
        if part.starts_with("#EXTINF:")
            && let Some(line) = lines.next()
        {
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(part);
    }
    text
}

/// A URL in which `{video_id}` stands for the video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it: a placeholder that is not known, or a character that a playlist's
    /// quoted string or a URL does not take.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.replace(VIDEO_ID, "");
        if let Some(at) = rest.find(['{', '}']) {
            let from = &rest[at..];
            let end = from.find('}').map_or(from.len(), |end| end + 1);
            return Err(format!("{} is unknown; the one placeholder is {VIDEO_ID}", &from[..end]));
        }
        let is_of_url = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\');
        match rest.chars().find(|c| !is_of_url(*c)) {
            Some(other) => Err(format!("{other:?} cannot be in a URL")),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The URL of a video.
    #[must_use]
    pub fn fill(&self, video_id: &str) -> String {
        let id = utf8_percent_encode(video_id, RESERVED).to_string();
        self.0.replace(VIDEO_ID, &id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::encode::SegmentFormat;
    use crate::domain::hls::media_playlist::{self, Header, Kind, Picture};
    use crate::domain::hls::names;

    const HEX: &str = "00112233445566778899aAbBcCdDeEfF";

    fn lines(segments: u8) -> Vec<String> {
        let uri = Template::parse("https://keys.example.com/{video_id}").unwrap().fill("0a1b");
        let key = StreamKey { key: Key::from_hex(HEX).unwrap(), uri };
        (0..segments).map(|n| key.line([n; 16])).collect()
    }

    #[test]
    fn a_key_is_32_hex_digits_and_never_printed() {
        let key = Key::from_hex(HEX).unwrap();
        assert_eq!((key.0[1], key.0[15]), (0x11, 0xFF));
        assert_eq!(format!("{key:?}"), "Key(redacted)");
        for wrong in ["", "00", &HEX[1..], &format!("{HEX}00"), &HEX.replace('0', "g")] {
            assert_eq!(Key::from_hex(wrong), None, "{wrong}");
        }
    }

    const SIX: Header<'_> = Header { target_duration_secs: 6, map: None, begins_at: None };

    fn name(number: u32) -> String {
        names::segment(SegmentFormat::Ts, number)
    }

    #[test]
    fn each_segment_of_a_playlist_has_its_own_line() {
        let durations = [6_006_000_000, 1_234_567_890];
        let whole = media_playlist::render(Kind::Whole, SIX, &durations, name);
        insta::assert_snapshot!(before_segments(&whole, &lines(2)), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-KEY:METHOD=AES-128,URI="https://keys.example.com/0a1b",IV=0x00000000000000000000000000000000
        #EXTINF:6.006000,
        seg_00000.ts
        #EXT-X-KEY:METHOD=AES-128,URI="https://keys.example.com/0a1b",IV=0x01010101010101010101010101010101
        #EXTINF:1.234568,
        seg_00001.ts
        #EXT-X-ENDLIST
        "#);
    }

    #[test]
    fn pictures_have_theirs_and_need_no_map() {
        let picture = |offset| Picture {
            uri: names::pictures(SegmentFormat::Ts, 0),
            offset,
            len: 18_800,
            duration_ns: 2_002_000_000,
        };
        let text = media_playlist::render_iframes(6, None, &[picture(0), picture(18_800)]);
        insta::assert_snapshot!(before_segments(&text, &lines(2)), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-I-FRAMES-ONLY
        #EXT-X-KEY:METHOD=AES-128,URI="https://keys.example.com/0a1b",IV=0x00000000000000000000000000000000
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:18800@0
        iframes_00000.ts
        #EXT-X-KEY:METHOD=AES-128,URI="https://keys.example.com/0a1b",IV=0x01010101010101010101010101010101
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:18800@18800
        iframes_00000.ts
        #EXT-X-ENDLIST
        "#);
    }

    #[test]
    fn lines_are_only_ever_appended() {
        let durations = [6_000_000_000; 9];
        let all = lines(9);
        let text = |n: usize, kind| {
            let playlist = media_playlist::render(kind, SIX, &durations[..n], name);
            before_segments(&playlist, &all[..n])
        };
        for n in 1..durations.len() {
            assert!(text(n + 1, Kind::Growing).starts_with(&text(n, Kind::Growing)));
        }
        assert_eq!(text(9, Kind::Closed), text(9, Kind::Growing) + "#EXT-X-ENDLIST\n");
        let plain = media_playlist::render(Kind::Whole, SIX, &durations, name);
        assert_eq!(before_segments(&plain, &[]), plain, "without encryption nothing changes");
    }

    #[test]
    fn templates_know_one_placeholder() {
        let filled = [
            ("https://k.example/{video_id}", "0a", "https://k.example/0a"),
            ("/{video_id}/k?v={video_id}", "a/b \"ü", "/a%2Fb%20%22%C3%BC/k?v=a%2Fb%20%22%C3%BC"),
            ("https://k.example/all.key", "0a", "https://k.example/all.key"),
        ];
        for (template, id, url) in filled {
            assert_eq!(Template::parse(template).unwrap().fill(id), url);
        }
        let wrong = [
            ("https://k.example/{id}", "{id} is unknown; the one placeholder is {video_id}"),
            (
                "https://k.example/{video_id",
                "{video_id is unknown; the one placeholder is {video_id}",
            ),
            ("https://k.example/}", "} is unknown; the one placeholder is {video_id}"),
            ("https://k.example/a b", "' ' cannot be in a URL"),
            ("https://k.example/\"", "'\"' cannot be in a URL"),
            ("https://k.example/\n", "'\\n' cannot be in a URL"),
        ];
        for (template, told) in wrong {
            assert_eq!(Template::parse(template), Err(told.to_owned()));
        }
    }
}
