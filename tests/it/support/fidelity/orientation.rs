//! Findings about shape and orientation.

use super::decode::{Frame, PIXELS, SIDE, Video};
use super::matching::Timeline;
use super::report::Findings;
use super::signature::Signature;

/// Where the pixel at x, y comes from.
type Turn = fn(usize, usize) -> (usize, usize);

/// The ways to turn and mirror a square.
const TURNS: [(&str, Turn); 8] = [
    ("upright", |x, y| (x, y)),
    ("rotated", |x, y| (SIDE - 1 - x, SIDE - 1 - y)),
    ("rotated", |x, y| (y, SIDE - 1 - x)),
    ("rotated", |x, y| (SIDE - 1 - y, x)),
    ("mirrored", |x, y| (SIDE - 1 - x, y)),
    ("mirrored", |x, y| (x, SIDE - 1 - y)),
    ("mirrored", |x, y| (y, x)),
    ("mirrored", |x, y| (SIDE - 1 - y, SIDE - 1 - x)),
];

/// Frames of the output that are compared.
const SAMPLES: usize = 9;

/// Turns the frames of the output upright where they are not, so that all else can be judged. `start`
/// is that of the output in seconds.
pub fn judge(source: &Timeline, output: &mut Video, start: f64, findings: &mut Findings) {
    let step = (output.frames.len() / SAMPLES).max(1);
    let mut sums = [0.0; TURNS.len()];
    for seen in output.frames.iter().skip(step / 2).step_by(step) {
        let near = source.around(seen.secs - start, 0.7);
        for (sum, (_, turn)) in sums.iter_mut().zip(TURNS) {
            let seen = Signature::new(&turned(seen, turn));
            let distances = near.iter().map(|own| own.distance(&seen));
            *sum += distances.min_by(f32::total_cmp).unwrap_or(0.0);
        }
    }
    let best = (0..TURNS.len()).min_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap();
    // A symmetric scene looks alike in several ways.
    if sums[best] < 0.6 * sums[0] {
        findings.add(TURNS[best].0, "the frames match those of the source once they are turned");
        for frame in &mut output.frames {
            *frame = turned(frame, TURNS[best].1);
        }
    }
}

fn turned(frame: &Frame, turn: Turn) -> Frame {
    let turned = |planes: &[u8]| {
        let pixel = |n: usize| {
            let (x, y) = turn(n % SIDE, n % PIXELS / SIDE);
            planes[n / PIXELS * PIXELS + y * SIDE + x]
        };
        (0..planes.len()).map(pixel).collect()
    };
    Frame { secs: frame.secs, rgb: turned(&frame.rgb), codes: turned(&frame.codes) }
}

/// The shown shape is kept, up to the rounding of the sides to even numbers of pixels.
pub fn judge_shape(source: &Video, output: &Video, findings: &mut Findings) {
    let (width, height) = (f64::from(output.size.0), f64::from(output.size.1));
    let (wanted, found) = (source.aspect(), output.aspect());
    let tolerated = 1.01 * 2.0 / width.min(height);
    if (found / wanted - 1.0).abs() > tolerated.max(0.005) {
        let text = format!("{width}x{height} is {found:.3} to 1, the source is {wanted:.3} to 1");
        findings.add("wrong-size", &text);
    }
    if (output.pixel_aspect - 1.0).abs() > 0.001 {
        findings.add("wrong-size", &format!("pixels of {:.3} to 1", output.pixel_aspect));
    }
}
