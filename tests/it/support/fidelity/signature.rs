//! Signatures of frames, and how far they are from each other.

use super::decode::{Frame, PIXELS, SIDE};

/// Sides of the planes of a signature: luma, blue less luma, red less luma.
const SIDES: [usize; 3] = [24, 12, 12];

/// A frame as numbers that can be compared: small planes of luma and colour differences, in levels of
/// 0 to 255.
#[derive(Clone)]
pub struct Signature(Vec<f32>);

/// Number of values in a signature.
const VALUES: f32 = (24 * 24 + 2 * 12 * 12) as f32;

impl Signature {
    pub fn new(frame: &Frame) -> Self {
        let mut values = vec![0.0; SIDES.iter().map(|side| side * side).sum()];
        let [red, green, blue] = [0, 1, 2].map(|n| &frame.rgb[n * PIXELS..(n + 1) * PIXELS]);
        for y in 0..SIDE {
            let (luma_row, colour_row) = (y / 2 * 24, 24 * 24 + y / 4 * 12);
            for x in 0..SIDE {
                let at = y * SIDE + x;
                let [r, g, b] = [red[at], green[at], blue[at]].map(f32::from);
                let luma = (r + 2.0 * g + b) / 4.0;
                values[luma_row + x / 2] += luma / 4.0;
                let colour = colour_row + x / 4;
                values[colour] += (b - luma) / 16.0;
                values[colour + 12 * 12] += (r - luma) / 16.0;
            }
        }
        Self(values)
    }

    /// Root mean square of the differences, in levels.
    pub fn distance(&self, other: &Self) -> f32 {
        (self.square(other) / VALUES).sqrt()
    }

    /// Sum of the squared differences.
    fn square(&self, other: &Self) -> f32 {
        let mut sum = 0.0;
        for (a, b) in self.0.iter().zip(&other.0) {
            let off = a - b;
            sum += off * off;
        }
        sum
    }

    /// Whether `seen` could as well be `other` as this frame, its best match.
    ///
    /// If `seen` is this frame with noise, its squared distance from another frame is larger by about
    /// the squared distance of the two. If it is half the way between them, both are equally far.
    pub fn is_confusable(&self, other: &Self, seen: &Self) -> bool {
        let (apart, noise) = (self.square(other), self.square(seen));
        let further = other.square(seen);
        let is_as_far = (further / VALUES).sqrt() < (noise / VALUES).sqrt() + SAME;
        apart < 0.1 * noise || further - noise < 0.3 * apart || is_as_far
    }

    /// Planes of another frame brought to the levels of this material.
    pub fn levelled(&self, levels: &[(f32, f32); 3]) -> Self {
        let mut values = self.0.clone();
        for (part, (gain, offset)) in Self::planes().zip(levels) {
            for value in &mut values[part] {
                *value = *value * gain + offset;
            }
        }
        Self(values)
    }

    fn planes() -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut from = 0;
        SIDES.into_iter().map(move |side| {
            let part = from..from + side * side;
            from = part.end;
            part
        })
    }

    /// Gain and offset of each plane that bring the second frames nearest to the first.
    pub fn levels(pairs: &[(&Self, &Self)]) -> [(f32, f32); 3] {
        let mut found = [(1.0, 0.0); 3];
        for (part, levels) in Self::planes().zip(&mut found) {
            let values = |(wanted, seen): &(&Self, &Self)| {
                let values = seen.0[part.clone()].iter().zip(&wanted.0[part.clone()]);
                values.map(|(x, y)| (f64::from(*x), f64::from(*y))).collect::<Vec<_>>()
            };
            let values: Vec<(f64, f64)> = pairs.iter().flat_map(values).collect();
            *levels = line(&values);
        }
        found
    }
}

/// Gain and offset of the straight line through these points. Without contrast there is none.
fn line(points: &[(f64, f64)]) -> (f32, f32) {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|(x, _)| *x), mean(|(_, y)| *y));
    let spread = mean(|(x, _)| x * x) - x * x;
    if spread < 4.0 || points.is_empty() {
        return (1.0, 0.0);
    }
    let gain = ((mean(|(x, y)| x * y) - x * y) / spread).clamp(0.5, 2.0);
    (gain as f32, (y - gain * x) as f32)
}

/// Frames that are nearer to each other than this (levels) count as one: compression changes as much.
pub const SAME: f32 = 0.25;
