//! Sources that are damaged in the middle: the rest is published, and one warning names the places.

use std::path::{Path, PathBuf};

use super::support::mutation::SplitMix64;
use super::support::{media, run};

/// 10 s of a pattern and a tone, whose bytes are spread evenly over its time.
fn clip(name: &str, options: &[&str]) -> Option<PathBuf> {
    let inputs = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=10"];
    let audio = ["-f", "lavfi", "-i", "sine=frequency=440:duration=10"];
    let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"];
    media::generated(name, &[&inputs[..], &audio, &encode, &["-c:a", "aac"], options].concat())
}

/// Messages of the warnings of damage in a source with these bytes.
fn warnings(name: &str, bytes: &[u8]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join(name);
    std::fs::write(&source, bytes).unwrap();
    let run = run::transcode(&source, &dir.path().join("out"), &[]);
    assert_eq!(run.outcome(), "ready", "{run:?}");
    // The words of GStreamer's demuxer.
    assert!(!run.stdout.contains("CONTINUITY"), "{run:?}");
    let damaged = run.events.iter().filter(|event| event["code"] == "source-damaged");
    damaged.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

/// Asserts that a source is damaged about these seconds.
fn assert_damaged_at(path: &Path, bytes: &[u8], places: &[f64]) {
    let found = warnings(path.file_name().unwrap().to_str().unwrap(), bytes);
    let [message] = &found[..] else { panic!("{found:?}") };
    let named = message.strip_suffix('.').unwrap().split_once(": ").unwrap().1;
    let starts: Vec<f64> = named
        .split(", ")
        .map(|place| place.split('–').next().unwrap().strip_prefix("00:").unwrap().parse().unwrap())
        .collect();
    let is_near = |(start, place): (&f64, &f64)| (start - place).abs() < 1.2;
    let are_near = starts.len() == places.len() && starts.iter().zip(places).all(is_near);
    assert!(are_near, "{message}, not at {places:?}");
}

/// The bytes with noise from these tenths of the file on, a twentieth each.
fn with_noise(bytes: &[u8], tenths: &[usize]) -> Vec<u8> {
    let (mut noisy, mut random) = (bytes.to_vec(), SplitMix64::new(1));
    for tenth in tenths {
        let begin = bytes.len() / 10 * tenth;
        noisy[begin..begin + bytes.len() / 20].fill_with(|| random.byte());
    }
    noisy
}

#[test]
fn the_damaged_places_of_a_file_are_named() {
    let Some(path) = clip("damaged.mp4", &["-movflags", "faststart"]) else { return };
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(warnings("whole.mp4", &bytes), [""; 0]);
    assert_damaged_at(&path, &with_noise(&bytes, &[3]), &[3.0]);
    assert_damaged_at(&path, &with_noise(&bytes, &[2, 6]), &[2.0, 6.0]);
}

#[test]
fn packets_that_a_recorder_lost_are_named() {
    let Some(path) = clip("damaged.ts", &["-muxdelay", "0"]) else { return };
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(warnings("whole.ts", &bytes), [""; 0]);
    let packets = bytes.len() / 188;
    let at = |share: usize| packets * share / 100 * 188;
    let lost = [&bytes[..at(40)], &bytes[at(45)..]].concat();
    assert_damaged_at(&path, &lost, &[4.0]);
    assert_damaged_at(&path, &with_noise(&bytes, &[6]), &[6.0]);
}
