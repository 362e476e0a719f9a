//! Rules for one segment.

use super::segment::{Segment, seconds_between};
use crate::domain::conformance::{Place, Report};

/// Verifies one segment of the playlist `path`.
pub(super) fn verify(place: Place<'_>, path: &str, segment: &Segment, report: &mut Report) {
    for fault in &segment.faults {
        report.must(fault.rule, place, fault.text.as_str());
    }
    for reason in &segment.not_checked {
        report.unchecked(path, reason);
    }
    let streams = segment.video_streams + segment.audio_streams + segment.text_streams;
    if streams == 0 && segment.faults.is_empty() && segment.not_checked.is_empty() {
        report.unchecked(path, "the segments have no stream that this check can read");
    }
    if segment.audio_streams > 1 {
        report.must(
            "2.17",
            place,
            format!("the segment has {} audio streams", segment.audio_streams),
        );
    }
    if segment.video_streams > 0 && segment.audio_streams > 0 {
        report.should("9.5", place, "video and audio are in the same segment");
    }
    let Some(first) = segment.frames.first() else {
        if segment.video_streams > 0 {
            report.must("7.4", place, "the segment has no video frame");
        }
        return;
    };
    if !first.is_idr || !first.has_parameter_sets {
        report.must("7.4", place, "the segment does not begin with an IDR and its parameter sets");
    }
    let keys: Vec<u64> = segment.frames.iter().filter(|f| f.is_idr).map(|f| f.pts).collect();
    let last = segment.frames.iter().map(|f| f.pts).max().unwrap_or(first.pts);
    let ends = keys.iter().skip(1).copied().chain([last]);
    for (from, to) in keys.iter().zip(ends) {
        let secs = seconds_between(*from, to);
        if secs > 2.1 {
            report.should("1.13", place, format!("{secs:.3} s without a key frame"));
        }
    }
}
