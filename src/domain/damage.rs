//! Places of a source that are damaged or missing, in the time of the output.

use std::ops::Range;

/// Places that are named; of more, only the number is told.
const MAX_NAMED: usize = 5;
/// Places that are kept. Later ones extend the last.
const MAX_PLACES: usize = 1_000;
/// Places closer than this are one, in nanoseconds.
const MERGED_NS: u64 = 1_000_000_000;
/// Shortest hole that is told, in nanoseconds. It is hardly seen or heard below that.
const MIN_HOLE_NS: u64 = 100_000_000;
/// Shortest hole, in intervals between frames.
const MIN_HOLE_INTERVALS: u64 = 3;
/// Surplus of equal intervals before a hole: streams of uneven intervals have holes that are none.
const MIN_EVEN: u32 = 10;
/// Largest surplus.
const MAX_EVEN: u32 = 25;
/// Equal intervals that one uneven interval outweighs.
const COST_OF_UNEVEN: u32 = 3;
/// Distance in nanoseconds of a hole from a frame by which the decoder says that frames are missing. Frames are
/// reordered, so it may be another one than the first behind the hole.
const NEAR_NS: u64 = 1_000_000_000;

/// The damaged places of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Times in nanoseconds, sorted and apart from each other.
    places: Vec<Range<u64>>,
}

impl Damage {
    /// Adds a place, in nanoseconds.
    pub fn add(&mut self, place: Range<u64>) {
        self.places.push(place);
        self.places.sort_unstable_by_key(|place| (place.start, place.end));
        let (mut merged, mut is_full) = (Vec::<Range<u64>>::new(), false);
        for place in self.places.drain(..) {
            match merged.last_mut() {
                Some(last) if is_full || place.start <= last.end.saturating_add(MERGED_NS) => {
                    last.end = last.end.max(place.end);
                }
                _ => merged.push(place),
            }
            is_full = merged.len() == MAX_PLACES;
        }
        self.places = merged;
    }

    /// A sentence for the person who uploaded the source; none without damage.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let count = self.places.len();
        let named = self.places.iter().take(MAX_NAMED);
        let named = named.map(|place| format!("{}–{}", clock(place.start), clock(place.end)));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = count.saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        match count {
            0 => None,
            1 => Some(format!("One place is damaged or missing: {named}.")),
            _ => Some(format!("{count} places are damaged or missing: {named}{more}.")),
        }
    }
}

/// A time as minutes, seconds and tenths, such as `00:12.4`, with hours where there are some.
fn clock(ns: u64) -> String {
    let tenths = ns / 100_000_000;
    let (hours, minutes) = (tenths / 36_000, tenths / 600 % 60);
    let rest = format!("{minutes:02}:{:02}.{}", tenths / 10 % 60, tenths % 10);
    if hours > 0 { format!("{hours}:{rest}") } else { rest }
}

/// A decoded frame, of video or audio.
#[derive(Clone, Copy, Debug, Default)]
pub struct DecodedFrame {
    /// Time in nanoseconds.
    pub time_ns: u64,
    /// The decoder says that it is not whole.
    pub is_corrupted: bool,
    /// The decoder says that something is missing about here.
    pub is_discontinuous: bool,
}

/// Finds damage in the decoded frames of a stream.
#[derive(Clone, Debug, Default)]
pub struct FrameCheck {
    /// Whether every hole is damage. Transport streams lose packets without a trace; others have pauses.
    has_no_pauses: bool,
    last_ns: Option<u64>,
    interval_ns: u64,
    /// Surplus of equal intervals over uneven ones.
    even: u32,
    /// Time of the last frame by which the decoder said that something is missing.
    discontinuity_ns: Option<u64>,
    /// A hole that no decoder has explained so far.
    hole: Option<Range<u64>>,
    has_begun: bool,
}

impl FrameCheck {
    /// A check of a stream. `has_no_pauses` is true for transport streams.
    #[must_use]
    pub fn new(has_no_pauses: bool) -> Self {
        Self { has_no_pauses, ..Self::default() }
    }

    /// Takes the next frame. Returns the place that is damaged, in nanoseconds.
    pub fn take(&mut self, frame: DecodedFrame) -> Option<Range<u64>> {
        let time_ns = frame.time_ns;
        // Streams may begin with frames that are not whole; they are not shown.
        self.has_begun |= !frame.is_corrupted;
        if !self.has_begun {
            return None;
        }
        let last_ns = self.last_ns.replace(time_ns)?;
        if frame.is_discontinuous {
            self.discontinuity_ns = Some(time_ns);
        }
        let since_ns = time_ns.saturating_sub(last_ns);
        let hole = self.hole_before(last_ns, time_ns);
        if hole.is_none() {
            self.learn_interval(since_ns);
        }
        self.hole = hole.or(self.hole.take());
        let explained = self.hole.take_if(|hole| {
            self.has_no_pauses || {
                let is_near = |ns: u64| ns + NEAR_NS >= hole.start && ns <= hole.end + NEAR_NS;
                self.discontinuity_ns.is_some_and(is_near)
            }
        });
        let corrupted = frame.is_corrupted.then_some(time_ns..time_ns + self.interval_ns);
        match (explained, corrupted) {
            (Some(hole), Some(frame)) => Some(hole.start..frame.end),
            (hole, frame) => hole.or(frame),
        }
    }

    /// Learns the usual interval. A few frames that are missing do not change it.
    fn learn_interval(&mut self, since_ns: u64) {
        if since_ns.abs_diff(self.interval_ns) * 4 <= self.interval_ns {
            self.even = (self.even + 1).min(MAX_EVEN);
            self.interval_ns = since_ns;
        } else {
            self.even = self.even.saturating_sub(COST_OF_UNEVEN);
            if self.even == 0 {
                self.interval_ns = since_ns;
            }
        }
    }

    /// The hole between two frames, if there is one.
    fn hole_before(&self, last_ns: u64, time_ns: u64) -> Option<Range<u64>> {
        let expected_ns = last_ns + self.interval_ns;
        let least_ns = (self.interval_ns * MIN_HOLE_INTERVALS).max(self.interval_ns + MIN_HOLE_NS);
        let is_hole = self.even >= MIN_EVEN && time_ns.saturating_sub(last_ns) >= least_ns;
        is_hole.then_some(expected_ns..time_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_sentence_names_five_places_at_most() {
        let mut damage = Damage::default();
        assert_eq!(damage.sentence(), None);
        damage.add(12_400_000_000..12_700_000_000);
        let one = "One place is damaged or missing: 00:12.4–00:12.7.";
        assert_eq!(damage.sentence().as_deref(), Some(one));
        damage.add(12_500_000_000..13_000_000_000);
        damage.add(3_725_000_000_000..3_726_000_000_000);
        let two = "2 places are damaged or missing: 00:12.4–00:13.0, 1:02:05.0–1:02:06.0.";
        assert_eq!(damage.sentence().as_deref(), Some(two));
        (0..10).for_each(|n| damage.add(n * 60 * SECOND..n * 60 * SECOND + 1));
        let sentence = damage.sentence().unwrap();
        assert!(sentence.starts_with("12 places are damaged or missing: 00:00.0–"), "{sentence}");
        assert!(sentence.ends_with(" and 7 more."), "{sentence}");
    }

    #[test]
    fn the_list_of_places_is_bounded() {
        let mut damage = Damage::default();
        (0..3_000).for_each(|n| damage.add(n * 5 * SECOND..n * 5 * SECOND + 1));
        assert_eq!(damage.places.len(), MAX_PLACES);
        assert_eq!(damage.places.last().unwrap().end, 2_999 * 5 * SECOND + 1);
    }

    /// Damage in frames of 25 per second with a hole from 1 s to 2 s. `marked` has the numbers of frames by
    /// which the decoder says that something is missing.
    fn found(has_no_pauses: bool, marked: &[u64]) -> Vec<(u64, u64)> {
        let mut check = FrameCheck::new(has_no_pauses);
        let numbers = (0..25).chain(50..75);
        let frames = numbers.map(|number| DecodedFrame {
            time_ns: number * 40_000_000,
            is_corrupted: false,
            is_discontinuous: marked.contains(&number),
        });
        let places = frames.filter_map(|frame| check.take(frame));
        places.map(|place| (place.start, place.end)).collect()
    }

    #[test]
    fn a_hole_is_damage_where_a_decoder_says_so_or_where_no_pauses_are() {
        let hole = [(SECOND, 2 * SECOND)];
        assert_eq!(found(true, &[]), hole);
        assert_eq!(found(false, &[50]), hole);
        // Frames are reordered.
        assert_eq!(found(false, &[24]), hole);
        assert_eq!(found(false, &[52]), hole);
        assert_eq!(found(false, &[]), []);
        assert_eq!(found(false, &[0]), []);
    }

    #[test]
    fn a_missing_frame_before_a_hole_does_not_hide_it() {
        let mut check = FrameCheck::new(true);
        let numbers = (0..25).chain([26]).chain(50..60);
        let frames =
            numbers.map(|n| DecodedFrame { time_ns: n * 40_000_000, ..Default::default() });
        let found: Vec<_> = frames.filter_map(|frame| check.take(frame)).collect();
        assert_eq!(found, vec![1_080_000_000..2 * SECOND]);
    }

    #[test]
    fn uneven_frames_have_no_holes() {
        let mut check = FrameCheck::new(true);
        let times = [0, 40, 80, 200, 240, 700, 740, 780, 2000, 2040, 3000, 3040, 3080, 3120, 5000];
        let frames =
            times.map(|ms| DecodedFrame { time_ns: ms * 1_000_000, ..DecodedFrame::default() });
        assert!(frames.into_iter().all(|frame| check.take(frame).is_none()));
    }

    #[test]
    fn corrupted_frames_count_once_a_whole_one_was_seen() {
        let mut check = FrameCheck::new(false);
        let mut take = |number: u64, is_corrupted| {
            let time_ns = number * 40_000_000;
            check.take(DecodedFrame { time_ns, is_corrupted, is_discontinuous: false })
        };
        assert_eq!(
            [take(0, true), take(1, true), take(2, false), take(3, false)],
            [const { None }; 4]
        );
        assert_eq!(take(4, true), Some(160_000_000..200_000_000));
    }
}
