//! The check after EOS: a truncated source ends just like a complete one.

use crate::domain::failure_code::FailureCode;
use crate::domain::limits::Truncated;
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

/// Complete renditions.
pub(crate) struct Complete {
    /// End of the longest rendition, in nanoseconds.
    pub(crate) duration_ns: u64,
    /// A sentence about the missing end of the source.
    pub(crate) truncated: Option<String>,
}

/// Verifies that every rendition has all its segments, and whether the source lasts as long as the container
/// states. `source_end_ns` is the latest end of a decoded stream, in the time of the container, which may
/// begin at any time.
///
/// # Errors
/// A rendition is incomplete, or the source is truncated and such sources are refused.
pub(crate) fn verify_complete(
    plan: &Plan,
    sinks: &[SegmentSink],
    source_end_ns: u64,
    truncated: Truncated,
) -> Result<Complete, Failure> {
    let mut duration_ns = 0;
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
        duration_ns = duration_ns.max(extent.end_ns);
    }
    let missing = missing(plan, duration_ns, source_end_ns);
    match (missing, truncated) {
        (Some(told), Truncated::Refuse) => {
            let message = format!("The file is cut off: it {told}. Upload it again.");
            Err(Failure::new(FailureCode::SourceTruncated, message))
        }
        (missing, _) => {
            let truncated = missing.map(|told| {
                format!(
                    "The end of the file is missing: it {told}. Upload it again if you have more."
                )
            });
            Ok(Complete { duration_ns, truncated })
        }
    }
}

/// A clause about the end of the file, if it comes too early.
fn missing(plan: &Plan, duration_ns: u64, source_end_ns: u64) -> Option<String> {
    let end_ns = duration_ns.max(source_end_ns);
    let promised_ns = plan.duration_ns.filter(|_| !plan.is_duration_estimated);
    match promised_ns.filter(|promised_ns| end_ns + tolerated_ns(*promised_ns) < *promised_ns) {
        Some(promised_ns) => {
            Some(format!("ends after {:.1} s of {:.1} s", secs(duration_ns), secs(promised_ns)))
        }
        None if plan.is_cut => {
            Some(format!("breaks off in the middle of its data, after {:.1} s", secs(duration_ns)))
        }
        None => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn secs(ns: u64) -> f64 {
    ns as f64 / 1e9
}
