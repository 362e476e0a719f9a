//! Videos that the tests make, and ffmpeg as the judge of what came out.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Need, has, skip};

/// Makes a clip with sound by ffmpeg, or says SKIP where there is none.
pub fn clip(dir: &Path, height: u32, fps: &str, secs: u32) -> Option<PathBuf> {
    if !has("ffmpeg") {
        skip(Need::Ffmpeg, "ffmpeg is not there");
        return None;
    }
    let path = dir.join(format!("clip_{height}p_{secs}s.mp4"));
    let size = format!("{}x{height}", (height * 16 / 9).next_multiple_of(2));
    let video = format!("testsrc2=size={size}:rate={fps}:duration={secs}");
    let sound = format!("sine=frequency=440:sample_rate=44100:duration={secs}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &video, "-f", "lavfi", "-i", &sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    Some(path)
}

/// Decodes everything. Returns what ffmpeg complains of.
pub fn decode_errors(input: &str) -> String {
    let output =
        Command::new("ffmpeg").args(["-v", "error", "-i", input, "-f", "null", "-"]).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { said } else { format!("{}: {said}", output.status) }
}

/// Times of the key frames in seconds, as text.
pub fn key_frame_times(input: &str) -> Vec<String> {
    let args = ["-v", "error", "-skip_frame", "nokey", "-select_streams", "v:0"];
    let entries = ["-show_entries", "frame=pts_time", "-of", "csv=p=0", input];
    let output = Command::new("ffprobe").args(args).args(entries).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| line.trim_end_matches(',').to_owned())
        .filter(|l| !l.is_empty())
        .collect()
}

/// Width, height and number of frames of the first video stream.
pub fn picture(input: &str) -> (u32, u32, u32) {
    let args = ["-v", "error", "-select_streams", "v:0", "-count_packets"];
    let entries =
        ["-show_entries", "stream=width,height,nb_read_packets", "-of", "default=nk=1:nw=1", input];
    let output = Command::new("ffprobe").args(args).args(entries).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // A transport stream lists its stream once more under its program.
    let numbers: Vec<u32> = text.lines().take(3).map(|line| line.parse().unwrap()).collect();
    (numbers[0], numbers[1], numbers[2])
}
