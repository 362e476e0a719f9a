//! Subclass of `ladderdcolour`. [`crate::domain::colour`] computes the coefficients,
//! [`ladderd_pixels::colour`] applies them.

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_video::subclass::prelude::*;
use gstreamer_video::{VideoFormat, VideoFrameRef, VideoInfo};
use ladderd_pixels::colour::{Conversion, convert_frame};
use parking_lot::Mutex;

use crate::worker::colorimetry;
use crate::worker::elements::n_threads::{DEFAULT_N_THREADS, NThreads, impl_n_threads};
use crate::worker::elements::video_filter::{self, FilterDescription};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "ladderdcolour",
        gst::DebugColorFlags::empty(),
        Some("Colour converter"),
    )
});

#[derive(Default)]
pub(crate) struct ColourConverter {
    n_threads: NThreads,
    /// Set with the caps.
    conversion: Mutex<Option<Conversion>>,
}

#[glib::object_subclass]
impl ObjectSubclass for ColourConverter {
    const NAME: &'static str = "LadderdColour";
    type Type = super::ColourConverter;
    type ParentType = gstreamer_video::VideoFilter;
}

impl_n_threads!(ColourConverter, DEFAULT_N_THREADS);

impl FilterDescription for ColourConverter {
    const LONG_NAME: &'static str = "Colour converter";
    const CLASSIFICATION: &'static str = "Filter/Converter/Video";
    const DESCRIPTION: &'static str = "Converts colour matrix and range to limited BT.709";
    const SINK_FORMATS: &'static [VideoFormat] = &[VideoFormat::I420];
    const SRC_FORMAT: VideoFormat = VideoFormat::I420;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;

    fn transform_structure(direction: gst::PadDirection, structure: &mut gst::Structure) {
        if direction == gst::PadDirection::Sink {
            structure.set("colorimetry", "bt709");
        } else {
            structure.remove_field("colorimetry");
        }
    }
}

video_filter::impl_video_filter!(ColourConverter);

// Called on the upstream streaming thread: no blocking, no access to other elements. A frame is
// shared among `n-threads` scoped threads, which end before `transform_frame` returns.
impl VideoFilterImpl for ColourConverter {
    fn set_info(
        &self,
        incaps: &gst::Caps,
        in_info: &VideoInfo,
        _outcaps: &gst::Caps,
        _out_info: &VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        let stated = colorimetry::stated(&in_info.colorimetry());
        let colour = stated.completed((in_info.width(), in_info.height()));
        gst::debug!(CAT, imp = self, "Converting {colour:?}: {incaps}");
        *self.conversion.lock() = Some(colour.conversion());
        Ok(())
    }

    fn transform_frame(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let conversion = self.conversion.lock();
        let conversion = conversion.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let converted = video_filter::for_each_band(
            input,
            output,
            self.n_threads.get(),
            |planes, band, size| {
                convert_frame(conversion, planes, band, size);
            },
        );
        converted.ok_or_else(|| {
            gst::error!(CAT, imp = self, "Failed to convert frame: unexpected plane layout");
            gst::FlowError::Error
        })?;
        Ok(gst::FlowSuccess::Ok)
    }
}
