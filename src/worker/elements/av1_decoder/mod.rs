//! `ladderdav1dec`: decodes AV1 on the CPU with `rav1d`, the Rust port of dav1d. Debian 12 has no
//! other decoder but libaom's `av1dec`, which takes three times as long.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

mod formats;
mod frame_buffer;
mod imp;
#[cfg(test)]
mod tests;

glib::wrapper! {
    /// Decodes temporal units of AV1 to raw frames.
    pub(crate) struct Av1Decoder(ObjectSubclass<imp::Av1Decoder>)
        @extends gstreamer_video::VideoDecoder, gst::Element, gst::Object;
}

/// Registers the element in this process, with a rank above all other software decoders.
pub(crate) fn register() -> Result<(), glib::BoolError> {
    let rank = gst::Rank::PRIMARY + 10;
    gst::Element::register(None, "ladderdav1dec", rank, Av1Decoder::static_type())
}
