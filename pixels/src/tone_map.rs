//! Tone mapping of a frame by a three-dimensional look-up table: 4:2:0 of 10 bits in, of 8 bits
//! out.
//!
//! The table maps `Y'CbCr` codes to `Y'CbCr` codes, so that a pixel costs a few look-ups, whatever
//! the arithmetic behind the table. The caller computes the table.

use crate::{Plane, PlaneMut};

/// Binary logarithm of the 10-bit codes between two nodes of the table. A step of 5 bits puts
/// colours at the border of BT.709 off by five 8-bit codes.
pub const STEP_BITS: u32 = 4;
/// Nodes on each axis of the table, the one at code 1024 included.
pub const NODES: usize = (1024 >> STEP_BITS) + 1;
/// Fractional bits of the values in the table.
pub const FRACTION_BITS: u32 = 6;

/// Rounding offsets of luma in eighths, for a square of two by two samples: an ordered dither,
/// which hides banding in gradients.
const DITHER: [[i32; 2]; 2] = [[1, 5], [7, 3]];
/// Fractional bits of a sum over the eight nodes around a code.
const SUM_BITS: u32 = FRACTION_BITS + 3 * STEP_BITS;

/// The look-up table. Both vectors have `NODES³` entries, in the order of [`Lut3d::index`]; values
/// are 8-bit codes with [`FRACTION_BITS`] fractional bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lut3d {
    /// Y' of the output.
    pub luma: Vec<i16>,
    /// Cb and Cr of the output.
    pub chroma: Vec<[i16; 2]>,
}

impl Lut3d {
    /// Index of the node with these numbers. Y' runs fastest, then Cr.
    #[must_use]
    pub const fn index(cb: usize, cr: usize, y: usize) -> usize {
        (cb * NODES + cr) * NODES + y
    }
}

/// Maps a frame, or a band of an even number of its rows, of `width` by `height` luma samples.
///
/// Planes come in the order Y', Cb, Cr. Input samples are 10-bit codes in two bytes, little-endian;
/// missing ones count as 0.
pub fn map_frame(
    lut: &Lut3d,
    input: &[Plane<'_>; 3],
    output: [PlaneMut<'_>; 3],
    (width, height): (usize, usize),
) {
    let [luma, cb, cr] = output;
    let luma_pairs = luma.bytes.chunks_mut(luma.stride * 2);
    let chroma_rows = cb.bytes.chunks_mut(cb.stride).zip(cr.bytes.chunks_mut(cr.stride));
    for (pair, (luma_rows, (cb_row, cr_row))) in luma_pairs.zip(chroma_rows).enumerate() {
        if pair * 2 >= height {
            return;
        }
        // A frame of odd height repeats its last row.
        let second = (pair * 2 + 1).min(height - 1);
        let luma_in = [input[0].row(pair * 2), input[0].row(second)];
        let chroma_in = (input[1].row(pair), input[2].row(pair));
        let (first_row, second_row) = luma_rows.split_at_mut(luma.stride.min(luma_rows.len()));
        let luma_out = [first_row, if second > pair * 2 { second_row } else { &mut [] }];
        map_row_pair(lut, luma_in, chroma_in, luma_out, (cb_row, cr_row), width);
    }
}

/// Reads the 10-bit sample of column `x`.
fn sample(row: &[u8], x: usize) -> usize {
    match row.get(x * 2..x * 2 + 2) {
        Some(bytes) => usize::from(u16::from_le_bytes([bytes[0], bytes[1]]) & 1023),
        None => 0,
    }
}

/// Maps two rows of luma and the row of chroma that they share.
fn map_row_pair(
    lut: &Lut3d,
    luma_in: [&[u8]; 2],
    (cb_in, cr_in): (&[u8], &[u8]),
    luma_out: [&mut [u8]; 2],
    (cb_out, cr_out): (&mut [u8], &mut [u8]),
    width: usize,
) {
    let [first, second] = luma_out;
    let chroma = cb_out.iter_mut().zip(cr_out.iter_mut()).take(width.div_ceil(2));
    for (at, (cb, cr)) in chroma.enumerate() {
        let corners = Corners::around(sample(cb_in, at), sample(cr_in, at));
        let mut sum = 0;
        for (row, out) in [&mut *first, &mut *second].into_iter().enumerate() {
            for (column, eighths) in DITHER[row].iter().enumerate() {
                // A frame of odd width repeats its last column.
                let x = (at * 2 + column).min(width - 1);
                let code = sample(luma_in[row], x);
                sum += code;
                if let Some(out) = out.get_mut(at * 2 + column).filter(|_| at * 2 + column < width)
                {
                    let rounding = eighths << (SUM_BITS - 3);
                    *out = to_byte(corners.luma(lut, code) + rounding);
                }
            }
        }
        let half = 1 << (SUM_BITS - 1);
        let [mapped_cb, mapped_cr] = corners.chroma(lut, sum / 4);
        (*cb, *cr) = (to_byte(mapped_cb + half), to_byte(mapped_cr + half));
    }
}

fn to_byte(sum: i32) -> u8 {
    u8::try_from((sum >> SUM_BITS).clamp(0, 255)).unwrap_or(0)
}

/// The four columns of the table around a pair of chroma codes: the index of each at Y' = 0, and
/// its bilinear weight in units of 2^-(2 · [`STEP_BITS`]).
struct Corners([(usize, i32); 4]);

impl Corners {
    fn around(cb: usize, cr: usize) -> Self {
        let (node_cb, node_cr) = (cb >> STEP_BITS, cr >> STEP_BITS);
        let (upper_cb, upper_cr) = (upper_weight(cb), upper_weight(cr));
        let step = 1 << STEP_BITS;
        Self([
            (Lut3d::index(node_cb, node_cr, 0), (step - upper_cb) * (step - upper_cr)),
            (Lut3d::index(node_cb, node_cr + 1, 0), (step - upper_cb) * upper_cr),
            (Lut3d::index(node_cb + 1, node_cr, 0), upper_cb * (step - upper_cr)),
            (Lut3d::index(node_cb + 1, node_cr + 1, 0), upper_cb * upper_cr),
        ])
    }

    /// Interpolates the output's luma for the luma code `code`.
    fn luma(&self, lut: &Lut3d, code: usize) -> i32 {
        let (node, upper) = (code >> STEP_BITS, upper_weight(code));
        let lower = (1 << STEP_BITS) - upper;
        let corner = |(column, weight): &(usize, i32)| {
            let at = column + node;
            weight * (i32::from(lut.luma[at]) * lower + i32::from(lut.luma[at + 1]) * upper)
        };
        self.0.iter().map(corner).sum()
    }

    /// Interpolates the output's Cb and Cr for the luma code `code`.
    fn chroma(&self, lut: &Lut3d, code: usize) -> [i32; 2] {
        let (node, upper) = (code >> STEP_BITS, upper_weight(code));
        let lower = (1 << STEP_BITS) - upper;
        [0, 1].map(|component| {
            let corner = |(column, weight): &(usize, i32)| {
                let (this, next) = (lut.chroma[column + node], lut.chroma[column + node + 1]);
                weight * (i32::from(this[component]) * lower + i32::from(next[component]) * upper)
            };
            self.0.iter().map(corner).sum()
        })
    }
}

/// Weight of the node above `code`: the distance of the code from the node below it.
fn upper_weight(code: usize) -> i32 {
    i32::try_from(code & ((1 << STEP_BITS) - 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that only drops two bits: each output code is a quarter of its input code.
    fn quarter() -> Lut3d {
        let value = |node: usize| i16::try_from((node << STEP_BITS << FRACTION_BITS) / 4).unwrap();
        let (mut luma, mut chroma) = (Vec::new(), Vec::new());
        for cb in 0..NODES {
            for cr in 0..NODES {
                for y in 0..NODES {
                    assert_eq!(Lut3d::index(cb, cr, y), luma.len());
                    luma.push(value(y));
                    chroma.push([value(cb), value(cr)]);
                }
            }
        }
        Lut3d { luma, chroma }
    }

    #[test]
    fn every_sample_is_mapped_and_no_padding_is_touched() {
        const PAD: usize = 3;
        let lut = quarter();
        for (width, height) in [(16_usize, 8_usize), (15, 7), (1, 1), (2, 1), (1, 2)] {
            let sizes = [(width, height), (width.div_ceil(2), height.div_ceil(2))];
            let sizes = [sizes[0], sizes[1], sizes[1]];
            let codes: [u16; 3] = [400, 600, 202];
            let planes = [0, 1, 2].map(|n| codes[n].to_le_bytes().repeat(sizes[n].0 * sizes[n].1));
            let input = [0, 1, 2].map(|n| Plane { bytes: &planes[n], stride: sizes[n].0 * 2 });
            let mut out = sizes.map(|(columns, rows)| vec![77; (columns + PAD) * rows]);
            let mut planes_out = out
                .iter_mut()
                .zip(sizes)
                .map(|(bytes, (columns, _))| PlaneMut { bytes, stride: columns + PAD });
            let output = std::array::from_fn(|_| planes_out.next().unwrap());
            map_frame(&lut, &input, output, (width, height));
            // 202 / 4 lies between two codes; chroma is rounded up and not dithered.
            for ((bytes, (columns, _)), expected) in out.iter().zip(sizes).zip([100, 150, 51]) {
                for row in bytes.chunks(columns + PAD) {
                    assert!(
                        row[..columns].iter().all(|v| *v == expected),
                        "{width}x{height} {row:?}"
                    );
                    assert_eq!(row[columns..], [77; PAD], "{width}x{height}");
                }
            }
        }
    }

    #[test]
    fn luma_between_two_codes_is_dithered() {
        let lut = quarter();
        let luma: Vec<u8> = 402_u16.to_le_bytes().repeat(4);
        let chroma = 512_u16.to_le_bytes();
        let input = [(&luma[..], 4), (&chroma[..], 2), (&chroma[..], 2)]
            .map(|(bytes, stride)| Plane { bytes, stride });
        let (mut y, mut cb, mut cr) = ([0; 4], [0], [0]);
        let output = [(&mut y[..], 2), (&mut cb[..], 1), (&mut cr[..], 1)]
            .map(|(bytes, stride)| PlaneMut { bytes, stride });
        map_frame(&lut, &input, output, (2, 2));
        assert_eq!((y, cb, cr), ([100, 101, 101, 100], [128], [128]));
    }
}
