//! Scaling of a plane with a Lanczos filter of three lobes. Where the plane becomes smaller, the
//! filter is stretched over the input's samples, so that nothing aliases.
//!
//! All arithmetic is in 16 bits: the upper half of a product, `pmulhw` on x86. The output is made
//! in strips of [`STRIP_ROWS`] rows. First the columns are scaled, in tiles that stay in the
//! processor's L1 cache; then the strip, which lies transposed, is scaled along its rows, one
//! column per vector.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the numbers are lengths of lines and weights below 2"
)]
mod filter;
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a checked conversion is not vectorised"
)]
mod lanes;

use std::ops::Range;

use crate::{Plane, PlaneMut};
use filter::{Filter, Taps};

pub use filter::Siting;

/// Rows of a strip. A band whose height is a multiple of it wastes no work.
pub const STRIP_ROWS: usize = lanes::ROWS;

/// Scales planes of one size to another.
#[derive(Debug)]
pub struct PlaneScaler {
    columns: Filter,
    rows: Filter,
}

/// The previous input of the same [`PlaneScaler`] and its output. Rows that did not change are
/// copied.
#[derive(Clone, Copy, Debug)]
pub struct Previous<'a> {
    /// The whole plane that was scaled.
    pub input: Plane<'a>,
    /// The scaled plane, from the first row of the band that is made now.
    pub output: Plane<'a>,
}

/// Buffers of a [`PlaneScaler`], kept from one plane to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Rows of the input, tile after tile, with [`lanes::SAMPLE_BITS`] fractional bits.
    tiles: Vec<[i16; lanes::TILE]>,
    /// Columns of the input, scaled to the rows of one strip.
    strip: Vec<[i16; lanes::ROWS]>,
}

impl PlaneScaler {
    /// A scaler from `input` to `output` samples (width, height) for planes with this horizontal
    /// and vertical siting. No side may be 0.
    #[must_use]
    pub fn new(input: (usize, usize), output: (usize, usize), siting: (Siting, Siting)) -> Self {
        Self {
            columns: Filter::new(input.0, output.0, siting.0),
            rows: Filter::new(input.1, output.1, siting.1),
        }
    }

    /// Scales `input` to the output rows from `first_row` on, as many as `output` holds.
    ///
    /// Missing rows of the input count as zeros. Strips whose input rows equal those of `previous`
    /// are copied from its output.
    pub fn scale_band(
        &self,
        (input, previous): (Plane<'_>, Option<Previous<'_>>),
        output: PlaneMut<'_>,
        first_row: usize,
        scratch: &mut Scratch,
    ) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the feature is detected at run time")]
            // SAFETY: the processor has AVX2, the only requirement of the function.
            return unsafe { self.scale_band_avx2((input, previous), output, first_row, scratch) };
        }
        self.scale_band_portable((input, previous), output, first_row, scratch);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn scale_band_avx2(
        &self,
        planes: (Plane<'_>, Option<Previous<'_>>),
        output: PlaneMut<'_>,
        first_row: usize,
        scratch: &mut Scratch,
    ) {
        let columns =
            |strip: &mut [_], tile: &[_], taps: &Taps<'_>| avx2::columns(strip, tile, taps);
        let rows = |out: &mut [u8], stride, strip: &[_], filter: &Filter, count| {
            avx2::rows(out, stride, strip, filter, count);
        };
        self.scale_strips(planes, output, first_row, scratch, columns, rows);
    }

    fn scale_band_portable(
        &self,
        planes: (Plane<'_>, Option<Previous<'_>>),
        output: PlaneMut<'_>,
        first_row: usize,
        scratch: &mut Scratch,
    ) {
        self.scale_strips(planes, output, first_row, scratch, lanes::columns, lanes::rows);
    }

    #[inline(always)]
    fn scale_strips(
        &self,
        (input, previous): (Plane<'_>, Option<Previous<'_>>),
        output: PlaneMut<'_>,
        first_row: usize,
        scratch: &mut Scratch,
        scale_columns: impl Fn(&mut [[i16; lanes::ROWS]], &[[i16; lanes::TILE]], &Taps<'_>),
        scale_rows: impl Fn(&mut [u8], usize, &[[i16; lanes::ROWS]], &Filter, usize),
    ) {
        let remaining = self.rows.output_len.saturating_sub(first_row);
        let count = output.bytes.len().div_ceil(output.stride).min(remaining);
        let width = self.columns.input_len;
        scratch.strip.resize(width.next_multiple_of(lanes::TILE), [0; lanes::ROWS]);
        let strips = output.bytes.chunks_mut(output.stride * lanes::ROWS);
        for (number, out) in strips.enumerate().take(count.div_ceil(lanes::ROWS)) {
            let first = first_row + number * lanes::ROWS;
            let taps = self.rows.taps(first..(first + lanes::ROWS).min(first_row + count));
            let input_rows = taps.input_range();
            if let Some(previous) = previous
                && rows_are_equal(input, previous.input, width, input_rows.clone())
            {
                let strip = previous.output.skip_rows(number * lanes::ROWS);
                copy_rows(strip, out, output.stride, self.columns.output_len, taps.len());
                continue;
            }
            lanes::load_tiles(&mut scratch.tiles, input, width, input_rows.clone());
            let strips = scratch.strip.chunks_exact_mut(lanes::TILE);
            for (strip, tile) in strips.zip(scratch.tiles.chunks_exact(input_rows.len())) {
                scale_columns(strip, tile, &taps);
            }
            scale_rows(out, output.stride, &scratch.strip, &self.columns, taps.len());
        }
    }
}

/// Whether these rows of two planes of `width` samples exist and are equal.
fn rows_are_equal(one: Plane<'_>, other: Plane<'_>, width: usize, mut rows: Range<usize>) -> bool {
    rows.all(|row| {
        let (one, other) = (one.row(row).get(..width), other.row(row).get(..width));
        one.is_some() && one == other
    })
}

/// Copies the first `rows` rows of `width` samples.
fn copy_rows(from: Plane<'_>, to: &mut [u8], stride: usize, width: usize, rows: usize) {
    for (row, out) in to.chunks_mut(stride).take(rows).enumerate() {
        if let (Some(out), Some(row)) = (out.get_mut(..width), from.row(row).get(..width)) {
            out.copy_from_slice(row);
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the numbers are small"
)]
mod tests {
    use super::*;

    fn scaled(from: (usize, usize), to: (usize, usize), plane: &[u8]) -> Vec<u8> {
        scaled_in_bands(from, to, plane, to.1)
    }

    /// Scales band by band. Input and output have padding, which must not be read or written.
    fn scaled_in_bands(
        from: (usize, usize),
        to: (usize, usize),
        plane: &[u8],
        rows: usize,
    ) -> Vec<u8> {
        let (input_stride, output_stride) = (from.0 + 3, to.0 + 5);
        let padded = |row: &[u8]| [row, &[255; 3]].concat();
        let padded: Vec<u8> = plane.chunks(from.0).flat_map(padded).collect();
        let input = Plane { bytes: &padded, stride: input_stride };
        let mut out = vec![77; output_stride * to.1];
        let scaler = PlaneScaler::new(from, to, (Siting::Centre, Siting::Centre));
        let mut scratch = Scratch::default();
        for (number, bytes) in out.chunks_mut(rows * output_stride).enumerate() {
            let output = PlaneMut { bytes, stride: output_stride };
            scaler.scale_band((input, None), output, number * rows, &mut scratch);
        }
        let rows = out.chunks(output_stride);
        assert!(rows.clone().all(|row| row[to.0..] == [77; 5]), "padding was written");
        rows.flat_map(|row| row[..to.0].to_vec()).collect()
    }

    /// Reference: the definition in floating point, sample by sample.
    fn exact(from: (usize, usize), to: (usize, usize), plane: &[u8]) -> Vec<f64> {
        let kernel = |x: f64| {
            let sinc = |x: f64| if x == 0.0 { 1.0 } else { x.sin() / x };
            let angle = std::f64::consts::PI * x;
            if x.abs() < 3.0 { sinc(angle) * sinc(angle / 3.0) } else { 0.0 }
        };
        let line = |samples: &[f64], to: usize| -> Vec<f64> {
            let ratio = samples.len() as f64 / to as f64;
            let stretch = ratio.max(1.0);
            let value = |at: usize| {
                let centre = (at as f64 + 0.5) * ratio - 0.5;
                let reach = (3.0 * stretch).ceil() as i64 + 1;
                let near = (centre as i64 - reach)..=(centre as i64 + reach);
                let weight = |at: i64| kernel((at as f64 - centre) / stretch);
                let sample = |at: i64| samples[at.clamp(0, samples.len() as i64 - 1) as usize];
                let sum: f64 = near.clone().map(weight).sum();
                near.map(|at| weight(at) * sample(at)).sum::<f64>() / sum
            };
            (0..to).map(value).collect()
        };
        let columns: Vec<Vec<f64>> = (0..from.0)
            .map(|x| (0..from.1).map(|y| f64::from(plane[y * from.0 + x])).collect::<Vec<_>>())
            .map(|column| line(&column, to.1).iter().map(|v| v.clamp(0.0, 255.0)).collect())
            .collect();
        let row = |y: usize| line(&columns.iter().map(|c| c[y]).collect::<Vec<_>>(), to.0);
        (0..to.1).flat_map(row).map(|value| value.clamp(0.0, 255.0)).collect()
    }

    /// White noise from a linear congruential generator.
    fn noise((width, height): (usize, usize)) -> Vec<u8> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..width * height).map(|_| next()).collect()
    }

    const SIZES: [((usize, usize), (usize, usize)); 12] = [
        ((192, 108), (128, 72)),
        ((128, 72), (86, 48)),
        ((86, 48), (64, 36)),
        ((427, 240), (213, 120)),
        ((64, 36), (192, 108)),
        ((300, 200), (17, 5)),
        ((65, 17), (64, 16)),
        ((640, 16), (640, 9)),
        ((5, 3), (2, 2)),
        ((2, 2), (7, 5)),
        ((1, 1), (3, 4)),
        ((40, 30), (1, 1)),
    ];

    #[test]
    fn fixed_point_is_within_a_step_of_the_definition() {
        for (from, to) in SIZES {
            let plane = noise(from);
            let found = scaled(from, to, &plane);
            for (at, (found, exact)) in found.iter().zip(exact(from, to, &plane)).enumerate() {
                let error = (f64::from(*found) - exact).abs();
                assert!(error < 0.75, "{from:?} to {to:?}, sample {at}: {found} for {exact}");
            }
        }
    }

    #[test]
    fn a_flat_plane_stays_flat() {
        for (from, to) in SIZES {
            for value in [0, 1, 16, 127, 128, 235, 254, 255] {
                let out = scaled(from, to, &vec![value; from.0 * from.1]);
                // The rounding errors of hundreds of products add up to one step.
                let most = u8::from(from.0 > to.0 * 8);
                let keeps = |v: &u8| v.abs_diff(value) <= most;
                assert!(out.iter().all(keeps), "{from:?} to {to:?}: {value}, {out:?}");
            }
        }
    }

    #[test]
    fn bands_equal_the_whole_plane() {
        for (from, to) in SIZES {
            let plane = noise(from);
            let whole = scaled(from, to, &plane);
            for rows in [1, 7, STRIP_ROWS, STRIP_ROWS * 3] {
                assert_eq!(scaled_in_bands(from, to, &plane, rows), whole, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn portable_code_equals_avx2() {
        for (from, to) in SIZES {
            let plane = noise(from);
            let input = Plane { bytes: &plane, stride: from.0 };
            let mut out = vec![0; to.0 * to.1];
            let output = PlaneMut { bytes: &mut out, stride: to.0 };
            let scaler = PlaneScaler::new(from, to, (Siting::Centre, Siting::Centre));
            scaler.scale_band_portable((input, None), output, 0, &mut Scratch::default());
            assert_eq!(out, scaled(from, to, &plane), "{from:?} to {to:?}");
        }
    }

    /// The previous output holds a marker value, which shows the rows that were copied.
    #[test]
    fn only_changed_strips_are_scaled() {
        const MARK: u8 = 99;
        for (from, to) in SIZES.into_iter().filter(|(_, to)| to.1 > STRIP_ROWS) {
            let previous_plane = noise(from);
            let scaler = PlaneScaler::new(from, to, (Siting::Centre, Siting::Centre));
            for changed in [None, Some(0), Some(from.1 / 2), Some(from.1 - 1)] {
                let mut plane = previous_plane.clone();
                if let Some(row) = changed {
                    plane[row * from.0] ^= 1;
                }
                let expected_rows = scaled(from, to, &plane);
                let as_input = |bytes| Plane { bytes, stride: from.0 };
                let marked = vec![MARK; to.0 * to.1];
                let marked = Plane { bytes: &marked, stride: to.0 };
                let previous = Previous { input: as_input(&previous_plane), output: marked };
                let mut out = vec![0; to.0 * to.1];
                let output = PlaneMut { bytes: &mut out, stride: to.0 };
                let mut scratch = Scratch::default();
                scaler.scale_band((as_input(&plane), Some(previous)), output, 0, &mut scratch);
                let strip = STRIP_ROWS * to.0;
                let strips = out.chunks(strip).zip(expected_rows.chunks(strip)).enumerate();
                for (number, (found, expected)) in strips {
                    let first = number * STRIP_ROWS;
                    let input_rows =
                        scaler.rows.taps(first..(first + STRIP_ROWS).min(to.1)).input_range();
                    if changed.is_some_and(|row| input_rows.contains(&row)) {
                        assert_eq!(found, expected, "{from:?} to {to:?}, {changed:?}, {number}");
                    } else {
                        assert!(found.iter().all(|v| *v == MARK), "{from:?} {changed:?} {number}");
                    }
                }
            }
        }
    }

    /// On a ramp, in which each sample is one brighter than the one before, a value is a position.
    #[test]
    fn chroma_keeps_its_siting() {
        let plane: Vec<u8> = (0..120).collect();
        let sample = |siting| {
            let scaler = PlaneScaler::new((120, 1), (40, 1), (siting, Siting::Centre));
            let mut out = vec![0; 40];
            let input = Plane { bytes: &plane, stride: 120 };
            let output = PlaneMut { bytes: &mut out, stride: 40 };
            scaler.scale_band((input, None), output, 0, &mut Scratch::default());
            out[20]
        };
        // Chroma 20 of the output: between luma 40 and 41, which are luma 120 to 125 of the source.
        assert_eq!(sample(Siting::Centre), 61, "its middle, 122.5, is chroma 61");
        // On luma 40, whose middle is luma 121 of the source: chroma 60.5.
        assert!([60, 61].contains(&sample(Siting::Cosited)), "{}", sample(Siting::Cosited));
    }
}
