//! The reader on playlists of all kinds of damage.

use proptest::prelude::*;

use super::*;
use crate::domain::conformance::Level;

fn read(text: &str) -> Playlist {
    parse(text.as_bytes(), "", &Variables::default())
}

/// A sound media playlist with these lines in front of its segment.
fn media(lines: &str) -> String {
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n{lines}#EXTINF:6.0,\na.ts\n\
         #EXT-X-ENDLIST\n"
    )
}

/// A sound multivariant playlist with these lines.
fn multivariant(lines: &str) -> String {
    format!(
        "#EXTM3U\n#EXT-X-VERSION:8\n{lines}#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.640028\"\na/i.m3u8\n"
    )
}

#[track_caller]
fn assert_musts(text: &str, expected: &[(&str, usize, &str)]) {
    let faults = read(text).faults;
    let musts: Vec<_> = faults.iter().filter(|fault| fault.level == Level::Must).collect();
    assert_eq!(musts.len(), expected.len(), "{text}\n{musts:#?}");
    for (fault, (rule, line, part)) in musts.iter().zip(expected) {
        assert_eq!((fault.rule.as_str(), fault.line), (*rule, *line), "{text}\n{fault:?}");
        assert!(fault.text.contains(part), "{:?} lacks {part:?}", fault.text);
    }
}

#[test]
fn legal_playlists_have_no_fault() {
    let legal = [
        media(""),
        media("").replace('\n', "\r\n"),
        media(
            "# a comment\n\n##\n#EXT-X-CUE-OUT:DURATION=30\n#EXT-OATCLS-SCTE35:/DA\n#EXT-X-UNHEARD-OF\n",
        ),
        media("#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXT-X-BITRATE:800\n#EXT-X-BYTERANGE:10@5\n"),
        media("#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:00.000+01:00\n"),
        media("#EXT-X-START:TIME-OFFSET=-2.5,PRECISE=YES\n"),
        media("#EXT-X-KEY:METHOD=AES-128,URI=\"k,=y\",IV=0xaB00000000000000000000000000000A\n"),
        media(
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:00Z\n#EXT-X-DATERANGE:ID=\"a\",CLASS=\"c\",\
             START-DATE=\"2026-01-31T12:00:00Z\",END-ON-NEXT=YES,X-A=0x1F,SCTE35-OUT=0xFC00\n",
        ),
        multivariant(""),
        multivariant(
            "#EXT-X-DEFINE:NAME=\"host\",VALUE=\"x\"\n#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"{$host}\"\n",
        ),
        multivariant(
            "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"E\",INSTREAM-ID=\"CC1\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"E\",CHANNELS=\"16/JOC\",X-COM-ACME=\"1\"\n\
             #EXT-X-CONTENT-STEERING:SERVER-URI=\"/s.json\"\n",
        ),
    ];
    for text in legal {
        assert_eq!(read(&text).faults, [], "{text}");
    }
}

#[test]
fn damaged_media_playlists_name_the_tag_and_the_line() {
    const TARGET: &str = "RFC 8216 4.3.3.1";
    const EXTINF: &str = "RFC 8216 4.3.2.1";
    let sound = media("");
    let of = |from: &str, to: &str| sound.replace(from, to);
    assert_musts(&of("DURATION:6", "DURATION:6.0"), &[(TARGET, 3, "\"6.0\"")]);
    assert_musts(&of("DURATION:6", "DURATION:six"), &[(TARGET, 3, "six")]);
    assert_musts(&of("DURATION:6", "DURATION:0"), &[(TARGET, 3, "is 0")]);
    assert_musts(&of("#EXT-X-TARGETDURATION:6\n", ""), &[(TARGET, 1, "missing")]);
    assert_musts(&of("#EXTINF:6.0,", "#EXTINF:NaN,"), &[(EXTINF, 5, "NaN")]);
    assert_musts(&of("#EXTINF:6.0,", "#EXTINF:-6.0,"), &[(EXTINF, 5, "-6.0")]);
    assert_musts(&of("#EXTINF:6.0,", "#EXTINF:,"), &[(EXTINF, 5, "\"\"")]);
    assert_musts(&of("#EXTINF:6.0,\n", ""), &[(EXTINF, 5, "a.ts has no EXTINF")]);
    assert_musts(&of("a.ts\n", ""), &[(EXTINF, 5, "no segment")]);
    assert_musts(&of("#EXTM3U\n", ""), &[("RFC 8216 4.3.1.1", 1, "#EXTM3U")]);
    assert_musts(&of("#EXTM3U\n", "\n#EXTM3U\n"), &[("RFC 8216 4.3.1.1", 2, "line 2")]);
    assert_musts(&of("#EXTM3U", "\u{FEFF}#EXTM3U"), &[(LINES, 1, "BOM")]);
    assert_musts(&of("VERSION:7", "VERSION:2"), &[("RFC 8216 7", 5, "needs EXT-X-VERSION 3")]);
    assert_musts(&of("PLAYLIST-TYPE:VOD", "PLAYLIST-TYPE:vod"), &[("RFC 8216 4.3.3.5", 4, "vod")]);
    let meant = "did you mean EXT-X-PLAYLIST-TYPE?";
    assert_musts(&of("EXT-X-PLAYLIST-TYPE", "EXT-X-PLAYLISTTYPE"), &[(LINES, 4, meant)]);
    assert_musts(&of("EXT-X-PLAYLIST-TYPE", "EXT-X-PLAYLIST-TIPE"), &[(LINES, 4, meant)]);
    assert_musts(&of("#EXT-X-ENDLIST", "#ext-x-endlist"), &[(LINES, 7, "capital letters")]);
    assert_musts(&media("#EXT-X-TARGETDURATION:6\n"), &[(TARGET, 5, "second time")]);
    assert_musts(&media("#EXT-X-BYTERANGE:x\n"), &[("RFC 8216 4.3.2.2", 5, "LENGTH")]);
    assert_musts(&media("#EXT-X-BYTERANGE:10\n"), &[("RFC 8216 4.3.2.2", 5, "no offset")]);
    assert_musts(&media("#EXT-X-MAP:BYTERANGE=\"1@2\"\n"), &[("RFC 8216 4.3.2.5", 5, "no URI")]);
    assert_musts(&media("#EXT-X-PROGRAM-DATE-TIME:now\n"), &[("RFC 8216 4.3.2.6", 5, "now")]);
    let date = "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-31T12:00:00Z\"\n";
    assert_musts(&media(date), &[("RFC 8216 4.3.2.7", 5, "PROGRAM-DATE-TIME")]);
    assert_musts(
        &media("#EXT-X-START:PRECISE=YES\n"),
        &[("RFC 8216 4.3.5.2", 5, "no TIME-OFFSET")],
    );
    let not_utf8 = [sound.as_bytes(), b"# \xFF\n"].concat();
    assert_eq!(parse(&not_utf8, "", &Variables::default()).faults[0].line, 8);
}

#[test]
fn damaged_multivariant_playlists_name_the_attribute_and_the_line() {
    const VARIANT: &str = "RFC 8216 4.3.4.2";
    const MEDIA: &str = "RFC 8216 4.3.4.1";
    const LIST: &str = "RFC 8216 4.2";
    let sound = multivariant("");
    let of = |from: &str, to: &str| sound.replace(from, to);
    assert_musts(&of("BANDWIDTH=1,", ""), &[(VARIANT, 3, "no BANDWIDTH")]);
    assert_musts(&of("BANDWIDTH=1", "BANDWIDTH=1.5"), &[(VARIANT, 3, "1.5")]);
    assert_musts(&of("\"avc1.640028\"", "\"\""), &[(VARIANT, 3, "CODECS")]);
    assert_musts(&of("\"avc1.640028\"", "avc1.640028"), &[(VARIANT, 3, "quotes")]);
    assert_musts(&of("=1,", "=1,BANDWIDTH=2,"), &[(LIST, 3, "BANDWIDTH twice")]);
    assert_musts(&of("=1,", "=1,RESOLUTION=640X360,"), &[(VARIANT, 3, "WIDTHxHEIGHT")]);
    assert_musts(&of("=1,", "=1,FRAMERATE=25,"), &[(LIST, 3, "did you mean FRAME-RATE?")]);
    assert_musts(&of("=1,", "=1,VIDEO-RANGE=hdr,"), &[(VARIANT, 3, "SDR or HLG or PQ")]);
    assert_musts(&of("640028\"", "640028"), &[(LIST, 3, "does not end")]);
    assert_musts(&of("=1,", "=1,,"), &[(LIST, 3, "no name")]);
    assert_musts(&of("a/i.m3u8\n", ""), &[(VARIANT, 1, "no variant"), (VARIANT, 3, "no URI")]);
    let audio = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"n\"";
    assert_musts(&format!("#EXTM3U\n{audio}\n"), &[(VARIANT, 1, "no variant")]);
    assert_musts("#EXTM3U\n", &[(LINES, 1, "neither variants")]);
    assert_musts(&multivariant(&format!("{audio},DEFAULT=\"NO\"\n")), &[(MEDIA, 3, "DEFAULT")]);
    let forced = "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"a\",NAME=\"n\",FORCED=\"NO\",URI=\"s\"\n";
    assert_musts(&multivariant(forced), &[(MEDIA, 3, "FORCED of EXT-X-MEDIA is \"NO\"")]);
    assert_musts(
        &multivariant("#EXT-X-TARGETDURATION:6\n"),
        &[(LINES, 3, "belongs to media playlists")],
    );
    let data = "#EXT-X-SESSION-DATA:DATA-ID=\"a\"\n";
    assert_musts(&multivariant(data), &[("RFC 8216 4.3.4.4", 3, "VALUE and URI")]);
    let undefined = multivariant("").replace("a/i", "{$b}/i");
    assert_musts(&undefined, &[("RFC 8216bis 4.4.2.3", 4, "\"b\" is not defined")]);
}

#[test]
fn variables_are_substituted() {
    let text = "#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-TARGETDURATION:6\n#EXT-X-DEFINE:IMPORT=\"host\"\n\
                #EXT-X-DEFINE:QUERYPARAM=\"t\"\n#EXT-X-DEFINE:NAME=\"n\",VALUE=\"{$host}/x\"\n\
                #EXT-X-MAP:URI=\"{$n}/init.mp4\"\n#EXTINF:6,{$no}\n{$n}/a.m4s?t={$t}\n#EXT-X-ENDLIST\n";
    let imports = Variables::from([("host".to_owned(), "h".to_owned())]);
    let read = parse(text.as_bytes(), "a=1&t=7", &imports);
    assert_eq!(read.faults, []);
    let Kind::Media(playlist) = read.kind else { panic!("not a media playlist") };
    assert_eq!(playlist.segments[0].uri, "h/x/a.m4s?t=7");
    assert_eq!(playlist.segments[0].map.as_ref().unwrap().uri, "h/x/init.mp4");
}

#[test]
fn ranges_without_an_offset_follow_the_range_before() {
    let text = media("#EXTINF:6,\n#EXT-X-BYTERANGE:100@7\na.ts\n#EXT-X-BYTERANGE:50\n");
    let Kind::Media(playlist) = read(&text).kind else { panic!("not a media playlist") };
    let ranges: Vec<_> = playlist.segments.iter().map(|segment| segment.byte_range).collect();
    let range = |offset, length| Some(ByteRange { offset, length });
    assert_eq!(ranges, [range(7, 100), range(107, 50)]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        parse(&bytes, "", &Variables::default());
    }

    /// Each line is a segment, a variant, a comment or a fault: nothing is dropped in silence.
    #[test]
    fn every_uri_is_accounted_for(lines in proptest::collection::vec(
        prop_oneof![
            Just("#EXTINF:6,".to_owned()),
            Just("#EXT-X-STREAM-INF:BANDWIDTH=1".to_owned()),
            Just("#EXT-X-BYTERANGE:5@".to_owned()),
            "[a-z]{1,4}\\.ts",
            "#EXT-X-[A-Z]{1,9}:[A-Z=\",0-9]{0,20}",
            "[ -~]{0,30}",
        ],
        0..20,
    )) {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:6\n{}\n", lines.join("\n"));
        let read = read(&text);
        let uris = text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')).count();
        let unused = read.faults.iter().filter(|fault| fault.text.contains("has no EXT-X-STREAM-INF before it")).count();
        let kept = match read.kind {
            Kind::Media(playlist) => playlist.segments.len(),
            Kind::Multivariant(playlist) => {
                playlist.variants.iter().filter(|variant| !variant.is_i_frame).count() + unused
            }
            Kind::Neither => uris,
        };
        prop_assert_eq!(kept, uris);
    }
}
