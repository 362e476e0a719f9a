//! Pixel shapes in Motion JPEG: the density of JFIF (ITU-T T.871).

use super::media::Fraction;

/// Aspect ratio of a pixel that the first bytes of a JPEG frame state; `None` if they state none.
#[must_use]
pub fn pixel_aspect(frame: &[u8]) -> Option<Fraction> {
    const START_OF_IMAGE: [u8; 2] = [0xFF, 0xD8];
    const APP0: u8 = 0xE0;
    const START_OF_SCAN: u8 = 0xDA;
    let mut rest = frame.strip_prefix(&START_OF_IMAGE)?;
    loop {
        let (header, body) = rest.split_first_chunk::<4>()?;
        let [0xFF, marker, high, low] = *header else { return None };
        let len = usize::from(u16::from_be_bytes([high, low])).checked_sub(2)?;
        let segment = body.get(..len)?;
        if marker == START_OF_SCAN {
            return None;
        }
        if marker == APP0 && segment.starts_with(b"JFIF\0") {
            // Version of 2 bytes, unit of 1, then the densities.
            let density = |at: usize| {
                let bytes = segment.get(at..at + 2)?.try_into().ok()?;
                Some(u32::from(u16::from_be_bytes(bytes)))
            };
            let (across, down) = (density(8)?, density(10)?);
            // A pixel is as wide as the density across is small; but files without a unit state the aspect
            // ratio itself, and FFmpeg reads all of them so.
            return (across > 0 && down > 0).then_some(Fraction::new(across, down));
        }
        rest = body.get(len..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(density: [u8; 4]) -> Vec<u8> {
        let app0 = [&[0xFF, 0xE0, 0, 16][..], b"JFIF\0\x01\x01\0", &density, &[0, 0]].concat();
        [&[0xFF, 0xD8][..], &[0xFF, 0xFE, 0, 5, 1, 2, 3], &app0, &[0xFF, 0xDA, 0, 2]].concat()
    }

    #[test]
    fn the_density_is_the_aspect_ratio() {
        assert_eq!(pixel_aspect(&frame([0, 4, 0, 3])), Some(Fraction::new(4, 3)));
        assert_eq!(pixel_aspect(&frame([0, 1, 0, 1])), Some(Fraction::new(1, 1)));
        assert_eq!(pixel_aspect(&frame([0, 0, 0, 1])), None);
        let whole = frame([0, 4, 0, 3]);
        for cut in 0..20 {
            assert_eq!(pixel_aspect(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(pixel_aspect(&[0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 1, 2]), None);
        assert_eq!(pixel_aspect(&[0xFF, 0xD8, 0xFF, 0xE0, 0, 1]), None);
    }
}
