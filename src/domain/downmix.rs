//! Downmix of surround sound to stereo (ITU-R BS.775-4, table 2): the centre and the rear channels
//! at
//! -3 dB, the LFE channel not at all.

use std::f32::consts::FRAC_1_SQRT_2 as MINUS_3_DB;

/// Gains of an input channel in the left and the right output channel.
type Gains = [f32; 2];

const LEFT: Gains = [1.0, 0.0];
const RIGHT: Gains = [0.0, 1.0];
const CENTRE: Gains = [MINUS_3_DB, MINUS_3_DB];
const REAR_LEFT: Gains = [MINUS_3_DB, 0.0];
const REAR_RIGHT: Gains = [0.0, MINUS_3_DB];
/// Half of each rear channel: 3 dB below them.
const REAR_CENTRE: Gains = [0.5, 0.5];
const SILENT: Gains = [0.0, 0.0];

/// Gains by bit of `channel-mask`. The bits are `GstAudioChannelPosition`, which differs from
/// `WAVEFORMATEXTENSIBLE` from the tenth on. Height channels count like those below them.
const POSITIONS: [Gains; 21] = [
    LEFT,
    RIGHT,
    CENTRE,
    SILENT,
    REAR_LEFT,
    REAR_RIGHT,
    LEFT,
    RIGHT,
    REAR_CENTRE,
    SILENT,
    REAR_LEFT,
    REAR_RIGHT,
    LEFT,
    RIGHT,
    CENTRE,
    CENTRE,
    REAR_LEFT,
    REAR_RIGHT,
    REAR_LEFT,
    REAR_RIGHT,
    REAR_CENTRE,
];

/// Returns the gains for the left and the right output channel, one per channel in `mask`, in the
/// order of its bits. Returns none for mono, stereo and masks with unknown channels.
///
/// The sums of the standard exceed full scale when all channels are loud. The gains are normalised
/// to the power of one channel (-3 dB for 5.1): uncorrelated channels then clip no more often than
/// in the source, and voices stay loud. A factor that excludes all clipping would cost 7.7 dB.
#[must_use]
pub fn to_stereo(mask: u64) -> Option<[Vec<f32>; 2]> {
    if mask >> POSITIONS.len() != 0 || mask.count_ones() < 3 {
        return None;
    }
    let present = POSITIONS.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
    let gains: Vec<Gains> = present.map(|(_, gains)| *gains).collect();
    let power = |side: usize| gains.iter().map(|gains| gains[side] * gains[side]).sum::<f32>();
    let factor = power(0).max(power(1)).max(1.0).sqrt().recip();
    let side = |side: usize| gains.iter().map(|gains| gains[side] * factor).collect();
    Some([side(0), side(1)])
}

/// Returns the gains of channels without positions, as cameras, MXF and ambisonics have them: mono on both
/// sides, else the first two channels on the left and the right. The first channel of `is_ambisonic` audio
/// is the whole sound field without directions (W), and the others add nothing that stereo could show.
#[must_use]
pub fn unpositioned_to_stereo(channels: usize, is_ambisonic: bool) -> [Vec<f32>; 2] {
    let only = |wanted: usize| {
        (0..channels).map(|channel| if channel == wanted { 1.0 } else { 0.0 }).collect()
    };
    let right = usize::from(channels > 1 && !is_ambisonic);
    [only(0), only(right)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(mask: u64) -> Option<[Vec<i32>; 2]> {
        #[expect(clippy::cast_possible_truncation, reason = "between -1000 and 1000")]
        let thousandth = |value: &f32| (value * 1000.0).round() as i32;
        to_stereo(mask).map(|sides| sides.map(|side| side.iter().map(thousandth).collect()))
    }

    /// Gains of the left and the right channel in thousandths.
    type Mixed = Option<[&'static [i32]; 2]>;

    #[test]
    fn known_layouts_are_mixed_by_the_standard() {
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
    fn channels_without_positions_are_taken_by_their_order() {
        assert_eq!(unpositioned_to_stereo(1, false), [vec![1.0], vec![1.0]]);
        assert_eq!(unpositioned_to_stereo(2, false), [vec![1.0, 0.0], vec![0.0, 1.0]]);
        let four = [vec![1.0, 0.0, 0.0, 0.0], vec![0.0, 1.0, 0.0, 0.0]];
        assert_eq!(unpositioned_to_stereo(4, false), four);
        let first = vec![1.0, 0.0, 0.0, 0.0];
        assert_eq!(unpositioned_to_stereo(4, true), [first.clone(), first]);
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
