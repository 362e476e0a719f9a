//! Sources that begin between two key frames: the first whole frame is shown from the beginning.

use std::path::{Path, PathBuf};

use super::support::fidelity::{self, Clip, Limits};
use super::support::media;
use super::support::stream::transcode;

/// A pattern that moves, without its first packets, and whole sound.
fn without_first(name: &str, packets: u32, secs: u32, encode: &[&str]) -> Option<PathBuf> {
    let pattern = format!("testsrc2=s=320x240:r=25:d={secs}");
    let dropped = format!("noise=drop='lt(n,{packets})'");
    let sound = format!("sine=frequency=440:duration={secs}");
    let inputs = ["-f", "lavfi", "-i", &pattern, "-f", "lavfi", "-i", &sound];
    let options = ["-pix_fmt", "yuv420p", "-bsf:v", &dropped, "-c:a", "aac"];
    media::generated(name, &[&inputs[..], &options, encode].concat())
}

/// Asserts that the output shows all frames that ffmpeg decodes, but the `broken` ones at the beginning, and no
/// other.
fn assert_clean(source: &Path, broken: usize) {
    let stream = transcode(source);
    let source = Clip { broken, ..Clip::file(source) };
    let output = Clip::hls(&stream.path(""));
    let report = fidelity::judge(&source, &output, &Limits::default());
    assert_eq!(report.findings.names(), [""; 0], "{report}");
}

#[test]
fn grey_frames_before_the_first_key_frame_are_not_shown() {
    let x264 = "open-gop=1:keyint=50:min-keyint=50:scenecut=0:bframes=3";
    let h264 = ["-c:v", "libx264", "-preset", "veryfast", "-x264-params", x264];
    let Some(h264) = without_first("h264.mkv", 30, 6, &h264) else { return };
    // ffmpeg skips the broken frames of H.264.
    assert_clean(&h264, 0);
    let x265 = "log-level=error:pools=1:open-gop=1:keyint=50:min-keyint=50:scenecut=0";
    let hevc = ["-c:v", "libx265", "-preset", "veryfast", "-x265-params", x265];
    let Some(hevc) = without_first("hevc.mkv", 30, 6, &hevc) else { return };
    assert_clean(&hevc, 16);
}

#[test]
fn frames_of_a_source_without_a_key_frame_are_shown_as_they_are() {
    let encode = ["-c:v", "libx264", "-preset", "veryfast", "-g", "500", "-bf", "0"];
    let Some(source) = without_first("no_key.mkv", 10, 3, &encode) else { return };
    let stream = transcode(&source);
    let uri = stream.index("240p");
    let repeated = media::repeated_frames(&uri);
    assert!(repeated < 20, "{repeated} of 75 frames show the one before");
}
