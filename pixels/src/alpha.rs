//! Pictures that are partly transparent: shown on black.

use crate::Source;

/// The black of video in limited range (BT.601, BT.709): luma, and chroma.
pub const BLACK: [u8; 2] = [16, 128];

/// A row of a plane on black. `alpha` says for each of its samples how much of it there is, 255 being
/// all.
pub fn over_black(target: &mut [u8], row: &[u8], alpha: &[u8], black: u8) {
    let base = i32::from(black);
    for ((out, sample), alpha) in target.iter_mut().zip(row).zip(alpha) {
        let much = (i32::from(*sample) - base) * i32::from(*alpha);
        // Rounded to the nearest, below black too.
        let part = (much + 127 * much.signum()) / 255;
        *out = u8::try_from(base + part).unwrap_or(*sample);
    }
}

/// The alpha of a row of chroma in 4:2:0: the mean of the four samples of luma that each stands for.
/// `rows` are the two rows, and `width` is that of luma, whose last column may stand alone.
#[must_use]
pub fn of_chroma(alpha: Source<'_>, rows: [usize; 2], width: usize) -> Vec<u8> {
    let [above, below] = rows.map(|number| {
        let row = alpha.row(number);
        &row[..width.min(row.len())]
    });
    let pairs = above.chunks(2).zip(below.chunks(2));
    let sum = |pair: &[u8]| {
        let first = u16::from(pair[0]);
        first + pair.get(1).map_or(first, |second| u16::from(*second))
    };
    let mean = |(above, below)| u8::try_from((sum(above) + sum(below) + 2) / 4).unwrap_or(255);
    pairs.map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_go_to_black_as_they_become_transparent() {
        let table = [
            (235, 255, 16, 235),
            (235, 0, 16, 16),
            (235, 128, 16, 126),
            (0, 255, 16, 0),
            (0, 128, 16, 8),
            (240, 128, 128, 184),
            (16, 128, 128, 72),
            (255, 255, 128, 255),
        ];
        for (sample, alpha, black, expected) in table {
            let mut out = [77; 2];
            over_black(&mut out, &[sample], &[alpha], black);
            assert_eq!(out, [expected, 77], "{sample} at {alpha} on {black}");
        }
    }

    #[test]
    fn chroma_has_the_mean_of_its_luma() {
        let bytes = [0, 4, 255, 9, 8, 12, 255, 9];
        let alpha = Source { bytes: &bytes, stride: 4 };
        assert_eq!(
            of_chroma(alpha, [0, 1], 3),
            [6, 255],
            "the fourth column is none of the picture"
        );
        assert_eq!(of_chroma(alpha, [0, 0], 2), [2], "the last row stands for two");
    }
}
