//! Flashes and beeps that belong together.

use super::decode::{Sound, Video, median};
use super::sound::envelope;

/// Seconds from flash to beep (median), where a clip has at least two of both. `start` is that of the
/// clip.
pub fn flash_to_beep(video: &Video, sound: &Sound, start: f64) -> Option<f64> {
    let (flashes, beeps) = (flashes(video, start), beeps(sound, start));
    if flashes.len() < 2 || beeps.len() < 2 {
        return None;
    }
    let nearest = |flash: &f64| {
        let offsets = beeps.iter().map(|beep| beep - flash);
        offsets.min_by(|a, b| a.abs().total_cmp(&b.abs())).filter(|off| off.abs() < 0.5)
    };
    let offsets: Vec<f64> = flashes.iter().filter_map(nearest).collect();
    if offsets.len() < 2 { None } else { median(offsets) }
}

/// Times of the first white frame of each flash. Flashes are rare: otherwise the scene is just white.
fn flashes(video: &Video, start: f64) -> Vec<f64> {
    let is_white = |n: usize| video.frames[n].rgb.iter().all(|level| *level > 215);
    let white: Vec<bool> = (0..video.frames.len()).map(is_white).collect();
    if white.iter().filter(|is| **is).count() * 4 > white.len() {
        return Vec::new();
    }
    let first = |n: &usize| white[*n] && (*n == 0 || !white[*n - 1]);
    (0..white.len()).filter(first).map(|n| video.frames[n].secs - start).collect()
}

/// Times at which a beep begins after silence.
fn beeps(sound: &Sound, start: f64) -> Vec<f64> {
    let levels = envelope(sound, start);
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    let is_loud: Vec<bool> = levels.iter().map(|level| *level > 0.3 * loudest).collect();
    let begins = |n: &usize| {
        let before = n.saturating_sub(20)..*n;
        is_loud[*n] && levels[before].iter().all(|level| *level < 0.1 * loudest)
    };
    if loudest < 0.01 {
        return Vec::new();
    }
    (0..levels.len()).filter(begins).map(|n| n as f64 / 200.0).collect()
}
