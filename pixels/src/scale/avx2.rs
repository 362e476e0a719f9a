//! The loops of [`lanes`](super::lanes) in AVX2 instructions, for those that compilers vectorise
//! badly. Results are bit-identical.

use std::arch::x86_64::{
    __m128i, __m256i, _mm256_add_epi16, _mm256_castsi256_si128, _mm256_extracti128_si256,
    _mm256_max_epi16, _mm256_min_epi16, _mm256_mulhi_epi16, _mm256_packus_epi16, _mm256_set1_epi16,
    _mm256_setzero_si256, _mm256_slli_epi16, _mm256_srai_epi16, _mm256_sub_epi16,
    _mm256_unpackhi_epi16, _mm256_unpacklo_epi16,
};
use std::array::from_fn;

use zerocopy::transmute;

use super::filter::{Filter, Taps};
use super::lanes::{ROWS, SAMPLE_BITS, SUM_BITS, SUM_MAX, TILE, write_bytes};

/// Samples of a vector.
const LANES: usize = 16;

/// Loads a row of a tile, or a column of a strip, as vectors.
#[inline]
#[target_feature(enable = "avx2")]
fn vectors<const COUNT: usize>(samples: &[i16]) -> [__m256i; COUNT] {
    let parts: &[[i16; LANES]] = samples.as_chunks().0;
    from_fn(|part| transmute!(parts[part]))
}

/// Adds the products of samples and weights to `sums`.
#[inline]
#[target_feature(enable = "avx2")]
fn sum<const SAMPLES: usize, const COUNT: usize>(
    mut sums: [__m256i; COUNT],
    lines: &[[i16; SAMPLES]],
    weights: &[[i16; 2]],
) -> [__m256i; COUNT] {
    for ([first, second], [plus, minus]) in lines.as_chunks().0.iter().zip(weights) {
        let (plus, minus) = (_mm256_set1_epi16(*plus), _mm256_set1_epi16(*minus));
        let (first, second) = (vectors::<COUNT>(first), vectors::<COUNT>(second));
        for at in 0..COUNT {
            sums[at] = _mm256_add_epi16(sums[at], _mm256_mulhi_epi16(first[at], plus));
            sums[at] = _mm256_sub_epi16(sums[at], _mm256_mulhi_epi16(second[at], minus));
        }
    }
    sums
}

/// Transposes two squares of 8 by 8 samples, which lie side by side.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed(mut square: [__m256i; 8]) -> [__m256i; 8] {
    for _ in 0..3 {
        square = from_fn(|row| {
            let (one, other) = (square[row / 2], square[row / 2 + 4]);
            if row % 2 == 0 {
                _mm256_unpacklo_epi16(one, other)
            } else {
                _mm256_unpackhi_epi16(one, other)
            }
        });
    }
    square
}

/// The lower and the upper half of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn halves(vector: __m256i) -> [__m128i; 2] {
    [_mm256_castsi256_si128(vector), _mm256_extracti128_si256::<1>(vector)]
}

/// See [`super::lanes::columns`].
#[target_feature(enable = "avx2")]
pub(super) fn columns(strip: &mut [[i16; ROWS]], tile: &[[i16; TILE]], taps: &Taps<'_>) {
    const COUNT: usize = TILE / LANES;
    let zero = _mm256_setzero_si256();
    let most = _mm256_set1_epi16(SUM_MAX);
    let mut scaled = [[zero; COUNT]; ROWS];
    let begin = taps.input_range().start;
    for (out, (first, weights)) in scaled.iter_mut().zip(taps.iter()) {
        *out = sum([zero; COUNT], &tile[first - begin..], weights);
        for sum in out {
            let clamped = _mm256_min_epi16(_mm256_max_epi16(*sum, zero), most);
            *sum = _mm256_slli_epi16::<{ (SAMPLE_BITS - SUM_BITS).cast_signed() }>(clamped);
        }
    }
    for (at, columns) in strip.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let (left, right) = columns.split_at_mut(LANES / 2);
        for (part, rows) in scaled.as_chunks::<8>().0.iter().enumerate() {
            let square = transposed(from_fn(|row| rows[row][at]));
            for (column, vector) in square.into_iter().enumerate() {
                let [of_left, of_right] = halves(vector);
                left[column].as_chunks_mut::<8>().0[part] = transmute!(of_left);
                right[column].as_chunks_mut::<8>().0[part] = transmute!(of_right);
            }
        }
    }
}

/// See [`super::lanes::rows`].
#[target_feature(enable = "avx2")]
pub(super) fn rows(
    out: &mut [u8],
    stride: usize,
    strip: &[[i16; ROWS]],
    filter: &Filter,
    count: usize,
) {
    const COUNT: usize = ROWS / LANES;
    let half = _mm256_set1_epi16(1 << (SUM_BITS - 1));
    for left in (0..filter.output_len).step_by(16) {
        let taps = filter.taps(left..(left + 16).min(filter.output_len));
        let mut block = [[half; COUNT]; 16];
        for (out, (first, weights)) in block.iter_mut().zip(taps.iter()) {
            *out = sum([half; COUNT], &strip[first..], weights)
                .map(|sum| _mm256_srai_epi16::<{ SUM_BITS.cast_signed() }>(sum));
        }
        for above in (0..count).step_by(LANES) {
            let part = above / LANES;
            let [first, second] =
                [0, 8].map(|side| transposed(from_fn(|column| block[side + column][part])));
            for (row, (first, second)) in first.into_iter().zip(second).enumerate() {
                // `packus` clamps to 0 and 255.
                let [upper, lower] = halves(_mm256_packus_epi16(first, second));
                for (row, bytes) in [(row, upper), (row + 8, lower)] {
                    let row = above + row;
                    if row < count {
                        write_bytes(out, row * stride + left, taps.len(), transmute!(bytes));
                    }
                }
            }
        }
    }
}
