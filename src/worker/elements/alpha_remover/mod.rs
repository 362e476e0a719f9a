//! `ladderdflatten`: shows partly transparent frames on black. Frames without alpha pass untouched.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod imp;

glib::wrapper! {
    /// Blends `A420` over black to `I420` of the same size.
    pub(crate) struct AlphaRemover(ObjectSubclass<imp::AlphaRemover>)
        @extends gstreamer_video::VideoFilter, gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element in this process.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdflatten", gst::Rank::NONE, AlphaRemover::static_type())
}
