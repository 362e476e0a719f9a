//! Streams keep the rules of HLS, and the check names the rule that a damaged stream breaks.

use std::fmt::Write as _;
use std::path::Path;

use super::support::appliance::Appliance;
use super::support::damage::{
    self, Damage, behind, number, text, without, without_last_segment, without_lines,
};
use super::support::stream::{check, check_url, transcode};
use super::support::{corpus, corpus_folder, media, root};

/// Asserts that the stream of a file of the corpus breaks no binding rule.
fn assert_conforms(file: &str) {
    let Some(input) = corpus(file) else { return };
    assert_file_conforms(&input);
}

fn assert_file_conforms(input: &Path) {
    let report = transcode(input).check();
    report.assert_sound();
    assert!(report.json["measured"].as_array().unwrap().len() >= 2);
}

macro_rules! streams_conform {
    ($($name:ident: $file:literal,)*) => {
        $(#[test] fn $name() { assert_conforms($file); })*
    };
}
streams_conform! {
    film_1080p24: "bbb_1080p24_30s_aac51.mp4",
    film_480p24: "bbb_480p24_30s_aac51.mp4",
    three_gpp_of_an_old_phone: "clip_h264_360p_13s.3gp",
    variable_frame_rate_with_rotation: "phone_720p_rot180_vfr.mp4",
    interlaced_avchd: "avchd_1080i2997_ac3.mts",
    portrait: "portrait_576x1024_16s.mp4",
    flv_of_a_webcam: "webcam_h264_aac_360p_19s.flv",
    mpeg2_without_audio: "city_mpeg2_405p_7s.mpg",
    audio_longer_than_video: "timecode_720p30_42s_aac.mp4",
}

#[test]
fn sixty_fps_without_audio() {
    let Some(minute) = corpus("testsrc_1080p60_60s_noaudio.mp4") else { return };
    // A quarter of it: 900 frames on four rungs.
    let cut = ["-t", "15", "-i", minute.to_str().unwrap(), "-c", "copy"];
    let Some(input) = media::generated("testsrc_1080p60_15s.mp4", &cut) else { return };
    assert_file_conforms(&input);
}

/// Packets of a transport stream.
fn packets(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(188).map(<[u8]>::to_vec).collect()
}

const DAMAGES: &[Damage] = &[
    Damage {
        rule: "9.1",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen("avc1.64", "avc1.4d", 1)),
    },
    Damage {
        rule: "9.2",
        file: "main.m3u8",
        change: |b| text(b, |t| number(t, "RESOLUTION=", |w| w + 2.0)),
    },
    Damage {
        rule: "9.16",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen(",FRAME-RATE", ",VIDEO-RANGE=PQ,FRAME-RATE", 1)),
    },
    Damage { rule: "9.15", file: "main.m3u8", change: |b| text(b, |t| without(t, "FRAME-RATE")) },
    Damage {
        rule: "9.14",
        file: "main.m3u8",
        change: |b| text(b, |t| without(t, "AVERAGE-BANDWIDTH")),
    },
    Damage {
        rule: "1.26",
        file: "main.m3u8",
        change: |b| text(b, |t| number(t, "AVERAGE-BANDWIDTH=", |n| (n * 1.2).round())),
    },
    Damage {
        rule: "1.27",
        file: "main.m3u8",
        change: |b| text(b, |t| number(t, "INF:BANDWIDTH=", |n| (n * 0.8).round())),
    },
    Damage {
        rule: "6.1",
        file: "main.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-I-FRAME-STREAM-INF")),
    },
    Damage {
        rule: "9.4",
        file: "main.m3u8",
        change: |b| {
            text(b, |t| behind(t, "#EXT-X-I-FRAME", |t| number(t, "RESOLUTION=", |w| w + 2.0)))
        },
    },
    Damage {
        rule: "9.3",
        file: "main.m3u8",
        change: |b| {
            text(b, |t| behind(t, "#EXT-X-I-FRAME", |t| t.replacen("avc1.64", "avc1.42", 1)))
        },
    },
    Damage { rule: "8.10", file: "main.m3u8", change: |b| text(b, |t| without(t, "LANGUAGE")) },
    Damage {
        rule: "8.9",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen(",AUDIO=\"audio\"", ",AUDIO=\"other\"", 1)),
    },
    Damage {
        rule: "2.3",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replace("CHANNELS=\"2\"", "CHANNELS=\"6\"")),
    },
    Damage {
        rule: "9.9",
        file: "main.m3u8",
        change: |b| {
            text(b, |t| {
                let at = t.rfind("#EXT-X-STREAM-INF").unwrap();
                let end = at + t[at..].match_indices('\n').nth(1).unwrap().0 + 1;
                format!("{}{}", &t[..at], &t[end..])
            })
        },
    },
    Damage {
        rule: "8.6",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-PLAYLIST-TYPE")),
    },
    Damage {
        rule: "RFC 8216 4.3.3.4",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-ENDLIST")),
    },
    Damage {
        rule: "RFC 8216 4.3.3.1",
        file: "240p/index.m3u8",
        change: |b| text(b, |t| t.replace("TARGETDURATION:6", "TARGETDURATION:4")),
    },
    Damage {
        rule: "8.2",
        file: "audio-und/index.m3u8",
        change: |b| text(b, |t| t.replace("TARGETDURATION:6", "TARGETDURATION:7")),
    },
    Damage {
        rule: "8.1",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| number(t, "#EXTINF:", |n| n - 0.1)),
    },
    Damage { rule: "8.3", file: "audio-und/index.m3u8", change: |b| text(b, without_last_segment) },
    Damage {
        rule: "6.8",
        file: "240p/iframes.m3u8",
        change: |b| text(b, |t| without_lines(t, "#EXT-X-I-FRAMES-ONLY")),
    },
    Damage {
        rule: "6.1",
        file: "240p/iframes.m3u8",
        change: |b| text(b, |t| number(t, "BYTERANGE:", |n| n - 188.0)),
    },
    Damage {
        rule: "RFC 8216 6.2.1",
        file: "360p/index.m3u8",
        change: |b| text(b, |t| t.replacen("seg_00001", "seg_00009", 1)),
    },
    // One packet is missing.
    Damage {
        rule: "7.2",
        file: "360p/seg_00001.ts",
        change: |b| {
            let mut packets = packets(&b);
            packets.remove(20);
            packets.concat()
        },
    },
    // The segment begins behind its key frame.
    Damage {
        rule: "7.4",
        file: "240p/seg_00001.ts",
        change: |b| {
            let packets = packets(&b);
            let begins = |p: &&Vec<u8>| {
                p[1] & 0x40 != 0 && (u16::from(p[1] & 0x1F) << 8 | u16::from(p[2])) > 0x40
            };
            let second = packets.iter().filter(begins).nth(1).unwrap();
            let at = packets.iter().position(|p| p == second).unwrap();
            [packets[..2].concat(), packets[at..].concat()].concat()
        },
    },
];

#[test]
fn the_check_names_the_rule_that_each_damage_breaks() {
    let Some(clip) = media::clip(360, "30000/1001", 13) else { return };
    let stream = transcode(&clip);
    damage::assert_found(&stream, DAMAGES, &[]);
    // This rule asks for the tag in one of two places, so all three files must lack it.
    let bad = tempfile::tempdir().unwrap();
    damage::copy(stream.folder(), bad.path());
    for file in ["main.m3u8", "360p/index.m3u8", "240p/index.m3u8"] {
        let before = std::fs::read_to_string(bad.path().join(file)).unwrap();
        let after = without_lines(&before, "#EXT-X-INDEPENDENT-SEGMENTS");
        std::fs::write(bad.path().join(file), after).unwrap();
    }
    let report = check(bad.path(), &[]);
    assert!(report.musts().contains(&"9.12".to_owned()), "{:#}", report.json);
}

/// A change of a stream that keeps all rules.
type Variation = (&'static str, &'static str, fn(Vec<u8>) -> Vec<u8>);

/// Puts lines in front of the first line that begins with `mark`.
fn before(text: &str, mark: &str, lines: &str) -> String {
    text.replacen(mark, &format!("{lines}{mark}"), 1)
}

const VARIATIONS: &[Variation] = &[
    ("CRLF", "main.m3u8", |b| text(b, |t| t.replace('\n', "\r\n"))),
    ("CRLF", "360p/index.m3u8", |b| text(b, |t| t.replace('\n', "\r\n"))),
    ("no line end", "360p/index.m3u8", |b| text(b, |t| t.trim_end().to_owned())),
    ("queries", "main.m3u8", |b| text(b, |t| t.replace("index.m3u8", "index.m3u8?a=1,2&b=c/d"))),
    ("queries", "360p/index.m3u8", |b| text(b, |t| t.replace(".ts", ".ts?e=1"))),
    ("unknown tags", "360p/index.m3u8", |b| {
        text(b, |t| before(t, "#EXTINF", "#EXT-X-CUE-OUT:30\n## x\n#EXT-ACME\n\n"))
    }),
    ("unknown attributes", "main.m3u8", |b| {
        text(b, |t| t.replace(",FRAME", ",X-ACME=\"a,b\",FRAME"))
    }),
    ("session data", "main.m3u8", |b| {
        let data = "#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"b\"\n#EXT-X-START:TIME-OFFSET=0\n";
        text(b, |t| before(t, "#EXT-X-STREAM-INF", data))
    }),
    ("variables", "main.m3u8", |b| {
        let define = "#EXT-X-DEFINE:NAME=\"r\",VALUE=\"360p\"\n";
        text(b, |t| {
            let t = number(t, "#EXT-X-VERSION:", |_| 8.0).replace("360p/", "{$r}/");
            before(&t, "#EXT-X-STREAM-INF", define)
        })
    }),
    ("dates", "360p/index.m3u8", |b| {
        let date = "#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:00Z\n#EXT-X-DATERANGE:ID=\"a\",\
                    START-DATE=\"2026-01-31T12:00:00Z\",DURATION=1\n";
        text(b, |t| before(t, "#EXTINF", date))
    }),
    ("a gap", "360p/index.m3u8", |b| {
        text(b, |t| behind(t, "seg_00000", |t| before(t, "#EXTINF", "#EXT-X-GAP\n")))
    }),
    ("a discontinuity", "360p/index.m3u8", |b| {
        text(b, |t| behind(t, "seg_00000", |t| before(t, "#EXTINF", "#EXT-X-DISCONTINUITY\n")))
    }),
];

/// Writes the segments of a rendition into one file, named by byte ranges without offsets but for the first.
fn join_segments(rendition: &Path) {
    let index = std::fs::read_to_string(rendition.join("index.m3u8")).unwrap();
    let (mut all, mut joined) = (Vec::new(), String::new());
    for line in index.lines() {
        if line.starts_with('#') {
            writeln!(joined, "{line}").unwrap();
            continue;
        }
        let bytes = std::fs::read(rendition.join(line)).unwrap();
        let offset = if all.is_empty() { "@0" } else { "" };
        writeln!(joined, "#EXT-X-BYTERANGE:{}{offset}\nall.ts", bytes.len()).unwrap();
        all.extend(bytes);
    }
    std::fs::write(rendition.join("all.ts"), all).unwrap();
    std::fs::write(rendition.join("index.m3u8"), joined).unwrap();
}

#[test]
fn legal_variations_are_sound_and_a_missing_segment_is_one_finding() {
    let Some(clip) = media::clip(360, "30000/1001", 13) else { return };
    let stream = transcode(&clip);
    let copies = tempfile::tempdir().unwrap();
    for (name, file, change) in VARIATIONS {
        let copy = copies.path().join("copy");
        damage::copy(stream.folder(), &copy);
        let path = copy.join(file);
        std::fs::write(&path, change(std::fs::read(&path).unwrap())).unwrap();
        let report = check(&copy, &[]);
        assert!(report.is_sound, "{name} in {file}: {:#}", report.json);
        std::fs::remove_dir_all(&copy).unwrap();
    }
    let copy = copies.path().join("joined");
    damage::copy(stream.folder(), &copy);
    join_segments(&copy.join("360p"));
    check(&copy, &[]).assert_sound();
    std::fs::remove_file(stream.path("360p/seg_00001.ts")).unwrap();
    let report = check(stream.folder(), &[]);
    assert_eq!(report.musts(), ["RFC 8216 6.2.1"], "{:#}", report.json);
    assert_eq!(report.json["findings"][0]["time_ms"], 2002, "{:#}", report.json);
}

/// Streams of others and the rules that they truly break: one variant only (9.9), no I-frames (6.1), no language of
/// audio (8.10) or subtitles (4.7), no type of a finished playlist (8.6), longer subtitles than video (5.5).
const OTHERS: &[(&str, &[&str])] = &[
    ("pluto/hls-only-dash-only/output.m3u8", &["9.9", "6.1"]),
    ("pluto/hls-single-segment-ts/output.m3u8", &["9.9", "8.10"]),
    ("pluto/avc-ts-event-playlist/output.m3u8", &["9.9", "8.10"]),
    ("pluto/hls-segmented-webvtt/output.m3u8", &["5.5", "9.9", "6.1", "8.10", "4.7"]),
    ("shaka/hls-interstitial/zz_ad.m3u8", &["9.9", "6.1"]),
    ("shaka/hls-interstitial/zz_ad1.m3u8", &["8.6", "9.9", "6.1"]),
    ("shaka/hls-interstitial/zz_main.m3u8", &["9.9", "6.1"]),
    ("shaka/hls-gap/zz_playlist.m3u8", &["9.9", "6.1"]),
];

#[test]
fn streams_of_others_break_no_rule_that_they_keep() {
    let streams = corpus_folder().with_file_name("hls");
    for (playlist, expected) in OTHERS.iter().filter(|_| streams.is_dir()) {
        let report = check(streams.join(playlist), &[]);
        assert_eq!(report.musts(), *expected, "{playlist}: {:#}", report.json);
    }
}

/// Each id of a rule that the source of the check names.
#[test]
fn every_rule_of_the_check_stands_in_the_reference() {
    let mut folders = vec![root().join("src/check")];
    let mut sources = std::fs::read_to_string(root().join("src/check.rs")).unwrap();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                sources += &std::fs::read_to_string(entry).unwrap();
            }
        }
    }
    let is_number = |text: &str| {
        let parts: Vec<_> = text.split('.').collect();
        let is_part = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == 2 && parts.iter().all(is_part) && text.len() <= 5
    };
    let named = sources.split('"').filter(|text| text.starts_with("RFC 8216 ") || is_number(text));
    let named: std::collections::BTreeSet<_> = named.collect();
    assert!(named.len() > 60, "{named:?}");
    // Numbers of tests that are no rules.
    let others = ["6.0", "1.5"];
    for id in named.iter().filter(|id| !others.contains(id)) {
        assert!(ladderd::domain::conformance::rules::Rule::find(id).is_some(), "{id} is missing");
    }
}

/// Publishes a clip on this appliance and asserts that the check finds nothing, not even advice on
/// content types, encodings and caching. Returns the video's id; nothing without ffmpeg.
pub(super) async fn assert_served_without_findings(
    appliance: &Appliance,
    clip: Option<&Path>,
) -> Option<String> {
    let (id, video) = appliance.publish("film.mp4", clip?).await;
    check_url(video["playback_url"].as_str().unwrap()).await.assert_without_findings();
    Some(id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_stream_keeps_the_rules_and_its_record_has_the_report() {
    let appliance = Appliance::start();
    let clip = media::clip(480, "25", 8);
    let served = assert_served_without_findings(&appliance, clip.as_deref()).await;
    let Some(id) = served else { return };
    let record = appliance.record(&id).await;
    assert_eq!(record["conformance"]["findings"], serde_json::json!([]));
    let measured = record["conformance"]["measured"].as_array().unwrap();
    assert_eq!(measured.len(), 3, "{record:#}");
}

#[test]
fn fractional_frame_rates_do_not_drift_in_a_minute() {
    for (fps, frame_secs) in [("30000/1001", 1001.0 / 30_000.0), ("24000/1001", 1001.0 / 24_000.0)]
    {
        let Some(clip) = media::clip(360, fps, 60) else { return };
        let stream = transcode(&clip);
        stream.check().assert_sound();
        let stated: f64 = stream.durations("360p").into_iter().map(f64::from).sum();
        let (_, _, frames) = media::size_and_frames(&stream.main());
        let (_, _, source_frames) = media::size_and_frames(clip.to_str().unwrap());
        assert_eq!(frames, source_frames, "{fps}");
        let secs = f64::from(source_frames) * frame_secs;
        assert!(
            secs > 60.0 - frame_secs && (stated - secs).abs() < frame_secs,
            "{fps}: {stated} of {secs} s"
        );
    }
}
