//! Video of a job: the frame rate, the grid of GOPs and segments, and the rungs.

use serde::{Deserialize, Serialize};

use super::audio;
use crate::domain::colour::{Colour, DynamicRange};
use crate::domain::crop::Crop;
use crate::domain::encode::EncodeConfig;
use crate::domain::media::{Fraction, Orientation};

/// Longest time that a frame may be shown early, in nanoseconds: 20 ms, half a frame at 25 frames per
/// second. The times of a constant rate are rounded, and phones are uneven by a few milliseconds; with a
/// smaller tolerance their frames would fall on the wrong side of their places.
const MAX_EARLY_NS: u64 = 20_000_000;

/// Video of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// Id of the source stream; empty in an audio-only job.
    pub stream_id: String,
    /// Constant frame rate of the output, in frames per second.
    pub fps: Fraction,
    /// Frames in a GOP (2 s).
    pub gop_frames: u32,
    /// Frames in a segment (three GOPs, 6 s).
    pub segment_frames: u32,
    /// Number of one-GOP segments that replace the first segment, so that playback starts earlier; 0
    /// if the first segment is as long as all others.
    pub short_segments: u32,
    /// Rotation and mirroring that make the frames upright.
    pub orientation: Orientation,
    /// The sides that are cut off the frames before that.
    #[serde(default)]
    pub crop: Option<Crop>,
    /// Whether the frames are deinterlaced.
    pub deinterlace: bool,
    /// Whether frames come at the uneven times of telecined film, and are moved to even ones.
    #[serde(default)]
    pub evens_times: bool,
    /// Colours of the source: what it states, completed. The output is BT.709 of limited range always.
    #[serde(default)]
    pub colour: Colour,
    /// Pixel aspect ratio that replaces the decoder's.
    #[serde(default)]
    pub pixel_aspect: Option<Fraction>,
    /// Dynamic range of the source. The output has standard dynamic range always.
    pub dynamic_range: DynamicRange,
    /// The rungs from the largest to the smallest; each is scaled from the one before. Empty in an
    /// audio-only job, where the other fields are the grid that audio is cut by.
    pub rungs: Vec<PlannedRung>,
}

/// One video rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRung {
    /// Name of the rendition and its folder, such as `1080p`: the smallest configured box that holds
    /// its frames.
    pub name: String,
    /// Width in square pixels, even.
    pub width: u32,
    /// Height in square pixels, even.
    pub height: u32,
    /// Bitrate cap in kbit/s.
    pub max_bitrate_kbps: u32,
}

impl PlannedRung {
    /// The size as people call it: `900p` for 1600x900.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}p", self.width.min(self.height))
    }

    /// Short side in pixels of the smallest box of 16:9 that holds its frames: 1080 for 1920x800.
    #[must_use]
    pub fn box_height(&self) -> u32 {
        let (short, long) = (self.width.min(self.height), self.width.max(self.height));
        short.max(u32::try_from((u64::from(long) * 9 + 8) / 16).unwrap_or(u32::MAX))
    }

    /// Pixels of a frame.
    #[must_use]
    pub fn pixels(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height)
    }
}

impl VideoPlan {
    /// The grid of GOPs and segments at a frame rate, without a source stream and without rungs.
    #[must_use]
    pub fn grid(fps: Fraction, encode: &EncodeConfig) -> Self {
        let gop_frames = frames_in(encode.gop_secs, fps);
        Self {
            stream_id: String::new(),
            fps,
            gop_frames,
            segment_frames: gop_frames * encode.gops_per_segment,
            short_segments: if encode.short_first_segments { encode.gops_per_segment } else { 0 },
            orientation: Orientation::Upright,
            crop: None,
            deinterlace: false,
            evens_times: false,
            colour: Colour::OUTPUT,
            pixel_aspect: None,
            dynamic_range: DynamicRange::Standard,
            rungs: Vec::new(),
        }
    }

    /// Time of the frame with this number, in nanoseconds, rounded down.
    #[must_use]
    pub fn frame_time_ns(&self, frame: u64) -> u64 {
        let ns = u128::from(frame) * 1_000_000_000 * u128::from(self.fps.den)
            / u128::from(self.fps.num.max(1));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// The multiple of a frame's duration that is nearest to this time, both in nanoseconds.
    #[must_use]
    pub fn nearest_frame_time_ns(&self, ns: u64) -> u64 {
        self.frame_time_ns(self.frames_in_ns(ns))
    }

    /// Number of frames in a duration, rounded to the nearest.
    #[must_use]
    pub fn frames_in_ns(&self, ns: u64) -> u64 {
        let second = 1_000_000_000 * u128::from(self.fps.den.max(1));
        let frames = (u128::from(ns) * u128::from(self.fps.num) + second / 2) / second;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// The first place of the frame grid at which a frame of this time may be shown: that of its time, or an
    /// earlier one that is at most half a frame, and at most 20 ms, before it.
    #[must_use]
    pub fn due_place(&self, ns: u64) -> u64 {
        let tolerance_ns = (self.frame_time_ns(1) / 2).min(MAX_EARLY_NS);
        let second = 1_000_000_000 * u128::from(self.fps.den.max(1));
        let ticks = u128::from(ns.saturating_sub(tolerance_ns)) * u128::from(self.fps.num);
        u64::try_from(ticks.div_ceil(second)).unwrap_or(u64::MAX)
    }

    /// Ticks per second for fragmented MP4. A frame lasts a whole number of ticks, because sums of
    /// rounded durations would drift from the times of the frames. At least 10,000 ticks, as other
    /// containers have.
    #[must_use]
    pub fn timescale(&self) -> u32 {
        const COARSEST: u32 = 10_000;
        let num = self.fps.num.max(1);
        num.saturating_mul(COARSEST.div_ceil(num))
    }

    /// Duration of a segment of video in nanoseconds: 6.006 s at 29.97 frames per second.
    #[must_use]
    pub fn segment_ns(&self) -> u64 {
        self.frame_time_ns(u64::from(self.segment_frames))
    }

    /// Whether the frame with this number begins a segment.
    #[must_use]
    pub fn begins_segment(&self, frame: u64) -> bool {
        let gop = u64::from(self.gop_frames.max(1));
        let is_short = frame / gop < u64::from(self.short_segments);
        frame.is_multiple_of(u64::from(self.segment_frames))
            || is_short && frame.is_multiple_of(gop)
    }

    /// End of the segment that holds this time, both in nanoseconds.
    #[must_use]
    pub fn segment_end_ns(&self, ns: u64) -> u64 {
        let short = (1..self.short_segments).map(|n| u64::from(n) * u64::from(self.gop_frames));
        let mut short = short.map(|frame| self.frame_time_ns(frame));
        let on_grid = |number| self.frame_time_ns(number * u64::from(self.segment_frames));
        let number = ns / self.segment_ns().max(1);
        let mut grid = [number, number + 1, number + 2].into_iter().map(on_grid);
        let end = short.find(|end| *end > ns).or_else(|| grid.find(|end| *end > ns));
        end.unwrap_or(u64::MAX)
    }

    /// `EXT-X-TARGETDURATION` of all playlists, in seconds. No segment duration rounds to more (RFC
    /// 8216, 4.3.3.1). All renditions share it (6.2.4), so it allows for audio segments, which can be
    /// one AAC frame longer than those of video.
    #[must_use]
    pub fn target_duration_secs(&self) -> u32 {
        let longest_ns = self.segment_ns() + audio::FRAME_NS;
        let secs = (longest_ns + 500_000_000) / 1_000_000_000;
        u32::try_from(secs).unwrap_or(u32::MAX).max(1)
    }
}

/// Frames in a number of seconds, rounded to the nearest, at least one.
fn frames_in(secs: u32, fps: Fraction) -> u32 {
    let frames = (u64::from(secs) * u64::from(fps.num) * 2 + u64::from(fps.den))
        / (2 * u64::from(fps.den.max(1)));
    u32::try_from(frames).unwrap_or(u32::MAX).max(1)
}
