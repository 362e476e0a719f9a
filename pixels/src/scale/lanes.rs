//! The portable loops. Compilers vectorise them on every processor.

use std::hint::black_box;
use std::ops::Range;

use super::filter::{Filter, Taps};
use crate::Plane;

/// Rows of a strip: the 16-bit lanes of two AVX2 vectors.
pub(super) const ROWS: usize = 32;
/// Columns of a tile.
pub(super) const TILE: usize = 128;

/// Fractional bits of a sample before the multiplication, as many as fit beside 8 bits and a sign.
pub(super) const SAMPLE_BITS: u32 = 7;
/// Fractional bits of the upper half of a sample times a weight, where 2^14 stands for 1.
pub(super) const SUM_BITS: u32 = SAMPLE_BITS - 2;
/// The largest sample, 255, with [`SUM_BITS`] fractional bits.
pub(super) const SUM_MAX: i16 = 255 << SUM_BITS;

/// Adds the upper halves of two products to each sum: samples with [`SAMPLE_BITS`] become sums with
/// [`SUM_BITS`] fractional bits. The upper half is rounded down, so the second product is
/// subtracted (its weight is stored negated): the two rounding errors cancel on average.
#[inline(always)]
fn add_pair<const LANES: usize>(
    sums: &mut [i16; LANES],
    [first, second]: &[[i16; LANES]; 2],
    weights: [i16; 2],
) {
    let upper = |sample: i16, weight: i16| ((i32::from(sample) * i32::from(weight)) >> 16) as i16;
    // `black_box` keeps the compiler from vectorising across weights, which is slower.
    let [plus, minus] = black_box(weights);
    for (sum, (first, second)) in sums.iter_mut().zip(first.iter().zip(second)) {
        *sum = sum.wrapping_add(upper(*first, plus)).wrapping_sub(upper(*second, minus));
    }
}

/// Loads these rows of the input into tiles. It reads row by row, in the order of memory.
#[inline(always)]
pub(super) fn load_tiles(
    tiles: &mut Vec<[i16; TILE]>,
    input: Plane<'_>,
    width: usize,
    rows: Range<usize>,
) {
    tiles.resize(rows.len() * width.div_ceil(TILE), [0; TILE]);
    for (number, row) in rows.clone().enumerate() {
        let from = row * input.stride;
        let bytes = input.bytes.get(from..from + width).unwrap_or_default();
        let (whole, rest) = bytes.as_chunks::<TILE>();
        let mut outs = tiles.iter_mut().skip(number).step_by(rows.len());
        for (bytes, out) in whole.iter().zip(outs.by_ref()) {
            *out = bytes.map(|byte| i16::from(byte) << SAMPLE_BITS);
        }
        if let Some(out) = outs.next() {
            *out = [0; TILE];
            for (out, byte) in out.iter_mut().zip(rest) {
                *out = i16::from(*byte) << SAMPLE_BITS;
            }
        }
    }
}

/// Scales the columns of a tile and stores the result transposed, column after column.
#[inline(always)]
pub(super) fn columns(strip: &mut [[i16; ROWS]], tile: &[[i16; TILE]], taps: &Taps<'_>) {
    let mut scaled = [[0; TILE]; ROWS];
    let begin = taps.input_range().start;
    for (out, (first, weights)) in scaled.iter_mut().zip(taps.iter()) {
        let mut sums = [0; TILE];
        for (rows, weights) in tile[first - begin..].as_chunks().0.iter().zip(weights) {
            add_pair(&mut sums, rows, *weights);
        }
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = (*sum).clamp(0, SUM_MAX) << (SAMPLE_BITS - SUM_BITS);
        }
    }
    for (at, columns) in strip.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        for (part, rows) in scaled.as_chunks::<8>().0.iter().enumerate() {
            let square = transposed(std::array::from_fn(|row| eight_at(&rows[row], at)));
            for (column, square) in columns.iter_mut().zip(&square) {
                column.as_chunks_mut::<8>().0[part] = *square;
            }
        }
    }
}

/// Scales the rows of a strip into `count` rows of the output.
#[inline(always)]
pub(super) fn rows(
    out: &mut [u8],
    stride: usize,
    strip: &[[i16; ROWS]],
    filter: &Filter,
    count: usize,
) {
    for left in (0..filter.output_len).step_by(16) {
        let taps = filter.taps(left..(left + 16).min(filter.output_len));
        let mut block = [[0; ROWS]; 16];
        for (out, (first, weights)) in block.iter_mut().zip(taps.iter()) {
            let mut sums = [1 << (SUM_BITS - 1); ROWS];
            for (columns, weights) in strip[first..].as_chunks().0.iter().zip(weights) {
                add_pair(&mut sums, columns, *weights);
            }
            for (out, sum) in out.iter_mut().zip(&sums) {
                *out = (*sum >> SUM_BITS).clamp(0, 255);
            }
        }
        write_block(out, stride, left, &block, (taps.len(), count));
    }
}

/// Transposes a block of columns and writes it into rows of the output.
#[inline(always)]
fn write_block(
    out: &mut [u8],
    stride: usize,
    left: usize,
    block: &[[i16; ROWS]; 16],
    (width, height): (usize, usize),
) {
    for (part, rows) in (0..height).step_by(8).enumerate() {
        let half = |half: usize| {
            transposed(std::array::from_fn(|column| eight_at(&block[half * 8 + column], part)))
        };
        let (first, second) = (half(0), half(1));
        let both = first.iter().zip(&second).enumerate().take(height - rows);
        for (row, (first, second)) in both {
            let mut bytes = [0; 16];
            for (byte, sample) in bytes.iter_mut().zip(first.iter().chain(second)) {
                *byte = *sample as u8;
            }
            write_bytes(out, (rows + row) * stride + left, width, bytes);
        }
    }
}

/// Writes the first `width` of these bytes at `begin`.
#[inline(always)]
pub(super) fn write_bytes(out: &mut [u8], begin: usize, width: usize, bytes: [u8; 16]) {
    let Some(out) = out.get_mut(begin..begin + width) else { return };
    match <&mut [u8; 16]>::try_from(&mut *out) {
        Ok(whole) => *whole = bytes,
        Err(_) => out.copy_from_slice(&bytes[..width]),
    }
}

/// The `at`-th group of eight samples of a row.
#[inline(always)]
fn eight_at(row: &[i16], at: usize) -> [i16; 8] {
    row.as_chunks().0[at]
}

/// Transposes a square of 8 by 8 samples by three perfect shuffles.
#[inline(always)]
fn transposed(mut square: [[i16; 8]; 8]) -> [[i16; 8]; 8] {
    for _ in 0..3 {
        square = std::array::from_fn(|row| {
            let (a, b) = (square[row / 2], square[row / 2 + 4]);
            let half = row % 2 * 4;
            std::array::from_fn(|lane| if lane % 2 == 0 { a } else { b }[half + lane / 2])
        });
    }
    square
}
