//! Format of a video, read from its sequence parameter set or its sample entry.

use h264_reader::nal::sps::{AspectRatioInfo, ChromaFormat, FrameMbsFlags, SeqParameterSet};
use h264_reader::rbsp::{BitReader, decode_nal};

use super::codec::Codec;

/// Format of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VideoFormat {
    pub(super) codec: Codec,
    /// Width in pixels.
    pub(super) width: u32,
    /// Height in pixels.
    pub(super) height: u32,
    /// Width and height of a pixel, up to a factor.
    pub(super) pixel_aspect: (u32, u32),
    /// `max_num_ref_frames` of H.264.
    pub(super) reference_frames: u32,
    /// Whether frames may be coded as two fields.
    pub(super) has_fields: bool,
    /// `transfer_characteristics` (ITU-T H.273), if stated.
    pub(super) transfer: Option<u8>,
    /// `colour_primaries` and `matrix_coefficients` (ITU-T H.273), if stated.
    pub(super) primaries_and_matrix: Option<(u8, u8)>,
    /// Whether samples use all codes.
    pub(super) has_full_range: bool,
    /// Whether it is 4:2:0 with 8 bits a sample.
    pub(super) is_420_8_bit: bool,
}

impl VideoFormat {
    /// A format of which only the codec and the size in pixels are known.
    pub(super) fn sized(codec: Codec, width: u32, height: u32) -> Self {
        Self {
            codec,
            width,
            height,
            pixel_aspect: (1, 1),
            reference_frames: 0,
            has_fields: false,
            transfer: None,
            primaries_and_matrix: None,
            has_full_range: false,
            is_420_8_bit: false,
        }
    }

    /// Parses a sequence parameter set of H.264; `None` if it is damaged.
    pub(super) fn of(unit: &[u8]) -> Option<Self> {
        // The parser fails on an empty unit.
        let (profile, constraints, level) = (*unit.get(1)?, *unit.get(2)?, *unit.get(3)?);
        let bits = decode_nal(unit).ok()?;
        let set = SeqParameterSet::from_bits(BitReader::new(&bits[..])).ok()?;
        let (width, height) = set.pixel_dimensions().ok()?;
        let vui = set.vui_parameters.as_ref();
        let signal = vui.and_then(|vui| vui.video_signal_type.as_ref());
        let colour = signal.and_then(|signal| signal.colour_description.as_ref());
        let aspect = vui.and_then(|vui| vui.aspect_ratio_info.as_ref());
        let aspect = aspect.and_then(AspectRatioInfo::get);
        let aspect = aspect.filter(|(width, height)| *width > 0 && *height > 0);
        let codec = Codec::H264 { profile, constraints: Some(constraints), level };
        Some(Self {
            pixel_aspect: aspect.map_or((1, 1), |(w, h)| (u32::from(w), u32::from(h))),
            reference_frames: set.max_num_ref_frames,
            has_fields: set.frame_mbs_flags != FrameMbsFlags::Frames,
            transfer: colour.map(|colour| colour.transfer_characteristics),
            primaries_and_matrix: colour
                .map(|colour| (colour.colour_primaries, colour.matrix_coefficients)),
            has_full_range: signal.is_some_and(|signal| signal.video_full_range_flag),
            is_420_8_bit: set.chroma_info.chroma_format == ChromaFormat::YUV420
                && set.chroma_info.bit_depth_luma_minus8 == 0
                && set.chroma_info.bit_depth_chroma_minus8 == 0,
            ..Self::sized(codec, width, height)
        })
    }

    /// Codec string (RFC 6381).
    pub(super) fn codec(&self) -> String {
        self.codec.to_string()
    }

    /// Size at which players show the frames: pixels that are not square are stretched in width.
    pub(super) fn display_size(&self) -> (u32, u32) {
        let (width, height) = self.pixel_aspect;
        let stretched = u64::from(self.width) * u64::from(width) + u64::from(height) / 2;
        let stretched = stretched / u64::from(height.max(1));
        (u32::try_from(stretched).unwrap_or(u32::MAX), self.height)
    }

    /// Whether `RESOLUTION` may state this size: players may stretch the width or the height, and the
    /// encoder may round.
    pub(super) fn is_shown_at(&self, width: u64, height: u64) -> bool {
        let (w, h) = self.pixel_aspect;
        if w == h {
            return (u64::from(self.width), u64::from(self.height)) == (width, height);
        }
        let is_near = |a: u64, b: u64| a.abs_diff(b) <= 1;
        let by_width = u64::from(self.display_size().0);
        let by_height = u64::from(self.height) * u64::from(h) / u64::from(w.max(1));
        is_near(by_width, width) && is_near(u64::from(self.height), height)
            || is_near(u64::from(self.width), width) && is_near(by_height, height)
    }
}

/// Shapes of a pixel by `aspect_ratio_idc` (ITU-T H.273, table 10), from 1 on.
pub(super) const PIXEL_ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::codec::parse;
    use super::*;

    #[test]
    fn pixels_that_are_not_square_are_stretched() {
        let format = VideoFormat::sized(parse("avc1.64001e").unwrap(), 720, 576);
        let table = [
            ((1, 1), (720, 576), true),
            ((1, 1), (721, 576), false),
            ((16, 15), (768, 576), true),
            ((16, 15), (720, 540), true),
            ((16, 15), (720, 576), false),
            ((8, 9), (640, 576), true),
            ((0, 0), (720, 576), true),
        ];
        for (pixel_aspect, (width, height), expected) in table {
            let format = VideoFormat { pixel_aspect, ..format };
            assert_eq!(format.is_shown_at(width, height), expected, "{pixel_aspect:?}");
        }
    }

    proptest! {
        #[test]
        fn any_parameter_set_is_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = VideoFormat::of(&bytes);
            let _ = VideoFormat::of(&[&[0x67, 100, 0, 30][..], &bytes].concat());
        }
    }
}
