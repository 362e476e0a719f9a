//! The check after EOS: a truncated source ends just like a complete one.

use crate::domain::failure_code::FailureCode;
use crate::domain::plan::Plan;
use crate::worker::fault;
use crate::worker::graph::element::broken;
use crate::worker::graph::segment_sink::SegmentSink;
use crate::worker::protocol::Failure;

/// How much shorter than its stated duration a stream may be before the source counts as truncated:
/// one second or a fiftieth, because many containers round or estimate. In nanoseconds.
pub(crate) fn tolerated_ns(promised_ns: u64) -> u64 {
    (promised_ns / 50).max(1_000_000_000)
}

/// Verifies that every rendition has all its segments, and that the renditions (or the skipped streams,
/// which end at `skipped_end_ns`) last as long as the container states. Returns the duration in
/// nanoseconds.
pub(crate) fn verify_complete(
    plan: &Plan,
    sinks: &[SegmentSink],
    skipped_end_ns: u64,
) -> Result<u64, Failure> {
    let mut longest_ns = 0;
    for sink in sinks {
        let extent = sink.segmenter.extent();
        if extent.complete == 0 {
            return Err(fault::damaged("one of its streams holds nothing that can be decoded"));
        }
        if extent.complete != extent.begun {
            let (index, complete, begun) = (sink.segmenter.index(), extent.complete, extent.begun);
            let message = format!("rendition {index}: {complete} of {begun} segments are complete");
            return Err(broken(message));
        }
        longest_ns = longest_ns.max(extent.end_ns);
    }
    if let Some(promised_ns) = plan.duration_ns
        && longest_ns.max(skipped_end_ns) + tolerated_ns(promised_ns) < promised_ns
    {
        return Err(truncated(promised_ns, longest_ns));
    }
    Ok(longest_ns)
}

fn truncated(promised_ns: u64, longest_ns: u64) -> Failure {
    Failure::new(
        FailureCode::SourceTruncated,
        format!(
            "The file is cut off: it says that it lasts {:.1} s, but it ends after {:.1} s. Upload it \
             again.",
            secs(promised_ns),
            secs(longest_ns)
        ),
    )
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn secs(ns: u64) -> f64 {
    ns as f64 / 1e9
}
