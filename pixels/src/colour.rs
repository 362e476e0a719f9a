//! Conversion between two colour matrices and ranges of 8-bit 4:2:0, without a detour over RGB.
//!
//! Greys stay grey under every matrix, so chroma depends on chroma alone. Luma depends on all three;
//! it takes the chroma of its square of two by two samples.

use crate::{Plane, PlaneMut};

/// Fractional bits of the coefficients.
pub const FRACTION_BITS: u32 = 14;

/// Coefficients with [`FRACTION_BITS`] fractional bits. The input is offset before, the output after
/// the multiplication: luma by its black, chroma by 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// Black of the input and of the output: 0 or 16.
    pub black: [i32; 2],
    /// Y' of the output, from Y', Cb and Cr.
    pub luma: [i32; 3],
    /// Cb of the output, from Cb and Cr.
    pub cb: [i32; 2],
    /// Cr of the output, from Cb and Cr.
    pub cr: [i32; 2],
}

const HALF: i32 = 1 << (FRACTION_BITS - 1);
const CHROMA_ZERO: i32 = 128;

/// Converts a frame, or a band of an even number of its rows, of `width` by `height` luma samples.
/// Planes come in the order Y', Cb, Cr. Missing samples stay as they are in the output.
pub fn convert_frame(
    conversion: &Conversion,
    input: &[Plane<'_>; 3],
    output: [PlaneMut<'_>; 3],
    (width, height): (usize, usize),
) {
    let [luma, cb, cr] = output;
    let pairs = luma.bytes.chunks_mut(luma.stride * 2);
    let chroma = cb.bytes.chunks_mut(cb.stride).zip(cr.bytes.chunks_mut(cr.stride));
    let chroma_width = width.div_ceil(2);
    let mut offsets = vec![0; chroma_width];
    for (number, (pair, (cb, cr))) in pairs.zip(chroma).take(height.div_ceil(2)).enumerate() {
        let (cb_in, cr_in) = (input[1].row(number), input[2].row(number));
        convert_chroma(conversion, [cb_in, cr_in], [cb, cr], &mut offsets);
        let rows = pair.chunks_mut(luma.stride).take(height - number * 2);
        for (offset, row) in rows.enumerate() {
            let row = &mut row[..width.min(luma.stride)];
            convert_luma(conversion, input[0].row(number * 2 + offset), row, &offsets);
        }
    }
}

/// Converts a row of chroma, and computes its share in luma, with rounding and black.
fn convert_chroma(
    conversion: &Conversion,
    [cb_in, cr_in]: [&[u8]; 2],
    [cb_out, cr_out]: [&mut [u8]; 2],
    offsets: &mut [i32],
) {
    let black =
        (conversion.black[1] << FRACTION_BITS) + HALF - conversion.black[0] * conversion.luma[0];
    let zero = (CHROMA_ZERO << FRACTION_BITS) + HALF;
    let samples = cb_in.iter().zip(cr_in).zip(cb_out.iter_mut().zip(cr_out)).zip(offsets);
    for (((cb_in, cr_in), (cb_out, cr_out)), offset) in samples {
        let (cb, cr) = (i32::from(*cb_in) - CHROMA_ZERO, i32::from(*cr_in) - CHROMA_ZERO);
        *offset = black + conversion.luma[1] * cb + conversion.luma[2] * cr;
        *cb_out = to_code(zero + conversion.cb[0] * cb + conversion.cb[1] * cr);
        *cr_out = to_code(zero + conversion.cr[0] * cb + conversion.cr[1] * cr);
    }
}

fn convert_luma(conversion: &Conversion, input: &[u8], output: &mut [u8], offsets: &[i32]) {
    let gain = conversion.luma[0];
    for ((input, output), offset) in input.chunks(2).zip(output.chunks_mut(2)).zip(offsets) {
        for (input, output) in input.iter().zip(output) {
            *output = to_code(gain * i32::from(*input) + offset);
        }
    }
}

#[expect(clippy::cast_sign_loss, reason = "clamped")]
fn to_code(value: i32) -> u8 {
    (value >> FRACTION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i32 = 1 << FRACTION_BITS;

    /// Converts a frame of 5 by 3 samples whose rows are padded.
    fn converted(conversion: &Conversion, luma: [u8; 24], chroma: [[u8; 8]; 2]) -> [Vec<u8>; 3] {
        let input = [(&luma[..], 8), (&chroma[0], 4), (&chroma[1], 4)]
            .map(|(bytes, stride)| Plane { bytes, stride });
        let mut output = [vec![9; 24], vec![9; 8], vec![9; 8]];
        let [y, cb, cr] = &mut output;
        let planes = [(y, 8), (cb, 4), (cr, 4)]
            .map(|(bytes, stride)| PlaneMut { bytes: bytes.as_mut_slice(), stride });
        convert_frame(conversion, &input, planes, (5, 3));
        output
    }

    #[test]
    fn unit_coefficients_copy_what_is_inside_the_frame() {
        let unit = Conversion { black: [16, 16], luma: [ONE, 0, 0], cb: [ONE, 0], cr: [0, ONE] };
        let luma: [u8; 24] = std::array::from_fn(|n| u8::try_from(n * 10).unwrap());
        let chroma = [[1, 2, 3, 4, 5, 6, 7, 8], [255; 8]];
        let [y, cb, cr] = converted(&unit, luma, chroma);
        for row in 0..3 {
            assert_eq!(y[row * 8..][..5], luma[row * 8..][..5]);
            assert_eq!(y[row * 8 + 5..][..3], [9; 3], "padding");
        }
        assert_eq!((cb[..3].to_vec(), cb[4..7].to_vec()), (vec![1, 2, 3], vec![5, 6, 7]));
        assert_eq!(cr[..3], [255; 3]);
    }

    #[test]
    fn luma_takes_its_share_of_the_chroma_beside_it_and_all_is_clamped() {
        let mixed = Conversion {
            black: [0, 16],
            luma: [ONE / 2, ONE, -ONE],
            cb: [ONE * 2, ONE],
            cr: [-ONE, ONE / 2],
        };
        let chroma = [[138, 128, 0, 0, 128, 128, 128, 128], [128, 118, 255, 0, 128, 128, 128, 128]];
        let [y, cb, cr] = converted(&mixed, [100; 24], chroma);
        assert_eq!(y[..5], [76, 76, 76, 76, 0], "100 / 2 + 16 + (10, 10, -255)");
        assert_eq!(y[16..21], [66; 5], "the last row has a row of chroma of its own");
        assert_eq!((cb[..3].to_vec(), cr[..3].to_vec()), (vec![148, 118, 0], vec![118, 123, 255]));
    }
}
