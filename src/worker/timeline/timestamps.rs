//! Timestamps: brings each stream onto the one timeline of the job.

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::edits::TrackEdits;

/// Running time of `time` on this pad; `None` outside of the pad's segment.
pub(crate) fn running_time(pad: &gst::Pad, time: gst::ClockTime) -> Option<gst::ClockTime> {
    segment_of(pad)?.to_running_time(time)
}

/// The segment (GStreamer's, in time format) that this pad is in.
pub(crate) fn segment_of(pad: &gst::Pad) -> Option<gst::FormattedSegment<gst::ClockTime>> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    event.segment().downcast_ref::<gst::ClockTime>().cloned()
}

/// Rewrites the timestamps of all buffers that arrive at `sink`: their PTS becomes their running time,
/// whatever segments the container made (edit lists make several), and they get one open-ended
/// segment. An encoder would cut off frames behind a stated end.
///
/// - `min_remaining_ns`: a buffer that starts less than this before its segment's end is dropped, except
///   the first one. Containers round their end, which would give the stream one frame too many.
/// - `edits` say when a buffer is shown that arrives at a running time; the others are dropped.
/// - `snap` maps the running time of the first buffer to where the stream may begin, in nanoseconds;
///   all later buffers move by the same amount.
/// - `at_end` runs at EOS, before the element behind `sink` gets it: its source pad still takes buffers.
pub(crate) fn rewrite_timestamps(
    sink: &gst::Pad,
    min_remaining_ns: u64,
    edits: Option<TrackEdits>,
    snap: impl Fn(u64) -> u64 + Send + Sync + 'static,
    at_end: impl Fn() + Send + Sync + 'static,
) {
    let origin = Mutex::new(None::<(u64, u64)>);
    let segment = Mutex::new(None::<gst::FormattedSegment<gst::ClockTime>>);
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the stream's own streaming thread. `at_end` may block there until all streams have ended,
    // so no lock is held meanwhile.
    #[expect(clippy::wildcard_enum_match_arm, reason = "an enum of GStreamer, which grows")]
    sink.add_probe(mask, move |_, info| {
        let mut segment = segment.lock();
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let time = buffer.pts().zip(segment.as_ref());
                let time = time.and_then(|(pts, segment)| segment.to_running_time(pts));
                // Buffers outside of their segment are not shown.
                let Some(time) = time else { return gst::PadProbeReturn::Drop };
                let stop = segment.as_ref().and_then(gst::FormattedSegment::stop);
                let remaining = stop.zip(buffer.pts()).map(|(stop, pts)| stop.saturating_sub(pts));
                let mut origin = origin.lock();
                if origin.is_some()
                    && remaining.is_some_and(|remaining| remaining.nseconds() < min_remaining_ns)
                {
                    return gst::PadProbeReturn::Drop;
                }
                let buffer = buffer.make_mut();
                let Some(time_ns) = shown_ns(edits.as_ref(), time.nseconds(), buffer) else {
                    return gst::PadProbeReturn::Drop;
                };
                let first = || (time_ns, snap(time_ns));
                let (from_ns, to_ns) = *origin.get_or_insert_with(first);
                let time_ns = (time_ns + to_ns).saturating_sub(from_ns);
                buffer.set_pts(gst::ClockTime::from_nseconds(time_ns));
                buffer.set_dts(gst::ClockTime::NONE);
            }
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Eos(_) => {
                    drop(segment);
                    at_end();
                }
                gst::EventView::Segment(given) => {
                    let given = given.segment().downcast_ref::<gst::ClockTime>().cloned();
                    if std::mem::replace(&mut *segment, given).is_some() {
                        return gst::PadProbeReturn::Drop;
                    }
                    let open_ended = gst::FormattedSegment::<gst::ClockTime>::new();
                    let seqnum = event.seqnum();
                    *event = gst::event::Segment::builder(&open_ended).seqnum(seqnum).build();
                }
                _ => {}
            },
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// When a buffer of this running time is shown. Its duration becomes that of the part that is shown.
fn shown_ns(edits: Option<&TrackEdits>, time_ns: u64, buffer: &mut gst::BufferRef) -> Option<u64> {
    let Some(edits) = edits else { return Some(time_ns) };
    let lasts = buffer.duration();
    let part = edits.parts(time_ns, lasts.map_or(0, gst::ClockTime::nseconds)).next()?;
    buffer.set_duration(lasts.map(|_| gst::ClockTime::from_nseconds(part.length_ns)));
    Some(part.shown_ns)
}
