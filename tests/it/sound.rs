//! What one hears: tones of known channels, measured in the rendition.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Need, has, program, skip};

/// Two seconds of sound alone, each channel with a tone of its own or none (Hz, amplitude).
fn tones(dir: &Path, layout: &str, channels: &[(u32, f64)]) -> Option<PathBuf> {
    if !has("ffmpeg") {
        skip(Need::Ffmpeg, "ffmpeg is not there");
        return None;
    }
    let channel = |(hz, amplitude): &(u32, f64)| format!("{amplitude}*sin(2*PI*{hz}*t)");
    let channels: Vec<String> = channels.iter().map(channel).collect();
    let sound = format!("aevalsrc='{}':c={layout}:s=48000:d=2", channels.join("|"));
    let path = dir.join(format!("{layout}.mka"));
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &sound, "-c:a", "pcm_s24le"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    Some(path)
}

/// The loudness of a tone in the left and the right channel of what was made of this: its amplitude
/// in dB below full scale.
fn heard(rendition: &Path, hz: u32) -> [f64; 2] {
    let graph = format!(
        "bandpass=f={hz}:w=20,bandpass=f={hz}:w=20,atrim=0.5:1.5,\
         astats=measure_overall=none:measure_perchannel=RMS_level"
    );
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-i"])
        .arg(rendition)
        .args(["-af", &graph, "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let levels = said.lines().filter_map(|line| line.split("RMS level dB: ").nth(1));
    let levels: Vec<f64> =
        levels.map(|level| level.trim().parse().unwrap_or(f64::NEG_INFINITY)).collect();
    assert_eq!(levels.len(), 2, "{said}");
    // A sine's peak is 3 dB above its mean.
    [levels[0] + 3.01, levels[1] + 3.01]
}

fn transcode(clip: &Path) -> PathBuf {
    let out = clip.with_extension("out");
    let output = program().arg("transcode").arg(clip).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out.join("audio-und/index.m3u8")
}

/// As loud as this to half a decibel, or too quiet to be heard beside it.
fn assert_heard(found: f64, expected: Option<f64>, of: &str) {
    match expected {
        Some(expected) => assert!((found - expected).abs() < 0.5, "{of}: {found}, not {expected}"),
        None => assert!(found < -40.0, "{of}: {found}, not silent"),
    }
}

#[test]
fn left_stays_left_and_right_stays_right() {
    let dir = tempfile::tempdir().unwrap();
    let Some(clip) = tones(dir.path(), "stereo", &[(440, 0.5), (700, 0.25)]) else { return };
    let rendition = transcode(&clip);
    let [left, right] = heard(&rendition, 440);
    assert_heard(left, Some(-6.02), "440 Hz on the left");
    assert_heard(right, None, "440 Hz on the right");
    let [left, right] = heard(&rendition, 700);
    assert_heard(left, None, "700 Hz on the left");
    assert_heard(right, Some(-12.04), "700 Hz on the right");
}

/// On the left and on the right.
type Heard = (Option<f64>, Option<f64>);

#[test]
fn surround_is_mixed_down_as_bt_775_says() {
    // Of each channel, what is heard on the left and on the right, in dB. All 3 dB less, so that
    // the power of what is mixed is that of one channel.
    let front = -6.02 - 3.01;
    let mixed = front - 3.01;
    let quiet = None;
    let table: [(&str, &[Heard]); 2] = [
        (
            "5.1",
            &[
                (Some(front), quiet),
                (quiet, Some(front)),
                (Some(mixed), Some(mixed)),
                (quiet, quiet),
                (Some(mixed), quiet),
                (quiet, Some(mixed)),
            ],
        ),
        // Two thirds of the power are the front's.
        (
            "quad",
            &[
                (Some(-7.78), quiet),
                (quiet, Some(-7.78)),
                (Some(-10.79), quiet),
                (quiet, Some(-10.79)),
            ],
        ),
    ];
    for (layout, channels) in table {
        let dir = tempfile::tempdir().unwrap();
        let hz = |number: usize| 300 + 250 * u32::try_from(number).unwrap();
        let given: Vec<(u32, f64)> = (0..channels.len()).map(|n| (hz(n), 0.5)).collect();
        let Some(clip) = tones(dir.path(), layout, &given) else { return };
        let rendition = transcode(&clip);
        for (number, (left, right)) in channels.iter().enumerate() {
            let heard = heard(&rendition, hz(number));
            assert_heard(heard[0], *left, &format!("{layout}, channel {number} on the left"));
            assert_heard(heard[1], *right, &format!("{layout}, channel {number} on the right"));
        }
    }
}
