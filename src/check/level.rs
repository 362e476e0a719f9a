//! The least level of H.264 that a picture needs (ITU-T H.264, table A-1).

/// A row of the table.
struct Level {
    /// `level_idc`: ten times the level's number.
    idc: u8,
    /// Macroblocks in a second.
    per_second: f64,
    /// Macroblocks in a picture.
    per_picture: u32,
    /// Macroblocks in the buffer of decoded pictures.
    buffered: u32,
}

const fn level(idc: u8, per_second: f64, per_picture: u32, buffered: u32) -> Level {
    Level { idc, per_second, per_picture, buffered }
}

/// From 2.0 on: what is below that no player has to be spared.
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

/// What a measured rate may be off.
const RATE_TOLERANCE: f64 = 0.001;

/// `level_idc` that pictures of this size need, so many of which come in a second and may be
/// referred to; none where no level is enough.
pub(super) fn least(width: u32, height: u32, fps: f64, referred: u32) -> Option<u8> {
    let picture = width.div_ceil(16).saturating_mul(height.div_ceil(16));
    // No side is longer than the root of eight times the picture's size (A.3.1 f and g).
    let side = f64::from(width.max(height).div_ceil(16));
    let fits = |level: &&Level| {
        picture <= level.per_picture
            && side * side <= f64::from(level.per_picture) * 8.0
            && f64::from(picture) * fps * (1.0 - RATE_TOLERANCE) <= level.per_second
            && picture.saturating_mul(referred) <= level.buffered
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
            (16, 16, 10.0, 1, Some(20)),
            (16_000, 16_000, 1.0, 1, None),
        ];
        for (width, height, fps, referred, expected) in table {
            let found = least(width, height, fps, referred);
            assert_eq!(found, expected, "{width}x{height} at {fps}");
        }
    }
}
