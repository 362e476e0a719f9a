//! The elements that a worker may use: bans some of the installed ones, and registers our own.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;

use crate::worker::container_caps;
use crate::worker::elements::alpha_remover;
#[cfg(feature = "rav1d")]
use crate::worker::elements::av1_decoder;
use crate::worker::elements::codec_alias;
use crate::worker::elements::colour_converter;
use crate::worker::elements::frame_rate;
use crate::worker::elements::gotomeeting;
use crate::worker::elements::scaler;
use crate::worker::elements::tone_mapper;
use crate::worker::graph::element::plain;
use crate::worker::protocol::Failure;

/// Elements that open other files or addresses. Playlists and session descriptions name some, but a
/// source is one file.
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
/// Decoders of transparency. They fail where the container announces an alpha channel that never
/// comes, as in recordings of browsers. The plain decoders decode the frames without it.
const ALPHA: [&str; 2] = ["vp8alphadecodebin", "vp9alphadecodebin"];

/// Parsers that fail the whole file for one damaged subtitle. `graph/subtitles.rs` parses them.
const FAILING: [&str; 1] = ["ssaparse"];
/// Demuxers that never end at the end of a file. (Frames of `avdec_gif` have no timestamps either.)
const ENDLESS: [&str; 2] = ["avdemux_gif", "avdemux_nut"];

/// Registers the elements of this crate.
pub(super) fn register_own() -> Result<(), glib::BoolError> {
    #[cfg(feature = "rav1d")]
    av1_decoder::register()?;
    alpha_remover::register()?;
    frame_rate::register()?;
    codec_alias::register()?;
    gotomeeting::register()?;
    colour_converter::register()?;
    tone_mapper::register()?;
    scaler::register()
}

/// Keeps banned elements and all hardware decoders from being autoplugged. The probe needs no hardware
/// decoder, and [`prefer`] allows those of the chosen backend.
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

/// Ranks these decoders above all others.
pub(super) fn prefer(decoders: &[String]) {
    for factory in decoders.iter().filter_map(|name| gst::ElementFactory::find(name)) {
        factory.set_rank(gst::Rank::PRIMARY + 100);
    }
}

/// Makes a `decodebin`. With `software`, it uses no hardware decoder.
pub(super) fn decodebin(software: bool) -> Result<gst::Element, Failure> {
    let decode = plain("decodebin")?;
    decode.set_property("force-sw-decoders", software);
    if let Some(bin) = decode.downcast_ref() {
        set_up_elements(bin);
        // The plan has what the container states.
        container_caps::separate(bin, |_, _| {});
    }
    Ok(decode)
}

/// Sets properties of the elements that this bin, and all bins inside, add from now on.
///
/// - Demuxers of transport streams ignore program clock references: the source gives times to their bytes.
/// - `FFmpeg`'s decoders copy each frame instead of decoding into buffers of GStreamer where its release is
///   newer than 1.22: about one video in ten whose width is no multiple of 32 ended a process there ("video
///   meta uses 864x480 instead of 854x480", 1.26.2).
/// - Decoders of VP8 state its colours.
pub(super) fn set_up_elements(decode: &gst::Bin) {
    let (major, minor, ..) = gst::version();
    let copies_frames = (major, minor) > (1, 22);
    // Runs on the thread that adds the element.
    decode.connect_deep_element_added(move |_, _, element| {
        if copies_frames && element.has_property("direct-rendering") {
            element.set_property("direct-rendering", false);
        }
        container_caps::correct_vp8(element);
        if element.has_property("ignore-pcr") {
            element.set_property("ignore-pcr", true);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_decoder_writes_into_buffers_that_would_end_the_process() {
        gst::init().unwrap();
        let make = |name| gst::ElementFactory::make(name).build().unwrap();
        let (outer, inner, decoder) = (make("bin"), make("bin"), make("avdec_h264"));
        set_up_elements(outer.downcast_ref().unwrap());
        let add =
            |bin: &gst::Element, element| bin.downcast_ref::<gst::Bin>().unwrap().add(element);
        add(&outer, &inner).unwrap();
        add(&inner, &decoder).unwrap();
        let is_safe = gst::version().1 <= 22;
        assert_eq!(decoder.property::<bool>("direct-rendering"), is_safe);
    }
}
