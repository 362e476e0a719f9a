//! Media playlists: the segments of one rendition.

use std::fmt::Write;

/// What a media playlist says of its future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It grows (EVENT).
    Growing,
    /// It grew and is whole (EVENT with ENDLIST).
    Closed,
    /// It is whole (VOD).
    Whole,
}

/// Where the initialization section lies that segments are read with (EXT-X-MAP).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// Name of its file.
    pub uri: String,
    /// How many bytes of the beginning of that file it is; none for all.
    pub first_bytes: Option<u64>,
}

/// What a media playlist says before its segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// EXT-X-TARGETDURATION in seconds.
    pub target_duration_secs: u32,
    /// What the segments are read with, where they need it.
    pub map: Option<&'a Map>,
    /// The date that stands for the beginning (RFC 3339), the same in all playlists of a stream. A
    /// player that changes to another rendition of a growing stream finds its place by it; without
    /// one it has to load a segment first to see where that belongs.
    pub begins_at: Option<&'a str>,
}

/// The text of a media playlist whose segments last so long, in nanoseconds, and are named by
/// `uri`. EXTINF values are rounded so that their sum never strays from the real time by more than a
/// microsecond (Apple's authoring rule 8.1).
#[must_use]
pub fn render(
    kind: Kind,
    header: Header<'_>,
    durations_ns: &[u64],
    uri: impl Fn(u32) -> String,
) -> String {
    let target_duration_secs = header.target_duration_secs;
    let mut text = String::with_capacity(200 + 40 * durations_ns.len());
    let playlist_type = match kind {
        Kind::Growing | Kind::Closed => "EVENT",
        Kind::Whole => "VOD",
    };
    // Decimal EXTINF needs version 3; INDEPENDENT-SEGMENTS and EXT-X-MAP version 6 (RFC 8216, 7).
    line(&mut text, format_args!("#EXTM3U"));
    line(&mut text, format_args!("#EXT-X-VERSION:6"));
    line(&mut text, format_args!("#EXT-X-TARGETDURATION:{target_duration_secs}"));
    line(&mut text, format_args!("#EXT-X-MEDIA-SEQUENCE:0"));
    line(&mut text, format_args!("#EXT-X-PLAYLIST-TYPE:{playlist_type}"));
    line(&mut text, format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    if matches!(kind, Kind::Growing | Kind::Closed) {
        // A growing playlist counts as live; this makes players begin at the beginning.
        line(&mut text, format_args!("#EXT-X-START:TIME-OFFSET=0"));
    }
    if let Some(map) = header.map {
        line_of_map(&mut text, map);
    }
    if let Some(date) = header.begins_at.filter(|_| !durations_ns.is_empty()) {
        line(&mut text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{date}"));
    }
    for (number, us) in (0..).zip(microseconds(durations_ns.iter().copied())) {
        extinf(&mut text, us);
        line(&mut text, format_args!("{}", uri(number)));
    }
    match kind {
        Kind::Growing => {}
        Kind::Closed | Kind::Whole => line(&mut text, format_args!("#EXT-X-ENDLIST")),
    }
    text
}

/// A key frame and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Name of the segment.
    pub uri: String,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub len: u64,
    /// Until the next one, in nanoseconds.
    pub duration_ns: u64,
}

/// The text of an I-frame playlist. Its pictures are read with `map`: the tables at the beginning of
/// a transport stream, or an initialization section (RFC 8216, 4.3.2.5 and 4.3.3.6); without one each
/// picture brings its own tables.
#[must_use]
pub fn render_iframes(
    target_duration_secs: u32,
    map: Option<&Map>,
    pictures: &[Picture],
) -> String {
    let mut text = String::with_capacity(200 + 80 * pictures.len());
    line(&mut text, format_args!("#EXTM3U"));
    line(&mut text, format_args!("#EXT-X-VERSION:6"));
    line(&mut text, format_args!("#EXT-X-TARGETDURATION:{target_duration_secs}"));
    line(&mut text, format_args!("#EXT-X-MEDIA-SEQUENCE:0"));
    line(&mut text, format_args!("#EXT-X-PLAYLIST-TYPE:VOD"));
    line(&mut text, format_args!("#EXT-X-I-FRAMES-ONLY"));
    if let Some(map) = map {
        line_of_map(&mut text, map);
    }
    let durations = microseconds(pictures.iter().map(|picture| picture.duration_ns));
    for (picture, us) in pictures.iter().zip(durations) {
        extinf(&mut text, us);
        line(&mut text, format_args!("#EXT-X-BYTERANGE:{}@{}", picture.len, picture.offset));
        line(&mut text, format_args!("{}", picture.uri));
    }
    line(&mut text, format_args!("#EXT-X-ENDLIST"));
    text
}

/// Durations in microseconds whose sum is never off by more than one.
fn microseconds(durations_ns: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
    let mut end_ns = 0;
    let mut told_us = 0;
    durations_ns.map(move |duration_ns| {
        end_ns += duration_ns;
        let end_us = (end_ns + 500) / 1000;
        let us = end_us - told_us;
        told_us = end_us;
        us
    })
}

fn line_of_map(text: &mut String, map: &Map) {
    let uri = &map.uri;
    match map.first_bytes {
        Some(len) => line(text, format_args!("#EXT-X-MAP:URI=\"{uri}\",BYTERANGE=\"{len}@0\"")),
        None => line(text, format_args!("#EXT-X-MAP:URI=\"{uri}\"")),
    }
}

fn extinf(text: &mut String, us: u64) {
    line(text, format_args!("#EXTINF:{}.{:06},", us / 1_000_000, us % 1_000_000));
}

/// Writing to a string cannot fail.
pub(super) fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    if text.write_fmt(arguments).is_ok() {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use m3u8_rs::MediaPlaylistType;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::encode::SegmentFormat;
    use crate::domain::hls::names;

    const SIX: Header<'_> = Header { target_duration_secs: 6, map: None, begins_at: None };

    fn ts(number: u32) -> String {
        names::segment(SegmentFormat::Ts, number)
    }

    #[test]
    fn fragments_are_read_with_their_initialization_section() {
        let map = Map { uri: names::INIT.to_owned(), first_bytes: None };
        let name = |number| names::segment(SegmentFormat::Cmaf, number);
        insta::assert_snapshot!(
            render(Kind::Whole, Header { map: Some(&map), ..SIX }, &[6_000_000_000], name),
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
        let picture = Picture { uri, offset: 28, len: 900, duration_ns: 2_000_000_000 };
        let text = render_iframes(6, Some(&map), &[picture]);
        assert!(text.contains("#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.000000,\n"), "{text}");
    }

    #[test]
    fn a_whole_playlist_reads_like_this() {
        insta::assert_snapshot!(
            render(Kind::Whole, SIX, &[6_006_000_000, 6_006_000_000, 1_234_567_890], ts),
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
    fn a_growing_playlist_reads_like_this() {
        let header = Header { begins_at: Some("2026-01-01T00:00:00Z"), ..SIX };
        insta::assert_snapshot!(render(Kind::Growing, header, &[2_000_000_000, 2_000_000_000], ts), @r"
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
    fn an_i_frame_playlist_reads_like_this() {
        let picture = |number, offset| Picture {
            uri: ts(number),
            offset,
            len: 18_800,
            duration_ns: 2_002_000_000,
        };
        let map = Map { uri: ts(0), first_bytes: Some(376) };
        insta::assert_snapshot!(
            render_iframes(6, Some(&map), &[picture(0, 376), picture(0, 90_000), picture(1, 376)]),
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

    proptest! {
        #[test]
        fn lines_are_only_ever_appended(durations in prop::collection::vec(1_u64..7_000_000_000, 1..60)) {
            let date = Header { begins_at: Some("2026-01-01T00:00:00Z"), ..SIX };
            let text = |n: usize, kind| render(kind, date, &durations[..n], ts);
            for n in 1..durations.len() {
                prop_assert!(text(n + 1, Kind::Growing).starts_with(&text(n, Kind::Growing)));
            }
            let last = text(durations.len(), Kind::Growing);
            prop_assert_eq!(text(durations.len(), Kind::Closed), format!("{last}#EXT-X-ENDLIST\n"));
        }

        #[test]
        fn another_parser_reads_what_was_written(durations in prop::collection::vec(1_000_000_u64..6_400_000_000, 1..60)) {
            let text = render(Kind::Whole, SIX, &durations, ts);
            let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
            prop_assert_eq!(playlist.playlist_type, Some(MediaPlaylistType::Vod));
            prop_assert!(playlist.end_list && playlist.independent_segments);
            prop_assert_eq!(playlist.segments.len(), durations.len());
            let mut told = 0.0;
            let mut real = 0.0;
            for (segment, ns) in playlist.segments.iter().zip(&durations) {
                told += f64::from(segment.duration);
                real += std::time::Duration::from_nanos(*ns).as_secs_f64();
                // The parser reads durations as f32.
                prop_assert!((told - real).abs() < 1e-4, "{told} {real}");
            }
        }
    }
}
