//! Segments as MPEG transport streams: `hlssink2`.

use std::sync::Arc;

use gio::prelude::*;
use gstreamer as gst;
use gstreamer::prelude::*;

use crate::worker::graph::element::{broken, plain};
use crate::worker::graph::segment_sink::{MediaKind, SegmentSink};
use crate::worker::protocol::Failure;
use crate::worker::timeline::segmenter::Segmenter;

/// Interval of the program clock reference in ticks of 90 kHz: 100 ms is the longest that
/// ISO 13818-1 allows. The muxer's default of 40 ms costs 22 kbit/s more.
const PCR_INTERVAL: u32 = 9_000;
/// Interval of the program tables in ticks of 90 kHz. Every segment begins with them anyway; twice a
/// second is enough for a player that joins in between. The default costs 24 kbit/s more.
const TABLE_INTERVAL: u32 = 45_000;

/// Builds an `hlssink2` behind `last`, whose segments go to the segmenter.
pub(crate) fn build(
    pipeline: &gst::Pipeline,
    last: &gst::Element,
    kind: MediaKind,
    segmenter: &Arc<Segmenter>,
) -> Result<SegmentSink, Failure> {
    let sink = plain("hlssink2")?;
    // Cut only on request, keep everything, request no key frames.
    sink.set_property("target-duration", 0_u32);
    sink.set_property("max-files", 0_u32);
    sink.set_property("playlist-length", 0_u32);
    sink.set_property("send-keyframe-requests", false);
    let writer = Arc::clone(segmenter);
    // Runs on the muxer's streaming thread, with splitmuxsink's lock held: makes a writer only.
    sink.connect("get-fragment-stream", false, move |_| {
        let stream = gio::WriteOutputStream::new(writer.begin_segment());
        Some(stream.upcast::<gio::OutputStream>().to_value())
    });
    // Its own playlist is wrong in several ways and is discarded; ours are made from events. Runs on the
    // same thread.
    sink.connect("get-playlist-stream", false, |_| {
        Some(gio::MemoryOutputStream::new_resizable().upcast::<gio::OutputStream>().to_value())
    });
    let pad = match kind {
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
    };
    pipeline
        .add(&sink)
        .and_then(|()| last.link_pads(Some("src"), &sink, Some(pad)))
        .map_err(|error| broken(format!("hlssink2: {error}")))?;
    let splitmux = inner_splitmux(&sink).ok_or_else(|| broken("hlssink2 holds no splitmuxsink"))?;
    if let Some(muxer) = splitmux.property::<Option<gst::Element>>("muxer") {
        muxer.set_property("pcr-interval", PCR_INTERVAL);
        muxer.set_property("pat-interval", TABLE_INTERVAL);
        muxer.set_property("pmt-interval", TABLE_INTERVAL);
    }
    let weak = splitmux.downgrade();
    Ok(SegmentSink::new(splitmux, sink.upcast(), segmenter, move |time| {
        if let Some(splitmux) = weak.upgrade() {
            splitmux.emit_by_name::<()>("split-at-running-time", &[&time.nseconds()]);
        }
    }))
}

fn inner_splitmux(sink: &gst::Element) -> Option<gst::Element> {
    sink.downcast_ref::<gst::Bin>()?
        .children()
        .into_iter()
        .find(|child| child.factory().is_some_and(|factory| factory.name() == "splitmuxsink"))
}
