//! The Lanczos filter of one axis: the input samples and weights of each output sample.

use std::ops::Range;

/// Position of a chroma sample relative to the luma samples that it covers (4:2:0), on one axis.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Siting {
    /// Midway between the two luma samples; also the value for luma itself.
    Centre,
    /// On the first of the two luma samples: horizontally in MPEG-2, H.264 and HEVC.
    Cosited,
}

/// Lobes of the Lanczos window to each side.
const LOBES: f64 = 3.0;
/// The fixed-point weight that stands for 1. Weights at the ends of a line are larger, but below 2.
const ONE: f64 = 16384.0;

/// The filter for all samples of a line.
#[derive(Debug)]
pub(super) struct Filter {
    /// Samples of an input line.
    pub(super) input_len: usize,
    /// Samples of an output line.
    pub(super) output_len: usize,
    /// Pairs of weights per output sample.
    pairs: usize,
    /// The first input sample of each output sample.
    first: Vec<usize>,
    /// Weights in pairs. The second of each pair is negated: the caller subtracts its product.
    weights: Vec<[i16; 2]>,
}

/// The part of a filter for a range of output samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps<'a> {
    /// The first input sample of each output sample.
    first: &'a [usize],
    weights: &'a [[i16; 2]],
    pairs: usize,
}

impl Filter {
    /// A filter from a line of `input_len` samples to one of `output_len`.
    pub(super) fn new(input_len: usize, output_len: usize, siting: Siting) -> Self {
        let ratio = to_f64(input_len) / to_f64(output_len);
        let stretch = ratio.max(1.0);
        // Position of the first output sample in the input: its position in luma samples, scaled.
        let shift = match siting {
            Siting::Centre => (ratio - 1.0) / 2.0,
            Siting::Cosited => (ratio - 1.0) / 4.0,
        };
        let reach = LOBES * stretch;
        let pairs = ((2.0 * reach).ceil() as usize).min(input_len).div_ceil(2);
        let mut filter =
            Self { input_len, output_len, pairs, first: Vec::new(), weights: Vec::new() };
        for sample in 0..output_len {
            filter.push(to_f64(sample) * ratio + shift, reach);
        }
        filter
    }

    /// Appends an output sample whose position in the input line is `centre`.
    fn push(&mut self, centre: f64, reach: f64) {
        let last = self.input_len.saturating_sub(1) as i64;
        let begin = (centre - reach).floor() as i64 + 1;
        let count = self.pairs * 2;
        let first = begin.clamp(0, self.input_len.saturating_sub(count) as i64);
        let mut weights = vec![0.0; count];
        // The line is extended beyond its ends with its first and last sample.
        for at in begin..=(centre + reach).ceil() as i64 {
            let place = (at.clamp(0, last) - first) as usize;
            if let Some(weight) = weights.get_mut(place) {
                *weight += lanczos((at as f64 - centre) * LOBES / reach);
            }
        }
        self.first.push(first as usize);
        let weights = to_fixed_point(&weights);
        self.weights.extend(weights.as_chunks().0.iter().map(|[one, other]| [*one, -other]));
    }

    /// The taps of these output samples.
    #[inline(always)]
    pub(super) fn taps(&self, samples: Range<usize>) -> Taps<'_> {
        Taps {
            first: &self.first[samples.clone()],
            weights: &self.weights[samples.start * self.pairs..samples.end * self.pairs],
            pairs: self.pairs,
        }
    }
}

impl Taps<'_> {
    /// Number of output samples.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }

    /// All input samples that these output samples need.
    #[inline(always)]
    pub(super) fn input_range(&self) -> Range<usize> {
        match self.first {
            [first, .., last] => *first..*last + self.pairs * 2,
            [first] => *first..*first + self.pairs * 2,
            [] => 0..0,
        }
    }

    /// The first input sample and the weights of each output sample.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[[i16; 2]])> {
        self.first.iter().copied().zip(self.weights.chunks_exact(self.pairs))
    }
}

/// Normalises the weights to a sum of exactly 2^14. The largest weight takes the rounding error.
fn to_fixed_point(weights: &[f64]) -> Vec<i16> {
    let sum: f64 = weights.iter().sum();
    let mut parts: Vec<i32> = weights.iter().map(|w| (w / sum * ONE).round() as i32).collect();
    let missing = ONE as i32 - parts.iter().sum::<i32>();
    if let Some(largest) = parts.iter_mut().max() {
        *largest += missing;
    }
    parts.into_iter().map(|part| i16::try_from(part).unwrap_or(i16::MAX)).collect()
}

fn lanczos(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.abs() >= LOBES {
        return 0.0;
    }
    let angle = std::f64::consts::PI * x;
    LOBES * angle.sin() * (angle / LOBES).sin() / (angle * angle)
}

fn to_f64(number: usize) -> f64 {
    number as f64
}
