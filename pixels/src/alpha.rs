//! Blending of partly transparent frames over black.

use crate::Plane;

/// Luma of black in limited range (BT.601, BT.709).
pub const BLACK_LUMA: u8 = 16;
/// Chroma of black, and of every grey.
pub const BLACK_CHROMA: u8 = 128;

/// Blends a row of samples over `black` and writes the result to `out`.
///
/// `alpha` holds the opacity of each sample, from 0 (transparent) to 255 (opaque). The shortest of
/// the three slices ends the row.
pub fn blend_over_black(out: &mut [u8], row: &[u8], alpha: &[u8], black: u8) {
    let base = i32::from(black);
    for ((out, sample), alpha) in out.iter_mut().zip(row).zip(alpha) {
        let product = (i32::from(*sample) - base) * i32::from(*alpha);
        // Rounds to the nearest value, for negative products as well.
        let blended = (product + 127 * product.signum()) / 255;
        *out = u8::try_from(base + blended).unwrap_or(*sample);
    }
}

/// Returns the alpha of one row of 4:2:0 chroma: for each sample the mean of the four luma samples
/// that it covers.
///
/// `rows` are the numbers of the two luma rows, `width` is the width of luma in samples. An odd
/// last column counts twice.
#[must_use]
pub fn chroma_alpha(alpha: Plane<'_>, rows: [usize; 2], width: usize) -> Vec<u8> {
    let [upper, lower] = rows.map(|number| {
        let row = alpha.row(number);
        &row[..width.min(row.len())]
    });
    let pairs = upper.chunks(2).zip(lower.chunks(2));
    let sum = |pair: &[u8]| {
        let first = u16::from(pair[0]);
        first + pair.get(1).map_or(first, |second| u16::from(*second))
    };
    let mean = |(upper, lower)| u8::try_from((sum(upper) + sum(lower) + 2) / 4).unwrap_or(255);
    pairs.map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_approach_black_with_transparency() {
        let table = [
            (235, 255, 16, 235),
            (235, 0, 16, 16),
            (235, 128, 16, 126),
            (0, 255, 16, 0),
            (0, 128, 16, 8),
            (240, 128, 128, 184),
            (16, 128, 128, 72),
            (255, 255, 128, 255),
        ];
        for (sample, alpha, black, expected) in table {
            let mut out = [77; 2];
            blend_over_black(&mut out, &[sample], &[alpha], black);
            assert_eq!(out, [expected, 77], "{sample} at {alpha} on {black}");
        }
    }

    #[test]
    fn chroma_alpha_is_the_mean_of_its_luma() {
        let bytes = [0, 4, 255, 9, 8, 12, 255, 9];
        let alpha = Plane { bytes: &bytes, stride: 4 };
        assert_eq!(chroma_alpha(alpha, [0, 1], 3), [6, 255], "the fourth column is padding");
        assert_eq!(chroma_alpha(alpha, [0, 0], 2), [2], "an odd last row counts twice");
    }
}
