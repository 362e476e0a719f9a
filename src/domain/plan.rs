//! Everything that is decided before a byte is encoded.

use serde::{Deserialize, Serialize};

use super::media::{Fraction, Orientation};

/// What one job will make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the backend (recipe) that encodes.
    pub backend: String,
    /// Duration that the container states, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// The picture.
    pub video: VideoPlan,
    /// Audio renditions; empty for a silent source.
    pub audio: Vec<AudioPlan>,
    /// What the person should know: streams left out, rates changed.
    pub notes: Vec<String>,
}

/// What happens to the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VideoPlan {
    /// The stream that is encoded.
    pub stream_id: String,
    /// Constant output rate, frames per second.
    pub fps: Fraction,
    /// Frames in a GOP (2 s).
    pub gop_frames: u32,
    /// Frames in a segment (three GOPs, 6 s).
    pub segment_frames: u32,
    /// How the picture is turned upright.
    pub orientation: Orientation,
    /// Whether the pictures are deinterlaced.
    pub deinterlace: bool,
    /// The rungs, from the largest to the smallest: each is scaled from the one before.
    pub rungs: Vec<PlannedRung>,
}

/// One video rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRung {
    /// Name of the rendition and of its folder, such as `1080p`.
    pub name: String,
    /// Width in pixels, even, square pixels.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// The cap in kbit/s.
    pub max_bitrate_kbps: u32,
}

/// One audio rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioPlan {
    /// Name of the rendition and of its folder, such as `audio-eng`.
    pub name: String,
    /// The stream that is encoded.
    pub stream_id: String,
    /// BCP 47 tag; `und` where unknown.
    pub language: String,
    /// Name for the player's menu.
    pub title: String,
    /// Whether a player takes it unless told otherwise.
    pub is_default: bool,
    /// Bits per second of the AAC stream, in kbit/s.
    pub bitrate_kbps: u32,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub channels: u32,
}
