//! Measured bitrates (RFC 8216, 4.1).

/// Bits per second of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Peak segment bitrate: the largest of any contiguous set of segments whose duration lies
    /// between 0.5 and 1.5 target durations.
    pub peak_bps: u64,
    /// Average segment bitrate: all bits over the whole duration.
    pub average_bps: u64,
}

/// What the length of a run may be off by rounding: a run of just half the target counts, whoever
/// measures it.
const ROUNDING_NS: u64 = 1_000_000;

/// Measures segments given as bytes and nanoseconds.
#[must_use]
pub fn measure(segments: &[(u64, u64)], target_duration_secs: u32) -> Rates {
    let target_ns = u64::from(target_duration_secs) * 1_000_000_000;
    let total = segments.iter().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    let average_bps = bits_per_second(total);
    let peak = (0..segments.len()).flat_map(|from| runs(&segments[from..], target_ns)).max();
    // A stream shorter than half a target has no such run: its average is all there is.
    Rates { peak_bps: peak.unwrap_or(average_bps).max(average_bps), average_bps }
}

/// Rates of the runs that begin with the first segment and have a length that counts.
fn runs(segments: &[(u64, u64)], target_ns: u64) -> impl Iterator<Item = u64> {
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
            // The tail of a second is too short to be a peak by itself.
            (vec![(750_000, six), (900_000, SECOND)], 1_885_715, 1_885_715),
            // Nothing is long enough: the average.
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
