//! `ladderdcodecalias`: gives streams whose FourCC a demuxer does not know the caps of their decoder. It stands
//! between demuxer and decoder and changes no bytes.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod imp;

glib::wrapper! {
    /// Renames caps.
    pub(crate) struct CodecAlias(ObjectSubclass<imp::CodecAlias>)
        @extends gstreamer_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers the element in this process, for autoplugging.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    let rank = gst::Rank::PRIMARY;
    gst::Element::register(None, "ladderdcodecalias", rank, CodecAlias::static_type())
}
