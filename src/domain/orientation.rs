//! Orientation and pixel shape of frames, from the matrices and sizes of containers.

use super::media::{Fraction, Orientation};

/// The linear part of a matrix of ISO 14496-12 (6.2.2): the images of a step to the right and of a step
/// down, each as (right, down), in any unit.
pub type Matrix = [[f64; 2]; 2];

/// The matrix that changes nothing.
pub const IDENTITY: Matrix = [[1.0, 0.0], [0.0, 1.0]];
/// Largest angle in degrees between a matrix and a quarter turn that it stands for.
const TOLERATED_DEGREES: f64 = 20.0;
/// Smallest relative difference of the scales of both axes that counts: players tolerate less.
const MIN_STRETCH: f64 = 0.01;
/// Largest ratio of the sides of a pixel. Beyond it, the container's statement is nonsense.
const MAX_ASPECT: f64 = 16.0;

/// The matrix that applies `first` and then `second`.
#[must_use]
pub fn then(first: Matrix, second: Matrix) -> Matrix {
    first.map(|[right, down]| [0, 1].map(|axis| right * second[0][axis] + down * second[1][axis]))
}

/// The orientation that is nearest to a matrix. `Upright` for matrices that collapse a side, and for turns
/// that are far from quarter turns.
#[must_use]
pub fn of_matrix(matrix: Matrix) -> Orientation {
    let [[a, b], [c, d]] = matrix;
    let determinant = a * d - b * c;
    if !determinant.is_normal() {
        return Orientation::Upright;
    }
    let is_mirrored = determinant < 0.0;
    // A mirrored frame is turned after its left and right are swapped.
    let (right, down) = if is_mirrored { (-a, -b) } else { (a, b) };
    let degrees = down.atan2(right).to_degrees();
    of_degrees(degrees, is_mirrored)
}

/// The orientation of a clockwise turn, after the frame is mirrored left to right if it `is_mirrored`.
#[must_use]
pub fn of_degrees(degrees: f64, is_mirrored: bool) -> Orientation {
    let quarters = (degrees / 90.0).round();
    let is_quarter = (degrees - quarters * 90.0).abs() <= TOLERATED_DEGREES;
    if !degrees.is_finite() || !is_quarter {
        return Orientation::Upright;
    }
    #[expect(clippy::cast_possible_truncation, reason = "from 0 to 3")]
    let quarters = quarters.rem_euclid(4.0) as i32;
    match (is_mirrored, quarters) {
        (false, 1) => Orientation::Rotate90,
        (false, 2) => Orientation::Rotate180,
        (false, 3) => Orientation::Rotate270,
        (false, _) => Orientation::Upright,
        (true, 1) => Orientation::FlipRotate90,
        (true, 2) => Orientation::FlipRotate180,
        (true, 3) => Orientation::FlipRotate270,
        (true, _) => Orientation::FlipRotate0,
    }
}

/// Statements about the shape of a pixel, each as width over height before any rotation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shapes {
    /// Aspect ratio of a pixel that the container states for the frames (`pasp`).
    pub container: Option<Fraction>,
    /// Aspect ratio of a pixel in the bitstream, as decoders report it.
    pub bitstream: Option<Fraction>,
    /// Size at which the container shows the frames, and their coded size.
    pub shown_and_coded: Option<[(f64, f64); 2]>,
    /// The matrix by which frames are shown.
    pub matrix: Option<Matrix>,
}

/// The aspect ratio of a pixel: the container's, else the bitstream's, else the one that the shown size
/// implies; stretched by the matrix. Statements of 0 or of absurd shapes do not count.
#[must_use]
pub fn pixel_aspect(shapes: &Shapes) -> Fraction {
    let sound = |aspect: &Fraction| is_sound(aspect.as_f64());
    let square = Fraction::new(1, 1);
    let bitstream = shapes.bitstream.filter(|aspect| sound(aspect) && aspect.num != aspect.den);
    let implied = shapes.shown_and_coded.and_then(|[shown, coded]| {
        let aspect = shown.0 / shown.1 * coded.1 / coded.0;
        (is_sound(aspect) && (aspect - 1.0).abs() > MIN_STRETCH).then(|| rounded(aspect))
    });
    let stated = shapes.container.filter(sound).or(bitstream).or(implied).unwrap_or(square);
    let stretch = shapes
        .matrix
        .map_or(1.0, |[right, down]| right[0].hypot(right[1]) / down[0].hypot(down[1]));
    if is_sound(stretch) && (stretch - 1.0).abs() > MIN_STRETCH {
        let stretched = stated.as_f64() * stretch;
        if is_sound(stretched) {
            return rounded(stretched);
        }
    }
    stated
}

fn is_sound(aspect: f64) -> bool {
    (1.0 / MAX_ASPECT..=MAX_ASPECT).contains(&aspect)
}

/// The fraction of the smallest denominator that is within a ten-thousandth.
fn rounded(aspect: f64) -> Fraction {
    let of = |den: u32| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 16,000")]
        let num = (aspect * f64::from(den)).round() as u32;
        Fraction::new(num.max(1), den)
    };
    let is_near = |fraction: &Fraction| (fraction.as_f64() / aspect - 1.0).abs() < 1e-4;
    (1..1000).map(of).find(is_near).unwrap_or_else(|| of(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_give_orientations() {
        let table = [
            ([[1.0, 0.0], [0.0, 1.0]], Orientation::Upright),
            ([[0.0, 1.0], [-1.0, 0.0]], Orientation::Rotate90),
            ([[-1.0, 0.0], [0.0, -1.0]], Orientation::Rotate180),
            ([[0.0, -1.0], [1.0, 0.0]], Orientation::Rotate270),
            ([[-1.0, 0.0], [0.0, 1.0]], Orientation::FlipRotate0),
            ([[1.0, 0.0], [0.0, -1.0]], Orientation::FlipRotate180),
            // Both diagonals: transposed, and transposed across the other one.
            ([[0.0, 1.0], [1.0, 0.0]], Orientation::FlipRotate270),
            ([[0.0, -1.0], [-1.0, 0.0]], Orientation::FlipRotate90),
            // Scales, and turns that are not quite right.
            ([[0.0, 3.5], [-0.5, 0.0]], Orientation::Rotate90),
            ([[0.98, 0.17], [-0.17, 0.98]], Orientation::Upright),
            ([[-0.98, 0.17], [-0.17, -0.98]], Orientation::Rotate180),
            ([[0.7, 0.7], [-0.7, 0.7]], Orientation::Upright),
            // A side that collapses, and no numbers.
            ([[0.0, 0.0], [0.0, 0.0]], Orientation::Upright),
            ([[0.0, 1.0], [0.0, 1.0]], Orientation::Upright),
            ([[f64::NAN, 1.0], [0.0, 1.0]], Orientation::Upright),
        ];
        for (matrix, expected) in table {
            assert_eq!(of_matrix(matrix), expected, "{matrix:?}");
        }
    }

    /// Each orientation moves a point of a frame of 2 by 2 as its name says.
    #[test]
    fn a_mirrored_turn_is_mirrored_first() {
        let (mirror, turn) = ([[-1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [-1.0, 0.0]]);
        assert_eq!(of_matrix(then(mirror, turn)), Orientation::FlipRotate90);
        assert_eq!(of_matrix(then(turn, turn)), Orientation::Rotate180);
        assert_eq!(of_matrix(then(turn, then(turn, turn))), Orientation::Rotate270);
        assert_eq!(of_degrees(-90.0, false), Orientation::Rotate270);
        assert_eq!(of_degrees(450.0, false), Orientation::Rotate90);
        assert_eq!(of_degrees(0.0, true), Orientation::FlipRotate0);
        assert_eq!(of_degrees(f64::INFINITY, false), Orientation::Upright);
    }

    #[test]
    fn the_shape_of_a_pixel_is_that_of_the_first_sound_statement() {
        let fraction = |num, den| Some(Fraction::new(num, den));
        let same = Some([(640.0, 360.0), (640.0, 360.0)]);
        let wide = Some([(1920.0, 1080.0), (1440.0, 1080.0)]);
        let turned_and_stretched = then([[0.0, 1.0], [-1.0, 0.0]], [[1.0, 0.0], [0.0, 2.0]]);
        let table = [
            (fraction(4, 3), fraction(1, 1), same, None, (4, 3)),
            (fraction(1, 1), fraction(4, 3), wide, None, (1, 1)),
            // Unknown or absurd statements of the container.
            (fraction(0, 1), fraction(4, 3), same, None, (4, 3)),
            (fraction(1, 0), None, None, None, (1, 1)),
            (fraction(1, 100), fraction(16, 11), same, None, (16, 11)),
            (None, fraction(1, 1), wide, None, (4, 3)),
            (None, None, Some([(0.0, 0.0), (640.0, 360.0)]), None, (1, 1)),
            (None, None, Some([(641.0, 360.0), (640.0, 360.0)]), None, (1, 1)),
            // Stretched by the matrix: sideways, and downwards after a quarter turn.
            (None, None, same, Some([[1.5, 0.0], [0.0, 1.0]]), (3, 2)),
            (fraction(4, 3), None, same, Some([[1.5, 0.0], [0.0, 1.0]]), (2, 1)),
            (None, None, same, Some(turned_and_stretched), (2, 1)),
            (None, None, same, Some([[0.5, 0.0], [0.0, 0.5]]), (1, 1)),
            (None, None, same, Some([[0.0, 0.0], [0.0, 1.0]]), (1, 1)),
        ];
        for (container, bitstream, shown_and_coded, matrix, (num, den)) in table {
            let shapes = Shapes { container, bitstream, shown_and_coded, matrix };
            assert_eq!(pixel_aspect(&shapes), Fraction::new(num, den), "{shapes:?}");
        }
        let film = Shapes { matrix: Some([[1.422_226, 0.0], [0.0, 1.0]]), ..Shapes::default() };
        assert!((pixel_aspect(&film).as_f64() - 1.422_226).abs() < 2e-4);
    }
}
