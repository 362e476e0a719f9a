//! The elements that a worker may use: bans some of the installed ones, and registers our own.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

use crate::worker::elements::alpha_remover;
#[cfg(feature = "rav1d")]
use crate::worker::elements::av1_decoder;
use crate::worker::elements::scaler;
use crate::worker::elements::tone_mapper;
use crate::worker::graph::element::plain;
use crate::worker::protocol::Failure;

/// Playlists and session descriptions name other files and addresses: a source is one file, and
/// what it refers to is not ours to fetch.
const FETCHING: [&str; 12] = [
    "hlsdemux",
    "hlsdemux2",
    "dashdemux",
    "dashdemux2",
    "mssdemux",
    "mssdemux2",
    "sdpdemux",
    "rtspsrc",
    "souphttpsrc",
    "giosrc",
    "filesrc",
    "splitmuxsrc",
];
/// They wait for transparency that the container announces, and fail where it never comes, as in
/// what browsers record. The plain decoders show the picture without it.
const ALPHA: [&str; 2] = ["vp8alphadecodebin", "vp9alphadecodebin"];

/// A fault in a line of subtitles is one of the whole file to it; `subtitles` reads them itself.
const FAILING: [&str; 1] = ["ssaparse"];
/// They read on for ever at the end of a file. (What `avdec_gif` makes of pictures has no times
/// either.)
const ENDLESS: [&str; 2] = ["avdemux_gif", "avdemux_nut"];

/// Makes the elements known that are our own: what recipes may name, and the decoder.
pub(super) fn register_own() -> Result<(), glib::BoolError> {
    #[cfg(feature = "rav1d")]
    av1_decoder::register()?;
    alpha_remover::register()?;
    tone_mapper::register()?;
    scaler::register()
}

/// Keeps them from being chosen, and the decoders of devices: a look at a source needs none, and
/// the backend says which of them its job takes.
pub(super) fn restrict() {
    let kind = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
    for factory in gst::ElementFactory::factories_with_type(kind, gst::Rank::MARGINAL) {
        if factory.metadata("klass").is_some_and(|klass| klass.contains("Hardware")) {
            factory.set_rank(gst::Rank::NONE);
        }
    }
    for name in FETCHING.iter().chain(&ALPHA).chain(&FAILING).chain(&ENDLESS) {
        if let Some(factory) = gst::ElementFactory::find(name) {
            factory.set_rank(gst::Rank::NONE);
        }
    }
}

/// Puts these decoders before all others.
pub(super) fn prefer(decoders: &[String]) {
    for factory in decoders.iter().filter_map(|name| gst::ElementFactory::find(name)) {
        factory.set_rank(gst::Rank::PRIMARY + 100);
    }
}

/// What decodes a source: with the processor alone, or with the preferred decoders of devices, too.
pub(super) fn decodebin(software: bool) -> Result<gst::Element, Failure> {
    let decode = plain("decodebin")?;
    decode.set_property("force-sw-decoders", software);
    copy_pictures(&decode);
    Ok(decode)
}

/// Keeps `FFmpeg`'s decoders in this bin, and in all bins inside, from writing into buffers of
/// GStreamer's own where its release is newer than 1.22: about one video in ten whose width is no
/// multiple of 32 ended a process there ("video meta uses 864x480 instead of 854x480", 1.26.2).
pub(super) fn copy_pictures(decode: &gst::Element) {
    let (major, minor, ..) = gst::version();
    if let Some(bin) = decode.downcast_ref::<gst::Bin>()
        && (major, minor) > (1, 22)
    {
        bin.connect_deep_element_added(|_, _, element| {
            if element.has_property("direct-rendering") {
                element.set_property("direct-rendering", false);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_decoder_writes_into_buffers_that_would_end_the_process() {
        gst::init().unwrap();
        let make = |name| gst::ElementFactory::make(name).build().unwrap();
        let (outer, inner, decoder) = (make("bin"), make("bin"), make("avdec_h264"));
        copy_pictures(&outer);
        let add =
            |bin: &gst::Element, element| bin.downcast_ref::<gst::Bin>().unwrap().add(element);
        add(&outer, &inner).unwrap();
        add(&inner, &decoder).unwrap();
        let is_safe = gst::version().1 <= 22;
        assert_eq!(decoder.property::<bool>("direct-rendering"), is_safe);
    }
}
