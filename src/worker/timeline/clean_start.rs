//! Keeps broken frames at the beginning of the video back.

use std::collections::VecDeque;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::clean_start::{self, Frame};
use crate::worker::container_caps::has_klass;

/// Bytes of frames that are kept in case that no whole frame comes. Of more, the first are dropped: the frames
/// before the first whole one are the least broken at their end.
const MAX_KEPT_BYTES: usize = 128 << 20;
/// Formats whose parsers tell key frames, by the names of their caps.
const FORMATS: [&str; 3] = ["video/x-h264", "video/x-h265", "video/mpeg"];

/// The beginning of one video stream, watched before and behind its decoder.
#[derive(Clone, Default)]
pub(crate) struct CleanStart(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// None before the first coded frame, for formats without key frames, and once a frame was shown.
    start: Option<clean_start::CleanStart>,
    has_begun: bool,
    kept: VecDeque<gst::Buffer>,
    /// Set while frames are pushed, which pass the probe.
    is_pushing: bool,
}

impl CleanStart {
    /// Watches the coded frames of the stream with this id at decoders that this bin, and bins inside of it,
    /// add from now on.
    pub(crate) fn watch_coded(&self, bin: &gst::Bin, stream_id: &str) {
        let (state, stream_id) = (Arc::clone(&self.0), stream_id.to_owned());
        // Runs on the thread that adds the element.
        bin.connect_deep_element_added(move |_, _, element| {
            let sink = element.static_pad("sink").filter(|_| has_klass(element, &["Decoder"]));
            let (Some(sink), state, stream_id) = (sink, Arc::clone(&state), stream_id.clone())
            else {
                return;
            };
            // Runs on the decoder's streaming thread: reads the buffer.
            sink.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                let Some(buffer) = info.buffer() else { return gst::PadProbeReturn::Ok };
                if pad.stream_id().is_some_and(|id| id == stream_id)
                    && state.lock().take_coded(pad, buffer)
                {
                    return gst::PadProbeReturn::Ok;
                }
                gst::PadProbeReturn::Remove
            });
        });
    }

    /// Keeps broken frames back that arrive at this pad, behind the decoder.
    pub(crate) fn keep_broken_back(&self, pad: &gst::Pad) {
        let state = Arc::clone(&self.0);
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        // Runs on the decoder's streaming thread, and once more, nested, for each frame that was kept. The lock
        // is never held meanwhile.
        pad.add_probe(mask, move |pad, info| match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let frame = state.lock().take_decoded(buffer);
                match frame {
                    Some(Frame::Broken) => return gst::PadProbeReturn::Drop,
                    Some(Frame::Late) => push_kept(&state, pad),
                    Some(Frame::Whole) | None => {}
                }
                gst::PadProbeReturn::Ok
            }
            Some(gst::PadProbeData::Event(event)) => {
                if event.type_() == gst::EventType::Eos {
                    push_kept(&state, pad);
                } else if event.type_() == gst::EventType::Caps {
                    // Kept frames have the caps before.
                    state.lock().kept.clear();
                }
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        });
    }
}

/// Shows the kept frames after all.
fn push_kept(state: &Mutex<State>, pad: &gst::Pad) {
    let kept = {
        let mut state = state.lock();
        state.start = None;
        state.is_pushing = true;
        std::mem::take(&mut state.kept)
    };
    for frame in kept {
        // An element that refuses a frame reports its reason on the bus.
        if pad.chain(frame).is_err() {
            break;
        }
    }
    state.lock().is_pushing = false;
}

impl State {
    /// Takes a coded frame. Returns whether the next one is of interest.
    fn take_coded(&mut self, pad: &gst::Pad, buffer: &gst::BufferRef) -> bool {
        if !std::mem::replace(&mut self.has_begun, true) {
            let caps = pad.current_caps();
            let structure = caps.as_ref().and_then(|caps| caps.structure(0));
            let is_format = |format: &&&str| structure.is_some_and(|caps| caps.name() == **format);
            let format = FORMATS.iter().find(is_format);
            self.start =
                format.map(|format| clean_start::CleanStart::new(*format == "video/x-h264"));
        }
        let Some(start) = &mut self.start else { return false };
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        start.coded(buffer.pts().map(gst::ClockTime::nseconds), is_key);
        !is_key
    }

    /// Takes a decoded frame; none once a frame was shown.
    fn take_decoded(&mut self, buffer: &gst::Buffer) -> Option<Frame> {
        let start = self.start.as_mut().filter(|_| !self.is_pushing)?;
        let is_corrupted = buffer.flags().contains(gst::BufferFlags::CORRUPTED);
        let frame = start.decoded(buffer.pts().map(gst::ClockTime::nseconds), is_corrupted);
        match frame {
            Frame::Broken => self.keep(buffer.clone()),
            Frame::Whole => {
                self.kept.clear();
                self.start = None;
            }
            Frame::Late => {}
        }
        Some(frame)
    }

    fn keep(&mut self, buffer: gst::Buffer) {
        self.kept.push_back(buffer);
        let mut bytes: usize = self.kept.iter().map(|frame| frame.size()).sum();
        while bytes > MAX_KEPT_BYTES
            && let Some(first) = self.kept.pop_front()
        {
            bytes -= first.size();
        }
    }
}
