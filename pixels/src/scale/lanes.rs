//! The loops, for all processors.

use std::hint::black_box;
use std::ops::Range;

use super::filter::{Filter, Taps};
use crate::Source;

/// Rows of the output that are made at a time: the lanes of two vectors of AVX2.
pub(super) const ROWS: usize = 32;
/// Columns of the source that are worked on at a time.
pub(super) const TILE: usize = 128;

/// A sample of 255 as large as fits: what is multiplied.
pub(super) const SOURCE_BITS: u32 = 7;
/// The upper half of its product with a weight, of which 2^14 are a whole.
pub(super) const SUM_BITS: u32 = SOURCE_BITS - 2;
pub(super) const SUM_MAX: i16 = 255 << SUM_BITS;

/// Adds the upper halves of products with two weights: samples of [`SOURCE_BITS`] become some of
/// [`SUM_BITS`]. A half is rounded down, so one is subtracted, whose weight has its sign changed: what
/// the one loses, the other gains.
#[inline(always)]
fn add<const LANES: usize>(
    sums: &mut [i16; LANES],
    [first, second]: &[[i16; LANES]; 2],
    weights: [i16; 2],
) {
    let upper = |sample: i16, weight: i16| ((i32::from(sample) * i32::from(weight)) >> 16) as i16;
    // Hidden, or the compiler works on several weights at a time, which is slower.
    let [plus, minus] = black_box(weights);
    for (sum, (first, second)) in sums.iter_mut().zip(first.iter().zip(second)) {
        *sum = sum.wrapping_add(upper(*first, plus)).wrapping_sub(upper(*second, minus));
    }
}

/// Takes some rows out of the source: row by row, as memory likes to be read, into tile after tile.
#[inline(always)]
pub(super) fn widen(
    tiles: &mut Vec<[i16; TILE]>,
    source: Source<'_>,
    width: usize,
    rows: Range<usize>,
) {
    tiles.resize(rows.len() * width.div_ceil(TILE), [0; TILE]);
    for (number, row) in rows.clone().enumerate() {
        let from = row * source.stride;
        let bytes = source.bytes.get(from..from + width).unwrap_or_default();
        let (whole, rest) = bytes.as_chunks::<TILE>();
        let mut outs = tiles.iter_mut().skip(number).step_by(rows.len());
        for (bytes, out) in whole.iter().zip(outs.by_ref()) {
            *out = bytes.map(|byte| i16::from(byte) << SOURCE_BITS);
        }
        if let Some(out) = outs.next() {
            *out = [0; TILE];
            for (out, byte) in out.iter_mut().zip(rest) {
                *out = i16::from(*byte) << SOURCE_BITS;
            }
        }
    }
}

/// Scales the columns of a tile, and lays the result down column after column.
#[inline(always)]
pub(super) fn columns(strip: &mut [[i16; ROWS]], tile: &[[i16; TILE]], taps: &Taps<'_>) {
    let mut scaled = [[0; TILE]; ROWS];
    let begin = taps.samples().start;
    for (out, (first, weights)) in scaled.iter_mut().zip(taps.iter()) {
        let mut sums = [0; TILE];
        for (rows, weights) in tile[first - begin..].as_chunks().0.iter().zip(weights) {
            add(&mut sums, rows, *weights);
        }
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = (*sum).clamp(0, SUM_MAX) << (SOURCE_BITS - SUM_BITS);
        }
    }
    for (at, columns) in strip.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        for (part, rows) in scaled.as_chunks::<8>().0.iter().enumerate() {
            let square = transposed(std::array::from_fn(|row| eight(&rows[row], at)));
            for (column, square) in columns.iter_mut().zip(&square) {
                column.as_chunks_mut::<8>().0[part] = *square;
            }
        }
    }
}

/// Scales the rows of a strip into so many rows of the output.
#[inline(always)]
pub(super) fn rows(
    out: &mut [u8],
    stride: usize,
    strip: &[[i16; ROWS]],
    filter: &Filter,
    count: usize,
) {
    for left in (0..filter.to).step_by(16) {
        let taps = filter.taps(left..(left + 16).min(filter.to));
        let mut block = [[0; ROWS]; 16];
        for (out, (first, weights)) in block.iter_mut().zip(taps.iter()) {
            let mut sums = [1 << (SUM_BITS - 1); ROWS];
            for (columns, weights) in strip[first..].as_chunks().0.iter().zip(weights) {
                add(&mut sums, columns, *weights);
            }
            for (out, sum) in out.iter_mut().zip(&sums) {
                *out = (*sum >> SUM_BITS).clamp(0, 255);
            }
        }
        write(out, stride, left, &block, (taps.len(), count));
    }
}

/// Writes a block, which lies column after column, into rows of the output.
#[inline(always)]
fn write(
    out: &mut [u8],
    stride: usize,
    left: usize,
    block: &[[i16; ROWS]; 16],
    (width, height): (usize, usize),
) {
    for (part, rows) in (0..height).step_by(8).enumerate() {
        let half = |half: usize| {
            transposed(std::array::from_fn(|column| eight(&block[half * 8 + column], part)))
        };
        let (first, second) = (half(0), half(1));
        let both = first.iter().zip(&second).enumerate().take(height - rows);
        for (row, (first, second)) in both {
            let mut bytes = [0; 16];
            for (byte, sample) in bytes.iter_mut().zip(first.iter().chain(second)) {
                *byte = *sample as u8;
            }
            put(out, (rows + row) * stride + left, width, bytes);
        }
    }
}

/// Writes so many of these bytes.
#[inline(always)]
pub(super) fn put(out: &mut [u8], begin: usize, width: usize, bytes: [u8; 16]) {
    let Some(out) = out.get_mut(begin..begin + width) else { return };
    match <&mut [u8; 16]>::try_from(&mut *out) {
        Ok(whole) => *whole = bytes,
        Err(_) => out.copy_from_slice(&bytes[..width]),
    }
}

/// Eight samples of a row, the so many-th.
#[inline(always)]
fn eight(row: &[i16], at: usize) -> [i16; 8] {
    row.as_chunks().0[at]
}

/// A square with rows as columns: three perfect shuffles.
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
