//! Measured segment bit rates (RFC 8216, 4.1).

/// Segment bit rates of one playlist, in bit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Peak segment bit rate: the largest rate of any contiguous set of segments whose total duration
    /// lies between 0.5 and 1.5 target durations.
    pub peak_bps: u64,
    /// Average segment bit rate: total size divided by total duration.
    pub average_bps: u64,
}

/// Tolerance of the 0.5 and 1.5 target durations, in nanoseconds: `EXTINF` values are rounded, and a
/// player that sums them must find the same sets of segments.
const ROUNDING_NS: u64 = 1_000_000;

/// Measures segments given as size in bytes and duration in nanoseconds. The peak of a stream that
/// lasts less than half a target duration is its average.
#[must_use]
pub fn measure(segments: &[(u64, u64)], target_duration_secs: u32) -> Rates {
    let target_ns = u64::from(target_duration_secs) * 1_000_000_000;
    let total = segments.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let average_bps = bits_per_second(total);
    let peak = (0..segments.len()).flat_map(|from| set_rates(&segments[from..], target_ns)).max();
    Rates { peak_bps: peak.unwrap_or(average_bps).max(average_bps), average_bps }
}

/// Rates of the contiguous sets that begin with the first segment and whose duration counts.
fn set_rates(segments: &[(u64, u64)], target_ns: u64) -> impl Iterator<Item = u64> {
    segments
        .iter()
        .scan((0, 0), |sum, part| {
            *sum = (sum.0 + part.0, sum.1 + part.1);
            Some(*sum)
        })
        .take_while(move |(_, ns)| *ns <= target_ns * 3 / 2 + ROUNDING_NS)
        .filter(move |(_, ns)| *ns + ROUNDING_NS >= target_ns / 2)
        .map(bits_per_second)
}

fn bits_per_second((bytes, ns): (u64, u64)) -> u64 {
    let bits = u128::from(bytes) * 8 * 1_000_000_000;
    u64::try_from(bits.div_ceil(u128::from(ns.max(1)))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn peak_and_average() {
        let six = 6 * SECOND;
        let table = [
            (vec![(750_000, six), (1_500_000, six)], 2_000_000, 1_500_000),
            // A last segment of one second is too short to be a peak by itself.
            (vec![(750_000, six), (900_000, SECOND)], 1_885_715, 1_885_715),
            // No set is long enough.
            (vec![(1_000, SECOND)], 8_000, 8_000),
            (vec![], 0, 0),
        ];
        for (segments, peak_bps, average_bps) in table {
            assert_eq!(measure(&segments, 6), Rates { peak_bps, average_bps }, "{segments:?}");
        }
    }

    proptest! {
        #[test]
        fn the_peak_is_never_below_the_average(segments in prop::collection::vec((1_u64..10_000_000, SECOND..8 * SECOND), 1..40)) {
            let rates = measure(&segments, 6);
            prop_assert!(rates.peak_bps >= rates.average_bps);
        }
    }
}
