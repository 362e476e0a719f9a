//! `ladderdtonemap`: maps high dynamic range to BT.709 on the CPU, for which GStreamer has no
//! element.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod imp;

glib::wrapper! {
    /// Tone-maps `I420_10LE` to `I420` of the same size.
    pub(crate) struct ToneMapper(ObjectSubclass<imp::ToneMapper>)
        @extends gstreamer_video::VideoFilter, gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdtonemap", gst::Rank::NONE, ToneMapper::static_type())
}
