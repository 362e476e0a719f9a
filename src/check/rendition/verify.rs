//! Rules for one rendition.

use super::Rendition;
use crate::check::codec::Codec;
use crate::check::level;
use crate::check::origin::Origin;
use crate::check::segment::VideoFormat;
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
        // The other codecs have rules of their own.
        let Codec::H264 { profile, level, .. } = format.codec else { return };
        if !matches!(profile, 66 | 77 | 100) || level > 52 {
            report.must("1.3", path, format!("the video has profile {profile} at level {level}"));
        } else if profile != 100 {
            report.should("1.4", path, format!("profile {profile} is not High (100)"));
        }
        let VideoFormat { width, height, reference_frames, .. } = *format;
        let least = self.fps.and_then(|fps| level::least(width, height, fps, reference_frames));
        if let Some(least) = least.filter(|least| level > *least) {
            let text = format!("level_idc is {level}, {least} is enough");
            report.should("1.11", path, text);
        }
    }
}
