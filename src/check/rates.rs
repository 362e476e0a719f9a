//! Segment bit rates (RFC 8216, 4.1), and the highest frame rate (4.3.4.2).

/// Tolerance of the 0.5 and 1.5 target durations, in seconds: `EXTINF` values are rounded.
const ROUNDING_SECS: f64 = 0.001;

/// Peak and average in bit/s of segments given as size in bytes and duration in seconds. The peak is
/// the largest rate of contiguous segments that last 0.5 to 1.5 target durations together.
#[expect(clippy::cast_precision_loss, reason = "bytes of a video")]
pub(super) fn measure(segments: &[(u64, f64)], target_secs: f64) -> (f64, f64) {
    let rate = |bytes: u64, secs: f64| if secs > 0.0 { bytes as f64 * 8.0 / secs } else { 0.0 };
    let (bytes, secs) = segments.iter().fold((0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
    let average = rate(bytes, secs);
    let mut peak = 0.0_f64;
    for from in 0..segments.len() {
        let (mut bytes, mut secs) = (0, 0.0);
        for (more, length) in &segments[from..] {
            bytes += more;
            secs += length;
            if secs > 1.5 * target_secs + ROUNDING_SECS {
                break;
            }
            if secs >= 0.5 * target_secs - ROUNDING_SECS {
                peak = peak.max(rate(bytes, secs));
            }
        }
    }
    (peak.max(average), average)
}

/// Highest frame rates, in frames per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FrameRates {
    /// In any second, or in the whole segment if that is shorter.
    pub(super) second: f64,
    /// From one frame to the next.
    pub(super) step: f64,
}

impl FrameRates {
    pub(super) fn highest(self, other: Self) -> Self {
        Self { second: self.second.max(other.second), step: self.step.max(other.step) }
    }

    /// Whether this may be the highest frame rate: times may be rounded, so that single steps are shorter.
    pub(super) fn may_be(self, stated: f64, tolerance: f64) -> bool {
        let from = self.second * (1.0 - tolerance);
        let until = self.step.max(self.second) * (1.0 + tolerance);
        (from..=until).contains(&stated)
    }
}

/// Highest frame rates of frames with these presentation times in seconds; `None` for a single frame.
#[expect(clippy::cast_precision_loss, reason = "frames of a segment")]
pub(super) fn frames(mut times: Vec<f64>) -> Option<FrameRates> {
    times.sort_by(f64::total_cmp);
    let whole = times.last()? - times.first()?;
    let (mut rates, mut until) = (FrameRates { second: 0.0, step: 0.0 }, 0);
    for from in 0..times.len() {
        if let Some(next) = times.get(from + 1).filter(|next| **next > times[from]) {
            rates.step = rates.step.max(1.0 / (next - times[from]));
        }
        while until < times.len() && times[until] - times[from] < whole.min(1.0) {
            until += 1;
        }
        let Some(end) = times.get(until).filter(|end| **end > times[from]) else { break };
        rates.second = rates.second.max((until - from) as f64 / (end - times[from]));
    }
    (rates.step > 0.0).then_some(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_frame_rate_counts() {
        let steps = |count: u32, fps: f64| (0..count).map(move |n| f64::from(n) / fps);
        let mixed: Vec<f64> = steps(50, 25.0).chain(steps(100, 50.0).map(|t| t + 2.0)).collect();
        let table = [
            (steps(90, 30.0).collect(), 30.0, true),
            (steps(90, 30.0).collect(), 29.97, false),
            (steps(9, 30.0).collect(), 30.0, true),
            (mixed.clone(), 50.0, true),
            (mixed.clone(), 37.5, false),
            (mixed, 60.0, false),
        ];
        for (times, stated, expected) in table {
            let rates = frames(times).unwrap();
            assert_eq!(rates.may_be(stated, 0.000_5), expected, "{stated}: {rates:?}");
        }
        assert_eq!(frames(vec![1.0]), None);
        assert_eq!(frames(vec![1.0, 1.0]), None);
    }
}
