//! Transcodes a file of the corpus and compares the result with what is right.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::support::fidelity::decode::Input;
use super::super::support::fidelity::{self, Clip, Limits};
use super::super::support::{has_ffmpeg, media, run};
use super::expected::{Compared, Expected};
use super::times;

/// Findings, and the text that explains them.
#[derive(Default)]
struct Found {
    names: Vec<String>,
    text: String,
}

impl Found {
    fn add(&mut self, name: &str, text: &str) {
        self.names.push(name.to_owned());
        self.text.extend(["  ", name, ": ", text, "\n"]);
    }
}

/// Plans or transcodes the file. Panics unless the findings are those of the table: a new one is a
/// fault, and one that is gone must leave the table.
pub fn assert_file(find: fn(&str) -> Option<PathBuf>, file: &str, expected: &Expected) {
    let Some(input) = find(file) else { return };
    let mut found = Found::default();
    look(&input, expected, &mut found);
    found.names.sort_unstable();
    found.names.dedup();
    let of_table = expected.findings();
    println!("{file}: {:?}", found.names);
    assert_eq!(
        found.names, of_table,
        "{file}: found (left) is not what the table has (right)\n{}",
        found.text
    );
}

fn look(input: &Path, expected: &Expected, found: &mut Found) {
    if expected.is_planned_only {
        let run = run::plan(input);
        if is_outcome(&run, expected, found) {
            compare_plan(&serde_json::from_str(&run.stdout).unwrap(), expected, found);
        }
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let run = run::transcode(input, out.path(), &[]);
    times::report(input, out.path(), &run);
    assert_eq!(run::unfinished(out.path()), Vec::<PathBuf>::new());
    let is_published = out.path().join("main.m3u8").try_exists().unwrap();
    assert_eq!(is_published, run.outcome() == "ready");
    if !is_outcome(&run, expected, found) || expected.outcome != "ready" {
        return;
    }
    let plan = &run.event("planned").unwrap()["plan"];
    compare_plan(plan, expected, found);
    compare_duration(&run, plan, expected, found);
    if !has_ffmpeg() || expected.compared == Compared::Nothing {
        return;
    }
    assert_streams(out.path(), plan, expected.secs);
    if expected.compared == Compared::Frames {
        compare_frames(input, out.path(), expected, found);
    }
}

/// Whether the run ended as it must. Another outcome is a finding by its code.
fn is_outcome(run: &run::Run, expected: &Expected, found: &mut Found) -> bool {
    let outcome = run.outcome();
    if outcome != expected.outcome {
        found.add(&outcome, &format!("instead of {}; {run:?}", expected.outcome));
    }
    outcome == expected.outcome
}

fn compare_plan(plan: &Value, expected: &Expected, found: &mut Found) {
    let rungs = plan["video"]["rungs"].as_array().unwrap();
    let names: Vec<&str> = rungs.iter().map(|rung| rung["name"].as_str().unwrap()).collect();
    if names.join(" ") != expected.rungs {
        found.add("rungs", &format!("{names:?} instead of {}", expected.rungs));
    }
    let side = |name: &str| rungs.first().map_or(0, |rung| rung[name].as_u64().unwrap());
    let size = (side("width"), side("height"));
    if size != expected.size {
        found.add("size", &format!("{size:?} instead of {:?}", expected.size));
    }
    let audio = plan["audio"].as_array().unwrap();
    if audio.len() != expected.audio {
        found.add("audio", &format!("{} instead of {}", audio.len(), expected.audio));
    }
    assert!(audio.iter().all(|track| track["channels"] == 2), "{audio:#?}");
}

/// The duration is that of the source, within two frames of video or four of audio (80 ms).
#[expect(clippy::cast_precision_loss, reason = "nanoseconds of minutes")]
fn compare_duration(run: &run::Run, plan: &Value, expected: &Expected, found: &mut Found) {
    let secs = run.event("done").unwrap()["duration_ns"].as_u64().unwrap() as f64 / 1e9;
    let fps = &plan["video"]["fps"];
    let frame_secs = fps["den"].as_f64().unwrap() / fps["num"].as_f64().unwrap().max(1.0);
    let tolerated = if expected.rungs.is_empty() { 0.08 } else { (2.0 * frame_secs).max(0.08) };
    if (secs - expected.secs).abs() > tolerated {
        found.add("duration", &format!("{secs} s instead of {} s", expected.secs));
    }
}

/// Renditions have the size and channels of the plan, and decode.
fn assert_streams(out: &Path, plan: &Value, secs: f64) {
    let uri = |name: &str| out.join(name).join("index.m3u8").display().to_string();
    if let Some(top) = plan["video"]["rungs"].as_array().unwrap().first() {
        let name = top["name"].as_str().unwrap();
        let (width, height, _) = media::size_and_frames(&uri(name));
        let planned = (top["width"].as_u64(), top["height"].as_u64());
        assert_eq!((Some(u64::from(width)), Some(u64::from(height))), planned);
        assert_eq!(media::decode_errors(&uri(name)), "");
    }
    let folders = std::fs::read_dir(out).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let audio: Vec<String> = names.filter(|name| name.starts_with("audio-")).collect();
    assert_eq!(audio.len(), plan["audio"].as_array().unwrap().len(), "{audio:?}");
    // ffprobe does not recognise a segment of a few silent frames.
    for rendition in audio.iter().filter(|_| secs > 0.2) {
        assert_eq!(media::channels(&uri(rendition)), 2, "{rendition}");
    }
}

/// The frames and the sound are those that ffmpeg decodes.
fn compare_frames(input: &Path, out: &Path, expected: &Expected, found: &mut Found) {
    let (video, audio) = expected.streams;
    let stream = |index| Some(Input { path: input.to_owned(), index });
    let source = Clip { video: stream(video), audio: stream(audio), broken: expected.broken };
    let report = fidelity::judge(&source, &Clip::hls(out), &Limits::default());
    found.names.extend(report.findings.names().into_iter().map(str::to_owned));
    found.text.push_str(&report.to_string());
}
