//! Encode settings that hold for all rungs.

use serde::{Deserialize, Serialize};

use super::declare::{Any, OneOf, ZeroOr, settings};

/// Format of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentFormat {
    /// MPEG transport streams, which every player reads.
    #[default]
    Ts,
    /// Fragmented MP4 (CMAF, ISO 23000-19) behind an initialization section: the same segments serve
    /// DASH, and have less overhead.
    Cmaf,
}

/// Encoder effort. The recipes have the encoder settings of each level;
/// docs/explanation/quality-and-speed.md has its measured cost and quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Least work: for a backlog, or a machine with few cores.
    Fast,
    /// Better quality than ffmpeg's `veryfast` at fewer bits, for three fifths of its CPU time.
    #[default]
    Balanced,
    /// Best quality per bit.
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

    /// Constant quality of a rung of this height in pixels, on the scale of x264's CRF.
    ///
    /// Small rungs get better quality: players magnify them, and their bits are few.
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

settings! {
    /// Encoder settings that hold for all rungs.
    pub struct EncodeConfig {
        /// Encoder effort: "fast" (least CPU per video), "balanced" or "best" (best quality per bit).
        /// docs/explanation/quality-and-speed.md has the measured cost of each.
        level: Level = Level::default(), OneOf;
        /// Constant quality of all rungs below their bitrate caps, on the scale of x264's CRF: 10
        /// (large files) to 40 (poor quality). 0: the measured value for the level and the rung.
        quality: f64 = 0.0, ZeroOr(10.0..=40.0);
        /// Bitrate of each AAC rendition in kbit/s.
        audio_bitrate_kbps: u32 = 128, 32..=320;
        /// Seconds between two key frames. Apple's HLS authoring specification asks for 2.
        gop_secs: u32 = 2, 1..=4;
        /// GOPs per segment. Three of 2 s make the 6 s segments that Apple's HLS authoring
        /// specification asks for.
        gops_per_segment: u32 = 3, 1..=5;
        /// Whether the first segment is cut into its GOPs, so that playback can start earlier.
        short_first_segments: bool = true, Any;
        /// Format of segments: "ts" (MPEG transport streams, for every player) or "cmaf" (fragmented
        /// MP4).
        segment: SegmentFormat = SegmentFormat::default(), OneOf;
    }
}

impl EncodeConfig {
    /// Constant quality of a rung as high as this, in pixels.
    #[must_use]
    pub fn quality_of(&self, height: u32) -> f64 {
        if self.quality > 0.0 { self.quality } else { self.level.quality(height) }
    }
}

/// Most threads of one rung. x264 gains nothing from more at 1080p, and `ladderdscale` takes 64 at most.
pub const MAX_THREADS_PER_RUNG: u32 = 16;

/// Threads of one rung's encoder, scaler and converters on a machine with `cores` logical CPUs, for
/// jobs and trials alike. With x264's own choice (1.5 per core), four encoders oversubscribe the machine;
/// with one or two each, they share the cores evenly.
#[must_use]
pub fn threads_per_rung(cores: usize, rungs: usize) -> u32 {
    let threads = u32::try_from(cores.div_ceil(rungs.max(1))).unwrap_or(u32::MAX);
    threads.clamp(1, MAX_THREADS_PER_RUNG)
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

    #[test]
    fn a_rung_has_1_to_16_threads_on_1_to_512_cores() {
        for (cores, rungs, threads) in [
            (1, 1, 1),
            (1, 4, 1),
            (2, 4, 1),
            (8, 4, 2),
            (9, 4, 3),
            (16, 2, 8),
            (64, 4, 16),
            (128, 2, 16),
            (129, 2, 16),
            (512, 1, 16),
            (4, 0, 4),
        ] {
            assert_eq!(threads_per_rung(cores, rungs), threads, "{cores} cores, {rungs} rungs");
        }
        for rungs in 0..=8 {
            let all: Vec<u32> = (1..=512).map(|cores| threads_per_rung(cores, rungs)).collect();
            assert!(all.iter().all(|threads| (1..=16).contains(threads)), "{rungs}: {all:?}");
            assert!(all.is_sorted(), "{rungs}: {all:?}");
        }
    }
}
