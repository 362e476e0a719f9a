//! Colour descriptions between GStreamer's caps and this project's terms.

use gstreamer as gst;
use gstreamer_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoTransferFunction,
};

use crate::domain::colour::{Colour, Range, Stated};

/// The colours that these caps state. Nothing if they have no colorimetry.
pub(crate) fn of_caps(caps: &gst::StructureRef) -> Stated {
    let text = caps.get::<&str>("colorimetry").ok();
    let parsed = text.and_then(|text| text.parse::<VideoColorimetry>().ok());
    parsed.as_ref().map(stated).unwrap_or_default()
}

/// The statement of a colorimetry.
#[expect(clippy::wildcard_enum_match_arm, reason = "GStreamer's enum may grow")]
pub(crate) fn stated(colorimetry: &VideoColorimetry) -> Stated {
    let code = |code: u32| u8::try_from(code).unwrap_or_default();
    Stated {
        range: match colorimetry.range() {
            VideoColorRange::Range0_255 => Some(Range::Full),
            VideoColorRange::Range16_235 => Some(Range::Limited),
            _ => None,
        },
        primaries: code(colorimetry.primaries().to_iso()),
        transfer: code(colorimetry.transfer().to_iso()),
        matrix: code(colorimetry.matrix().to_iso()),
    }
    .sanitized()
}

/// The colorimetry of frames of these colours, as caps have it. Frames in RGB have no matrix.
pub(crate) fn to_caps(colour: Colour, is_rgb: bool) -> String {
    let matrix = VideoColorMatrix::from_iso(colour.matrix.into());
    let (range, matrix) = match (is_rgb, colour.range) {
        (true, _) => (VideoColorRange::Range0_255, VideoColorMatrix::Rgb),
        (false, Range::Full) => (VideoColorRange::Range0_255, matrix),
        (false, Range::Limited) => (VideoColorRange::Range16_235, matrix),
    };
    let transfer = VideoTransferFunction::from_iso(colour.transfer.into());
    let primaries = VideoColorPrimaries::from_iso(colour.primaries.into());
    VideoColorimetry::new(range, matrix, transfer, primaries).to_string()
}
