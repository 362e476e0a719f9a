//! Subclass of `ladderdrate`.

use std::sync::LazyLock;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;
use gstreamer_base::prelude::*;
use gstreamer_base::subclass::prelude::*;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("ladderdrate", gst::DebugColorFlags::empty(), Some("Frame rate"))
});

#[derive(Default)]
pub(crate) struct FrameRate;

#[glib::object_subclass]
impl ObjectSubclass for FrameRate {
    const NAME: &'static str = "LadderdRate";
    type Type = super::FrameRate;
    type ParentType = gstreamer_base::BaseTransform;
}

impl ObjectImpl for FrameRate {}
impl GstObjectImpl for FrameRate {}

impl ElementImpl for FrameRate {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Frame rate",
                "Filter/Video",
                "States another frame rate; frames pass untouched",
                "ladderd",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = gst::Caps::builder("video/x-raw").any_features().build();
            let template = |name, direction| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps)
            };
            [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                .into_iter()
                .filter_map(|(name, direction)| template(name, direction).ok())
                .collect()
        });
        &TEMPLATES
    }
}

// Runs on the upstream streaming thread: no blocking.
impl BaseTransformImpl for FrameRate {
    const MODE: gstreamer_base::subclass::BaseTransformMode =
        gstreamer_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn transform_caps(
        &self,
        _direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let mut any_rate = caps.clone();
        for structure in any_rate.make_mut().iter_mut() {
            structure.remove_field("framerate");
            structure.remove_field("max-framerate");
        }
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&any_rate, gst::CapsIntersectMode::First),
            None => any_rate,
        })
    }

    fn transform_ip(
        &self,
        _frame: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        Ok(gst::FlowSuccess::Ok)
    }

    /// Memory is that of the elements downstream.
    fn propose_allocation(
        &self,
        _decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        if self.obj().src_pad().peer_query(query) {
            Ok(())
        } else {
            Err(gst::loggable_error!(CAT, "nothing downstream proposes memory"))
        }
    }
}
