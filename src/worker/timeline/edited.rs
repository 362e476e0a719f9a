//! Opens the segments of tracks whose edits are applied behind the decoder.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::edits::Edits;
use crate::worker::container_caps::has_klass;

/// Gives the tracks with edits one open segment each, at all demuxers that this bin adds from now on. Decoders
/// drop frames outside of a segment, and its begin is not that of the track where the demuxer has moved its
/// timestamps.
pub(crate) fn open_segments(bin: &gst::Bin, edits: &Arc<Edits>) {
    if edits.is_empty() {
        return;
    }
    let edits = Arc::clone(edits);
    // Runs on the thread that adds the element.
    bin.connect_deep_element_added(move |_, _, element| {
        if !has_klass(element, &["Demux"]) {
            return;
        }
        let edits = Arc::clone(&edits);
        // Runs on the demuxer's streaming thread, before it sends a segment.
        element.connect_pad_added(move |_, pad| open_segment(pad, &edits));
    });
}

fn open_segment(pad: &gst::Pad, edits: &Arc<Edits>) {
    let edits = Arc::clone(edits);
    // Runs on the demuxer's streaming thread: replaces an event.
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        if let Some(gst::PadProbeData::Event(event)) = &mut info.data
            && event.type_() == gst::EventType::Segment
            && pad.stream_id().is_some_and(|id| edits.of_stream(&id).is_some())
        {
            let open = gst::FormattedSegment::<gst::ClockTime>::new();
            let seqnum = event.seqnum();
            *event = gst::event::Segment::builder(&open).seqnum(seqnum).build();
        }
        gst::PadProbeReturn::Ok
    });
}
