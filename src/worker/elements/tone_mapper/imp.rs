//! Subclass of `ladderdtonemap`. [`crate::domain::tone`] computes the table,
//! [`ladderd_pixels::tone_map`] applies it.

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::subclass::prelude::*;
use gstreamer_video::subclass::prelude::*;
use gstreamer_video::{
    VideoContentLightLevel, VideoFormat, VideoFrameRef, VideoInfo, VideoMasteringDisplayInfo,
};
use ladderd_pixels::tone_map::{Lut3d, map_frame};
use parking_lot::Mutex;

use crate::domain::tone;
use crate::worker::colorimetry;
use crate::worker::elements::n_threads::{DEFAULT_N_THREADS, NThreads, impl_n_threads};
use crate::worker::elements::video_filter::{self, FilterDescription};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ladderdtonemap", gst::DebugColorFlags::empty(), Some("Tone mapper"))
});

/// Stated peaks below this, in nit, are placeholders and are ignored.
const MIN_PEAK_NIT: f64 = 100.0;
/// `max_display_mastering_luminance` counts in units of 0.0001 nit (SMPTE ST 2086).
const MASTERING_UNITS_PER_NIT: f64 = 10_000.0;

#[derive(Default)]
pub(crate) struct ToneMapper {
    n_threads: NThreads,
    /// Set with the caps.
    lut: Mutex<Option<Lut3d>>,
}

#[glib::object_subclass]
impl ObjectSubclass for ToneMapper {
    const NAME: &'static str = "LadderdToneMap";
    type Type = super::ToneMapper;
    type ParentType = gstreamer_video::VideoFilter;
}

impl_n_threads!(ToneMapper, DEFAULT_N_THREADS);

impl FilterDescription for ToneMapper {
    const LONG_NAME: &'static str = "Tone mapper";
    const CLASSIFICATION: &'static str = "Filter/Converter/Video";
    const DESCRIPTION: &'static str = "Maps high dynamic range to BT.709 (BT.2390)";
    const SINK_FORMATS: &'static [VideoFormat] = &[VideoFormat::I42010le];
    const SRC_FORMAT: VideoFormat = VideoFormat::I420;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;

    fn transform_structure(direction: gst::PadDirection, structure: &mut gst::Structure) {
        for field in ["colorimetry", "mastering-display-info", "content-light-level"] {
            structure.remove_field(field);
        }
        if direction == gst::PadDirection::Sink {
            structure.set("format", VideoFormat::I420.to_str());
            structure.set("colorimetry", "bt709");
        } else {
            structure.set("format", VideoFormat::I42010le.to_str());
        }
    }
}

video_filter::impl_video_filter!(ToneMapper);

// Called on the upstream streaming thread: no blocking, no access to other elements. A frame is
// shared among `n-threads` scoped threads, which end before `transform_frame` returns.
impl VideoFilterImpl for ToneMapper {
    fn set_info(
        &self,
        incaps: &gst::Caps,
        in_info: &VideoInfo,
        _outcaps: &gst::Caps,
        _out_info: &VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        let stated = colorimetry::stated(&in_info.colorimetry());
        let colour = stated.completed((in_info.width(), in_info.height()));
        let peak_nit = peak_nit(incaps);
        gst::debug!(CAT, imp = self, "Mapping {colour:?} with a peak of {peak_nit} nit: {incaps}");
        *self.lut.lock() = Some(tone::lut(colour, peak_nit));
        Ok(())
    }

    fn transform_frame(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let lut = self.lut.lock();
        let lut = lut.as_ref().ok_or(gst::FlowError::NotNegotiated)?;
        let converted = video_filter::for_each_band(
            input,
            output,
            self.n_threads.get(),
            |planes, band, size| {
                map_frame(lut, planes, band, size);
            },
        );
        converted.ok_or_else(|| {
            gst::error!(CAT, imp = self, "Failed to map frame: unexpected plane layout");
            gst::FlowError::Error
        })?;
        Ok(gst::FlowSuccess::Ok)
    }
}

/// The peak brightness of the source in nit: `MaxCLL`, else that of the mastering display, else an
/// assumption.
fn peak_nit(caps: &gst::CapsRef) -> f64 {
    let content = VideoContentLightLevel::from_caps(caps).ok();
    let content = content.map(|level| f64::from(level.max_content_light_level()));
    let display = VideoMasteringDisplayInfo::from_caps(caps).ok();
    let display = display
        .map(|info| f64::from(info.max_display_mastering_luminance()) / MASTERING_UNITS_PER_NIT);
    let stated = [content, display].into_iter().flatten().find(|nit| *nit >= MIN_PEAK_NIT);
    stated.unwrap_or(tone::ASSUMED_PEAK_NIT)
}
