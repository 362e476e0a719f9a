//! Which frame of the source each frame of the output shows.

use super::decode::{Video, median};
use super::signature::{SAME, Signature};

/// An output frame and what it shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Time since the start of the output.
    pub secs: f64,
    /// The source frame, by its index. Among those that look alike it is the one that is due.
    pub source: usize,
    /// All source frames that it could be, by their indexes.
    pub near: Vec<usize>,
    /// Distance from the best match, in levels.
    pub distance: f32,
    /// Seconds before the source frame is due (below 0), or after the next one is due (above 0).
    pub error: f64,
}

/// The source as the judge sees it: times since the start of the source, and signatures.
pub struct Timeline {
    pub secs: Vec<f64>,
    pub signatures: Vec<Signature>,
    /// Groups of neighbours that look the same: the index of the group of each frame.
    pub group: Vec<usize>,
    /// Whether some frames are fields, which output shows one or both of.
    pub has_fields: bool,
    /// Duration of the last frame.
    interval: f64,
}

impl Timeline {
    pub fn new(video: &Video, start: f64) -> Self {
        let signatures: Vec<Signature> = video.frames.iter().map(Signature::new).collect();
        let mut group = vec![0; signatures.len()];
        for n in 1..signatures.len() {
            let moved = signatures[n].distance(&signatures[n - 1]);
            group[n] = group[n - 1] + usize::from(moved > SAME);
        }
        let secs = video.frames.iter().map(|frame| frame.secs - start).collect();
        let has_fields = video.interlaced > 0;
        Self { secs, signatures, group, has_fields, interval: video.interval() }
    }

    /// Number of frames that differ from the one before.
    pub fn groups(&self) -> usize {
        self.group.last().map_or(0, |last| last + 1)
    }

    /// The frame that is due at this time; the first one before its time.
    pub fn due(&self, secs: f64) -> usize {
        self.secs.partition_point(|own| *own <= secs + ROUNDING).saturating_sub(1)
    }

    /// The signatures of the frames within these seconds of a time.
    pub fn around(&self, secs: f64, within: f64) -> &[Signature] {
        let from = self.secs.partition_point(|own| *own < secs - within);
        let to = self.secs.partition_point(|own| *own <= secs + within);
        &self.signatures[from..to]
    }

    /// When the frame after this one is due. The last frame may stay.
    fn next(&self, index: usize) -> f64 {
        self.secs.get(index + 1).copied().unwrap_or(f64::INFINITY)
    }

    pub fn end(&self) -> f64 {
        self.secs.last().map_or(0.0, |last| last + self.interval)
    }

    /// Seconds between the time and the frame's turn.
    fn error(&self, index: usize, secs: f64) -> f64 {
        if secs + ROUNDING < self.secs[index] {
            secs - self.secs[index]
        } else {
            (secs - self.next(index)).max(0.0)
        }
    }
}

/// Containers round timestamps to a millisecond.
const ROUNDING: f64 = 0.002;

/// The search looks this far around the time of a frame, in seconds; everywhere if nothing fits.
const WINDOW: f64 = 1.5;
const WINDOW_OF_FIELDS: f64 = 0.4;

/// Seconds after which a scene may come back.
const COMES_BACK: f64 = 0.5;

/// Frames further than this from all of the source (levels) are searched everywhere.
const FAR: f32 = 6.0;

/// Finds what each frame of the output shows. Levels that are wrong throughout do not matter.
pub fn find(source: &Timeline, output: &Timeline) -> Vec<Shown> {
    let mut found = find_levelled(source, &output.secs, &output.signatures);
    for _ in 0..2 {
        let pairs = found.iter().zip(&output.signatures);
        let pairs: Vec<_> =
            pairs.map(|(own, seen)| (&source.signatures[own.source], seen)).collect();
        let levels = Signature::levels(&pairs);
        if levels.iter().all(|(gain, offset)| (gain - 1.0).abs() < 0.02 && offset.abs() < 1.0) {
            break;
        }
        let corrected: Vec<_> =
            output.signatures.iter().map(|seen| seen.levelled(&levels)).collect();
        found = find_levelled(source, &output.secs, &corrected);
    }
    found
}

fn find_levelled(source: &Timeline, secs: &[f64], seen: &[Signature]) -> Vec<Shown> {
    let mut found = Vec::new();
    for (secs, seen) in secs.iter().zip(seen) {
        // Deinterlacers differ, so that fields of a scene that comes again may match better.
        let window = if source.has_fields { WINDOW_OF_FIELDS } else { WINDOW };
        let from = source.secs.partition_point(|own| *own < secs - window);
        let to = source.secs.partition_point(|own| *own <= secs + window);
        let due = source.due(*secs);
        let near = from.min(due.saturating_sub(3))..to.max((due + 4).min(source.secs.len()));
        let mut shown = best(source, *secs, seen, near);
        if shown.distance > FAR && !source.has_fields {
            let anywhere = best(source, *secs, seen, 0..source.secs.len());
            if anywhere.distance < 0.6 * shown.distance {
                shown = anywhere;
            }
        }
        found.push(shown);
    }
    found
}

fn best(source: &Timeline, secs: f64, seen: &Signature, among: std::ops::Range<usize>) -> Shown {
    let distances: Vec<f32> = among.clone().map(|n| source.signatures[n].distance(seen)).collect();
    let (nearest, distance) = distances
        .iter()
        .enumerate()
        .min_by(|a, b| a.1.total_cmp(b.1))
        .map(|(n, distance)| (among.start + n, *distance))
        .unwrap();
    let best = &source.signatures[nearest];
    let mut near: Vec<usize> = among
        .clone()
        .filter(|n| *n == nearest || best.is_confusable(&source.signatures[*n], seen))
        .collect();
    // A scene that comes back, such as a flash each second, is told from an earlier one by small parts only, which
    // encoders blur. A frame that is really from so far away is much nearer to that one than to those around the frame
    // that is due, whose clock may be off by part of a frame.
    if (source.secs[nearest] - secs).abs() > COMES_BACK {
        let due = source.due(secs);
        let around = due.saturating_sub(1)..(due + 2).min(source.secs.len());
        near.extend(
            around.filter(|n| {
                among.contains(n) && distances[n - among.start] < 1.5 * distance + SAME
            }),
        );
    }
    let by_error = |n: &usize| source.error(*n, secs).abs();
    let own = near.iter().copied().min_by(|a, b| by_error(a).total_cmp(&by_error(b))).unwrap();
    Shown { secs, source: own, near, distance, error: source.error(own, secs) }
}

/// Median of the distances from the best matches, in levels.
pub fn noise(shown: &[Shown]) -> f64 {
    median(shown.iter().map(|own| f64::from(own.distance)).collect()).unwrap_or(0.0)
}

/// Whether a frame is nowhere in the source, for this [`noise`].
pub fn is_foreign(shown: &Shown, noise: f64) -> bool {
    f64::from(shown.distance) > 14.0_f64.max(5.0 * noise)
}
