//! `ladderdg2mdec`: FFmpeg's decoder of GoToMeeting's recordings. Their codec has no caps name in GStreamer, so
//! that no demuxer leads to it. This bin takes the caps of demuxers and holds the decoder.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod imp;

glib::wrapper! {
    /// Decoder of GoToMeeting's recordings.
    pub(crate) struct GoToMeeting(ObjectSubclass<imp::GoToMeeting>)
        @extends gst::Bin, gst::Element, gst::Object;
}

/// Registers the element in this process, for autoplugging.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    gst::Element::register(None, "ladderdg2mdec", gst::Rank::MARGINAL, GoToMeeting::static_type())
}
