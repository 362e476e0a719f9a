//! Rules for one rendition and its segments.

use super::Rendition;
use crate::check::segment::{Segment, VideoFormat, seconds_between};
use crate::check::{Origin, level};
use crate::domain::conformance::{Level, Place, Report};

/// Tolerance of rounded numbers, in seconds.
const ROUNDING_SECS: f64 = 0.001;

impl Rendition {
    pub(super) fn verify(&self, path: &str, origin: Origin, report: &mut Report) {
        self.verify_durations(path, report);
        if let Some(fps) = self.fps
            && fps > 60.01
        {
            report.must("1.19", path, format!("{fps:.3} frames per second exceed 60"));
        }
        if let Some(format) = &self.format {
            self.verify_format(format, path, origin, report);
        }
    }

    fn verify_durations(&self, path: &str, report: &mut Report) {
        let target = self.target_secs;
        let mut begin = 0.0;
        for (number, piece) in self.pieces.iter().enumerate() {
            if let Some(secs) = piece.real_secs.filter(|secs| *secs > target + 0.5) {
                let text =
                    format!("segment {number} lasts {secs:.3} s, more than {target} + 0.5 s");
                report.must("7.7", Place::at(path, begin), text);
            }
            begin += piece.stated_secs;
        }
        // The error of any run of segments is the difference of two of these sums.
        for run in self.pieces.split(|piece| piece.real_secs.is_none()) {
            let (mut sum, mut least, mut most) = (0.0_f64, 0.0_f64, 0.0_f64);
            for piece in run {
                sum += piece.stated_secs - piece.real_secs.unwrap_or(piece.stated_secs);
                (least, most) = (least.min(sum), most.max(sum));
            }
            let (error, frame) = (most - least, self.frame_secs);
            if error > frame + ROUNDING_SECS {
                let text =
                    format!("EXTINF is off by {error:.4} s, more than a frame of {frame:.4} s");
                report.must("8.1", path, text);
                break;
            }
        }
    }

    fn verify_format(&self, format: &VideoFormat, path: &str, origin: Origin, report: &mut Report) {
        if format.has_fields {
            // Frames may still be progressive, which the flag does not tell.
            let severity = if origin == Origin::Own { Level::Must } else { Level::Should };
            let text = "the video may be interlaced: its frames may be coded as fields";
            report.add("1.14", severity, path, text);
        }
        if !matches!(format.profile, 66 | 77 | 100) || format.level > 52 {
            let text =
                format!("the video has profile {} at level {}", format.profile, format.level);
            report.must("1.3", path, text);
        } else if format.profile != 100 {
            report.should("1.4", path, format!("profile {} is not High (100)", format.profile));
        }
        let VideoFormat { width, height, reference_frames, .. } = *format;
        let least = self.fps.and_then(|fps| level::least(width, height, fps, reference_frames));
        if let Some(least) = least.filter(|least| format.level > *least) {
            let text = format!("level_idc is {}, {least} is enough", format.level);
            report.should("1.11", path, text);
        }
    }
}

/// Verifies one segment of the playlist `path`.
pub(super) fn segment(place: Place<'_>, path: &str, segment: &Segment, report: &mut Report) {
    for fault in &segment.faults {
        report.must(fault.rule, place, fault.text.as_str());
    }
    if segment.video_streams + segment.audio_streams == 0 && segment.faults.is_empty() {
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
