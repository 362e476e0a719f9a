//! Colour descriptions (ITU-T H.273): what a source states, how that is completed, and the conversion to
//! the output's BT.709 of limited range.

use ladderd_pixels::colour::{Conversion, FRACTION_BITS};
use serde::{Deserialize, Serialize};

/// Code point for "unspecified" of primaries, transfer function and matrix.
const UNSPECIFIED: u8 = 2;
/// Code points of BT.709, which primaries, transfer function and matrix share.
const BT709: u8 = 1;
/// Code points of BT.601 with 525 lines.
const BT601: u8 = 6;
/// Code point of BT.2020 primaries and matrix.
const BT2020: u8 = 9;
/// Transfer function of BT.2020 with 10 bits.
const BT2020_TRANSFER: u8 = 14;
/// Transfer function PQ.
const PQ: u8 = 16;
/// Transfer function HLG.
const HLG: u8 = 18;
/// Longest side of standard definition is below this, in pixels.
const HD_LONG_SIDE_PX: u32 = 1280;
/// Longest short side of standard definition, in pixels.
const SD_SHORT_SIDE_PX: u32 = 576;

/// Range of the codes of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Range {
    /// Black is 16 and white 235, scaled to the bit depth.
    Limited,
    /// All codes.
    Full,
}

/// Transfer function and colour primaries, as far as tone mapping tells them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DynamicRange {
    /// BT.709, BT.601 and the like.
    #[default]
    Standard,
    /// BT.2020 primaries with a standard transfer function.
    WideGamut,
    /// PQ of BT.2100: HDR10, HDR10+, and Dolby Vision on top of them.
    Pq,
    /// HLG of BT.2100: phones and television.
    Hlg,
}

/// A colour description as a container or a bitstream states it. Code points are those of H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stated {
    /// Range, if it is stated.
    pub range: Option<Range>,
    /// `ColourPrimaries`.
    pub primaries: u8,
    /// `TransferCharacteristics`.
    pub transfer: u8,
    /// `MatrixCoefficients`.
    pub matrix: u8,
}

impl Default for Stated {
    fn default() -> Self {
        let [primaries, transfer, matrix] = [UNSPECIFIED; 3];
        Self { range: None, primaries, transfer, matrix }
    }
}

impl Stated {
    /// The description with reserved code points, and those without a meaning here, as unspecified.
    #[must_use]
    pub fn sanitized(self) -> Self {
        let known = |code, codes: &[u8]| if codes.contains(&code) { code } else { UNSPECIFIED };
        Self {
            range: self.range,
            primaries: known(self.primaries, &[1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22]),
            transfer: known(
                self.transfer,
                &[1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18],
            ),
            matrix: known(self.matrix, &[1, 4, 5, 6, 7, 9]),
        }
    }

    /// This description; `other` supplies the parts that it does not state.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let first = |own, other| if own == UNSPECIFIED { other } else { own };
        Self {
            range: self.range.or(other.range),
            primaries: first(self.primaries, other.primaries),
            transfer: first(self.transfer, other.transfer),
            matrix: first(self.matrix, other.matrix),
        }
    }

    /// The parts in which both descriptions are stated and differ, in words. Code points of one meaning do
    /// not differ: the matrices of BT.601 with 525 and 625 lines are the same.
    #[must_use]
    pub fn conflicts(self, other: Self) -> Vec<&'static str> {
        let differ = |a, b| a != b && a != UNSPECIFIED && b != UNSPECIFIED;
        let matrix = |code| if code == 5 { BT601 } else { code };
        // BT.709, BT.601 and BT.2020 have one transfer function.
        let transfer = |code| if matches!(code, BT601 | 14 | 15) { BT709 } else { code };
        let ranges = self.range.zip(other.range);
        [
            (ranges.is_some_and(|(own, other)| own != other), "range"),
            (differ(matrix(self.matrix), matrix(other.matrix)), "matrix"),
            (differ(transfer(self.transfer), transfer(other.transfer)), "transfer function"),
            (differ(self.primaries, other.primaries), "primaries"),
        ]
        .into_iter()
        .filter_map(|(is_conflict, part)| is_conflict.then_some(part))
        .collect()
    }

    /// Completes the description for frames of this size in pixels. An unknown matrix follows primaries and
    /// transfer function, else the size: BT.601 for standard definition, BT.709 above. An unknown range is
    /// limited.
    #[must_use]
    pub fn completed(self, (width, height): (u32, u32)) -> Colour {
        let stated = self.sanitized();
        let is_hdr = matches!(stated.transfer, PQ | HLG);
        let is_sd = width.max(height) < HD_LONG_SIDE_PX && width.min(height) <= SD_SHORT_SIDE_PX;
        let matrix = match (stated.matrix, stated.primaries) {
            (UNSPECIFIED, BT2020) => BT2020,
            (UNSPECIFIED, _) if is_hdr => BT2020,
            (UNSPECIFIED, BT709) => BT709,
            (UNSPECIFIED, same @ (5 | BT601)) => same,
            (UNSPECIFIED, _) => {
                if is_sd {
                    BT601
                } else {
                    BT709
                }
            }
            (matrix, _) => matrix,
        };
        let or = |code, other| if code == UNSPECIFIED { other } else { code };
        let primaries = or(stated.primaries, if is_hdr { BT2020 } else { matrix });
        let of_matrix = match matrix {
            BT2020 => BT2020_TRANSFER,
            BT709 => BT709,
            _ => BT601,
        };
        Colour {
            range: stated.range.unwrap_or(Range::Limited),
            primaries,
            transfer: or(stated.transfer, of_matrix),
            matrix,
        }
    }
}

/// A complete colour description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colour {
    /// Range.
    pub range: Range,
    /// `ColourPrimaries`.
    pub primaries: u8,
    /// `TransferCharacteristics`.
    pub transfer: u8,
    /// `MatrixCoefficients`.
    pub matrix: u8,
}

impl Default for Colour {
    fn default() -> Self {
        Self::OUTPUT
    }
}

impl Colour {
    /// The colours of every output: BT.709 of limited range.
    pub const OUTPUT: Self =
        Self { range: Range::Limited, primaries: BT709, transfer: BT709, matrix: BT709 };

    /// This description as one that was stated.
    #[must_use]
    pub const fn stated(self) -> Stated {
        Stated {
            range: Some(self.range),
            primaries: self.primaries,
            transfer: self.transfer,
            matrix: self.matrix,
        }
    }

    /// Transfer function and primaries, as far as tone mapping tells them apart.
    #[must_use]
    pub const fn dynamic_range(self) -> DynamicRange {
        match (self.transfer, self.primaries) {
            (PQ, _) => DynamicRange::Pq,
            (HLG, _) => DynamicRange::Hlg,
            (_, BT2020) => DynamicRange::WideGamut,
            _ => DynamicRange::Standard,
        }
    }

    /// The description by which frames are converted. Frames of standard dynamic range are converted in
    /// matrix and range only: players disregard their primaries and transfer function, so these count as
    /// the output's.
    #[must_use]
    pub fn as_converted(self) -> Self {
        match self.dynamic_range() {
            DynamicRange::Standard => {
                Self { range: self.range, matrix: self.matrix, ..Self::OUTPUT }
            }
            DynamicRange::WideGamut | DynamicRange::Pq | DynamicRange::Hlg => self,
        }
    }

    /// Coefficients of 8-bit frames from this matrix and range to those of the output.
    #[must_use]
    pub fn conversion(self) -> Conversion {
        let (from, to) = (luma_weights(self.matrix), luma_weights(BT709));
        let [from_luma, from_chroma] = code_ranges(self.range);
        let [to_luma, to_chroma] = code_ranges(Range::Limited);
        // The output for 1 in Y', Cb or Cr, all of them from 0 to 1 or from -0.5 to 0.5.
        let of = |ycbcr| to_ycbcr(to, to_rgb(from, ycbcr));
        let [cb, cr] = [of([0.0, 1.0, 0.0]), of([0.0, 0.0, 1.0])];
        let to_chroma = to_chroma / from_chroma;
        let black = |range| if range == Range::Full { 0 } else { 16 };
        Conversion {
            black: [black(self.range), black(Range::Limited)],
            luma: [
                to_luma / from_luma,
                cb[0] * to_luma / from_chroma,
                cr[0] * to_luma / from_chroma,
            ]
            .map(fixed_point),
            cb: [cb[1] * to_chroma, cr[1] * to_chroma].map(fixed_point),
            cr: [cb[2] * to_chroma, cr[2] * to_chroma].map(fixed_point),
        }
    }
}

/// Luma weights of red and blue of a matrix (H.273, table 4).
#[must_use]
pub const fn luma_weights(matrix: u8) -> (f64, f64) {
    match matrix {
        BT709 => (0.2126, 0.0722),
        4 => (0.3, 0.11),
        7 => (0.212, 0.087),
        BT2020 => (0.2627, 0.0593),
        _ => (0.299, 0.114),
    }
}

/// Number of codes that luma and chroma span with 8 bits.
const fn code_ranges(range: Range) -> [f64; 2] {
    match range {
        Range::Limited => [219.0, 224.0],
        Range::Full => [255.0, 255.0],
    }
}

/// Converts Y', Cb and Cr to R', G' and B' by these luma weights.
pub(super) fn to_rgb((kr, kb): (f64, f64), [y, cb, cr]: [f64; 3]) -> [f64; 3] {
    let (r, b) = (y + 2.0 * (1.0 - kr) * cr, y + 2.0 * (1.0 - kb) * cb);
    [r, (y - kr * r - kb * b) / (1.0 - kr - kb), b]
}

/// Converts R', G' and B' to Y', Cb and Cr by these luma weights.
pub(super) fn to_ycbcr((kr, kb): (f64, f64), [r, g, b]: [f64; 3]) -> [f64; 3] {
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    [y, (b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr))]
}

fn fixed_point(value: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "coefficients are below 4")]
    let fixed = (value * f64::from(1 << FRACTION_BITS)).round() as i32;
    fixed
}

#[cfg(test)]
mod tests {
    use ladderd_pixels::colour::convert_frame;
    use ladderd_pixels::{Plane, PlaneMut};

    use super::*;

    fn stated(range: Option<Range>, primaries: u8, transfer: u8, matrix: u8) -> Stated {
        Stated { range, primaries, transfer, matrix }
    }

    #[test]
    fn what_is_not_stated_follows_from_the_rest_and_from_the_size() {
        let (full, limited) = (Some(Range::Full), Some(Range::Limited));
        let (sd, hd, portrait_sd, portrait_hd) = ((720, 576), (1280, 720), (480, 854), (720, 1280));
        let table = [
            // Nothing is stated.
            (Stated::default(), sd, (Range::Limited, 6, 6, 6)),
            (Stated::default(), portrait_sd, (Range::Limited, 6, 6, 6)),
            (Stated::default(), hd, (Range::Limited, 1, 1, 1)),
            (Stated::default(), portrait_hd, (Range::Limited, 1, 1, 1)),
            (Stated::default(), (1024, 768), (Range::Limited, 1, 1, 1)),
            // The range alone.
            (stated(full, 2, 2, 2), sd, (Range::Full, 6, 6, 6)),
            (stated(full, 2, 2, 2), hd, (Range::Full, 1, 1, 1)),
            // Reserved code points: 3 (H.273), 0 (identity, which only RGB has), and nonsense.
            (stated(limited, 3, 6, 3), (848, 480), (Range::Limited, 6, 6, 6)),
            (stated(None, 0, 0, 0), hd, (Range::Limited, 1, 1, 1)),
            (stated(None, 200, 3, 255), hd, (Range::Limited, 1, 1, 1)),
            // One part leads to the others.
            (stated(None, 2, 2, 5), hd, (Range::Limited, 5, 6, 5)),
            (stated(None, 1, 2, 2), sd, (Range::Limited, 1, 1, 1)),
            (stated(None, 5, 2, 2), hd, (Range::Limited, 5, 6, 5)),
            (stated(None, 9, 2, 2), sd, (Range::Limited, 9, 14, 9)),
            (stated(None, 2, 16, 2), hd, (Range::Limited, 9, 16, 9)),
            (stated(None, 2, 18, 1), hd, (Range::Limited, 9, 18, 1)),
            // All is stated.
            (stated(full, 5, 4, 6), hd, (Range::Full, 5, 4, 6)),
        ];
        for (given, size, (range, primaries, transfer, matrix)) in table {
            let expected = Colour { range, primaries, transfer, matrix };
            assert_eq!(given.completed(size), expected, "{given:?} at {size:?}");
        }
    }

    #[test]
    fn what_is_present_beats_what_is_absent_and_conflicts_are_named() {
        let bitstream = stated(Some(Range::Full), 2, 1, 6);
        let container = stated(Some(Range::Limited), 1, 13, 5);
        assert_eq!(bitstream.or(container), stated(Some(Range::Full), 1, 1, 6));
        assert_eq!(Stated::default().or(container), container);
        assert_eq!(bitstream.conflicts(container), ["range", "transfer function"]);
        assert_eq!(bitstream.conflicts(Stated::default()), [""; 0]);
        assert_eq!(container.conflicts(stated(None, 9, 13, 1)), ["matrix", "primaries"]);
        assert_eq!(bitstream.conflicts(stated(None, 2, 6, 5)), [""; 0]);
    }

    #[test]
    fn the_dynamic_range_is_that_of_transfer_function_and_primaries() {
        let table = [
            ((9, 16), DynamicRange::Pq),
            ((1, 16), DynamicRange::Pq),
            ((9, 18), DynamicRange::Hlg),
            ((9, 14), DynamicRange::WideGamut),
            ((1, 1), DynamicRange::Standard),
            ((12, 13), DynamicRange::Standard),
        ];
        for ((primaries, transfer), expected) in table {
            let colour = Colour { primaries, transfer, ..Colour::OUTPUT };
            assert_eq!(colour.dynamic_range(), expected, "{colour:?}");
        }
        let odd = Colour { range: Range::Full, primaries: 5, transfer: 4, matrix: 6 };
        let converted = Colour { range: Range::Full, matrix: 6, ..Colour::OUTPUT };
        assert_eq!(odd.as_converted(), converted);
        let pq = Colour { transfer: PQ, ..odd };
        assert_eq!(pq.as_converted(), pq);
    }

    /// Codes of a colour by this matrix and range.
    fn codes(colour: Colour, rgb: [f64; 3]) -> [u8; 3] {
        let [y, cb, cr] = to_ycbcr(luma_weights(colour.matrix), rgb);
        let [luma, chroma] = code_ranges(colour.range);
        let black = if colour.range == Range::Full { 0.0 } else { 16.0 };
        [black + luma * y, 128.0 + chroma * cb, 128.0 + chroma * cr].map(|code| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test")]
            let code = code.round().clamp(0.0, 255.0) as u8;
            code
        })
    }

    #[test]
    fn colours_stay_as_they_are_under_every_matrix_and_range() {
        let levels = [0.0, 0.25, 0.5, 0.75, 1.0];
        for matrix in [1, 4, 5, 6, 7, 9] {
            for range in [Range::Limited, Range::Full] {
                let colour = Colour { range, matrix, ..Colour::OUTPUT };
                let conversion = colour.conversion();
                for rgb in levels
                    .map(|r| levels.map(|g| levels.map(|b| [r, g, b])))
                    .as_flattened()
                    .as_flattened()
                {
                    let given = codes(colour, *rgb);
                    let input = given.map(|code| [code]);
                    let mut output = [[0]; 3];
                    let input = input.each_ref().map(|bytes| Plane { bytes, stride: 1 });
                    let planes = output.each_mut().map(|bytes| PlaneMut { bytes, stride: 1 });
                    convert_frame(&conversion, &input, planes, (1, 1));
                    let expected = codes(Colour::OUTPUT, *rgb);
                    let off =
                        output.iter().zip(expected).map(|(out, is)| out[0].abs_diff(is)).max();
                    // A code of the input is rounded, and so is one of the output.
                    assert!(off <= Some(1), "{colour:?} {rgb:?}: {output:?}, not {expected:?}");
                }
            }
        }
        let unit = Colour::OUTPUT.conversion();
        assert_eq!((unit.luma, unit.cb, unit.cr), ([1 << 14, 0, 0], [1 << 14, 0], [0, 1 << 14]));
    }
}
