//! Pixel layouts of dav1d and the video formats of GStreamer.

use gstreamer_video::VideoFormat;
use re_rav1d::dav1d::PixelLayout;

/// Chroma layout, bits per sample, and the formats for it: first for `Y'CbCr`, then for RGB.
const LAYOUTS: [(PixelLayout, usize, &[VideoFormat]); 9] = [
    (PixelLayout::I420, 8, &[VideoFormat::I420]),
    (PixelLayout::I420, 10, &[VideoFormat::I42010le]),
    (PixelLayout::I420, 12, &[VideoFormat::I42012le]),
    (PixelLayout::I422, 8, &[VideoFormat::Y42b]),
    (PixelLayout::I422, 10, &[VideoFormat::I42210le]),
    (PixelLayout::I422, 12, &[VideoFormat::I42212le]),
    (PixelLayout::I444, 8, &[VideoFormat::Y444, VideoFormat::Gbr]),
    (PixelLayout::I444, 10, &[VideoFormat::Y44410le, VideoFormat::Gbr10le]),
    (PixelLayout::I444, 12, &[VideoFormat::Y44412le, VideoFormat::Gbr12le]),
];

/// All formats that the decoder can output.
pub(super) fn all() -> Vec<VideoFormat> {
    LAYOUTS.iter().flat_map(|(.., formats)| *formats).copied().collect()
}

/// The format for frames of this layout and bit depth; none for combinations that AV1 does not
/// have.
pub(super) fn video_format(layout: PixelLayout, bits: usize, is_rgb: bool) -> Option<VideoFormat> {
    // Monochrome is output as 4:2:0 with neutral chroma: few elements take grey of more than 8
    // bits.
    let layout = if layout == PixelLayout::I400 { PixelLayout::I420 } else { layout };
    let (.., formats) = LAYOUTS.iter().find(|(l, b, _)| (*l, *b) == (layout, bits))?;
    formats.get(usize::from(is_rgb)).or(formats.first()).copied()
}
