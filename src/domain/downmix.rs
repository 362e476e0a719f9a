//! Surround to stereo, as ITU-R BS.775-4 (table 2) mixes it: the centre and the channels behind at
//! 3 dB less, the low-frequency effects not at all.

use std::f32::consts::FRAC_1_SQRT_2 as LESS;

/// What is heard of a channel on the left and on the right.
type Heard = [f32; 2];

const LEFT: Heard = [1.0, 0.0];
const RIGHT: Heard = [0.0, 1.0];
const BOTH: Heard = [LESS, LESS];
const LEFT_BEHIND: Heard = [LESS, 0.0];
const RIGHT_BEHIND: Heard = [0.0, LESS];
/// At 3 dB less than those behind at the sides: it is half of each.
const BEHIND: Heard = [0.5, 0.5];
const NOT_AT_ALL: Heard = [0.0, 0.0];

/// By the bits of `channel-mask` (`GstAudioChannelPosition`, which is not `WAVEFORMATEXTENSIBLE` from
/// the tenth on). Those above the listener are like those below them.
const POSITIONS: [Heard; 21] = [
    LEFT,
    RIGHT,
    BOTH,
    NOT_AT_ALL,
    LEFT_BEHIND,
    RIGHT_BEHIND,
    LEFT,
    RIGHT,
    BEHIND,
    NOT_AT_ALL,
    LEFT_BEHIND,
    RIGHT_BEHIND,
    LEFT,
    RIGHT,
    BOTH,
    BOTH,
    LEFT_BEHIND,
    RIGHT_BEHIND,
    LEFT_BEHIND,
    RIGHT_BEHIND,
    BEHIND,
];

/// For the left and the right channel, how much there is in it of each channel in `mask`, in the
/// order of its bits. Nothing where there is nothing to mix, or a channel that is not known.
///
/// The standard's sums are louder than full scale when all channels are. The power of a sum is made
/// that of one channel (3 dB less for 5.1): what is not the same in all channels clips no more
/// often than in the source, and voices stay loud. (A factor that excludes all clipping would take
/// 7.7 dB.)
#[must_use]
pub fn to_stereo(mask: u64) -> Option<[Vec<f32>; 2]> {
    if mask >> POSITIONS.len() != 0 || mask.count_ones() < 3 {
        return None;
    }
    let present = POSITIONS.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
    let heard: Vec<Heard> = present.map(|(_, heard)| *heard).collect();
    let power = |side: usize| heard.iter().map(|heard| heard[side] * heard[side]).sum::<f32>();
    let gain = power(0).max(power(1)).max(1.0).sqrt().recip();
    let side = |side: usize| heard.iter().map(|heard| heard[side] * gain).collect();
    Some([side(0), side(1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(mask: u64) -> Option<[Vec<i32>; 2]> {
        #[expect(clippy::cast_possible_truncation, reason = "between -1000 and 1000")]
        let thousandth = |value: &f32| (value * 1000.0).round() as i32;
        to_stereo(mask).map(|sides| sides.map(|side| side.iter().map(thousandth).collect()))
    }

    /// In thousandths, the left and the right.
    type Mixed = Option<[&'static [i32]; 2]>;

    #[test]
    fn known_layouts_are_mixed_as_the_standard_says() {
        let table: [(&str, u64, Mixed); 9] = [
            ("mono", 0x4, None),
            ("stereo", 0x3, None),
            ("no positions", 0, None),
            ("a bit without a name", 1 << 40 | 0x3f, None),
            ("3.0", 0x7, Some([&[816, 0, 577], &[0, 816, 577]])),
            ("quad", 0x33, Some([&[816, 0, 577, 0], &[0, 816, 0, 577]])),
            ("5.1", 0x3f, Some([&[707, 0, 500, 0, 500, 0], &[0, 707, 500, 0, 0, 500]])),
            (
                "5.1, at the sides",
                0xc0f,
                Some([&[707, 0, 500, 0, 500, 0], &[0, 707, 500, 0, 0, 500]]),
            ),
            (
                "7.1",
                0xc3f,
                Some([&[632, 0, 447, 0, 447, 0, 447, 0], &[0, 632, 447, 0, 0, 447, 0, 447]]),
            ),
        ];
        for (name, mask, expected) in table {
            let expected = expected.map(|sides| sides.map(<[i32]>::to_vec));
            assert_eq!(rounded(mask), expected, "{name}");
        }
    }

    #[test]
    fn no_layout_gets_louder_than_one_channel() {
        for mask in 0..1 << POSITIONS.len() {
            let Some(sides) = to_stereo(mask) else { continue };
            for side in sides {
                let power: f32 = side.iter().map(|part| part * part).sum();
                assert!(power <= 1.0001, "{mask:#x}: {power}");
            }
        }
    }
}
