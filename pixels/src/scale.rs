//! A plane in another size: Lanczos with three lobes, stretched over the source's samples where the
//! plane becomes smaller, so that nothing aliases.
//!
//! All arithmetic is of 16 bits: the upper half of a product, which x86 has as `pmulhw`. So many rows
//! of the output ([`STRIP_ROWS`]) are made at a time. Their columns are scaled first, in tiles that stay
//! in the processor's nearest cache, then a transposed strip of them is scaled along the rows, where
//! each vector holds one column.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples of a line are counted, and weights are less than 2"
)]
mod filter;
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a checked conversion is no vector instruction"
)]
mod lanes;

use std::ops::Range;

use crate::{Source, Target};
use filter::{Filter, Taps};

/// Rows that are made at a time: a band of a multiple of them wastes nothing.
pub const STRIP_ROWS: usize = lanes::ROWS;

/// Where samples lie between those of a plane in full resolution (the chroma of 4:2:0).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Siting {
    /// In the middle of the two that they stand for; also right for luma.
    Centre,
    /// On the first of the two that they stand for: MPEG-2, H.264 and HEVC, horizontally.
    First,
}

/// Scales planes from one size to another.
#[derive(Debug)]
pub struct Scaler {
    columns: Filter,
    rows: Filter,
}

/// A plane that was scaled before by the same [`Scaler`], and what was made of it: where a plane is
/// the same as the one before, so is what is made of it.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// What was read.
    pub source: Source<'a>,
    /// What was made of it, from the same row on as the target.
    pub made: Source<'a>,
}

/// Memory that a [`Scaler`] works in, to be used again for the next plane.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Rows of the source, tile after tile, in [`lanes::SOURCE_BITS`].
    tiles: Vec<[i16; lanes::TILE]>,
    /// Columns of the source, scaled to some rows of the output.
    strip: Vec<[i16; lanes::ROWS]>,
}

impl Scaler {
    /// From a plane of `from` to one of `to` samples, width and height, whose chroma is sited like
    /// this horizontally and vertically. No side may be 0.
    #[must_use]
    pub fn new(from: (usize, usize), to: (usize, usize), sited: (Siting, Siting)) -> Self {
        Self {
            columns: Filter::new(from.0, to.0, sited.0),
            rows: Filter::new(from.1, to.1, sited.1),
        }
    }

    /// Makes the rows from `above` on, as many as `target` has. Rows of the source that are missing
    /// count as zeros. What is as it was `before` is copied.
    pub fn band(
        &self,
        (source, before): (Source<'_>, Option<Before<'_>>),
        target: Target<'_>,
        above: usize,
        scratch: &mut Scratch,
    ) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(
                unsafe_code,
                reason = "the compiler cannot see that the processor was asked"
            )]
            // SAFETY: it needs a processor with AVX2, which this one is.
            return unsafe { self.band_avx2((source, before), target, above, scratch) };
        }
        self.band_on_any((source, before), target, above, scratch);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn band_avx2(
        &self,
        planes: (Source<'_>, Option<Before<'_>>),
        target: Target<'_>,
        above: usize,
        scratch: &mut Scratch,
    ) {
        let columns =
            |strip: &mut [_], tile: &[_], taps: &Taps<'_>| avx2::columns(strip, tile, taps);
        let rows = |out: &mut [u8], stride, strip: &[_], filter: &Filter, count| {
            avx2::rows(out, stride, strip, filter, count);
        };
        self.strips(planes, target, above, scratch, columns, rows);
    }

    fn band_on_any(
        &self,
        planes: (Source<'_>, Option<Before<'_>>),
        target: Target<'_>,
        above: usize,
        scratch: &mut Scratch,
    ) {
        self.strips(planes, target, above, scratch, lanes::columns, lanes::rows);
    }

    #[inline(always)]
    fn strips(
        &self,
        (source, before): (Source<'_>, Option<Before<'_>>),
        target: Target<'_>,
        above: usize,
        scratch: &mut Scratch,
        scale_columns: impl Fn(&mut [[i16; lanes::ROWS]], &[[i16; lanes::TILE]], &Taps<'_>),
        scale_rows: impl Fn(&mut [u8], usize, &[[i16; lanes::ROWS]], &Filter, usize),
    ) {
        let missing = self.rows.to.saturating_sub(above);
        let count = target.bytes.len().div_ceil(target.stride).min(missing);
        scratch.strip.resize(self.columns.from.next_multiple_of(lanes::TILE), [0; lanes::ROWS]);
        let strips = target.bytes.chunks_mut(target.stride * lanes::ROWS);
        for (number, out) in strips.enumerate().take(count.div_ceil(lanes::ROWS)) {
            let first = above + number * lanes::ROWS;
            let taps = self.rows.taps(first..(first + lanes::ROWS).min(above + count));
            let read = taps.samples();
            if let Some(before) = before
                && is_same(source, before.source, self.columns.from, read.clone())
            {
                let made = before.made.below(number * lanes::ROWS);
                copy(made, out, target.stride, self.columns.to, taps.len());
                continue;
            }
            lanes::widen(&mut scratch.tiles, source, self.columns.from, read.clone());
            let strips = scratch.strip.chunks_exact_mut(lanes::TILE);
            for (strip, tile) in strips.zip(scratch.tiles.chunks_exact(read.len())) {
                scale_columns(strip, tile, &taps);
            }
            scale_rows(out, target.stride, &scratch.strip, &self.columns, taps.len());
        }
    }
}

/// Whether these rows of two planes of the same width are alike.
fn is_same(one: Source<'_>, other: Source<'_>, width: usize, mut rows: Range<usize>) -> bool {
    rows.all(|row| {
        let (one, other) = (one.row(row).get(..width), other.row(row).get(..width));
        one.is_some() && one == other
    })
}

/// Copies so many rows of this width.
fn copy(from: Source<'_>, to: &mut [u8], stride: usize, width: usize, rows: usize) {
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
    reason = "small numbers"
)]
mod tests {
    use super::*;

    fn scaled(from: (usize, usize), to: (usize, usize), plane: &[u8]) -> Vec<u8> {
        scaled_in_bands(from, to, plane, to.1)
    }

    /// With columns beside the plane, in the source and in the output, that nobody may touch.
    fn scaled_in_bands(
        from: (usize, usize),
        to: (usize, usize),
        plane: &[u8],
        rows: usize,
    ) -> Vec<u8> {
        let (of_source, of_target) = (from.0 + 3, to.0 + 5);
        let padded = |row: &[u8]| [row, &[255; 3]].concat();
        let padded: Vec<u8> = plane.chunks(from.0).flat_map(padded).collect();
        let source = Source { bytes: &padded, stride: of_source };
        let mut out = vec![77; of_target * to.1];
        let scaler = Scaler::new(from, to, (Siting::Centre, Siting::Centre));
        let mut scratch = Scratch::default();
        for (number, bytes) in out.chunks_mut(rows * of_target).enumerate() {
            let target = Target { bytes, stride: of_target };
            scaler.band((source, None), target, number * rows, &mut scratch);
        }
        let rows = out.chunks(of_target);
        assert!(rows.clone().all(|row| row[to.0..] == [77; 5]), "only the plane is written");
        rows.flat_map(|row| row[..to.0].to_vec()).collect()
    }

    /// The same in floating point, sample by sample, straight from the definition.
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

    /// Anything but smooth: each sample of its own.
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
    fn whole_numbers_are_as_good_as_the_definition() {
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
    fn a_plane_of_one_value_keeps_it() {
        for (from, to) in SIZES {
            for value in [0, 1, 16, 127, 128, 235, 254, 255] {
                let out = scaled(from, to, &vec![value; from.0 * from.1]);
                // Hundreds of products, of which each was rounded, make a step.
                let most = u8::from(from.0 > to.0 * 8);
                let keeps = |v: &u8| v.abs_diff(value) <= most;
                assert!(out.iter().all(keeps), "{from:?} to {to:?}: {value}, {out:?}");
            }
        }
    }

    #[test]
    fn bands_make_the_same_plane() {
        for (from, to) in SIZES {
            let plane = noise(from);
            let whole = scaled(from, to, &plane);
            for rows in [1, 7, STRIP_ROWS, STRIP_ROWS * 3] {
                assert_eq!(scaled_in_bands(from, to, &plane, rows), whole, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn every_processor_makes_the_same_plane() {
        for (from, to) in SIZES {
            let plane = noise(from);
            let source = Source { bytes: &plane, stride: from.0 };
            let mut out = vec![0; to.0 * to.1];
            let target = Target { bytes: &mut out, stride: to.0 };
            let scaler = Scaler::new(from, to, (Siting::Centre, Siting::Centre));
            scaler.band_on_any((source, None), target, 0, &mut Scratch::default());
            assert_eq!(out, scaled(from, to, &plane), "{from:?} to {to:?}");
        }
    }

    /// What was made is marked here, so that it shows what was copied.
    #[test]
    fn only_what_changed_is_made_again() {
        const MARK: u8 = 99;
        for (from, to) in SIZES.into_iter().filter(|(_, to)| to.1 > STRIP_ROWS) {
            let before = noise(from);
            let scaler = Scaler::new(from, to, (Siting::Centre, Siting::Centre));
            for changed in [None, Some(0), Some(from.1 / 2), Some(from.1 - 1)] {
                let mut plane = before.clone();
                if let Some(row) = changed {
                    plane[row * from.0] ^= 1;
                }
                let true_rows = scaled(from, to, &plane);
                let read = |bytes| Source { bytes, stride: from.0 };
                let made = vec![MARK; to.0 * to.1];
                let made = Source { bytes: &made, stride: to.0 };
                let last = Before { source: read(&before), made };
                let mut out = vec![0; to.0 * to.1];
                let target = Target { bytes: &mut out, stride: to.0 };
                let mut scratch = Scratch::default();
                scaler.band((read(&plane), Some(last)), target, 0, &mut scratch);
                let strip = STRIP_ROWS * to.0;
                let strips = out.chunks(strip).zip(true_rows.chunks(strip)).enumerate();
                for (number, (found, right)) in strips {
                    let first = number * STRIP_ROWS;
                    let read = scaler.rows.taps(first..(first + STRIP_ROWS).min(to.1)).samples();
                    if changed.is_some_and(|row| read.contains(&row)) {
                        assert_eq!(found, right, "{from:?} to {to:?}, {changed:?}, {number}");
                    } else {
                        assert!(found.iter().all(|v| *v == MARK), "{from:?} {changed:?} {number}");
                    }
                }
            }
        }
    }

    /// A slope tells where its samples lie: each is a step brighter than the one before.
    #[test]
    fn chroma_stays_where_it_was_sited() {
        let plane: Vec<u8> = (0..120).collect();
        let place = |sited| {
            let scaler = Scaler::new((120, 1), (40, 1), (sited, Siting::Centre));
            let mut out = vec![0; 40];
            let source = Source { bytes: &plane, stride: 120 };
            let target = Target { bytes: &mut out, stride: 40 };
            scaler.band((source, None), target, 0, &mut Scratch::default());
            out[20]
        };
        // Chroma 20 of the output: between luma 40 and 41, which are luma 120 to 125 of the source.
        assert_eq!(place(Siting::Centre), 61, "its middle, 122.5, is chroma 61");
        // On luma 40, whose middle is luma 121 of the source: chroma 60.5.
        assert!([60, 61].contains(&place(Siting::First)), "{}", place(Siting::First));
    }
}
