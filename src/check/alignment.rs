//! Rules for the renditions of a stream together: equal durations, segments that begin together.

use super::rendition::Rendition;
use super::segment::seconds_between;
use crate::domain::conformance::Report;

/// Tolerance of rounded numbers, in seconds.
const ROUNDING_SECS: f64 = 0.001;

/// Verifies all renditions against the first video rendition, or the first one without video.
pub(super) fn verify(renditions: &[Rendition], report: &mut Report) {
    let Some(first) = renditions.iter().find(|r| r.format.is_some()).or(renditions.first()) else {
        return;
    };
    for other in renditions {
        compare(first, other, report);
    }
}

fn compare(first: &Rendition, other: &Rendition, report: &mut Report) {
    let place = other.uri.as_str();
    if (other.target_secs - first.target_secs).abs() > f64::EPSILON {
        let (found, expected) = (other.target_secs, first.target_secs);
        let text = format!("EXT-X-TARGETDURATION is {found}, that of {} {expected}", first.uri);
        report.must("8.2", place, text);
    }
    // Renditions end at a whole frame, so their durations differ by up to one.
    let frame = other.frame_secs.max(first.frame_secs) + ROUNDING_SECS;
    let (found, expected) = (other.duration_secs(), first.duration_secs());
    if (found - expected).abs() > frame {
        let text = format!("the duration is {found:.3} s, that of {} {expected:.3} s", first.uri);
        report.must("8.3", place, text);
    }
    for (number, (a, b)) in first.begins.iter().zip(&other.begins).enumerate() {
        let distance = seconds_between(*a, *b).abs();
        let allowed = if other.format.is_some() { ROUNDING_SECS } else { frame };
        if distance > allowed {
            let text = format!("segment {number} begins {distance:.3} s off that of {}", first.uri);
            report.must(if number == 0 { "RFC 8216 6.2.4" } else { "8.22" }, place, text);
            break;
        }
    }
    if first.begins.len() != other.begins.len() {
        let (found, expected) = (other.begins.len(), first.begins.len());
        let text = format!("the rendition has {found} segments, {} has {expected}", first.uri);
        report.must("8.22", place, text);
    }
}
