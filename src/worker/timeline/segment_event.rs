//! GStreamer's SEGMENT event: removes a stop time that cannot be right.

use parking_lot::Mutex;

use gstreamer as gst;
use gstreamer::prelude::*;

type Segment = gst::FormattedSegment<gst::ClockTime>;

/// Removes the stop time of segments that arrive at this sink pad if it lies more than `max_ns` behind
/// their start. `audiorate` fills up to the stop time, for days if the container is wrong.
/// Buffers outside of the original segment are dropped all the same.
///
/// A segment that then equals the previous one is dropped: those elements restart at each segment, with
/// times that they had already.
pub(crate) fn sanitize_stop(sink: &gst::Pad, max_ns: u64) {
    let state = Mutex::new((None::<Segment>, None::<Segment>));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the stream's streaming thread: reads and rewrites events, drops buffers, never blocks.
    sink.add_probe(mask, move |_, info| {
        let mut state = state.lock();
        let (given, shown) = &mut *state;
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let time = buffer.pts().zip(given.as_ref());
                if time.is_some_and(|(pts, segment)| segment.to_running_time(pts).is_none()) {
                    return gst::PadProbeReturn::Drop;
                }
            }
            Some(gst::PadProbeData::Event(event)) => {
                let gst::EventView::Segment(view) = event.view() else {
                    return gst::PadProbeReturn::Ok;
                };
                given.clone_from(&view.segment().downcast_ref::<gst::ClockTime>().cloned());
                let Some(open) = given.as_ref().map(|given| sanitized(given, max_ns)) else {
                    return gst::PadProbeReturn::Ok;
                };
                if shown.as_ref().is_some_and(|shown| is_same(shown, &open)) {
                    return gst::PadProbeReturn::Drop;
                }
                let seqnum = event.seqnum();
                *event = gst::event::Segment::builder(&open).seqnum(seqnum).build();
                *shown = Some(open);
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// The segment, without a stop time that is too far away.
fn sanitized(given: &Segment, max_ns: u64) -> Segment {
    let mut open = given.clone();
    let length = given.stop().zip(given.start()).map(|(stop, start)| stop.saturating_sub(start));
    if length.is_none_or(|length| length.nseconds() > max_ns) {
        open.set_stop(gst::ClockTime::NONE);
    }
    open
}

/// Whether two segments map the same times to the same running times.
fn is_same(one: &Segment, other: &Segment) -> bool {
    let map = |segment: &Segment| {
        (segment.start(), segment.stop(), segment.base(), segment.offset(), segment.time())
    };
    map(one) == map(other) && (one.rate() - other.rate()).abs() < f64::EPSILON
}
