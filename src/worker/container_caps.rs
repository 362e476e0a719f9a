//! Keeps what containers state of colours and pixel shapes apart from what bitstreams state.
//!
//! GStreamer's parsers and decoders trust the container: its colorimetry hides that of the bitstream, even
//! where the container has no range, and then limited range is assumed. So demuxers' caps lose these
//! fields on their way down, and the decoded caps have what the bitstream states.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::colour::Stated;
use crate::domain::media::Fraction;
use crate::worker::colorimetry;

/// The statements in the caps of a demuxer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ContainerCaps {
    /// Colours.
    pub(crate) colour: Stated,
    /// The pixel aspect ratio, if it was removed.
    pub(crate) removed_aspect: Option<Fraction>,
}

/// Demuxers that state a pixel aspect ratio where the file states none, or for another height than that of the
/// frames.
const WRONG_ASPECT: [&str; 2] = ["qtdemux", "mxfdemux"];

/// Removes colorimetry from all caps of video that demuxers in this bin, and in bins inside of it, send from
/// now on, and from some the pixel aspect ratio ([`WRONG_ASPECT`]). `reported` gets the stream id and what was
/// removed.
///
/// `reported` is called on streaming threads and must not block.
pub(crate) fn separate(
    bin: &gst::Bin,
    reported: impl Fn(&str, ContainerCaps) + Clone + Send + Sync + 'static,
) {
    // Runs on the thread that adds the element, before the bin connects to the element's signals.
    bin.connect_deep_element_added(move |_, _, element| {
        if !has_klass(element, &["Demux"]) {
            return;
        }
        let factory = element.factory();
        let is_wrong = factory.is_some_and(|f| WRONG_ASPECT.contains(&f.name().as_str()));
        let fields: &'static [&'static str] =
            if is_wrong { &["colorimetry", "pixel-aspect-ratio"] } else { &["colorimetry"] };
        for pad in element.src_pads() {
            remove_fields(&pad, fields, reported.clone());
        }
        let reported = reported.clone();
        // Runs on the demuxer's streaming thread, before the pad is linked.
        element.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Src {
                remove_fields(pad, fields, reported.clone());
            }
        });
    });
}

/// Colours of VP8: limited range and the matrix of BT.601, whatever the size (RFC 6386, 9.2). Decoders state
/// BT.709 for large frames.
const VP8_COLORIMETRY: &str = "2:4:0:0";

/// Lets the element, if it decodes VP8, state the colours of that codec.
pub(crate) fn correct_vp8(element: &gst::Element) {
    let decodes_vp8 = element.factory().is_some_and(|factory| factory.name().contains("vp8"))
        && has_klass(element, &["Decoder", "Video"]);
    for pad in element.src_pads().into_iter().filter(|_| decodes_vp8) {
        // Runs on the decoder's streaming thread: replaces an event.
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
            if let Some(gst::PadProbeData::Event(event)) = &mut info.data
                && let gst::EventView::Caps(caps) = event.view()
            {
                let mut right = caps.caps_owned();
                right.make_mut().set("colorimetry", VP8_COLORIMETRY);
                *event = gst::event::Caps::builder(&right).seqnum(event.seqnum()).build();
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// Whether the classification of the element's factory has all these words.
pub(crate) fn has_klass(element: &gst::Element, words: &[&str]) -> bool {
    let factory = element.factory();
    let klass = factory.as_ref().and_then(|factory| factory.metadata("klass")).unwrap_or_default();
    words.iter().all(|word| klass.contains(word))
}

/// The pixel aspect ratio of these caps.
pub(crate) fn pixel_aspect(caps: &gst::StructureRef) -> Option<Fraction> {
    let aspect = caps.get::<gst::Fraction>("pixel-aspect-ratio").ok()?;
    let side = |side: i32| u32::try_from(side).ok();
    Some(Fraction::new(side(aspect.numer())?, side(aspect.denom())?))
}

/// Removes the fields from caps of video that leave through the pad.
fn remove_fields(
    pad: &gst::Pad,
    fields: &'static [&'static str],
    reported: impl Fn(&str, ContainerCaps) + Send + Sync + 'static,
) {
    // Runs on the demuxer's streaming thread: replaces an event.
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        if let Some(gst::PadProbeData::Event(event)) = &mut info.data
            && let gst::EventView::Caps(caps) = event.view()
            && let Some(structure) = caps.caps().structure(0)
            && (structure.name().starts_with("video/") || structure.name().starts_with("image/"))
        {
            let removes_aspect = fields.contains(&"pixel-aspect-ratio");
            let removed_aspect = pixel_aspect(structure).filter(|_| removes_aspect);
            let colour = colorimetry::of_caps(structure);
            let removed = ContainerCaps { colour, removed_aspect };
            reported(&pad.stream_id().unwrap_or_default(), removed);
            let mut without = caps.caps_owned();
            for structure in without.make_mut().iter_mut() {
                structure.remove_fields(fields.iter().copied());
            }
            *event = gst::event::Caps::builder(&without).seqnum(event.seqnum()).build();
        }
        gst::PadProbeReturn::Ok
    });
}
