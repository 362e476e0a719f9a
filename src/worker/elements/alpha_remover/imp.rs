//! Subclass of `ladderdflatten`. The arithmetic is in [`ladderd_pixels::alpha`].

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::subclass::prelude::*;
use gstreamer_video::{VideoFormat, VideoFrameRef, VideoInfo};
use ladderd_pixels::alpha::{BLACK_CHROMA, BLACK_LUMA, blend_over_black, chroma_alpha};

use crate::worker::elements::video_filter::{self, FilterDescription};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ladderdflatten", gst::DebugColorFlags::empty(), Some("Alpha remover"))
});

/// Index of the alpha plane of `A420`.
const ALPHA_PLANE: u32 = 3;

#[derive(Default)]
pub(crate) struct AlphaRemover;

#[glib::object_subclass]
impl ObjectSubclass for AlphaRemover {
    const NAME: &'static str = "LadderdFlatten";
    type Type = super::AlphaRemover;
    type ParentType = gstreamer_video::VideoFilter;
}

impl ObjectImpl for AlphaRemover {}

impl FilterDescription for AlphaRemover {
    const LONG_NAME: &'static str = "Alpha remover";
    const CLASSIFICATION: &'static str = "Filter/Effect/Video";
    const DESCRIPTION: &'static str = "Blends transparent frames over black";
    const SINK_FORMATS: &'static [VideoFormat] = &[VideoFormat::I420, VideoFormat::A420];
    const SRC_FORMAT: VideoFormat = VideoFormat::I420;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;

    fn transform_structure(direction: gst::PadDirection, structure: &mut gst::Structure) {
        // I420 comes first: converters upstream prefer it, unless they would lose an alpha channel.
        let formats: &[&str] =
            if direction == gst::PadDirection::Sink { &["I420"] } else { &["I420", "A420"] };
        structure.set("format", gst::List::new(formats));
    }
}

video_filter::impl_video_filter!(AlphaRemover);

// Called on the upstream streaming thread: no blocking, no access to other elements.
impl VideoFilterImpl for AlphaRemover {
    fn set_info(
        &self,
        incaps: &gst::Caps,
        _in_info: &VideoInfo,
        _outcaps: &gst::Caps,
        _out_info: &VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        gst::debug!(CAT, imp = self, "Removing alpha of {incaps}");
        Ok(())
    }

    fn transform_frame(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        blend_frame(input, output).ok_or_else(|| {
            gst::error!(CAT, imp = self, "Failed to blend frame: unexpected plane layout");
            gst::FlowError::Error
        })?;
        Ok(gst::FlowSuccess::Ok)
    }
}

/// Blends a frame over black, two rows of luma and one of chroma at a time. `None` for frames that
/// are not `A420`.
fn blend_frame(
    input: &VideoFrameRef<&gst::BufferRef>,
    output: &mut VideoFrameRef<&mut gst::BufferRef>,
) -> Option<()> {
    let (width, height) = (input.width() as usize, input.height() as usize);
    let planes = video_filter::planes(input)?;
    let alpha = video_filter::plane(input, ALPHA_PLANE)?;
    let chroma_width = width.div_ceil(2);
    for (number, [luma, cb, cr]) in video_filter::bands_mut(output, 1)?.enumerate() {
        let first = number * 2;
        if first >= height {
            break;
        }
        let rows = luma.bytes.chunks_mut(luma.stride).enumerate().take(height - first);
        for (offset, row) in rows {
            let (out, number) = (row.get_mut(..width)?, first + offset);
            blend_over_black(out, planes[0].row(number), alpha.row(number), BLACK_LUMA);
        }
        let alpha = chroma_alpha(alpha, [first, (first + 1).min(height - 1)], width);
        for (plane, row) in [(1, cb), (2, cr)] {
            let out = row.bytes.get_mut(..chroma_width)?;
            blend_over_black(out, planes[plane].row(number), &alpha, BLACK_CHROMA);
        }
    }
    Some(())
}
