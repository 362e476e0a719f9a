//! Subtitles: the cues that ffmpeg reads in the output are those of the source.

use std::path::Path;
use std::process::Command;

use super::support::appliance::Appliance;
use super::support::damage::{self, Damage, behind, number, text, without, without_last_segment};
use super::support::keys::KeyServer;
use super::support::stream::{Stream, Transcode, check_url, transcode};
use super::support::{corpus, has_ffmpeg, media};

const KEY_HEX: &str = "12345678901234567890123456789012";

/// Start, end and text of a cue.
type Cue = (f64, f64, String);

/// The cues that ffmpeg finds in a file's subtitle track, without markup.
fn cues(input: &Path, track: usize) -> Vec<Cue> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(input);
    let output =
        ffmpeg.args(["-map", &format!("0:s:{track}"), "-f", "webvtt", "-"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let mut found = Vec::new();
    for block in said.split("\n\n").filter(|block| block.contains("-->")) {
        let (times, text) = block.trim().split_once('\n').unwrap_or((block.trim(), ""));
        let (start, end) = times.split_once(" --> ").unwrap();
        let seconds = |text: &str| {
            text.split(':').fold(0.0, |secs, part| secs * 60.0 + part.parse::<f64>().unwrap())
        };
        let mut text = text.to_owned();
        while let Some((before, rest)) = text.split_once('<') {
            text = format!("{before}{}", rest.split_once('>').unwrap().1);
        }
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        found.push((seconds(start), seconds(end), text));
    }
    found.retain(|(_, _, text)| !text.trim().is_empty());
    found
}

/// The cues in all segments of a rendition, each once.
fn published(stream: &Stream, rendition: &str) -> Vec<Cue> {
    let mut all: Vec<Cue> = Vec::new();
    for number in 0.. {
        let segment = stream.path(&format!("{rendition}/seg_{number:05}.vtt"));
        if !segment.is_file() {
            assert!(number > 0, "{rendition} has no segment");
            break;
        }
        let new = cues(&segment, 0).into_iter().filter(|cue| !all.contains(cue));
        let new: Vec<Cue> = new.collect();
        all.extend(new);
    }
    all
}

/// Asserts that the subtitles of a file of the corpus have the same texts at the same times in the
/// stream, and that it keeps the rules.
fn assert_kept(file: &str, tracks: &[(usize, &str)]) {
    let Some(input) = corpus(file) else { return };
    if !has_ffmpeg() {
        return;
    }
    let stream = transcode(&input);
    assert!(assert_same_cues(&input, &stream, tracks) > 0, "{file} has no subtitle");
    stream.check().assert_sound();
}

/// Compares the cues of source and stream to 50 ms. Returns their number.
fn assert_same_cues(input: &Path, stream: &Stream, tracks: &[(usize, &str)]) -> usize {
    let duration_ns = stream.event("done")["duration_ns"].as_u64().unwrap();
    let end = std::time::Duration::from_nanos(duration_ns).as_secs_f64();
    let mut found = 0;
    for (track, rendition) in tracks {
        let mut expected = cues(input, *track);
        // Cues behind the end of the stream are left out.
        expected.retain(|(start, ..)| *start < end - 0.05);
        let made = published(stream, rendition);
        assert_eq!(made.len(), expected.len(), "{rendition}: {made:?} {expected:?}");
        for ((start, stop, text), (from, to, wanted)) in made.iter().zip(&expected) {
            assert_eq!(text, wanted, "{rendition}");
            assert!((start - from).abs() < 0.05, "{rendition}: {start} {from}");
            assert!((stop - to.min(end)).abs() < 0.05, "{rendition}: {stop} {to}");
        }
        found += made.len();
    }
    found
}

macro_rules! subtitles_are_kept {
    ($($name:ident: $file:literal, $tracks:expr;)*) => {
        $(#[test] fn $name() { assert_kept($file, &$tracks); })*
    };
}
subtitles_are_kept! {
    subrip_in_matroska: "mkv_srt.mkv", [(0, "subtitles-en")];
    ass_in_matroska: "mkv_ass.mkv", [(0, "subtitles-und")];
    webvtt_in_matroska: "mkv_webvtt.mkv", [(0, "subtitles-und")];
    timed_text_in_mp4: "mp4_tx3g_subtitles.mp4", [(0, "subtitles-und")];
    two_of_the_same_language: "nasa_two_video_two_audio_two_sub.mp4",
        [(0, "subtitles-en"), (1, "subtitles-en-2")];
    many_languages: "matroska_test5_multisub_576p.mkv", [
        (0, "subtitles-en"), (1, "subtitles-hu"), (2, "subtitles-de"), (3, "subtitles-fr"),
        (4, "subtitles-es"), (5, "subtitles-it"), (6, "subtitles-ja"), (7, "subtitles-und"),
    ];
}

#[test]
fn bitmap_subtitles_are_left_out_with_a_note() {
    let Some(bitmaps) = corpus("mkv_pgs.mkv") else { return };
    let Some(clip) = media::clip(120, "25", 2) else { return };
    let (clip, bitmaps) = (clip.display().to_string(), bitmaps.display().to_string());
    let arguments = ["-i", &clip, "-i", &bitmaps, "-map", "0", "-map", "1:s", "-c", "copy"];
    let Some(input) = media::generated("bitmaps.mkv", &arguments) else { return };
    let stream = transcode(&input);
    assert_eq!(stream.plan()["subtitles"], serde_json::json!([]));
    let note = "subtitle stream (en) skipped: subpicture/x-pgs holds bitmaps, not text";
    assert_eq!(stream.plan()["notes"], serde_json::json!([note]));
    let main = stream.text("main.m3u8");
    assert!(!main.contains("SUBTITLES"), "{main}");
}

#[test]
fn a_damaged_subtitle_track_does_not_fail_the_video() {
    let Some(input) = corpus("mkv_ass.mkv") else { return };
    let mut bytes = std::fs::read(input).unwrap();
    for damaged in [&b"[Script Info]"[..], b"[V4+ Styles]", b"This is the first subtitle."] {
        let at = bytes.windows(damaged.len()).position(|window| window == damaged).unwrap();
        bytes[at..at + damaged.len()].fill(0xFF);
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("damaged.mkv");
    std::fs::write(&file, bytes).unwrap();
    // GStreamer's parser stops at the track, and its demuxer then stops at the file.
    transcode(&file).check().assert_sound();
}

const DAMAGES: &[Damage] = &[
    Damage {
        rule: "RFC 8216 3.5",
        file: "subtitles-en/seg_00001.vtt",
        change: |b| text(b, |t| number(t, "MPEGTS:", |ticks| ticks + 90_000.0)),
    },
    Damage {
        rule: "5.3",
        file: "subtitles-en/seg_00000.vtt",
        change: |b| text(b, |t| t.replace("X-TIMESTAMP-MAP", "X-OTHER")),
    },
    Damage {
        rule: "RFC 8216 3.5",
        file: "subtitles-en/seg_00000.vtt",
        change: |b| text(b, |t| t.replace("WEBVTT", "1")),
    },
    // The cue ends before its segment begins.
    Damage {
        rule: "RFC 8216 3.5",
        file: "subtitles-en/seg_00003.vtt",
        change: |b| text(b, |t| format!("{t}\n00:00:00.100 --> 00:00:00.200\nearly\n")),
    },
    // The cue begins later than in the segment before.
    Damage {
        rule: "RFC 8216 3.5",
        file: "subtitles-en/seg_00003.vtt",
        change: |b| text(b, |t| t.replace("00:00:05.023 -->", "00:00:06.023 -->")),
    },
    Damage {
        rule: "5.5",
        file: "subtitles-de/index.m3u8",
        change: |b| text(b, without_last_segment),
    },
    Damage {
        rule: "8.6",
        file: "subtitles-de/index.m3u8",
        change: |b| text(b, |t| damage::without_lines(t, "#EXT-X-PLAYLIST-TYPE")),
    },
    Damage {
        rule: "4.7",
        file: "main.m3u8",
        change: |b| text(b, |t| behind(t, "TYPE=SUBTITLES", |t| without(t, "LANGUAGE"))),
    },
    Damage {
        rule: "RFC 8216 4.3.4.1",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replace("NAME=\"de\"", "NAME=\"All words\"")),
    },
    Damage {
        rule: "RFC 8216 4.3.4.2",
        file: "main.m3u8",
        change: |b| text(b, |t| t.replacen(",SUBTITLES=\"subtitles\"", ",SUBTITLES=\"x\"", 1)),
    },
    Damage {
        rule: "RFC 8216 6.2.1",
        file: "subtitles-en/index.m3u8",
        change: |b| text(b, |t| t.replace("seg_00001", "seg_00009")),
    },
];

#[test]
fn subtitle_segments_are_aligned_with_video_and_the_check_names_the_rule_of_each_damage() {
    let Some(clip) = media::subtitled() else { return };
    let stream = transcode(&clip);
    let tracks = [(0, "subtitles-en"), (1, "subtitles-de")];
    assert_eq!(assert_same_cues(&clip, &stream, &tracks), 4);
    assert_eq!(stream.durations("subtitles-en"), stream.durations("180p"));
    let segment = |number: u32| stream.text(&format!("subtitles-en/seg_{number:05}.vtt"));
    // The first frame is shown at 3,600 s.
    assert_eq!(
        segment(0),
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:324000000,LOCAL:00:00:00.000\n\n\
         00:00:00.523 --> 00:00:01.523\n<i>Slanted</i> &amp; <b>bold</b>\n"
    );
    let over = "00:00:05.023 --> 00:00:07.273\nOver the border,\nin two lines\n";
    assert!(segment(2).contains(over) && segment(3).contains(over), "{}", segment(3));
    assert!(!segment(1).contains("-->"), "no cue from 2 to 4 s");
    damage::assert_found(&stream, DAMAGES, &[]);
}

#[test]
fn subtitles_of_cmaf_begin_at_0_like_its_fragments() {
    let Some(clip) = media::subtitled() else { return };
    let stream = Transcode::new(&clip).setting("encode.segment", "cmaf").run();
    stream.check().assert_sound();
    let text = stream.text("subtitles-en/seg_00000.vtt");
    assert!(text.contains("X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000"), "{text}");
}

#[test]
fn with_a_key_subtitles_are_encrypted_like_all_segments() {
    let Some(clip) = media::subtitled() else { return };
    let dir = tempfile::tempdir().unwrap();
    let server = KeyServer::start(dir.path().to_owned(), &hex::decode(KEY_HEX).unwrap());
    let stream = Transcode::new(&clip)
        .into_folder(dir.path())
        .setting("encryption.kind", "aes-128")
        .setting("encryption.key_url", &format!("{}/play/{{video_id}}", server.url))
        .setting("encryption.key_hex", KEY_HEX)
        .run();
    let segment = std::fs::read(stream.path("subtitles-en/seg_00000.vtt")).unwrap();
    assert!(!segment.starts_with(b"WEBVTT") && segment.len().is_multiple_of(16));
    let index = stream.text("subtitles-en/index.m3u8");
    assert_eq!(index.matches("#EXT-X-KEY").count(), index.matches("#EXTINF").count());
    // The check gets the key from the server.
    stream.check().assert_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_serves_subtitles_and_its_api_lists_them() {
    let Some(clip) = media::subtitled() else { return };
    let appliance = Appliance::start();
    let (id, video) = appliance.publish("film.mkv", &clip).await;
    let record = appliance.record(&id).await;
    for renditions in [&video["renditions"], &record["renditions"]] {
        let names = renditions.as_array().unwrap().iter();
        let names: Vec<_> = names.map(|r| (r["name"].as_str().unwrap(), &r["segments"])).collect();
        let count = names[0].1;
        assert_eq!(names[3..], [("subtitles-en", count), ("subtitles-de", count)], "{names:?}");
    }
    check_url(video["playback_url"].as_str().unwrap()).await.assert_without_findings();
}
