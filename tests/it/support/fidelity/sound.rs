//! Findings about sound, by its envelope.

use std::fmt;

use super::decode::{SOUND_RATE, Sound};
use super::report::{Findings, Limits};

/// Values of an envelope per second.
const RATE: usize = 200;

/// Longest shift that is looked for, in seconds.
const SHIFT_SECS: usize = 3;

/// Figures of the sound.
#[derive(Debug, Default)]
pub struct Hearing {
    /// Seconds by which the output is late, by the whole of it. `None` where the sound is too even.
    pub offset: Option<f64>,
    /// The largest offset of a part.
    pub worst: Option<f64>,
    /// Seconds that are heard in the source, and how many of them are not in the output.
    pub heard_secs: f64,
    pub missing_secs: f64,
}

impl fmt::Display for Hearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = |secs: Option<f64>| {
            secs.map_or_else(|| "unknown".to_owned(), |secs| format!("{secs:+.3} s"))
        };
        write!(
            f,
            "offset {}, of a part {}; {:.2} s of {:.2} s are missing",
            offset(self.offset),
            offset(self.worst),
            self.missing_secs,
            self.heard_secs
        )
    }
}

/// Loudness of each 5 ms since `start`, as root mean square of full scale.
pub fn envelope(sound: &Sound, start: f64) -> Vec<f32> {
    let lead = ((sound.start - start).max(0.0) * RATE as f64).round() as usize;
    let cut = ((start - sound.start).max(0.0) * SOUND_RATE as f64).round() as usize;
    let mut found = vec![0.0; lead];
    for part in sound.samples.get(cut..).unwrap_or_default().chunks(SOUND_RATE / RATE) {
        let power: f32 = part.iter().map(|s| (f32::from(*s) / 32768.0).powi(2)).sum();
        found.push((power / part.len() as f32).sqrt());
    }
    found
}

/// Compares the sound of source and output. `start` are their starts in seconds.
pub fn judge(
    source: Option<&Sound>,
    output: Option<&Sound>,
    start: (f64, f64),
    limits: &Limits,
    findings: &mut Findings,
) -> Option<Hearing> {
    let own = envelope(source?, start.0);
    let heard = own.iter().filter(|level| **level > AUDIBLE).count();
    let secs = |values: usize| values as f64 / RATE as f64;
    let mut hearing = Hearing { heard_secs: secs(heard), ..Hearing::default() };
    if heard < RATE / 20 {
        return Some(hearing);
    }
    let Some(output) = output else {
        findings.add("silent", "the output has no sound");
        return Some(hearing);
    };
    let made = envelope(output, start.1);
    if loudest(&made) < 0.01 * loudest(&own) {
        findings.add("silent", "the output has only silence");
        return Some(hearing);
    }
    hearing.offset = offset(&own, &made, SHIFT_SECS * RATE).map(|shift| shift as f64 / RATE as f64);
    judge_parts(&own, &made, &mut hearing);
    let missing = missing(&own, &made, hearing.offset.unwrap_or(0.0));
    hearing.missing_secs = secs(missing.len());
    if hearing.missing_secs > 0.1 && missing.len() * 50 > heard {
        let text = format!("{hearing}; the first at {:.2} s", secs(missing[0]));
        findings.add("sound-missing", &text);
    }
    let wrong = [hearing.offset, hearing.worst].into_iter().flatten();
    let wrong = wrong.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
    if wrong.abs() > limits.sound_secs + 0.005 {
        findings.add("sound-offset", &hearing.to_string());
    }
    Some(hearing)
}

/// Quieter sound (-54 dB) is not heard.
const AUDIBLE: f32 = 0.002;

fn loudest(envelope: &[f32]) -> f32 {
    envelope.iter().copied().fold(0.0, f32::max)
}

/// Offsets of parts of two seconds, each one second after the other.
fn judge_parts(own: &[f32], made: &[f32], hearing: &mut Hearing) {
    let around = RATE / 2;
    for from in (0..own.len().saturating_sub(2 * RATE)).step_by(RATE) {
        let part = &own[from..from + 2 * RATE];
        // The part of the output has some more at both ends.
        let mut wide = vec![0.0; 2 * RATE + 2 * around];
        for (n, value) in wide.iter_mut().enumerate() {
            let at = (from + n).checked_sub(around);
            *value = at.and_then(|at| made.get(at)).copied().unwrap_or(0.0);
        }
        let mut padded = vec![0.0; around];
        padded.extend_from_slice(part);
        padded.resize(wide.len(), 0.0);
        let Some(shift) = offset(&padded, &wide, around - 1) else { continue };
        // Much of a sound resembles itself: only what fits well, and nowhere else, counts.
        let whole = (hearing.offset.unwrap_or(0.0) * RATE as f64).round() as i64;
        let (here, there) = (likeness(&padded, &wide, shift), likeness(&padded, &wide, whole));
        let secs = shift as f64 / RATE as f64;
        if shift != whole && (here < 0.9 || there > here - 0.2) {
            continue;
        }
        if hearing.worst.is_none_or(|worst| secs.abs() > worst.abs()) {
            hearing.worst = Some(secs);
        }
    }
}

/// The values by which `made` is late. Of equal ones it is the smallest shift. `None` where nothing
/// fits well, or the loudness is so even that everything does.
fn offset(own: &[f32], made: &[f32], most: usize) -> Option<i64> {
    let most = most.min(own.len().max(made.len()) / 2) as i64;
    let likeness: Vec<(i64, f32)> =
        (-most..=most).map(|shift| (shift, likeness(own, made, shift))).collect();
    let best = likeness.iter().map(|(_, like)| *like).fold(0.0, f32::max);
    let at_zero = likeness[likeness.len() / 2].1;
    let spread = likeness.iter().filter(|(_, like)| *like > 0.95 * best).count();
    if best < 0.7 || spread * 3 > likeness.len() {
        return None;
    }
    if at_zero > best - 0.02 {
        return Some(0);
    }
    let near = likeness.iter().filter(|(_, like)| *like > best - 0.02);
    near.min_by_key(|(shift, _)| shift.abs()).map(|(shift, _)| *shift)
}

/// Correlation of two envelopes, -1 to 1, where the second is this many values late.
fn likeness(own: &[f32], made: &[f32], shift: i64) -> f32 {
    let value = |of: &[f32], at: i64| {
        usize::try_from(at).ok().and_then(|at| of.get(at)).copied().unwrap_or(0.0)
    };
    let [mut n, mut a, mut b, mut aa, mut bb, mut ab] = [0.0_f32; 6];
    for (at, x) in own.iter().enumerate() {
        let y = value(made, at as i64 + shift);
        (n, a, b) = (n + 1.0, a + x, b + y);
        (aa, bb, ab) = (aa + x * x, bb + y * y, ab + x * y);
    }
    let spread = (n * aa - a * a) * (n * bb - b * b);
    if spread > 0.0 { (n * ab - a * b) / spread.sqrt() } else { 0.0 }
}

/// The values of the source that are heard there and not in the output around their time.
fn missing(own: &[f32], made: &[f32], offset: f64) -> Vec<usize> {
    let shift = (offset * RATE as f64).round() as i64;
    let gain = loudest(made) / loudest(own);
    let is_missing = |at: &usize| {
        let wanted = own[*at] * gain.min(1.0);
        let around = (-10..=10).map(|n| *at as i64 + shift + n);
        let heard =
            around.filter_map(|n| made.get(usize::try_from(n).ok()?)).copied().fold(0.0, f32::max);
        own[*at] > AUDIBLE && own[*at] > 0.02 * loudest(own) && heard < 0.1 * wanted
    };
    (0..own.len()).filter(is_missing).collect()
}
