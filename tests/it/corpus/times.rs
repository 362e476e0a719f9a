//! How long the files of the corpus take, for people: `make corpus` prints it. No test depends on it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::super::support::run::Run;

/// A file may take 10 s and three times its length, or 1.5 times what ffmpeg takes for the same
/// ladder, whichever is more. Prints both where `LADDERD_CORPUS_TIMES` is set.
pub fn report(input: &Path, out: &Path, run: &Run) {
    if std::env::var_os("LADDERD_CORPUS_TIMES").is_none() {
        return;
    }
    let length = run.event("done").map_or(0, |done| done["duration_ns"].as_u64().unwrap());
    let allowed = Duration::from_secs(10) + 3 * Duration::from_nanos(length);
    let name = input.file_name().unwrap().display();
    let took = run.took.as_secs_f64();
    print!("TIME {name}: {took:.1} s, {:.1} s allowed", allowed.as_secs_f64());
    if run.took <= allowed {
        return println!();
    }
    let of_ffmpeg = time_of_ffmpeg(input, out);
    let verdict = if run.took <= of_ffmpeg.mul_f64(1.5) { "in time" } else { "TOO SLOW" };
    println!("; ffmpeg takes {:.1} s for the same ladder: {verdict}", of_ffmpeg.as_secs_f64());
}

/// Duration of ffmpeg's encode of the rungs that lie in this folder.
fn time_of_ffmpeg(input: &Path, out: &Path) -> Duration {
    let main = std::fs::read_to_string(out.join("main.m3u8")).unwrap_or_default();
    let sizes = main.lines().filter(|line| line.starts_with("#EXT-X-STREAM-INF:"));
    let sizes = sizes.filter_map(|line| line.split_once("RESOLUTION=")?.1.split(',').next());
    let made = tempfile::tempdir().unwrap();
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "quiet", "-nostdin", "-i"]).arg(input);
    for (n, size) in sizes.enumerate() {
        let encode = ["-map", "0:V:0", "-s", size, "-c:v", "libx264", "-preset", "veryfast"];
        ffmpeg.args(encode).arg(made.path().join(format!("{n}.ts")));
    }
    let began = Instant::now();
    // A file that ffmpeg cannot encode takes as long as it does until it gives up.
    drop(ffmpeg.status());
    began.elapsed()
}
