//! Timestamps of a transport stream on one timeline.
//!
//! PTS and DTS (ISO 13818-1, 2.4.3.7) count at 90 kHz and wrap after 26.5 hours. Recordings are cut, joined,
//! and restarted, so that their clock jumps. The timeline follows the timestamps alone: program clock
//! references may be rare or missing.

/// Ticks per second.
pub const TICKS_PER_SECOND: i64 = 90_000;
/// A timestamp wraps here.
const WRAP: i64 = 1 << 33;
/// A longer jump forwards is another clock, not a hole in the recording.
const MAX_HOLE: i64 = 600 * TICKS_PER_SECOND;
/// A longer jump backwards is another clock, not the interleaving of streams.
const MAX_BACKWARDS: i64 = 10 * TICKS_PER_SECOND;

/// Maps timestamps, in the order of the file, to ticks since the begin of the recording.
#[derive(Clone, Debug)]
pub struct TsTimeline {
    /// The value that is subtracted from a timestamp, and that of the clock before the last jump, whose packets may
    /// still come.
    offsets: [i64; 2],
    last: i64,
    latest: i64,
}

impl TsTimeline {
    /// The timeline that begins with the earliest of these timestamps: the first one of each stream.
    #[must_use]
    pub fn starting_at(firsts: &[u64]) -> Self {
        let first = firsts.first().map_or(0, |first| signed(*first));
        let relative = firsts.iter().map(|other| nearest(signed(*other) - first, 0));
        let near = relative.filter(|ticks| ticks.abs() <= MAX_BACKWARDS);
        let begin = first + near.min().unwrap_or(0);
        Self { offsets: [begin, begin], last: 0, latest: 0 }
    }

    /// Ticks from the begin to a timestamp, if its clock never changed in between.
    #[must_use]
    pub fn since_begin(&self, timestamp: u64) -> u64 {
        let ticks = (signed(timestamp) - self.offsets[0]).rem_euclid(WRAP);
        u64::try_from(ticks).unwrap_or(0)
    }

    /// The time of this timestamp, in ticks.
    pub fn map(&mut self, timestamp: u64) -> u64 {
        let mapped = self.offsets.map(|offset| nearest(signed(timestamp) - offset, self.last));
        let fits = |time: &i64| (self.last - MAX_BACKWARDS..=self.last + MAX_HOLE).contains(time);
        let near = mapped.into_iter().filter(fits).min_by_key(|time| time.abs_diff(self.last));
        let time = near.unwrap_or_else(|| {
            // Another clock: the recording goes on where it was.
            self.offsets = [signed(timestamp) - self.latest, self.offsets[0]];
            self.latest
        });
        self.last = time;
        self.latest = self.latest.max(time);
        u64::try_from(time).unwrap_or(0)
    }
}

fn signed(timestamp: u64) -> i64 {
    i64::try_from(timestamp).unwrap_or(0) % WRAP
}

/// `ticks` plus the multiple of the wrap that brings it nearest to `target`.
fn nearest(ticks: i64, target: i64) -> i64 {
    let off = (ticks - target).rem_euclid(WRAP);
    target + if off > WRAP / 2 { off - WRAP } else { off }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 90_000;
    const LAST: u64 = (1 << 33) - 1;

    #[test]
    fn times_go_on_over_wraps_holes_and_other_clocks() {
        type Case<'a> = (&'a str, &'a [u64], &'a [u64]);
        let table: [Case<'_>; 7] = [
            ("from the first", &[900, 4500, 8100], &[0, 3600, 7200]),
            ("reordered frames", &[9000, 19_000, 14_000], &[0, 10_000, 5000]),
            ("a wrap", &[LAST - 99, 0, 100], &[0, 100, 200]),
            ("frames on both sides of a wrap", &[LAST - 99, 50, LAST - 9], &[0, 150, 90]),
            ("a hole", &[0, 300 * SECOND], &[0, 300 * SECOND]),
            (
                "another clock",
                &[0, SECOND, 5_000_000_000, 5_000_000_000 + SECOND],
                &[0, SECOND, SECOND, 2 * SECOND],
            ),
            (
                "packets of both clocks",
                &[40 * SECOND, 60 * SECOND, 100, 59 * SECOND, 200],
                &[0, 20 * SECOND, 20 * SECOND, 19 * SECOND, 20 * SECOND + 100],
            ),
        ];
        for (name, timestamps, expected) in table {
            let mut timeline = TsTimeline::starting_at(&timestamps[..1]);
            let found: Vec<u64> = timestamps.iter().map(|time| timeline.map(*time)).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn the_earliest_stream_begins_the_timeline() {
        let mut timeline = TsTimeline::starting_at(&[SECOND, 100, 900 * SECOND]);
        assert_eq!((timeline.map(100), timeline.map(SECOND)), (0, SECOND - 100));
        let mut timeline = TsTimeline::starting_at(&[50, LAST - 49]);
        assert_eq!((timeline.map(LAST - 49), timeline.map(50)), (0, 100));
        assert_eq!(TsTimeline::starting_at(&[]).map(7), 7);
    }

    proptest! {
        #[test]
        fn a_steady_clock_stays_linear(begin in 0..1_u64 << 33, gaps in prop::collection::vec(0_u64..900_000, 1..200)) {
            let mut timeline = TsTimeline::starting_at(&[begin]);
            let mut time = 0;
            for gap in gaps {
                time += gap;
                prop_assert_eq!(timeline.map((begin + time) % (1 << 33)), time);
            }
        }
    }
}
