//! The muxer of fragmented MP4 (CMAF), beside the one of transport streams.
//!
//! `cmafmux` makes a fragment of what lies between two of our events. Each GOP becomes one, so that
//! the range of a key frame holds the head of one GOP and no more; sound gets one for a segment. The
//! fragments between two cuts are a segment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::hls::{codecs, fragments};
use crate::worker::graph::element::{broken, caps_filter, chain, pad, plain, set};
use crate::worker::output::SegmentWriter;
use crate::worker::protocol::Failure;
use crate::worker::timeline::segmenter::{Sink, Track, running_time};

/// The muxer rounds times down to ticks, and ours are rounded down to nanoseconds: one more, and the
/// ticks are those that were meant.
const ROUNDING: gst::ClockTime = gst::ClockTime::from_nseconds(1);

/// What is in the fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// H.264.
    Picture,
    /// AAC.
    Sound,
}

impl Stream {
    fn caps(self) -> &'static str {
        match self {
            Self::Picture => "video/x-h264,stream-format=avc,alignment=au",
            Self::Sound => "audio/mpeg,mpegversion=4,stream-format=raw",
        }
    }
}

/// A muxer behind `last` whose segments go to the track's rendition.
pub(crate) fn sink(
    pipeline: &gst::Pipeline,
    last: &gst::Element,
    stream: Stream,
    timescale: u32,
    track: &Arc<Track>,
) -> Result<Sink, Failure> {
    register()?;
    let filter = caps_filter(stream.caps())?;
    let muxer = plain("cmafmux")?;
    muxer.set_property("manual-split", true);
    muxer.set_property("send-force-keyunit", false);
    // The priming of the sound is gone already.
    set(&muxer, "write-edts-mode", "never").map_err(broken)?;
    pad(&muxer, "sink")?.set_property("trak-timescale", timescale);
    let end = plain("fakesink")?;
    end.set_property("async", false);
    end.set_property("enable-last-sample", false);
    chain(pipeline, &[filter.clone(), muxer.clone(), end.clone()])?;
    last.link(&filter).map_err(|error| broken(error.to_string()))?;

    let cuts = Arc::<Cuts>::default();
    watch_input(&pad(&filter, "src")?, stream, &cuts, track);
    watch_output(&pad(&muxer, "src")?, &cuts, track);
    Ok(Sink::new(end.clone(), end.upcast(), move |time| cuts.ask(time.nseconds())))
}

/// The muxer is linked into this program; an installed one of the same name comes first, as a type
/// cannot be there twice.
fn register() -> Result<(), Failure> {
    if gst::ElementFactory::find("cmafmux").is_some() {
        return Ok(());
    }
    gstfmp4::plugin_register_static().map_err(|error| broken(error.to_string()))
}

/// Where segments begin: asked for before the encoder, found again before and behind the muxer.
#[derive(Default)]
struct Cuts(Mutex<Times>);

#[derive(Default)]
struct Times {
    /// A segment is to begin with the first key frame from here on.
    asked: VecDeque<u64>,
    /// A segment begins with this frame, which is in the muxer.
    begun: VecDeque<u64>,
}

impl Cuts {
    fn ask(&self, time_ns: u64) {
        self.0.lock().asked.push_back(time_ns);
    }

    /// Whether a segment begins with this key frame, which is about to go into the muxer.
    fn begins(&self, time_ns: u64) -> bool {
        let mut times = self.0.lock();
        let is_begin = take_until(&mut times.asked, time_ns).is_some();
        if is_begin {
            times.begun.push_back(time_ns);
        }
        is_begin
    }

    /// Where a segment begins behind a fragment that ends here, if one does: its first key frame has
    /// gone into the muxer before the fragment came out.
    fn behind(&self, end_ns: u64) -> Option<u64> {
        take_until(&mut self.0.lock().begun, end_ns)
    }
}

/// Takes out what is not later. The last of it, if there was any.
fn take_until(times: &mut VecDeque<u64>, time_ns: u64) -> Option<u64> {
    let due = times.iter().take_while(|time| **time <= time_ns).count();
    times.drain(..due).next_back()
}

/// Prepares what goes into the muxer, tells it where fragments end, and reads the codec string.
fn watch_input(src: &gst::Pad, stream: Stream, cuts: &Arc<Cuts>, track: &Arc<Track>) {
    let (cuts, track) = (Arc::clone(cuts), Arc::clone(track));
    let (begun, told) = (AtomicBool::new(false), AtomicBool::new(false));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    src.add_probe(mask, move |pad, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts)) else {
                    return gst::PadProbeReturn::Ok;
                };
                let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                let begins_segment = is_key && cuts.begins(time.nseconds());
                let begins_fragment = match stream {
                    Stream::Picture => is_key,
                    Stream::Sound => begins_segment,
                };
                if stream == Stream::Picture && is_key {
                    take_parameter_sets_out(buffer);
                }
                let buffer = buffer.make_mut();
                buffer.set_pts(buffer.pts().map(|time| time + ROUNDING));
                buffer.set_dts(buffer.dts().map(|time| time + ROUNDING));
                if begun.swap(true, Ordering::Relaxed) && begins_fragment {
                    // One that is refused shows in the number of segments.
                    pad.push_event(split());
                }
            }
            Some(gst::PadProbeData::Event(event)) if stream == Stream::Picture => {
                if let gst::EventView::Caps(caps) = event.view()
                    && let Some(codec) = codec(caps.caps())
                    && !told.swap(true, Ordering::Relaxed)
                {
                    track.rendition().tell_codec(codec);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// What the muxer takes as the end of a fragment.
fn split() -> gst::Event {
    gst::event::CustomDownstream::new(gst::Structure::new_empty("FMP4MuxSplitNow"))
}

/// The codec string of H.264 that is described by these caps.
fn codec(caps: &gst::CapsRef) -> Option<String> {
    let record = caps.structure(0)?.get::<gst::Buffer>("codec_data").ok()?;
    codecs::avc1_of_record(&record.map_readable().ok()?)
}

fn take_parameter_sets_out(buffer: &mut gst::Buffer) {
    let kept = buffer.map_readable().ok().and_then(|b| fragments::without_parameter_sets(&b));
    let Some(kept) = kept else { return };
    let mut picture = gst::Buffer::from_mut_slice(kept);
    let described = gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS;
    if let Some(picture) = picture.get_mut()
        && buffer.copy_into(picture, described, ..).is_err()
    {
        return;
    }
    *buffer = picture;
}

/// Makes segments of the fragments that come out of the muxer.
fn watch_output(src: &gst::Pad, cuts: &Arc<Cuts>, track: &Arc<Track>) {
    let (cuts, track) = (Arc::clone(cuts), Arc::clone(track));
    let open = Mutex::new(None::<SegmentWriter>);
    let mask = gst::PadProbeType::BUFFER_LIST | gst::PadProbeType::EVENT_DOWNSTREAM;
    src.add_probe(mask, move |pad, info| {
        let mut open = open.lock();
        match &info.data {
            Some(gst::PadProbeData::BufferList(list)) => {
                let Some(end) = take(list, pad, &mut open, &track) else {
                    info.flow_res = Err(gst::FlowError::Error);
                    return gst::PadProbeReturn::Handled;
                };
                // Told at once: the next fragment comes a GOP later, and that of sound a segment.
                if let Some(next_ns) = cuts.behind(end.nseconds()) {
                    *open = None;
                    track.closed(gst::ClockTime::from_nseconds(next_ns));
                }
            }
            Some(gst::PadProbeData::Event(event))
                if event.type_() == gst::EventType::Eos && open.take().is_some() =>
            {
                let (_, end_ns) = track.extent();
                track.closed(gst::ClockTime::from_nseconds(end_ns));
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Takes what the muxer puts out at once: before the first fragment the initialization section, then
/// the fragment's head and its samples. Returns where it ends.
fn take(
    list: &gst::BufferListRef,
    pad: &gst::Pad,
    open: &mut Option<SegmentWriter>,
    track: &Track,
) -> Option<gst::ClockTime> {
    let mut end = None;
    for buffer in list {
        let bytes = buffer.map_readable().ok()?;
        let is_head = buffer.flags().contains(gst::BufferFlags::HEADER);
        if is_head && buffer.flags().contains(gst::BufferFlags::DISCONT) {
            track.rendition().init(&bytes);
            continue;
        }
        if is_head {
            let begin = running_time(pad, buffer.pts()?)?;
            end = Some(begin + buffer.duration()?);
            if open.is_none() {
                track.opened(begin.saturating_sub(ROUNDING));
                *open = Some(track.rendition().begin());
            }
        }
        open.as_ref()?.take(&bytes);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_met_by_the_first_key_frame_from_there_on() {
        let cuts = Cuts::default();
        cuts.ask(6_000);
        cuts.ask(12_000);
        let begins: Vec<_> =
            [0, 2_000, 6_000, 8_000, 12_001].iter().map(|time| cuts.begins(*time)).collect();
        assert_eq!(begins, [false, false, true, false, true]);
        // The fragments end at 2,000, 6,000 and 8,000, and so on.
        let behind: Vec<_> =
            [2_000, 6_001, 8_001, 12_002].iter().map(|end| cuts.behind(*end)).collect();
        assert_eq!(behind, [None, Some(6_000), None, Some(12_001)]);
    }
}
