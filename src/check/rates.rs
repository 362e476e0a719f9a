//! Segment bit rates (RFC 8216, 4.1).

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
