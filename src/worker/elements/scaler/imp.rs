//! Subclass of `ladderdscale`. The arithmetic is in [`ladderd_pixels::scale`].

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_base::prelude::*;
use gstreamer_base::subclass::base_transform::GenerateOutputSuccess;
use gstreamer_base::subclass::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::subclass::prelude::*;
use gstreamer_video::{VideoFormat, VideoFrameRef, VideoInfo};
use ladderd_pixels::scale::Scratch;
use parking_lot::Mutex;

use super::frame_scaler::{FrameScaler, PreviousPlanes};
use crate::worker::elements::n_threads::{DEFAULT_N_THREADS, NThreads, impl_n_threads};
use crate::worker::elements::video_filter::{self, FilterDescription};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ladderdscale", gst::DebugColorFlags::empty(), Some("Scaler"))
});

#[derive(Default)]
pub(crate) struct Scaler {
    n_threads: NThreads,
    /// Scaler for the negotiated sizes.
    negotiated: Mutex<Option<FrameScaler>>,
    /// One per thread.
    scratch: Mutex<Vec<Scratch>>,
    previous: Mutex<Option<PreviousFrame>>,
}

/// The previous frame and its scaled version.
struct PreviousFrame {
    input: gst::Buffer,
    output: gst::Buffer,
}

#[glib::object_subclass]
impl ObjectSubclass for Scaler {
    const NAME: &'static str = "LadderdScale";
    type Type = super::Scaler;
    type ParentType = gstreamer_video::VideoFilter;
}

impl_n_threads!(Scaler, DEFAULT_N_THREADS);

impl FilterDescription for Scaler {
    const LONG_NAME: &'static str = "Scaler";
    const CLASSIFICATION: &'static str = "Filter/Converter/Video/Scaler";
    const DESCRIPTION: &'static str = "Scales frames with a Lanczos filter";
    const SINK_FORMATS: &'static [VideoFormat] = &[VideoFormat::I420];
    const SRC_FORMAT: VideoFormat = VideoFormat::I420;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;

    fn transform_structure(_direction: gst::PadDirection, structure: &mut gst::Structure) {
        structure.remove_field("pixel-aspect-ratio");
        structure.set("width", gst::IntRange::new(1, i32::MAX));
        structure.set("height", gst::IntRange::new(1, i32::MAX));
    }
}

// `generate_output` runs on the upstream streaming thread, `stop` on the thread that changes the
// state once streaming has ended.
video_filter::impl_video_filter!(Scaler {
    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let input = self.queued_buffer();
        let generated = self.parent_generate_output()?;
        self.keep_previous(input, &generated);
        Ok(generated)
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.previous.lock() = None;
        Ok(())
    }
});

// Called on the upstream streaming thread: no blocking, no access to other elements. A frame is
// shared among `n-threads` scoped threads, which end before `transform_frame` returns.
impl VideoFilterImpl for Scaler {
    fn set_info(
        &self,
        incaps: &gst::Caps,
        in_info: &VideoInfo,
        outcaps: &gst::Caps,
        out_info: &VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        gst::debug!(CAT, imp = self, "Scaling {incaps} to {outcaps}");
        *self.negotiated.lock() = Some(FrameScaler::new(in_info, out_info));
        *self.previous.lock() = None;
        Ok(())
    }

    fn transform_frame(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let frame_scaler = self.negotiated.lock();
        let frame_scaler = frame_scaler.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let previous = self.previous.lock().take();
        let frames = previous.as_ref().and_then(|previous| {
            let read = VideoFrameRef::from_buffer_ref_readable;
            let input = read(&previous.input, input.info()).ok()?;
            Some((input, read(&previous.output, output.info()).ok()?))
        });
        let planes = frames.as_ref().and_then(|(input, output)| {
            let (input, output) = (video_filter::planes(input)?, video_filter::planes(output)?);
            Some(PreviousPlanes { input, output })
        });
        let (n_threads, scratch) = (self.n_threads.get(), &mut self.scratch.lock());
        frame_scaler.scale(input, planes.as_ref(), output, n_threads, scratch).ok_or_else(
            || {
                gst::error!(CAT, imp = self, "Failed to scale frame: unexpected plane layout");
                gst::FlowError::Error
            },
        )?;
        Ok(gst::FlowSuccess::Ok)
    }
}

impl Scaler {
    /// Keeps a frame and its scaled version for the comparison with the next frame.
    fn keep_previous(&self, input: Option<gst::Buffer>, generated: &GenerateOutputSuccess) {
        if let (GenerateOutputSuccess::Buffer(output), Some(input)) = (generated, input)
            && !self.obj().is_passthrough()
        {
            *self.previous.lock() = Some(PreviousFrame { input, output: output.clone() });
        }
    }
}
