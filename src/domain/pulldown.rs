//! Soft telecine: film of 24 frames per second in MPEG-2 video that tells players to repeat fields.

use super::media::Fraction;

/// Fewer pictures say nothing about a stream.
const MIN_PICTURES: u32 = 24;
/// Share of progressive pictures in percent from which a stream is one of frames: editing leaves a few
/// interlaced ones.
const PROGRESSIVE_PERCENT: u32 = 98;
/// Least share of pictures with a repeated field in percent: a half, less what the beginning lacks.
const REPEATED_PERCENT: u32 = 45;

/// Flags of the first pictures of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Number of pictures.
    pub all: u32,
    /// Number of progressive frames.
    pub progressive: u32,
    /// Number of frames with a repeated field.
    pub repeated: u32,
}

impl Pictures {
    /// Counts the picture whose data is in these bytes. Bytes of other formats count nothing.
    pub fn add(&mut self, bytes: &[u8]) {
        if let Some(flags) = Flags::of(bytes) {
            self.all += 1;
            self.progressive += u32::from(flags.is_progressive);
            self.repeated += u32::from(flags.is_repeated);
        }
    }

    /// Whether the pictures are progressive frames.
    #[must_use]
    pub fn are_progressive(self) -> bool {
        self.all >= MIN_PICTURES && self.progressive * 100 >= self.all * PROGRESSIVE_PERCENT
    }

    /// Frame rate of the film; `None` if the pictures are no film that was telecined to `stated` frames per
    /// second.
    #[must_use]
    pub fn film_rate(self, stated: Fraction) -> Option<Fraction> {
        let is_film = self.are_progressive() && self.repeated * 100 >= self.all * REPEATED_PERCENT;
        match (stated.num, stated.den) {
            (30_000, 1001) if is_film => Some(Fraction::new(24_000, 1001)),
            (30, 1) if is_film => Some(Fraction::new(24, 1)),
            _ => None,
        }
    }
}

/// Flags of a picture coding extension (ISO 13818-2, 6.2.3.1).
struct Flags {
    is_progressive: bool,
    is_repeated: bool,
}

impl Flags {
    /// Parses the first picture coding extension in these bytes.
    fn of(bytes: &[u8]) -> Option<Self> {
        const START: [u8; 4] = [0, 0, 1, 0xB5];
        const EXTENSION_ID: u8 = 8;
        let at = bytes.windows(5).position(|w| w[..4] == START && w[4] >> 4 == EXTENSION_ID)?;
        let (flags, more) = (*bytes.get(at + 7)?, *bytes.get(at + 8)?);
        let is_progressive = more & 0x80 != 0;
        Some(Self { is_progressive, is_repeated: is_progressive && flags & 2 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture header, then its coding extension with these flags.
    fn picture(is_progressive: bool, repeats: bool) -> Vec<u8> {
        let header = [0, 0, 1, 0, 0x12, 0x34, 0x56, 0x78];
        let sequence = [0, 0, 1, 0xB5, 0x14, 0x82];
        let flags =
            [0x8F, 0xFF, 0xF3, 0x80 | u8::from(repeats) << 1, u8::from(is_progressive) << 7];
        [&sequence[..], &header, &[0, 0, 1, 0xB5], &flags].concat()
    }

    fn pictures(kinds: &[(bool, bool)], count: usize) -> Pictures {
        let mut pictures = Pictures::default();
        for (is_progressive, repeats) in kinds.iter().cycle().take(count) {
            pictures.add(&picture(*is_progressive, *repeats));
        }
        pictures
    }

    #[test]
    fn film_is_told_from_video() {
        let ntsc = Fraction::new(30_000, 1001);
        let film = Some(Fraction::new(24_000, 1001));
        let (whole, repeated, fields) = ((true, false), (true, true), (false, false));
        let table = [
            (vec![whole, repeated], 100, ntsc, film, true),
            (vec![repeated, whole], 24, ntsc, film, true),
            (vec![whole, repeated], 100, Fraction::new(30, 1), Some(Fraction::new(24, 1)), true),
            (vec![whole, repeated], 100, Fraction::new(25, 1), None, true),
            // Progressive video, interlaced video, and a mixture.
            (vec![whole], 100, ntsc, None, true),
            (vec![fields], 100, ntsc, None, false),
            (vec![(false, true)], 100, ntsc, None, false),
            (vec![whole, repeated, fields], 100, ntsc, None, false),
            (vec![whole, whole, whole, repeated], 100, ntsc, None, true),
            // Too few to tell.
            (vec![whole, repeated], 23, ntsc, None, false),
        ];
        for (kinds, count, stated, rate, progressive) in table {
            let found = pictures(&kinds, count);
            assert_eq!(found.film_rate(stated), rate, "{kinds:?} x {count} at {stated}");
            assert_eq!(found.are_progressive(), progressive, "{kinds:?} x {count}");
        }
        let mut none = Pictures::default();
        for cut in 0..picture(true, true).len() {
            none.add(&picture(true, true)[..cut]);
        }
        none.add(b"\0\0\x01\x65 a slice of H.264");
        assert_eq!(none, Pictures::default());
    }
}
