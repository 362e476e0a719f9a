//! The part of a frame that viewers are shown: the clean aperture of MP4 and `QuickTime` (`clap`).

use serde::{Deserialize, Serialize};

/// Pixels that are cut off at each side of a coded frame, before orientation. All are even, as chroma is shared
/// by two rows and columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crop {
    /// Columns at the left side.
    pub left: u32,
    /// Rows at the top.
    pub top: u32,
    /// Columns at the right side.
    pub right: u32,
    /// Rows at the bottom.
    pub bottom: u32,
}

impl Crop {
    /// Width and height of what is left of a frame of this size.
    #[must_use]
    pub fn size_of(self, (width, height): (u32, u32)) -> (u32, u32) {
        let left_of =
            |side: u32, before: u32, after: u32| side.saturating_sub(before).saturating_sub(after);
        (left_of(width, self.left, self.right), left_of(height, self.top, self.bottom))
    }
}

/// A clean aperture (ISO 14496-12, 12.1.4), in pixels of the coded frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aperture {
    /// Width and height.
    pub size: (f64, f64),
    /// Distance of its centre from that of the frame: to the right, and down.
    pub offset: (f64, f64),
}

impl Aperture {
    /// The sides that it cuts off a frame of this size. `None` if there are none, if it reaches out of the frame
    /// by more than a pixel, or if it leaves less than two pixels.
    #[must_use]
    pub fn crop(self, (width, height): (u32, u32)) -> Option<Crop> {
        let (left, right) = sides(self.size.0, self.offset.0, width)?;
        let (top, bottom) = sides(self.size.1, self.offset.1, height)?;
        let crop = Crop { left, top, right, bottom };
        (crop != Crop::default()).then_some(crop)
    }
}

/// Even numbers of pixels that are cut off before and after a part of a side. Part of a pixel is shown rather
/// than cut off.
fn sides(part: f64, offset: f64, side: u32) -> Option<(u32, u32)> {
    let before = offset + (f64::from(side) - part) / 2.0;
    let after = f64::from(side) - part - before;
    let is_inside = |cut: f64| (-1.0..=f64::from(side)).contains(&cut);
    if part < 2.0 || !is_inside(before) || !is_inside(after) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the side")]
    let even = |cut: f64| (cut.max(0.0) / 2.0).floor() as u32 * 2;
    let (before, after) = (even(before), even(after));
    (before + after + 2 <= side).then_some((before, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_aperture_cuts_off_even_numbers_of_pixels_at_each_side() {
        let aperture =
            |width, height, right, down| Aperture { size: (width, height), offset: (right, down) };
        let table = [
            // 1,088 coded lines, of which those at the top are shown; and the middle of SD.
            (aperture(1920.0, 1080.0, 0.0, -4.0), (1920, 1088), Some([0, 0, 0, 8])),
            (aperture(704.0, 576.0, 0.0, 0.0), (720, 576), Some([8, 0, 8, 0])),
            (aperture(280.0, 200.0, -4.0, 4.0), (320, 240), Some([16, 24, 24, 16])),
            // Odd and fractional sides: half a macropixel more is shown.
            (aperture(703.0, 575.0, 0.5, 0.5), (720, 576), Some([8, 0, 8, 0])),
            (aperture(702.4, 480.0, 0.0, 0.0), (720, 480), Some([8, 0, 8, 0])),
            // The whole frame, and a little more.
            (aperture(320.0, 240.0, 0.0, 0.0), (320, 240), None),
            (aperture(321.0, 240.0, 0.0, 0.0), (320, 240), None),
            // Outside, empty, and no numbers.
            (aperture(320.0, 240.0, 40.0, 0.0), (320, 240), None),
            (aperture(640.0, 240.0, 0.0, 0.0), (320, 240), None),
            (aperture(1.0, 240.0, 0.0, 0.0), (320, 240), None),
            (aperture(f64::NAN, 200.0, 0.0, 0.0), (320, 240), None),
            (aperture(100.0, 200.0, 0.0, f64::INFINITY), (320, 240), None),
        ];
        for (aperture, size, expected) in table {
            let found =
                aperture.crop(size).map(|crop| [crop.left, crop.top, crop.right, crop.bottom]);
            assert_eq!(found, expected, "{aperture:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_left_is_never_less_than_the_aperture(
            size in (2_u32..5000, 2_u32..5000),
            part in (0.0_f64..6000.0, 0.0_f64..6000.0),
            offset in (-3000.0_f64..3000.0, -3000.0_f64..3000.0),
        ) {
            if let Some(crop) = (Aperture { size: part, offset }).crop(size) {
                let (width, height) = crop.size_of(size);
                prop_assert!(width >= 2 && height >= 2);
                prop_assert!(f64::from(width) >= part.0 - 2.0 && f64::from(height) >= part.1 - 2.0);
                prop_assert!([crop.left, crop.top, crop.right, crop.bottom].iter().all(|n| n % 2 == 0));
            }
        }
    }
}
