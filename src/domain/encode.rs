//! How the ladder is encoded: what the operator sets beside the rungs.

use serde::{Deserialize, Serialize};

/// What segments are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentFormat {
    /// MPEG transport streams, which every player reads.
    #[default]
    Ts,
    /// Fragmented MP4 (CMAF, ISO 23000-19) behind an initialization section: the same segments serve
    /// DASH, and carry less beside the pictures.
    Cmaf,
}

/// Settings of the encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodeConfig {
    /// Constant quality under the rung's cap: the scale of x264's CRF, 10 (large) to 40 (poor).
    pub quality: f64,
    /// Bitrate of each AAC rendition in kbit/s, 32 to 320.
    pub audio_bitrate_kbps: u32,
    /// Length of a GOP in seconds, 1 to 4. Apple's authoring rules ask for 2.
    pub gop_secs: u32,
    /// GOPs in a segment, 1 to 5. Three of 2 s make the 6 s that Apple's rules ask for.
    pub gops_per_segment: u32,
    /// The first segment is cut into its GOPs: a stream can be played that much sooner.
    pub short_first_segments: bool,
    /// What segments are.
    pub segment: SegmentFormat,
}

impl Default for EncodeConfig {
    fn default() -> Self {
        Self {
            quality: 23.0,
            audio_bitrate_kbps: 128,
            gop_secs: 2,
            gops_per_segment: 3,
            short_first_segments: true,
            segment: SegmentFormat::default(),
        }
    }
}
