//! Subtitles: read back by ffmpeg and held against those of the source.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::conformance::{Damage, are_called_by_their_rules, check, musts, number, text, without};
use super::support::appliance::Home;
use super::support::keys::KeyServer;
use super::support::{self, Need, corpus, has, media, skip};

const KEY_HEX: &str = "12345678901234567890123456789012";

fn transcode(input: &Path, out: &Path, settings: &[(&str, &str)]) -> Output {
    let mut program = support::program();
    program.args(["transcode", "--json"]).args([input, out]).envs(settings.iter().copied());
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What the worker has told, by the name of the event.
fn events(output: &Output, name: &str) -> Vec<Value> {
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["event"] == name).collect()
}

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

/// The cues of a rendition: those of all its segments, each once.
fn published(out: &Path, rendition: &str) -> Vec<Cue> {
    let mut all: Vec<Cue> = Vec::new();
    for number in 0.. {
        let segment = out.join(rendition).join(format!("seg_{number:05}.vtt"));
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

/// A file's subtitles have the same texts at the same times in the stream, which keeps the rules.
fn come_through(file: &str, tracks: &[(usize, &str)]) {
    let Some(input) = corpus(file) else { return };
    if !has("ffmpeg") {
        return skip(Need::Ffmpeg, "ffmpeg is not there");
    }
    let dir = tempfile::tempdir().unwrap();
    let (found, out) = (are_the_same(&input, dir.path(), tracks), dir.path());
    assert!(found > 0, "{file} has no subtitle");
    let (is_sound, report) = check(out.to_str().unwrap());
    assert!(is_sound && musts(&report).is_empty(), "{report:#}");
}

/// Makes a stream and compares. Returns the number of cues.
fn are_the_same(input: &Path, out: &Path, tracks: &[(usize, &str)]) -> usize {
    let output = transcode(input, out, &[]);
    let done = &events(&output, "done")[0]["duration_ns"];
    let end = std::time::Duration::from_nanos(done.as_u64().unwrap()).as_secs_f64();
    let mut found = 0;
    for (track, rendition) in tracks {
        let mut expected = cues(input, *track);
        // What the source shows when the stream has ended.
        expected.retain(|(start, ..)| *start < end - 0.05);
        let made = published(out, rendition);
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

macro_rules! these_come_through {
    ($($name:ident: $file:literal, $tracks:expr;)*) => {
        $(#[test] fn $name() { come_through($file, &$tracks); })*
    };
}
these_come_through! {
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
fn subtitles_that_are_pictures_are_left_out_with_a_note() {
    let Some(pictures) = corpus("mkv_pgs.mkv") else { return };
    let dir = tempfile::tempdir().unwrap();
    let Some(clip) = media::clip(dir.path(), 120, "25", 2) else { return };
    let input = dir.path().join("pictures.mkv");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&clip)
        .arg("-i")
        .arg(&pictures)
        .args(["-map", "0", "-map", "1:s", "-c", "copy"])
        .arg(&input)
        .status()
        .unwrap();
    assert!(made.success());
    let out = dir.path().join("out");
    let planned = &events(&transcode(&input, &out, &[]), "planned")[0]["plan"];
    assert_eq!(planned["subtitles"], serde_json::json!([]));
    let note = "subtitle stream (en) skipped: subpicture/x-pgs holds bitmaps, not text";
    assert_eq!(planned["notes"], serde_json::json!([note]));
    let main = std::fs::read_to_string(out.join("main.m3u8")).unwrap();
    assert!(!main.contains("SUBTITLES"), "{main}");
}

#[test]
fn a_damaged_track_does_not_cost_the_video() {
    let Some(input) = corpus("mkv_ass.mkv") else { return };
    let mut bytes = std::fs::read(input).unwrap();
    for damaged in [&b"[Script Info]"[..], b"[V4+ Styles]", b"This is the first subtitle."] {
        let at = bytes.windows(damaged.len()).position(|window| window == damaged).unwrap();
        bytes[at..at + damaged.len()].fill(0xFF);
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("damaged.mkv");
    std::fs::write(&file, bytes).unwrap();
    let out = dir.path().join("out");
    // GStreamer's parser gives up on such a track, and its demuxer then on the file.
    transcode(&file, &out, &[]);
    let (is_sound, report) = check(out.to_str().unwrap());
    assert!(is_sound, "{report:#}");
}

/// A subtitled clip, and the folder of its stream.
fn stream(dir: &Path, settings: &[(&str, &str)]) -> Option<(PathBuf, PathBuf)> {
    let clip = media::subtitled(dir)?;
    let out = dir.join("good");
    transcode(&clip, &out, settings);
    Some((clip, out))
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
    // A cue that is over when the segment begins.
    Damage {
        rule: "RFC 8216 3.5",
        file: "subtitles-en/seg_00003.vtt",
        change: |b| text(b, |t| format!("{t}\n00:00:00.100 --> 00:00:00.200\nearly\n")),
    },
    // A cue that the segment before it had begun.
    Damage {
        rule: "RFC 8216 3.5",
        file: "subtitles-en/seg_00003.vtt",
        change: |b| text(b, |t| t.replace("00:00:05.023 -->", "00:00:06.023 -->")),
    },
    Damage {
        rule: "5.5",
        file: "subtitles-de/index.m3u8",
        change: |b| {
            text(b, |t| {
                let at = t.rfind("#EXTINF").unwrap();
                format!("{}#EXT-X-ENDLIST\n", &t[..at])
            })
        },
    },
    Damage {
        rule: "8.6",
        file: "subtitles-de/index.m3u8",
        change: |b| text(b, |t| t.replace("TYPE:VOD", "TYPE:EVENT")),
    },
    Damage {
        rule: "4.7",
        file: "main.m3u8",
        change: |b| {
            text(b, |t| {
                let at = t.find("TYPE=SUBTITLES").unwrap();
                format!("{}{}", &t[..at], without(&t[at..], "LANGUAGE"))
            })
        },
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
fn subtitles_are_cut_with_the_picture_and_every_damage_is_called_by_its_rule() {
    let dir = tempfile::tempdir().unwrap();
    let Some((clip, good)) = stream(dir.path(), &[]) else { return };
    let tracks = [(0, "subtitles-en"), (1, "subtitles-de")];
    let again = dir.path().join("again");
    assert_eq!(are_the_same(&clip, &again, &tracks), 4);
    let playlist = |rendition: &str| {
        let text = std::fs::read(good.join(rendition).join("index.m3u8")).unwrap();
        m3u8_rs::parse_media_playlist_res(&text).unwrap()
    };
    let (texts, picture) = (playlist("subtitles-en"), playlist("180p"));
    let durations = |list: &m3u8_rs::MediaPlaylist| -> Vec<f32> {
        list.segments.iter().map(|segment| segment.duration).collect()
    };
    assert_eq!(durations(&texts), durations(&picture));
    let segment = |number: u32| {
        std::fs::read_to_string(good.join(format!("subtitles-en/seg_{number:05}.vtt"))).unwrap()
    };
    // The first picture is shown at 3,600 s.
    assert_eq!(
        segment(0),
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:324000000,LOCAL:00:00:00.000\n\n\
         00:00:00.523 --> 00:00:01.523\n<i>Slanted</i> &amp; <b>bold</b>\n"
    );
    let over = "00:00:05.023 --> 00:00:07.273\nOver the border,\nin two lines\n";
    assert!(segment(2).contains(over) && segment(3).contains(over), "{}", segment(3));
    assert!(!segment(1).contains("-->"), "nothing is said from 2 to 4 s");
    are_called_by_their_rules(&good, DAMAGES);
}

#[test]
fn fragments_begin_at_0_and_so_do_their_subtitles() {
    let dir = tempfile::tempdir().unwrap();
    let cmaf = [("LADDERD__ENCODE__SEGMENT", "cmaf")];
    let Some((_, out)) = stream(dir.path(), &cmaf) else { return };
    let (is_sound, report) = check(out.to_str().unwrap());
    assert!(is_sound, "{report:#}");
    let text = std::fs::read_to_string(out.join("subtitles-en/seg_00000.vtt")).unwrap();
    assert!(text.contains("X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000"), "{text}");
}

#[test]
fn with_a_key_subtitles_are_encrypted_like_all_segments() {
    let dir = tempfile::tempdir().unwrap();
    let server = KeyServer::start(dir.path().join("good"), &hex::decode(KEY_HEX).unwrap());
    let url = format!("{}/play/{{video_id}}", server.url);
    let settings = [
        ("LADDERD__ENCRYPTION__KIND", "aes-128"),
        ("LADDERD__ENCRYPTION__KEY_URL", &*url),
        ("LADDERD__ENCRYPTION__KEY_HEX", KEY_HEX),
    ];
    let Some((_, out)) = stream(dir.path(), &settings) else { return };
    let segment = std::fs::read(out.join("subtitles-en/seg_00000.vtt")).unwrap();
    assert!(!segment.starts_with(b"WEBVTT") && segment.len().is_multiple_of(16));
    let index = std::fs::read_to_string(out.join("subtitles-en/index.m3u8")).unwrap();
    assert_eq!(index.matches("#EXT-X-KEY").count(), index.matches("#EXTINF").count());
    // It opens them with the key from the server.
    let (is_sound, report) = check(out.to_str().unwrap());
    assert!(is_sound, "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_appliance_serves_subtitles_and_its_api_names_them() {
    let home = Home::default();
    let Some(clip) = media::subtitled(home.path()) else { return };
    let appliance = home.start();
    let id = appliance.upload("film.mkv", std::fs::read(clip).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    let (_, _, record) = appliance.public(&format!("{id}/job.json")).await;
    let record: Value = serde_json::from_slice(&record).unwrap();
    for renditions in [&video["renditions"], &record["renditions"]] {
        let names = renditions.as_array().unwrap().iter();
        let names: Vec<_> = names.map(|r| (r["name"].as_str().unwrap(), &r["segments"])).collect();
        let count = names[0].1;
        assert_eq!(names[3..], [("subtitles-en", count), ("subtitles-de", count)], "{names:?}");
    }
    let url = video["playback_url"].as_str().unwrap().to_owned();
    let (is_sound, report) = tokio::task::spawn_blocking(move || check(&url)).await.unwrap();
    assert!(is_sound, "{report:#}");
    // Types, encodings and caches as well: there is not even advice.
    assert_eq!(report["findings"], serde_json::json!([]));
}
