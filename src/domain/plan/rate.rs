//! The constant frame rate of the output.

use crate::domain::media::{Fraction, FrameTimes, VideoStream};

/// Highest frame rate that Apple's authoring rules allow (1.19).
const MAX_FPS: u32 = 60;
/// A stated rate up to this one is taken for [`MAX_FPS`]: phones average over a few uneven frames.
const NEARLY_MAX_FPS: f64 = 61.0;
/// A stated rate above this one is the tick rate of a clock: 600, 1000 and 90000 are usual, and no
/// camera writes as many frames.
const MAX_STATED_FPS: f64 = 480.0;
/// Rate if neither the container nor the frame times tell one: that of most cameras and screen
/// recorders.
const ASSUMED_FPS: Fraction = Fraction::new(30, 1);
/// Relative tolerance between a usual rate that is stated and a measured one: containers round to
/// milliseconds. Any other stated rate may be the mean of a recording with holes.
const STATED_TOLERANCE: f64 = 0.02;
/// Relative tolerance between a measured rate and the usual rate that it stands for.
const MEASURED_TOLERANCE: f64 = 0.003;
/// Highest output rate of a recording that hardly moves, such as a screen recording.
const MOSTLY_STILL_FPS: f64 = 30.0;
/// A recording with a lower average frame rate hardly moves.
const BUSY_FPS: f64 = 20.0;

/// Frame rates of usual recordings.
const USUAL_RATES: [Fraction; 15] = [
    Fraction::new(1, 1),
    Fraction::new(2, 1),
    Fraction::new(5, 1),
    Fraction::new(10, 1),
    Fraction::new(12, 1),
    Fraction::new(15, 1),
    Fraction::new(20, 1),
    Fraction::new(24000, 1001),
    Fraction::new(24, 1),
    Fraction::new(25, 1),
    Fraction::new(30000, 1001),
    Fraction::new(30, 1),
    Fraction::new(50, 1),
    Fraction::new(60000, 1001),
    Fraction::new(60, 1),
];

/// Chooses the frame rate of the output: the rate of the source if it is constant and allowed. A
/// source with uneven frame times gets a rate that shows every frame where they come fastest. Adds a
/// note if the rate differs from the stated one.
pub(super) fn output_rate(stream: &VideoStream, notes: &mut Vec<String>) -> Fraction {
    let stated = stream.fps;
    let is_stated = stated.num > 0 && stated.den > 0 && stated.as_f64() <= MAX_STATED_FPS;
    let Some(measured) = stream.frame_times.as_ref().map(measured) else {
        return if is_stated { of_stated(stated, notes) } else { assumed(stated, notes) };
    };
    let fps = match measured {
        Measured::Even(rate) | Measured::Uneven(rate)
            if is_stated && near(stated, rate, tolerance(stated)) =>
        {
            return of_stated(stated, notes);
        }
        Measured::Even(rate) => {
            let (usual, off) = nearest_usual(rate);
            allowed_rate(if off <= MEASURED_TOLERANCE { usual } else { thousandths(rate) })
        }
        Measured::Uneven(rate) => usual(rate),
    };
    notes.push(format!("frame rate set to {fps}: the source is variable or states another rate"));
    fps
}

/// Relative tolerance between this stated rate and a measured one.
fn tolerance(stated: Fraction) -> f64 {
    let is_usual = nearest_usual(stated.as_f64()).1 <= SNAP_TOLERANCE;
    if is_usual { STATED_TOLERANCE } else { MEASURED_TOLERANCE }
}

fn of_stated(stated: Fraction, notes: &mut Vec<String>) -> Fraction {
    let fps = allowed_rate(stated);
    if !near(stated, fps.as_f64(), SNAP_TOLERANCE) {
        notes.push(format!("frame rate changed from {stated} to {fps}"));
    }
    fps
}

fn assumed(stated: Fraction, notes: &mut Vec<String>) -> Fraction {
    notes.push(if stated.num == 0 || stated.den == 0 {
        format!("frame rate set to {ASSUMED_FPS}: the source is variable or states none")
    } else {
        format!("frame rate changed from {stated} to {ASSUMED_FPS}")
    });
    ASSUMED_FPS
}

/// Measured frames per second, at constant or at uneven intervals.
enum Measured {
    Even(f64),
    Uneven(f64),
}

#[expect(clippy::cast_precision_loss, reason = "gaps between frames")]
fn measured(times: &FrameTimes) -> Measured {
    let rate = |ns: u64| 1e9 / ns.max(1) as f64;
    if let Some(interval_ns) = times.regular_ns {
        return Measured::Even(rate(interval_ns));
    }
    let is_busy = rate(times.mean_ns) >= BUSY_FPS;
    let most = if is_busy { f64::from(MAX_FPS) } else { MOSTLY_STILL_FPS };
    Measured::Uneven(rate(times.fast_ns).min(most))
}

/// The usual rate within the tolerance, or the next one above.
fn usual(rate: f64) -> Fraction {
    let (nearest, off) = nearest_usual(rate);
    if off <= STATED_TOLERANCE {
        return nearest;
    }
    let above = USUAL_RATES.iter().find(|usual| usual.as_f64() >= rate);
    above.copied().unwrap_or(Fraction::new(MAX_FPS, 1))
}

/// The nearest usual rate, and its relative difference.
fn nearest_usual(rate: f64) -> (Fraction, f64) {
    let off = |usual: &Fraction| (usual.as_f64() - rate).abs() / rate;
    let nearest = USUAL_RATES.iter().min_by(|a, b| off(a).total_cmp(&off(b)));
    let nearest = nearest.copied().unwrap_or(ASSUMED_FPS);
    (nearest, off(&nearest))
}

/// The allowed rate that is nearest to the stated one: halved until it is at most [`MAX_FPS`], and at
/// least one frame per second.
fn allowed_rate(stated: Fraction) -> Fraction {
    let mut fps = reduced(stated);
    while fps.as_f64() > NEARLY_MAX_FPS {
        // No overflow: the denominator is far below the numerator here.
        fps = reduced(Fraction::new(fps.num, fps.den.saturating_mul(2)));
    }
    let fps = snapped(fps);
    if fps.as_f64() > f64::from(MAX_FPS) {
        Fraction::new(MAX_FPS, 1)
    } else if fps.as_f64() < 1.0 {
        Fraction::new(1, 1)
    } else {
        fps
    }
}

/// Relative tolerance between a rounded rate and the exact one, such as 23.98 and 24000/1001. Usual
/// rates differ by a thousandth at least.
const SNAP_TOLERANCE: f64 = 0.000_2;

fn near(fps: Fraction, rate: f64, share: f64) -> bool {
    (fps.as_f64() - rate).abs() <= share * rate
}

/// The exact rate that a rounded one stands for: 30000/1001 for 2997/100.
fn snapped(fps: Fraction) -> Fraction {
    let value = fps.as_f64();
    if let Some(exact) = USUAL_RATES.iter().find(|exact| near(**exact, value, SNAP_TOLERANCE)) {
        return *exact;
    }
    // Containers that average over all frames state rates such as 959616/31997. The nearest
    // thousandth is the camera's rate and keeps the arithmetic small.
    if fps.den <= 1001 { fps } else { thousandths(value) }
}

fn thousandths(rate: f64) -> Fraction {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "up to 1,000,000")]
    let thousandths = (rate * 1000.0).round().clamp(1.0, 1e9) as u32;
    reduced(Fraction::new(thousandths, 1000))
}

fn reduced(fps: Fraction) -> Fraction {
    let divisor = gcd(fps.num, fps.den);
    Fraction::new(fps.num / divisor, fps.den / divisor)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stated rate, gaps between frames in milliseconds, output rate, number of notes.
    type Row = ((u32, u32), &'static [u64], Fraction, usize);

    /// Output rate and number of notes of a source that repeats these gaps in milliseconds.
    fn paced(stated: (u32, u32), gaps_ms: &[u64]) -> (Fraction, usize) {
        let mut at = 0;
        let gaps = gaps_ms.iter().cycle().take(300);
        let times: Vec<u64> = gaps
            .map(|ms| {
                at += ms * 1_000_000;
                at
            })
            .collect();
        let fps = Fraction::new(stated.0, stated.1);
        let stream = VideoStream {
            fps,
            frame_times: FrameTimes::from_timestamps_ns(times),
            ..VideoStream::plain(640, 360)
        };
        let mut notes = Vec::new();
        (output_rate(&stream, &mut notes), notes.len())
    }

    #[test]
    fn the_output_rate_follows_the_frame_times() {
        let even = |num, den| Fraction::new(num, den);
        let table: [Row; 15] = [
            // The stated rate is right; times are rounded to milliseconds.
            ((30, 1), &[33, 33, 34], even(30, 1), 0),
            ((24000, 1001), &[42, 41, 42, 42], even(24000, 1001), 0),
            ((60, 1), &[17, 16, 17], even(60, 1), 0),
            // No rate is stated, or that of a clock.
            ((0, 1), &[33, 33, 34], even(30, 1), 1),
            ((1000, 1), &[40], even(25, 1), 1),
            ((0, 1), &[1000], even(1, 1), 1),
            // A phone that drops frames.
            ((0, 1), &[33, 33, 67, 34], even(30, 1), 1),
            ((90_000, 1), &[16, 17, 33], even(60, 1), 1),
            // A screen recording that hardly moves.
            ((57_600, 1), &[16, 17, 400, 1000], even(30, 1), 1),
            // A phone whose clock runs a little fast.
            ((0, 1), &[33, 34, 33, 33, 33], Fraction::new(753, 25), 1),
            // Pairs of frames one tick apart, each followed by a hole.
            ((144, 5), &[33, 33, 34, 33, 33, 34, 33, 33, 34, 33, 1, 66], even(30, 1), 1),
            // A container that states the mean of a recording with holes.
            ((57_964, 1000), &[17, 17, 16, 17, 17, 16, 17, 17, 16, 17, 17, 16, 33], even(60, 1), 1),
            // A phone whose rate is a little lower than a usual one.
            ((59, 1), &[17, 17, 17, 16, 17, 17, 17], Fraction::new(2373, 40), 1),
            // Soft telecine: two and three fields of 59.94 in turns.
            ((30_000, 1001), &[33, 50, 34, 50, 33, 50, 34, 50, 33, 50], even(24_000, 1001), 1),
            // Slides that state the rate of a film.
            ((30, 1), &[5000], even(1, 1), 1),
        ];
        for (stated, gaps, expected, notes) in table {
            assert_eq!(paced(stated, gaps), (expected, notes), "{stated:?} {gaps:?}");
        }
    }
}
