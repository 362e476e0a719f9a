//! Media playlists: the segments of one rendition, or its key frames (RFC 8216, 4.3).

use super::key::KeyTag;
use super::text::push_line;

/// Type of a media playlist (`EXT-X-PLAYLIST-TYPE`), and whether it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaylistKind {
    /// `EVENT`: segments are still appended.
    Event,
    /// `EVENT` with `EXT-X-ENDLIST`: all segments are there, under the same name as before.
    EventEnded,
    /// `VOD`: all segments are there from the beginning.
    Vod,
}

/// Initialization section of the entries (`EXT-X-MAP`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// URI of the file that holds the section.
    pub uri: String,
    /// Bytes of the section, from the beginning of the file; `None` for the whole file.
    pub first_bytes: Option<u64>,
}

/// Tags of a media playlist that apply to all its entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target_duration_secs: u32,
    /// Initialization section, if the entries need one.
    pub map: Option<&'a Map>,
    /// Wall-clock time of the first frame (RFC 3339), the same in all playlists of a stream. Without
    /// it, a player that changes the rendition of an event playlist has to load a segment of the new
    /// one to find its position.
    pub begins_at: Option<&'a str>,
    /// Encryption of the entries; `None` for a stream in the clear. The initialization section
    /// stands before the first tag and is never encrypted.
    pub key: Option<KeyTag<'a>>,
}

/// Renders the playlist of segments with these durations in nanoseconds; `uri` names the segment
/// with a number. The sum of the `EXTINF` values differs from the real time by at most a
/// microsecond at any segment (Apple's authoring rule 8.1).
#[must_use]
pub fn render(
    kind: PlaylistKind,
    header: Header<'_>,
    durations_ns: &[u64],
    uri: impl Fn(u32) -> String,
) -> String {
    let mut text = String::with_capacity(200 + 40 * durations_ns.len());
    let playlist_type = match kind {
        PlaylistKind::Event | PlaylistKind::EventEnded => "EVENT",
        PlaylistKind::Vod => "VOD",
    };
    push_preamble(&mut text, header.target_duration_secs, playlist_type);
    push_line(&mut text, format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    if matches!(kind, PlaylistKind::Event | PlaylistKind::EventEnded) {
        // Players treat an event playlist as live; this makes them start at the beginning.
        push_line(&mut text, format_args!("#EXT-X-START:TIME-OFFSET=0"));
    }
    if let Some(map) = header.map {
        push_map(&mut text, map);
    }
    if let Some(date) = header.begins_at.filter(|_| !durations_ns.is_empty()) {
        push_line(&mut text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{date}"));
    }
    for (number, us) in (0..).zip(microseconds(durations_ns.iter().copied())) {
        push_key(&mut text, header.key, number as usize);
        push_extinf(&mut text, us);
        push_line(&mut text, format_args!("{}", uri(number)));
    }
    match kind {
        PlaylistKind::Event => {}
        PlaylistKind::EventEnded | PlaylistKind::Vod => {
            push_line(&mut text, format_args!("#EXT-X-ENDLIST"));
        }
    }
    text
}

/// Entry of an I-frame playlist: the byte range of one key frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IFrameEntry {
    /// URI of the file that holds the frame.
    pub uri: String,
    /// Offset of the first byte.
    pub offset: u64,
    /// Number of bytes.
    pub len: u64,
    /// Time from this key frame to the next, in nanoseconds.
    pub duration_ns: u64,
}

/// Renders an I-frame playlist (RFC 8216, 4.3.3.6). The initialization section of `header` holds the
/// PAT and PMT of a transport stream, or the `moov` of fragmented MP4; entries that bring their own
/// tables need none. [`Header::begins_at`] is not used.
#[must_use]
pub fn render_iframes(header: Header<'_>, entries: &[IFrameEntry]) -> String {
    let mut text = String::with_capacity(200 + 80 * entries.len());
    push_preamble(&mut text, header.target_duration_secs, "VOD");
    push_line(&mut text, format_args!("#EXT-X-I-FRAMES-ONLY"));
    if let Some(map) = header.map {
        push_map(&mut text, map);
    }
    let durations = microseconds(entries.iter().map(|entry| entry.duration_ns));
    for (number, (entry, us)) in entries.iter().zip(durations).enumerate() {
        push_key(&mut text, header.key, number);
        push_extinf(&mut text, us);
        push_line(&mut text, format_args!("#EXT-X-BYTERANGE:{}@{}", entry.len, entry.offset));
        push_line(&mut text, format_args!("{}", entry.uri));
    }
    push_line(&mut text, format_args!("#EXT-X-ENDLIST"));
    text
}

/// Durations in microseconds; the sum of any first few differs from the real time by less than one.
fn microseconds(durations_ns: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
    let mut end_ns = 0;
    let mut rounded_end_us = 0;
    durations_ns.map(move |duration_ns| {
        end_ns += duration_ns;
        let end_us = (end_ns + 500) / 1000;
        let us = end_us - rounded_end_us;
        rounded_end_us = end_us;
        us
    })
}

fn push_preamble(text: &mut String, target_duration_secs: u32, playlist_type: &str) {
    push_line(text, format_args!("#EXTM3U"));
    // Decimal EXTINF needs version 3; INDEPENDENT-SEGMENTS and EXT-X-MAP version 6 (RFC 8216, 7).
    push_line(text, format_args!("#EXT-X-VERSION:6"));
    push_line(text, format_args!("#EXT-X-TARGETDURATION:{target_duration_secs}"));
    push_line(text, format_args!("#EXT-X-MEDIA-SEQUENCE:0"));
    push_line(text, format_args!("#EXT-X-PLAYLIST-TYPE:{playlist_type}"));
}

fn push_map(text: &mut String, map: &Map) {
    let uri = &map.uri;
    match map.first_bytes {
        Some(len) => {
            push_line(text, format_args!("#EXT-X-MAP:URI=\"{uri}\",BYTERANGE=\"{len}@0\""));
        }
        None => push_line(text, format_args!("#EXT-X-MAP:URI=\"{uri}\"")),
    }
}

fn push_key(text: &mut String, key: Option<KeyTag<'_>>, entry: usize) {
    if let Some(line) = key.and_then(|key| key.line(entry)) {
        push_line(text, format_args!("{line}"));
    }
}

fn push_extinf(text: &mut String, us: u64) {
    push_line(text, format_args!("#EXTINF:{}.{:06},", us / 1_000_000, us % 1_000_000));
}

#[cfg(test)]
mod tests {
    use m3u8_rs::MediaPlaylistType;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::encode::SegmentFormat;
    use crate::domain::hls::names;

    const SIX: Header<'_> =
        Header { target_duration_secs: 6, map: None, begins_at: None, key: None };

    fn ts(number: u32) -> String {
        names::segment(SegmentFormat::Ts, number)
    }

    #[test]
    fn fragments_name_their_initialization_section() {
        let map = Map { uri: names::INIT.to_owned(), first_bytes: None };
        let name = |number| names::segment(SegmentFormat::Cmaf, number);
        insta::assert_snapshot!(
            render(PlaylistKind::Vod, Header { map: Some(&map), ..SIX }, &[6_000_000_000], name),
            @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="init.mp4"
        #EXTINF:6.000000,
        seg_00000.m4s
        #EXT-X-ENDLIST
        "#
        );
        let uri = name(0);
        let entry = IFrameEntry { uri, offset: 28, len: 900, duration_ns: 2_000_000_000 };
        let text = render_iframes(Header { map: Some(&map), ..SIX }, &[entry]);
        assert!(text.contains("#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.000000,\n"), "{text}");
    }

    #[test]
    fn a_vod_playlist() {
        insta::assert_snapshot!(
            render(PlaylistKind::Vod, SIX, &[6_006_000_000, 6_006_000_000, 1_234_567_890], ts),
            @r"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXTINF:6.006000,
        seg_00000.ts
        #EXTINF:6.006000,
        seg_00001.ts
        #EXTINF:1.234568,
        seg_00002.ts
        #EXT-X-ENDLIST
        "
        );
    }

    #[test]
    fn an_event_playlist() {
        let header = Header { begins_at: Some("2026-01-01T00:00:00Z"), ..SIX };
        insta::assert_snapshot!(render(PlaylistKind::Event, header, &[2_000_000_000, 2_000_000_000], ts), @r"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:EVENT
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-START:TIME-OFFSET=0
        #EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z
        #EXTINF:2.000000,
        seg_00000.ts
        #EXTINF:2.000000,
        seg_00001.ts
        ");
    }

    #[test]
    fn an_i_frame_playlist() {
        let entry = |number, offset| IFrameEntry {
            uri: ts(number),
            offset,
            len: 18_800,
            duration_ns: 2_002_000_000,
        };
        let map = Map { uri: ts(0), first_bytes: Some(376) };
        insta::assert_snapshot!(
            render_iframes(
                Header { map: Some(&map), ..SIX },
                &[entry(0, 376), entry(0, 90_000), entry(1, 376)]
            ),
            @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-I-FRAMES-ONLY
        #EXT-X-MAP:URI="seg_00000.ts",BYTERANGE="376@0"
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:18800@376
        seg_00000.ts
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:18800@90000
        seg_00000.ts
        #EXTINF:2.002000,
        #EXT-X-BYTERANGE:18800@376
        seg_00001.ts
        #EXT-X-ENDLIST
        "#
        );
    }

    const URI: &str = "https://keys.example.com/0a1b";

    #[test]
    fn each_segment_of_an_encrypted_playlist_has_a_key_tag() {
        let header = Header { key: Some(KeyTag { uri: URI, ivs: &[[0; 16], [1; 16]] }), ..SIX };
        let durations = [6_006_000_000, 1_234_567_890];
        insta::assert_snapshot!(render(PlaylistKind::Vod, header, &durations, ts), @r#"
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
    fn each_encrypted_key_frame_has_a_key_tag_and_no_map() {
        let entry = |offset| IFrameEntry {
            uri: names::encrypted_iframes(SegmentFormat::Ts, 0),
            offset,
            len: 18_800,
            duration_ns: 2_002_000_000,
        };
        let header = Header { key: Some(KeyTag { uri: URI, ivs: &[[0; 16], [1; 16]] }), ..SIX };
        insta::assert_snapshot!(render_iframes(header, &[entry(0), entry(18_800)]), @r#"
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
    fn an_encrypted_event_playlist_only_grows() {
        let durations = [6_000_000_000; 9];
        let ivs: Vec<_> = (0..9).map(|n| [n; 16]).collect();
        let text = |n: usize, kind| {
            let header = Header { key: Some(KeyTag { uri: URI, ivs: &ivs[..n] }), ..SIX };
            render(kind, header, &durations[..n], ts)
        };
        for n in 1..durations.len() {
            assert!(text(n + 1, PlaylistKind::Event).starts_with(&text(n, PlaylistKind::Event)));
        }
        let ended = text(9, PlaylistKind::Event) + "#EXT-X-ENDLIST\n";
        assert_eq!(text(9, PlaylistKind::EventEnded), ended);
    }

    proptest! {
        #[test]
        fn lines_are_only_ever_appended(durations in prop::collection::vec(1_u64..7_000_000_000, 1..60)) {
            let date = Header { begins_at: Some("2026-01-01T00:00:00Z"), ..SIX };
            let text = |n: usize, kind| render(kind, date, &durations[..n], ts);
            for n in 1..durations.len() {
                prop_assert!(text(n + 1, PlaylistKind::Event).starts_with(&text(n, PlaylistKind::Event)));
            }
            let last = text(durations.len(), PlaylistKind::Event);
            prop_assert_eq!(text(durations.len(), PlaylistKind::EventEnded), format!("{last}#EXT-X-ENDLIST\n"));
        }

        #[test]
        fn another_parser_reads_the_playlist(durations in prop::collection::vec(1_000_000_u64..6_400_000_000, 1..60)) {
            let text = render(PlaylistKind::Vod, SIX, &durations, ts);
            let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
            prop_assert_eq!(playlist.playlist_type, Some(MediaPlaylistType::Vod));
            prop_assert!(playlist.end_list && playlist.independent_segments);
            prop_assert_eq!(playlist.segments.len(), durations.len());
            let mut stated = 0.0;
            let mut real = 0.0;
            for (segment, ns) in playlist.segments.iter().zip(&durations) {
                stated += f64::from(segment.duration);
                real += std::time::Duration::from_nanos(*ns).as_secs_f64();
                // The parser reads durations as f32.
                prop_assert!((stated - real).abs() < 1e-4, "{stated} {real}");
            }
        }
    }
}
