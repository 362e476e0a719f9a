//! Which samples of a line make a sample of the scaled one, and with what weights.

use std::ops::Range;

use super::Siting;

/// Lobes of the Lanczos window to each side.
const LOBES: f64 = 3.0;
/// A weight of 1. At the ends of a line weights are larger, but less than 2.
const ONE: f64 = 16384.0;

/// The filter for all samples of a line.
#[derive(Debug)]
pub(super) struct Filter {
    /// Samples of the line that is read.
    pub(super) from: usize,
    /// Samples of the line that is made.
    pub(super) to: usize,
    /// Pairs of weights of each sample.
    pairs: usize,
    first: Vec<usize>,
    /// The second of each pair with its sign changed.
    weights: Vec<[i16; 2]>,
}

/// The part of a filter that makes some samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taps<'a> {
    /// The first sample that is read, for each that is made.
    first: &'a [usize],
    weights: &'a [[i16; 2]],
    pairs: usize,
}

impl Filter {
    /// From a line of `from` samples to one of `to`.
    pub(super) fn new(from: usize, to: usize, sited: Siting) -> Self {
        let ratio = whole(from) / whole(to);
        let stretch = ratio.max(1.0);
        // Where the first sample of the output lies: its place in full resolution, scaled.
        let shift = match sited {
            Siting::Centre => (ratio - 1.0) / 2.0,
            Siting::First => (ratio - 1.0) / 4.0,
        };
        let reach = LOBES * stretch;
        let pairs = ((2.0 * reach).ceil() as usize).min(from).div_ceil(2);
        let mut filter = Self { from, to, pairs, first: Vec::new(), weights: Vec::new() };
        for sample in 0..to {
            filter.add(whole(sample) * ratio + shift, reach);
        }
        filter
    }

    /// Adds a sample that lies here in the line that is read.
    fn add(&mut self, centre: f64, reach: f64) {
        let last = self.from.saturating_sub(1) as i64;
        let begin = (centre - reach).floor() as i64 + 1;
        let count = self.pairs * 2;
        let first = begin.clamp(0, self.from.saturating_sub(count) as i64);
        let mut weights = vec![0.0; count];
        // Beyond its ends the line goes on with its last sample.
        for at in begin..=(centre + reach).ceil() as i64 {
            let place = (at.clamp(0, last) - first) as usize;
            if let Some(weight) = weights.get_mut(place) {
                *weight += lanczos((at as f64 - centre) * LOBES / reach);
            }
        }
        self.first.push(first as usize);
        let weights = in_whole_numbers(&weights);
        self.weights.extend(weights.as_chunks().0.iter().map(|[one, other]| [*one, -other]));
    }

    /// What makes these samples.
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
    /// Samples that are made.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.first.len()
    }

    /// All samples that are read.
    #[inline(always)]
    pub(super) fn samples(&self) -> Range<usize> {
        match self.first {
            [first, .., last] => *first..*last + self.pairs * 2,
            [first] => *first..*first + self.pairs * 2,
            [] => 0..0,
        }
    }

    /// The first sample that is read and the weights, for each that is made.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[[i16; 2]])> {
        self.first.iter().copied().zip(self.weights.chunks_exact(self.pairs))
    }
}

/// The weights as parts of 2^14, which make a whole together.
fn in_whole_numbers(weights: &[f64]) -> Vec<i16> {
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

fn whole(number: usize) -> f64 {
    number as f64
}
