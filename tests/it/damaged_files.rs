//! Damaged files: every run ends in time, with success or a failure code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::support::mutation::{SplitMix64, mutated};
use super::support::{corpus, media, run};

/// Number of damaged files, unless `LADDERD_MUTANTS` has another one. `make corpus` tries thousands.
const MUTANTS: usize = 160;
/// One in this many is transcoded; the others are only planned.
const ENCODED: usize = 12;

/// Small files of many containers and codecs.
const SEEDS: [&str; 20] = [
    "date_named_160x120.mp4",
    "tiny_16x16_10fps.mp4",
    "mp4_tx3g_subtitles.mp4",
    "mkv_webvtt.mkv",
    "odd_161x121_vp9.webm",
    "ts_missing_sei_and_pes.ts",
    "ts_zero_video_frames.ts",
    "extreme_16x4000.ts",
    "iphone_320p_rot270_3frames.mov",
    "avi_h264_wrong_length.avi",
    "clip_flv1_mp3_170x120.flv",
    "phone_mpeg4_amr_qcif.3gp",
    "anamorphic_sar2to3_360p.mp4",
    "fmp4_bad_duration.mp4",
    "partially_fragmented.mp4",
    "mkv_ass.mkv",
    "single_frame_hevc_480p.mp4",
    "clip_5fps_720p.avi",
    "browser_rec_no_duration.webm",
    "crash_1903669_h264.mp4",
];

/// The files to damage: those of the corpus, or a clip without it.
fn seeds() -> Vec<PathBuf> {
    let files: Vec<PathBuf> = SEEDS.iter().filter_map(|name| corpus(name)).collect();
    if files.is_empty() { media::clip(144, "25", 2).into_iter().collect() } else { files }
}

#[test]
fn every_damaged_file_ends_in_time_with_an_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let seeds = seeds();
    if seeds.is_empty() {
        return;
    }
    let wanted = std::env::var("LADDERD_MUTANTS").ok().map_or(MUTANTS, |n| n.parse().unwrap());
    // Makes one file for a closer look and prints its path.
    if let Ok(number) = std::env::var("LADDERD_MUTANT") {
        let number: usize = number.parse().unwrap();
        let kept = dir.keep();
        println!("{}", make(number, &seeds[number % seeds.len()], &kept).display());
        return;
    }
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<String, usize>::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= wanted {
                        return;
                    }
                    let outcome = outcome_of(number, &seeds[number % seeds.len()], dir.path());
                    *outcomes.lock().unwrap().entry(outcome).or_default() += 1;
                }
            });
        }
    });
    println!("{:#?}", outcomes.lock().unwrap());
}

/// Writes the mutant with this number, the same one in every run.
fn make(number: usize, seed: &Path, dir: &Path) -> PathBuf {
    let mut random = SplitMix64::new(number as u64);
    let bytes = mutated(&std::fs::read(seed).unwrap(), &mut random);
    let input = dir.join(format!("{number}_{}", seed.file_name().unwrap().to_str().unwrap()));
    std::fs::write(&input, bytes).unwrap();
    input
}

/// The outcome of the mutant with this number.
fn outcome_of(number: usize, seed: &Path, dir: &Path) -> String {
    let input = make(number, seed, dir);
    let name = input.display();
    let out = dir.join(format!("{number}_out"));
    let run = if number.is_multiple_of(ENCODED) {
        run::transcode(&input, &out, &[])
    } else {
        run::plan(&input)
    };
    let outcome = run.outcome();
    if ["worker-died", "worker-stalled", "worker-misbehaved"].contains(&outcome.as_str()) {
        println!("mutant {number} of {name}: {run:?}");
    }
    assert_eq!(run::unfinished(&out), Vec::<PathBuf>::new(), "mutant {number} of {name}");
    std::fs::remove_file(&input).unwrap();
    drop(std::fs::remove_dir_all(&out));
    outcome
}
