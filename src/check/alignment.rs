//! Rules for the renditions of a stream together: equal durations, segments that begin together.

use super::origin::Origin;
use super::rendition::Rendition;
use super::segment::seconds_between;
use crate::domain::conformance::{Level, Report};

/// Tolerance of rounded numbers, in seconds.
const ROUNDING_SECS: f64 = 0.001;

/// Verifies all renditions against the first video rendition, or the first one without video.
pub(super) fn verify(renditions: &[Rendition], origin: Origin, report: &mut Report) {
    let Some(first) = renditions.iter().find(|r| r.format.is_some()).or(renditions.first()) else {
        return;
    };
    for other in renditions {
        compare_durations(first, other, report);
        compare_begins(first, other, origin, report);
    }
}

fn compare_durations(first: &Rendition, other: &Rendition, report: &mut Report) {
    let place = other.uri.as_str();
    let (found, expected) = (other.target_secs, first.target_secs);
    // A duration that cannot be read is 0 here, and a finding already.
    if (found - expected).abs() > f64::EPSILON && found > 0.0 && expected > 0.0 {
        let text = format!("EXT-X-TARGETDURATION is {found}, that of {} {expected}", first.uri);
        report.must("8.2", place, text);
    }
    if !(first.is_whole() && other.is_whole() && first.is_ended && other.is_ended) {
        return;
    }
    let (found, expected) = (other.duration_secs(), first.duration_secs());
    if (found - expected).abs() > frame_secs(first, other) {
        let text = format!("the duration is {found:.3} s, that of {} {expected:.3} s", first.uri);
        report.must("8.3", place, text);
    }
}

/// Renditions end at a whole frame, so their durations differ by up to one.
fn frame_secs(first: &Rendition, other: &Rendition) -> f64 {
    other.frame_secs.max(first.frame_secs) + ROUNDING_SECS
}

/// Segments should begin together; those of our own streams must.
fn compare_begins(first: &Rendition, other: &Rendition, origin: Origin, report: &mut Report) {
    let place = other.uri.as_str();
    let severity = if origin == Origin::Own { Level::Must } else { Level::Should };
    // A window of a live playlist may have moved in between.
    if !(first.is_ended && other.is_ended) {
        return;
    }
    for (number, pair) in first.begins().zip(other.begins()).enumerate() {
        let (Some(a), Some(b)) = pair else { continue };
        let distance = seconds_between(a, b).abs();
        let allowed = match other.format {
            Some(_) => ROUNDING_SECS,
            None => frame_secs(first, other),
        };
        if distance > allowed {
            let text = format!("segment {number} begins {distance:.3} s off that of {}", first.uri);
            match number {
                0 => report.must("RFC 8216 6.2.4", place, text),
                _ => report.add("8.22", severity, place, text),
            }
            break;
        }
    }
    if first.segments() != other.segments() {
        let (found, expected) = (other.segments(), first.segments());
        let text = format!("the rendition has {found} segments, {} has {expected}", first.uri);
        report.add("8.22", severity, place, text);
    }
}
