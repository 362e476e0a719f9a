//! Fragmented MP4 (`encode.segment = "cmaf"`): it keeps the same rules, and others can read it.

use std::path::Path;

use m3u8_rs::MediaPlaylist;

use super::conformance::{
    Damage, are_called_by_their_rules, check, musts, number, serves_without_a_finding, text,
    without_lines,
};
use super::support::appliance::Home;
use super::support::{self, Need, corpus, has, media, skip};

const CMAF: (&str, &str) = ("LADDERD__ENCODE__SEGMENT", "cmaf");

/// Makes a stream of a file.
fn transcode(input: &Path, out: &Path) {
    let mut program = support::program();
    let output = program.arg("transcode").arg(input).arg(out).env(CMAF.0, CMAF.1).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn playlist(file: &Path) -> MediaPlaylist {
    m3u8_rs::parse_media_playlist_res(&std::fs::read(file).unwrap()).unwrap()
}

fn index(out: &Path, rendition: &str) -> String {
    out.join(rendition).join("index.m3u8").display().to_string()
}

#[test]
fn a_film_keeps_the_rules_and_decodes() {
    let Some(input) = corpus("bbb_480p24_30s_aac51.mp4") else { return };
    if !has("ffmpeg") {
        return skip(Need::Ffmpeg, "ffmpeg is not there");
    }
    let out = tempfile::tempdir().unwrap();
    transcode(&input, out.path());
    let (is_sound, report) = check(out.path().to_str().unwrap());
    assert!(is_sound && musts(&report).is_empty(), "{report:#}");
    for (rendition, size) in [("480p", (854, 480)), ("360p", (640, 360))] {
        let index = index(out.path(), rendition);
        assert_eq!(media::decode_errors(&index), "", "{rendition}");
        // 30 s at 24 frames per second.
        assert_eq!(media::picture(&index), (size.0, size.1, 720), "{rendition}");
    }
    assert_eq!(media::decode_errors(&index(out.path(), "audio-und")), "");
}

#[test]
fn television_keeps_its_time_and_its_key_frames_stand_alone() {
    let home = tempfile::tempdir().unwrap();
    let Some(clip) = media::clip(home.path(), 360, "30000/1001", 14) else { return };
    let out = home.path().join("out");
    transcode(&clip, &out);
    let (is_sound, report) = check(out.to_str().unwrap());
    assert!(is_sound, "{report:#}");
    let whole = playlist(&out.join("360p/index.m3u8"));
    let durations: Vec<f32> = whole.segments.iter().map(|segment| segment.duration).collect();
    // The first segment is cut into its GOPs.
    assert_eq!(durations[..4], [2.002, 2.002, 2.002, 6.006]);
    let (_, _, in_source) = media::picture(clip.to_str().unwrap());
    assert_eq!(media::picture(&index(&out, "360p")), (640, 360, in_source));

    // What a player gets for one picture: the initialization section and the range.
    let init = std::fs::read(out.join("360p/init.mp4")).unwrap();
    for picture in &playlist(&out.join("360p/iframes.m3u8")).segments {
        let segment = std::fs::read(out.join("360p").join(&picture.uri)).unwrap();
        let range = picture.byte_range.as_ref().unwrap();
        let begin = usize::try_from(range.offset.unwrap()).unwrap();
        let end = begin + usize::try_from(range.length).unwrap();
        let file = home.path().join("picture.mp4");
        std::fs::write(&file, [&init, &segment[begin..end]].concat()).unwrap();
        assert_eq!(media::pictures_decoded(&file), 1, "{range:?} of {}", picture.uri);
    }
}

#[test]
fn sound_and_picture_stay_together() {
    let home = tempfile::tempdir().unwrap();
    let Some(clip) = media::flashes(home.path()) else { return };
    let out = home.path().join("out");
    transcode(&clip, &out);
    let (flashes, tones) = media::flash_times(&out.join("main.m3u8").display().to_string());
    assert_eq!((flashes.len(), tones.len()), (5, 5), "{flashes:?} {tones:?}");
    // ffmpeg shows fragments late by as much as their pictures are reordered: CMAF tells that as
    // negative offsets, which ffmpeg moves above 0. The first picture stands at 0 by the check.
    let late = media::start_time(&index(&out, "360p"));
    assert!(late < 0.1, "{late}");
    for (n, (flash, tone)) in (1..).zip(flashes.iter().zip(&tones)) {
        let expected = 2.0 * f64::from(n);
        let flash = flash - late;
        assert!((flash - expected).abs() < 0.001, "the flash at {expected} came at {flash}");
        assert!((tone - flash).abs() < 0.01, "flash at {flash}, tone at {tone}");
    }
}

/// Where the first of these boxes has its body.
fn body(bytes: &[u8], kind: [u8; 4]) -> usize {
    bytes.windows(4).position(|window| *window == kind).unwrap() + 4
}

const DAMAGES: &[Damage] = &[
    Damage {
        rule: "8.20",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-MAP")),
    },
    Damage {
        rule: "8.20",
        file: "360p/init.mp4",
        change: |mut b| {
            let at = body(&b, *b"moov");
            b[at - 4..at].copy_from_slice(b"free");
            b
        },
    },
    Damage {
        rule: "9.1",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen("avc1.64", "avc1.4d", 1)),
    },
    // A fragment that is shown half a second late.
    Damage {
        rule: "7.3",
        file: "360p/seg_00001.m4s",
        change: |mut b| {
            let at = body(&b, *b"tfdt") + 4;
            let begin = u32::from_be_bytes(b[at..at + 4].try_into().unwrap());
            b[at..at + 4].copy_from_slice(&(begin + 15_000).to_be_bytes());
            b
        },
    },
    // A key frame that is none any more: the slice behind the delimiter is one of another kind.
    Damage {
        rule: "7.4",
        file: "240p/seg_00001.m4s",
        change: |mut b| {
            let at = body(&b, *b"mdat") + 6 + 4;
            assert_eq!(b[at] & 0x1F, 5);
            b[at] = b[at] & 0xE0 | 1;
            b
        },
    },
    Damage {
        rule: "RFC 8216 3.3",
        file: "audio-und/seg_00001.m4s",
        change: |mut b| {
            b.truncate(b.len() - 100);
            b
        },
    },
    Damage {
        rule: "6.1",
        file: "240p/iframes.m3u8",
        change: |b| text(b, |t| number(t, "BYTERANGE:", |n| n + 1.0)),
    },
    Damage {
        rule: "RFC 8216 6.2.1",
        file: "audio-und/index.m3u8",
        change: |b| text(b, |t| t.replace("init.mp4", "gone.mp4")),
    },
];

#[test]
fn every_damage_is_called_by_its_rule() {
    let home = tempfile::tempdir().unwrap();
    let Some(clip) = media::clip(home.path(), 360, "30000/1001", 13) else { return };
    let good = home.path().join("good");
    transcode(&clip, &good);
    are_called_by_their_rules(&good, DAMAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_keeps_the_rules() {
    let home = Home::with(&[CMAF]);
    drop(serves_without_a_finding(&home).await);
}
