//! Segments as fragmented MP4: `cmafmux`.
//!
//! `cmafmux` makes one fragment of the buffers between two of our split events. Each GOP of video becomes
//! one fragment, so that the byte range of a key frame holds one GOP's header and no more. Audio gets
//! one fragment per segment. The fragments between two cuts are a segment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::hls::{codecs, fragments};
use crate::worker::graph::element::{broken, caps_filter, chain, pad, plain, set};
use crate::worker::graph::segment_sink::{MediaKind, SegmentSink};
use crate::worker::protocol::Failure;
use crate::worker::timeline::segmenter::{SegmentWriter, Segmenter};
use crate::worker::timeline::timestamps::running_time;

/// Added to every timestamp: the muxer rounds down to ticks, and our times are rounded down to
/// nanoseconds already. One nanosecond more gives the intended tick.
const ROUNDING: gst::ClockTime = gst::ClockTime::from_nseconds(1);

/// Caps that the muxer takes.
fn caps_of(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Video => "video/x-h264,stream-format=avc,alignment=au",
        MediaKind::Audio => "audio/mpeg,mpegversion=4,stream-format=raw",
    }
}

/// Builds a `cmafmux` behind `last`, whose segments go to the segmenter. `timescale` is the number of
/// ticks per second.
pub(crate) fn build(
    pipeline: &gst::Pipeline,
    last: &gst::Element,
    kind: MediaKind,
    timescale: u32,
    segmenter: &Arc<Segmenter>,
) -> Result<SegmentSink, Failure> {
    register()?;
    let filter = caps_filter(caps_of(kind))?;
    let muxer = plain("cmafmux")?;
    muxer.set_property("manual-split", true);
    muxer.set_property("send-force-keyunit", false);
    // The priming of the audio is dropped already.
    set(&muxer, "write-edts-mode", "never")?;
    pad(&muxer, "sink")?.set_property("trak-timescale", timescale);
    let end = plain("fakesink")?;
    end.set_property("async", false);
    end.set_property("enable-last-sample", false);
    chain(pipeline, &[filter.clone(), muxer.clone(), end.clone()])?;
    last.link(&filter).map_err(|error| broken(error.to_string()))?;

    let cuts = Arc::<Cuts>::default();
    watch_input(&pad(&filter, "src")?, kind, &cuts, segmenter);
    watch_output(&pad(&muxer, "src")?, &cuts, segmenter);
    let request = move |time: gst::ClockTime| cuts.request(time.nseconds());
    Ok(SegmentSink::new(end.clone(), end.upcast(), segmenter, request))
}

/// Registers the muxer, which is linked into this program. An installed one of the same name has
/// precedence, because a type cannot be registered twice.
fn register() -> Result<(), Failure> {
    if gst::ElementFactory::find("cmafmux").is_some() {
        return Ok(());
    }
    gstfmp4::plugin_register_static().map_err(|error| broken(error.to_string()))
}

/// Running times at which segments begin: requested before the encoder, found again before and behind the
/// muxer.
#[derive(Default)]
struct Cuts(Mutex<Times>);

#[derive(Default)]
struct Times {
    /// A segment begins with the first key frame from here on.
    requested: VecDeque<u64>,
    /// A segment begins with this frame, which is in the muxer.
    muxed: VecDeque<u64>,
}

impl Cuts {
    fn request(&self, time_ns: u64) {
        self.0.lock().requested.push_back(time_ns);
    }

    /// Whether a segment begins with this key frame, which is about to go into the muxer.
    fn begins_segment(&self, time_ns: u64) -> bool {
        let mut times = self.0.lock();
        let begins = pop_until(&mut times.requested, time_ns).is_some();
        if begins {
            times.muxed.push_back(time_ns);
        }
        begins
    }

    /// Begin of the segment that follows a fragment which ends here, if one does. Its first key frame has
    /// gone into the muxer before the fragment came out.
    fn segment_after(&self, end_ns: u64) -> Option<u64> {
        pop_until(&mut self.0.lock().muxed, end_ns)
    }
}

/// Removes all times up to `time_ns`, and returns the last of them.
fn pop_until(times: &mut VecDeque<u64>, time_ns: u64) -> Option<u64> {
    let due = times.iter().take_while(|time| **time <= time_ns).count();
    times.drain(..due).next_back()
}

/// Prepares buffers for the muxer, sends it split events, and reports the codec string from the caps.
fn watch_input(src: &gst::Pad, kind: MediaKind, cuts: &Arc<Cuts>, segmenter: &Arc<Segmenter>) {
    let (cuts, segmenter) = (Arc::clone(cuts), Arc::clone(segmenter));
    let (has_begun, has_codec) = (AtomicBool::new(false), AtomicBool::new(false));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the streaming thread before the muxer: changes the buffer, pushes split events, and writes
    // one event to the pipe.
    src.add_probe(mask, move |pad, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts)) else {
                    return gst::PadProbeReturn::Ok;
                };
                let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                let begins_segment = is_key && cuts.begins_segment(time.nseconds());
                let begins_fragment = match kind {
                    MediaKind::Video => is_key,
                    MediaKind::Audio => begins_segment,
                };
                if kind == MediaKind::Video && is_key {
                    remove_parameter_sets(buffer);
                }
                let buffer = buffer.make_mut();
                buffer.set_pts(buffer.pts().map(|time| time + ROUNDING));
                buffer.set_dts(buffer.dts().map(|time| time + ROUNDING));
                if has_begun.swap(true, Ordering::Relaxed) && begins_fragment {
                    // A refused event shows in the number of segments.
                    pad.push_event(split_event());
                }
            }
            Some(gst::PadProbeData::Event(event)) if kind == MediaKind::Video => {
                if let gst::EventView::Caps(caps) = event.view()
                    && let Some(codec) = codec(caps.caps())
                    && !has_codec.swap(true, Ordering::Relaxed)
                {
                    segmenter.report_codec(codec);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// The event that ends a fragment of `cmafmux`.
fn split_event() -> gst::Event {
    gst::event::CustomDownstream::new(gst::Structure::new_empty("FMP4MuxSplitNow"))
}

/// The codec string (RFC 6381) of H.264 with these caps.
fn codec(caps: &gst::CapsRef) -> Option<String> {
    let record = caps.structure(0)?.get::<gst::Buffer>("codec_data").ok()?;
    codecs::avc1_of_record(&record.map_readable().ok()?)
}

/// Removes SPS and PPS from a key frame: in MP4 they stand in the initialization section.
fn remove_parameter_sets(buffer: &mut gst::Buffer) {
    let kept = buffer.map_readable().ok().and_then(|b| fragments::without_parameter_sets(&b));
    let Some(kept) = kept else { return };
    let mut frame = gst::Buffer::from_mut_slice(kept);
    let metadata = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS;
    if let Some(frame) = frame.get_mut()
        && buffer.copy_into(frame, metadata, ..).is_err()
    {
        return;
    }
    *buffer = frame;
}

/// Joins the muxer's fragments to segments.
fn watch_output(src: &gst::Pad, cuts: &Arc<Cuts>, segmenter: &Arc<Segmenter>) {
    let (cuts, segmenter) = (Arc::clone(cuts), Arc::clone(segmenter));
    let open = Mutex::new(None::<SegmentWriter>);
    let mask = gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the muxer's streaming thread: writes to the pipe, so it blocks while the parent does not
    // read.
    src.add_probe(mask, move |pad, info| {
        let mut open = open.lock();
        match &info.data {
            Some(gst::PadProbeData::BufferList(list)) => {
                let Some(end) = append(list, pad, &mut open, &segmenter) else {
                    info.flow_res = Err(gst::FlowError::Error);
                    return gst::PadProbeReturn::Handled;
                };
                // Closed at once: the next video fragment comes a GOP later, the next audio fragment a segment.
                if let Some(next_ns) = cuts.segment_after(end.nseconds()) {
                    *open = None;
                    segmenter.segment_closed(gst::ClockTime::from_nseconds(next_ns));
                }
            }
            Some(gst::PadProbeData::Event(event))
                if event.type_() == gst::EventType::Eos && open.take().is_some() =>
            {
                let end_ns = segmenter.extent().end_ns;
                segmenter.segment_closed(gst::ClockTime::from_nseconds(end_ns));
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Appends one output of the muxer to the open segment: the fragment's header and its samples, preceded
/// by the initialization section before the first fragment. Returns the end of the fragment.
fn append(
    list: &gst::BufferListRef,
    pad: &gst::Pad,
    open: &mut Option<SegmentWriter>,
    segmenter: &Arc<Segmenter>,
) -> Option<gst::ClockTime> {
    let mut end = None;
    for buffer in list {
        let bytes = buffer.map_readable().ok()?;
        let is_header = buffer.flags().contains(gst::BufferFlags::HEADER);
        if is_header && buffer.flags().contains(gst::BufferFlags::DISCONT) {
            segmenter.send_init(&bytes);
            continue;
        }
        if is_header {
            let begin = running_time(pad, buffer.pts()?)?;
            end = Some(begin + buffer.duration()?);
            if open.is_none() {
                segmenter.segment_opened(begin.saturating_sub(ROUNDING));
                *open = Some(segmenter.begin_segment());
            }
        }
        open.as_ref()?.append(&bytes);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_begins_with_the_first_key_frame_at_or_after_a_cut() {
        let cuts = Cuts::default();
        cuts.request(6_000);
        cuts.request(12_000);
        let begins: Vec<_> = [0, 2_000, 6_000, 8_000, 12_001]
            .iter()
            .map(|time| cuts.begins_segment(*time))
            .collect();
        assert_eq!(begins, [false, false, true, false, true]);
        // The fragments end at 2,000, 6,000 and 8,000, and so on.
        let behind: Vec<_> =
            [2_000, 6_001, 8_001, 12_002].iter().map(|end| cuts.segment_after(*end)).collect();
        assert_eq!(behind, [None, Some(6_000), None, Some(12_001)]);
    }
}
