//! Streams that nothing can decode: the others of the source are published, and a warning names the stream.

use std::path::{Path, PathBuf};

use super::support::transport_stream::{AUDIO_PID, add_stream, fill_with_noise, set_type};
use super::support::{media, run};

/// Types of streams in a programme map: AAC with ADTS headers, AC-3 by ATSC, and DTS.
const ADTS: u8 = 0x0F;
const AC3: u8 = 0x81;
const DTS: u8 = 0x82;

/// 6 s of a pattern with a beep at each whole second, as a transport stream.
fn clip(name: &str, options: &[&str]) -> Option<PathBuf> {
    let video = "testsrc2=s=320x240:r=25:d=6";
    let beeps = "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:d=6";
    let inputs = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", beeps];
    let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50"];
    media::generated(name, &[&inputs[..], &encode, options, &["-f", "mpegts"]].concat())
}

/// The bytes of a file after a change.
fn changed(path: &Path, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    bytes
}

/// Transcodes these bytes into `folder`. Returns the texts of the warnings of streams that are left out.
fn left_out(bytes: &[u8], folder: &Path) -> Vec<String> {
    let source = folder.join("source.ts");
    std::fs::write(&source, bytes).unwrap();
    let run = run::transcode(&source, &folder.join("out"), &[]);
    assert_eq!(run.outcome(), "ready", "{run:?}");
    let warnings = run.events.iter().filter(|event| event["code"] == "stream-left-out");
    warnings.map(|warning| warning["message"].as_str().unwrap().to_owned()).collect()
}

fn frames(folder: &Path) -> u32 {
    media::size_and_frames(&folder.join("out/240p/index.m3u8").display().to_string()).2
}

fn beeps(folder: &Path) -> Vec<f64> {
    media::beeps(&folder.join("out/audio-und/index.m3u8").display().to_string())
}

#[test]
fn video_is_published_without_audio_that_nothing_decodes() {
    let (Some(ac3), Some(aac)) =
        (clip("ac3.ts", &["-c:a", "ac3"]), clip("aac.ts", &["-c:a", "aac"]))
    else {
        return;
    };
    let sources = [
        (changed(&ac3, |bytes| set_type(bytes, AUDIO_PID, ADTS)), "MPEG-4 AAC"),
        (changed(&aac, |bytes| set_type(bytes, AUDIO_PID, AC3)), "AC-3 (ATSC A/52)"),
        (changed(&aac, |bytes| fill_with_noise(bytes, AUDIO_PID)), "MPEG-4 AAC"),
    ];
    for (bytes, codec) in sources {
        let dir = tempfile::tempdir().unwrap();
        let expected = format!("Audio track 1 ({codec}) cannot be decoded and is left out.");
        assert_eq!(left_out(&bytes, dir.path()), [expected]);
        assert!((150..=153).contains(&frames(dir.path())), "{}", frames(dir.path()));
        assert!(!dir.path().join("out/audio-und").try_exists().unwrap());
    }
}

#[test]
fn audio_is_heard_beside_a_stream_of_noise() {
    let Some(ac3) = clip("ac3.ts", &["-c:a", "ac3"]) else { return };
    let bytes = changed(&ac3, |bytes| add_stream(bytes, NOISE_PID, ADTS));
    let dir = tempfile::tempdir().unwrap();
    let expected = "Audio track 2 (MPEG-4 AAC) cannot be decoded and is left out.";
    assert_eq!(left_out(&with_noise(&bytes), dir.path()), [expected]);
    assert_eq!(beeps(dir.path()).len(), 6);
}

/// A PID of no stream of ffmpeg.
const NOISE_PID: u16 = 0x155;

/// The packets, with packets of noise between them.
fn with_noise(bytes: &[u8]) -> Vec<u8> {
    let (mut all, [high, low]) = (Vec::new(), NOISE_PID.to_be_bytes());
    for (number, packet) in (0_u8..16).cycle().zip(bytes.chunks_exact(188)) {
        all.extend(packet);
        let begins = if number == 0 { 0x40 } else { 0 };
        let head = [0x47, begins | high, low, 0x10 | number];
        let header = [0, 0, 1, 0xC0, 0, 0, 0x80, 0, 0];
        let noise = [&head[..], if number == 0 { &header } else { &[] }].concat();
        all.extend(&noise);
        all.resize(all.len() + 188 - noise.len(), 0x5A);
    }
    all
}

/// The probe sees the first part only.
#[test]
fn audio_that_gives_up_later_is_silent_from_there_on() {
    let (Some(first), Some(second)) = (
        clip("first.ts", &["-c:a", "aac"]),
        clip("second.ts", &["-c:a", "aac", "-output_ts_offset", "6"]),
    ) else {
        return;
    };
    let noise = changed(&second, |bytes| {
        set_type(bytes, AUDIO_PID, AC3);
        fill_with_noise(bytes, AUDIO_PID);
    });
    let dir = tempfile::tempdir().unwrap();
    let warnings = left_out(&[std::fs::read(first).unwrap(), noise].concat(), dir.path());
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    let begin = "Audio track 1 (AC-3 (ATSC A/52)) cannot be decoded from ";
    let secs = warning.strip_prefix(begin).unwrap().split(' ').next().unwrap();
    let secs: f64 = secs.parse().unwrap();
    assert!((5.8..6.3).contains(&secs), "{warning}");
    assert!((300..=303).contains(&frames(dir.path())), "{}", frames(dir.path()));
    let beeps = beeps(dir.path());
    assert_eq!(beeps.len(), 6, "{beeps:?}");
    assert!(beeps.iter().all(|secs| *secs < 6.0), "{beeps:?}");
}

#[test]
fn a_source_whose_only_stream_gives_up_fails() {
    let Some(audio) = clip("audio.ts", &["-vn", "-c:a", "aac"]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.ts");
    std::fs::write(&source, changed(&audio, |bytes| fill_with_noise(bytes, 0x100))).unwrap();
    assert_eq!(run::transcode(&source, &dir.path().join("out"), &[]).outcome(), "source-damaged");
}

/// The demuxer passes over types that it does not know, and says nothing.
#[test]
fn a_stream_of_a_type_that_nothing_reads_is_noted() {
    let Some(ac3) = clip("ac3.ts", &["-c:a", "ac3"]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source.ts");
    std::fs::write(&source, changed(&ac3, |bytes| set_type(bytes, AUDIO_PID, DTS))).unwrap();
    let planned = run::plan(&source).stdout;
    let plan: serde_json::Value = serde_json::from_str(&planned).unwrap();
    assert_eq!(plan["notes"], serde_json::json!(["stream skipped: no decoder for DTS audio"]));
    assert_eq!(plan["audio"], serde_json::json!([]));
}
