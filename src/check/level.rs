//! The lowest level of H.264 for a video (ITU-T H.264, table A-1).

/// Limits of one level.
struct Level {
    /// `level_idc`: ten times the level.
    idc: u8,
    /// Macroblocks per second.
    per_second: f64,
    /// Macroblocks per frame.
    per_frame: u32,
    /// Macroblocks in the decoded picture buffer.
    buffered: u32,
}

const fn level(idc: u8, per_second: f64, per_frame: u32, buffered: u32) -> Level {
    Level { idc, per_second, per_frame, buffered }
}

/// Levels from 2.0 on; every player can decode lower ones.
const LEVELS: [Level; 12] = [
    level(20, 11_880.0, 396, 2_376),
    level(21, 19_800.0, 792, 4_752),
    level(22, 20_250.0, 1_620, 8_100),
    level(30, 40_500.0, 1_620, 8_100),
    level(31, 108_000.0, 3_600, 18_000),
    level(32, 216_000.0, 5_120, 20_480),
    level(40, 245_760.0, 8_192, 32_768),
    level(41, 245_760.0, 8_192, 32_768),
    level(42, 522_240.0, 8_704, 34_816),
    level(50, 589_824.0, 22_080, 110_400),
    level(51, 983_040.0, 36_864, 184_320),
    level(52, 2_073_600.0, 36_864, 184_320),
];

/// Relative tolerance of a measured frame rate.
const RATE_TOLERANCE: f64 = 0.001;

/// Lowest `level_idc` for frames of this size in pixels, at this frame rate and with this number of
/// reference frames; `None` if no level is enough.
pub(super) fn least(width: u32, height: u32, fps: f64, reference_frames: u32) -> Option<u8> {
    let frame = width.div_ceil(16).saturating_mul(height.div_ceil(16));
    // A side is at most the square root of eight times the frame size (A.3.1 f and g).
    let side = f64::from(width.max(height).div_ceil(16));
    let fits = |level: &&Level| {
        frame <= level.per_frame
            && side * side <= f64::from(level.per_frame) * 8.0
            && f64::from(frame) * fps * (1.0 - RATE_TOLERANCE) <= level.per_second
            && frame.saturating_mul(reference_frames) <= level.buffered
    };
    LEVELS.iter().find(fits).map(|level| level.idc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_sizes_need_their_usual_levels() {
        let table = [
            (640, 360, 30.0, 1, Some(30)),
            (854, 480, 30.0, 3, Some(31)),
            (1280, 720, 30.0, 1, Some(31)),
            (1280, 720, 60.0, 1, Some(32)),
            (1920, 1080, 30.0, 4, Some(40)),
            (1920, 1080, 60.0, 1, Some(42)),
            (1080, 1920, 29.97, 1, Some(40)),
            (1920, 1080, 30.0, 16, Some(51)),
            (2560, 1440, 30.0, 1, Some(50)),
            (2560, 1440, 60.0, 3, Some(51)),
            (3840, 2160, 30.0, 3, Some(51)),
            (2160, 3840, 60.0, 3, Some(52)),
            (16, 16, 10.0, 1, Some(20)),
            (16_000, 16_000, 1.0, 1, None),
        ];
        for (width, height, fps, referred, expected) in table {
            let found = least(width, height, fps, referred);
            assert_eq!(found, expected, "{width}x{height} at {fps}");
        }
    }
}
