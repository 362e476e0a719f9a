//! The loops, written so that each step of them is one vector instruction.

use std::hint::black_box;
use std::ops::Range;

use super::filter::{Filter, Taps};
use crate::Source;

/// Rows of the output that are made at a time: the lanes of a vector of AVX2.
pub(super) const ROWS: usize = 16;
/// Columns of the source that are worked on at a time.
pub(super) const TILE: usize = 64;

/// A sample of 255 as large as fits: what is multiplied.
const SOURCE_BITS: u32 = 7;
/// The upper half of its product with a weight, of which 2^14 are a whole.
const SUM_BITS: u32 = SOURCE_BITS - 2;
const SUM_MAX: i16 = 255 << SUM_BITS;

/// Adds the upper halves of products with a weight: samples of [`SOURCE_BITS`] become some of
/// [`SUM_BITS`]. A half is rounded down, so every other weight is subtracted with its sign changed:
/// what the one loses, the other gains.
#[inline(always)]
fn add<const LANES: usize>(
    sums: &mut [i16; LANES],
    samples: &[i16; LANES],
    weight: i16,
    number: usize,
) {
    let upper = |sample: i16, weight: i16| ((i32::from(sample) * i32::from(weight)) >> 16) as i16;
    // Hidden, or the compiler works on several weights at a time, which is slower.
    let weight = black_box(weight);
    if number.is_multiple_of(2) {
        for (sum, sample) in sums.iter_mut().zip(samples) {
            *sum = sum.wrapping_add(upper(*sample, weight));
        }
    } else {
        let weight = weight.wrapping_neg();
        for (sum, sample) in sums.iter_mut().zip(samples) {
            *sum = sum.wrapping_sub(upper(*sample, weight));
        }
    }
}

/// Takes some rows of a tile out of the source.
#[inline(always)]
pub(super) fn widen(
    tile: &mut Vec<[i16; TILE]>,
    source: Source<'_>,
    (left, width): (usize, usize),
    rows: Range<usize>,
) {
    tile.resize(rows.len(), [0; TILE]);
    for (out, row) in tile.iter_mut().zip(rows) {
        let from = row * source.stride + left;
        let bytes = source.bytes.get(from..from + width).unwrap_or_default();
        // Known to be whole, a row of a tile is a few vectors.
        if let Ok(bytes) = <&[u8; TILE]>::try_from(bytes) {
            *out = bytes.map(|byte| i16::from(byte) << SOURCE_BITS);
        } else {
            *out = [0; TILE];
            for (out, byte) in out.iter_mut().zip(bytes) {
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
        for (number, (row, weight)) in tile[first - begin..].iter().zip(weights).enumerate() {
            add(&mut sums, row, *weight, number);
        }
        for (out, sum) in out.iter_mut().zip(&sums) {
            *out = (*sum).clamp(0, SUM_MAX) << (SOURCE_BITS - SUM_BITS);
        }
    }
    for (at, columns) in strip.chunks_exact_mut(8).enumerate() {
        let upper = transposed(|row| eight(&scaled[row], at * 8));
        let lower = transposed(|row| eight(&scaled[row + 8], at * 8));
        for (column, (upper, lower)) in columns.iter_mut().zip(upper.iter().zip(&lower)) {
            column[..8].copy_from_slice(upper);
            column[8..].copy_from_slice(lower);
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
            for (number, (column, weight)) in strip[first..].iter().zip(weights).enumerate() {
                add(&mut sums, column, *weight, number);
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
    for upper in [0, 8] {
        let first = transposed(|column| eight(&block[column], upper));
        let second = transposed(|column| eight(&block[column + 8], upper));
        for row in upper..height.min(upper + 8) {
            let (first, second) = (&first[row - upper], &second[row - upper]);
            let mut bytes = [0; 16];
            for (byte, sample) in bytes.iter_mut().zip(first.iter().chain(second)) {
                *byte = *sample as u8;
            }
            let Some(out) = out.get_mut(row * stride + left..row * stride + left + width) else {
                return;
            };
            match <&mut [u8; 16]>::try_from(&mut *out) {
                Ok(whole) => *whole = bytes,
                Err(_) => out.copy_from_slice(&bytes[..width]),
            }
        }
    }
}

#[inline(always)]
fn eight(row: &[i16], at: usize) -> [i16; 8] {
    std::array::from_fn(|lane| row[at + lane])
}

/// A square with rows as columns: three perfect shuffles.
#[inline(always)]
fn transposed(row: impl Fn(usize) -> [i16; 8]) -> [[i16; 8]; 8] {
    let mut square = std::array::from_fn(row);
    for _ in 0..3 {
        square = std::array::from_fn(|row| {
            let (a, b) = (square[row / 2], square[row / 2 + 4]);
            let half = row % 2 * 4;
            std::array::from_fn(|lane| if lane % 2 == 0 { a } else { b }[half + lane / 2])
        });
    }
    square
}
