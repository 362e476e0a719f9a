//! Fragmented MP4 (`encode.segment = "cmaf"`): it keeps the same rules, and ffmpeg decodes it.

use std::path::Path;

use super::conformance::assert_served_without_findings;
use super::support::appliance::Appliance;
use super::support::damage::{self, Damage, number, text, without_lines};
use super::support::stream::{Stream, Transcode};
use super::support::{corpus, has_ffmpeg, media};

fn transcode(input: &Path) -> Stream {
    Transcode::new(input).setting("encode.segment", "cmaf").run()
}

#[test]
fn a_film_keeps_the_rules_and_decodes() {
    let film = corpus("bbb_480p24_30s_aac51.mp4").or_else(|| media::clip(480, "24", 30));
    let Some(input) = film else { return };
    if !has_ffmpeg() {
        return;
    }
    let stream = transcode(&input);
    stream.check().assert_sound();
    for (rendition, width, height) in [("480p", 854, 480), ("360p", 640, 360)] {
        let index = stream.index(rendition);
        assert_eq!(media::decode_errors(&index), "", "{rendition}");
        // 30 s at 24 frames per second.
        assert_eq!(media::size_and_frames(&index), (width, height, 720), "{rendition}");
    }
    assert_eq!(media::decode_errors(&stream.index("audio-und")), "");
}

#[test]
fn fractional_rates_keep_their_durations_and_each_key_frame_decodes_alone() {
    let Some(clip) = media::clip(360, "30000/1001", 14) else { return };
    let stream = transcode(&clip);
    stream.check().assert_sound();
    // The first segment is cut into its GOPs.
    assert_eq!(stream.durations("360p")[..4], [2.002, 2.002, 2.002, 6.006]);
    let (_, _, source_frames) = media::size_and_frames(clip.to_str().unwrap());
    assert_eq!(media::size_and_frames(&stream.index("360p")), (640, 360, source_frames));

    // A player reads the initialization section and the range of one I-frame.
    let init = std::fs::read(stream.path("360p/init.mp4")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for iframe in &stream.playlist("360p/iframes.m3u8").segments {
        let segment = std::fs::read(stream.path("360p").join(&iframe.uri)).unwrap();
        let range = iframe.byte_range.as_ref().unwrap();
        let begin = usize::try_from(range.offset.unwrap()).unwrap();
        let end = begin + usize::try_from(range.length).unwrap();
        let file = dir.path().join("iframe.mp4");
        std::fs::write(&file, [&init, &segment[begin..end]].concat()).unwrap();
        assert_eq!(media::frames_decoded(&file), 1, "{range:?} of {}", iframe.uri);
    }
}

#[test]
fn audio_and_video_stay_in_sync() {
    let Some(clip) = media::flashes() else { return };
    let stream = transcode(&clip);
    let (flashes, tones) = media::flash_times(&stream.main());
    assert_eq!((flashes.len(), tones.len()), (5, 5), "{flashes:?} {tones:?}");
    // CMAF stores the reordering of frames as negative offsets, and ffmpeg moves these above 0: it
    // shows all frames late by that much. The check asserts that the first frame stands at 0.
    let late = media::start_time(&stream.index("360p"));
    assert!(late < 0.1, "{late}");
    for (n, (flash, tone)) in (1..).zip(flashes.iter().zip(&tones)) {
        let expected = 2.0 * f64::from(n);
        let flash = flash - late;
        assert!((flash - expected).abs() < 0.001, "the flash at {expected} came at {flash}");
        assert!((tone - flash).abs() < 0.01, "flash at {flash}, tone at {tone}");
    }
}

/// Offset of the body of the first box of this kind.
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
    // The fragment is shown half a second late.
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
    // The slice behind the delimiter is no longer one of an IDR.
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
fn the_check_names_the_rule_that_each_damage_breaks() {
    let Some(clip) = media::clip(360, "30000/1001", 13) else { return };
    damage::assert_found(&transcode(&clip), DAMAGES, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_stream_keeps_the_rules() {
    let appliance = Appliance::builder().setting("encode.segment", "cmaf").start();
    let clip = media::clip(480, "25", 8);
    assert_served_without_findings(&appliance, clip.as_deref()).await;
}
