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

/// How much work a bit is worth. What each level sets is in the recipes, what it costs and brings in
/// the README; every number of both was measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Least work: for a backlog, or a machine with few cores.
    Fast,
    /// Better pictures than ffmpeg's `veryfast` at fewer bits, for three fifths of its work.
    #[default]
    Balanced,
    /// Most picture for each bit.
    Best,
}

impl Level {
    /// Its name in the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Balanced => "balanced",
            Self::Best => "best",
        }
    }

    /// Constant quality of a rung as high as this, in pixels: the scale of x264's CRF.
    ///
    /// The smallest are shown magnified, so their faults are, too, and bits are cheap there.
    fn quality(self, height: u32) -> f64 {
        let of_large = match self {
            Self::Fast => 21.0,
            Self::Balanced => 19.0,
            Self::Best => 18.0,
        };
        match height {
            0..=360 => of_large - 4.0,
            361..=480 => of_large - 1.0,
            _ => of_large,
        }
    }
}

/// Settings of the encode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncodeConfig {
    /// How much work a bit is worth.
    pub level: Level,
    /// Constant quality of all rungs under their caps: the scale of x264's CRF, 10 (large) to 40
    /// (poor). 0: what was measured to be right for the level and the rung.
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
            level: Level::default(),
            quality: 0.0,
            audio_bitrate_kbps: 128,
            gop_secs: 2,
            gops_per_segment: 3,
            short_first_segments: true,
            segment: SegmentFormat::default(),
        }
    }
}

impl EncodeConfig {
    /// Constant quality of a rung as high as this, in pixels.
    #[must_use]
    pub fn quality_of(&self, height: u32) -> f64 {
        if self.quality > 0.0 { self.quality } else { self.level.quality(height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rung_has_the_quality_of_its_level_unless_one_is_set() {
        let of = |level, quality| EncodeConfig { level, quality, ..EncodeConfig::default() };
        let balanced = [1080, 720, 480, 360, 144].map(|h| of(Level::Balanced, 0.0).quality_of(h));
        assert_eq!(format!("{balanced:?}"), "[19.0, 19.0, 18.0, 15.0, 15.0]");
        for height in [1080, 480, 144] {
            let [fast, best] = [Level::Fast, Level::Best].map(|l| of(l, 0.0).quality_of(height));
            let balanced = of(Level::Balanced, 0.0).quality_of(height);
            assert!(best < balanced && balanced < fast, "{height}: {best} {balanced} {fast}");
            assert!((of(Level::Fast, 28.0).quality_of(height) - 28.0).abs() < 1e-9);
        }
    }
}
