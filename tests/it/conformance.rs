//! Streams keep the rules of HLS, and the check names the rule that a damaged stream breaks.

use std::path::Path;

use super::support::appliance::Appliance;
use super::support::damage::{
    self, Damage, behind, number, text, without, without_last_segment, without_lines,
};
use super::support::stream::{check, check_url, transcode};
use super::support::{corpus, media};

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
