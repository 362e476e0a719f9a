//! What a container says of where a stream stops, as far as it can be believed.

use parking_lot::Mutex;

use gstreamer as gst;
use gstreamer::prelude::*;

type Segment = gst::FormattedSegment<gst::ClockTime>;

/// Hides from the element behind this sink pad where a segment stops, if that is longer than
/// `longest_ns` behind its start: `audiorate` and `videorate` fill up to there, for days where the
/// container is wrong. What lies outside of the segment is not shown all the same.
///
/// A segment that is the same as the one before, but for what was hidden, goes no further: at each
/// one they begin anew, with times that were there already.
pub(crate) fn believe(sink: &gst::Pad, longest_ns: u64) {
    let state = Mutex::new((None::<Segment>, None::<Segment>));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
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
                let Some(open) = given.as_ref().map(|given| shortened(given, longest_ns)) else {
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

/// The segment, without a stop that is too far away.
fn shortened(given: &Segment, longest_ns: u64) -> Segment {
    let mut open = given.clone();
    let length = given.stop().zip(given.start()).map(|(stop, start)| stop.saturating_sub(start));
    if length.is_none_or(|length| length.nseconds() > longest_ns) {
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
