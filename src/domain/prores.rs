//! Colours in the frame header of Apple `ProRes` (SMPTE RDD 36, 5.1.1).

use super::colour::Stated;

/// Offset of the frame identifier, behind the size of the frame.
const IDENTIFIER: usize = 4;
/// Offsets of the three code points, from the begin of the frame.
const COLOURS: usize = 22;

/// The colours that the first bytes of a frame state; `None` if it is no frame of `ProRes`. The range is always
/// limited, and is not stated.
#[must_use]
pub fn colour(frame: &[u8]) -> Option<Stated> {
    frame.get(IDENTIFIER..)?.strip_prefix(b"icpf")?;
    let &[primaries, transfer, matrix] = frame.get(COLOURS..)?.first_chunk::<3>()?;
    Some(Stated { range: None, primaries, transfer, matrix }.sanitized())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Size, `icpf`, header size, version, encoder, 1920x1080, flags, then the colours.
    const FRAME: [u8; 28] = [
        0, 0, 1, 0, b'i', b'c', b'p', b'f', 0, 148, 0, 0, b'a', b'p', b'l', b'0', 7, 128, 4, 56,
        0x80, 0, 9, 16, 9, 0, 0, 0,
    ];

    #[test]
    fn code_points_are_read_and_unknown_ones_are_unspecified() {
        let stated = Stated { range: None, primaries: 9, transfer: 16, matrix: 9 };
        assert_eq!(colour(&FRAME), Some(stated));
        let mut zeros = FRAME;
        zeros[22..25].fill(0);
        assert_eq!(colour(&zeros), Some(Stated::default()));
    }

    #[test]
    fn other_and_short_frames_state_nothing() {
        for len in 0..25 {
            assert_eq!(colour(&FRAME[..len]), None);
        }
        assert_eq!(colour(&[0xFF; 64]), None);
    }
}
