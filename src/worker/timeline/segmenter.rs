//! Where segments begin and end, in running time.
//!
//! The cuts are asked for before the encoders, for every frame that begins a segment, so all
//! renditions are cut at the same pictures. What the muxer then did comes back; [`Track`] makes
//! segments of it.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::worker::output::Rendition;

/// How many segments there will be, once the stream has ended before the encoders.
#[derive(Default)]
pub(crate) struct Total(Mutex<Option<u32>>);

impl Total {
    fn is_last(&self, number: u32) -> bool {
        self.0.lock().is_some_and(|total| number + 1 >= total)
    }
}

/// How a sink is asked for a cut at the frame with this running time.
type Cut = Arc<dyn Fn(gst::ClockTime) + Send + Sync>;

/// The end of a rendition's chain, which makes its segments.
#[derive(Clone)]
pub(crate) struct Sink {
    /// The element that its messages come from.
    pub(crate) element: gst::Element,
    /// The element whose end is that of the chain.
    pub(crate) end: gst::Object,
    cut: Cut,
}

impl Sink {
    /// A sink that is cut like this. `cut` holds no element, as elements will hold it.
    pub(crate) fn new(
        element: gst::Element,
        end: gst::Object,
        cut: impl Fn(gst::ClockTime) + Send + Sync + 'static,
    ) -> Self {
        Self { element, end, cut: Arc::new(cut) }
    }
}

/// Asks sinks for cuts.
pub(crate) struct Cutter {
    sinks: Vec<Cut>,
    total: Arc<Total>,
    /// Cuts asked for so far.
    cuts: Mutex<u32>,
}

impl Cutter {
    /// A cutter of these sinks.
    pub(crate) fn new(sinks: &[Sink], total: &Arc<Total>) -> Self {
        Self {
            sinks: sinks.iter().map(|sink| Arc::clone(&sink.cut)).collect(),
            total: Arc::clone(total),
            cuts: Mutex::default(),
        }
    }

    /// The frame with this running time, which has not been pushed on yet, begins a segment.
    pub(crate) fn cut(&self, running_time: gst::ClockTime) {
        *self.cuts.lock() += 1;
        for cut in &self.sinks {
            cut(running_time);
        }
    }

    /// The stream has ended.
    pub(crate) fn end(&self) {
        *self.total.0.lock() = Some(*self.cuts.lock() + 1);
    }
}

/// The timeline of one rendition.
pub(crate) struct Track {
    rendition: Arc<Rendition>,
    total: Arc<Total>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    opened_ns: u64,
    closed: u32,
    filled: u32,
    /// End of the last frame that went into the muxer.
    end_ns: u64,
}

impl Track {
    /// The timeline of this rendition, which is cut as often as `total` will say.
    pub(crate) fn new(rendition: Arc<Rendition>, total: &Arc<Total>) -> Self {
        Self { rendition, total: Arc::clone(total), state: Mutex::default() }
    }

    /// The rendition.
    pub(crate) fn rendition(&self) -> &Arc<Rendition> {
        &self.rendition
    }

    /// An encoded frame goes into the muxer and ends at this running time.
    pub(crate) fn frame(&self, end: gst::ClockTime) {
        let mut state = self.state.lock();
        state.end_ns = state.end_ns.max(end.nseconds());
    }

    /// The muxer has begun a segment.
    pub(crate) fn opened(&self, running_time: gst::ClockTime) {
        self.state.lock().opened_ns = running_time.nseconds();
    }

    /// The muxer has ended a segment where the next one begins. At the end of the stream it
    /// reports the last frame's start instead, so that one is measured from the frames.
    pub(crate) fn closed(&self, running_time: gst::ClockTime) {
        let (number, start_ns, end_ns) = {
            let mut state = self.state.lock();
            let number = state.closed;
            state.closed += 1;
            let last = self.total.is_last(number);
            let end_ns = if last { state.end_ns } else { running_time.nseconds() };
            (number, state.opened_ns, end_ns)
        };
        if self.rendition.close(number, start_ns, end_ns.saturating_sub(start_ns)) {
            self.state.lock().filled += 1;
        }
    }

    /// All segments that there will be are closed.
    pub(crate) fn is_whole(&self) -> bool {
        let closed = self.state.lock().closed;
        closed.checked_sub(1).is_some_and(|last| self.total.is_last(last))
    }

    /// Whole segments with bytes so far and the end of the last frame, in nanoseconds.
    pub(crate) fn extent(&self) -> (u32, u64) {
        let state = self.state.lock();
        (state.filled, state.end_ns)
    }
}

/// Running time of a buffer on this pad.
pub(crate) fn running_time(pad: &gst::Pad, time: gst::ClockTime) -> Option<gst::ClockTime> {
    segment(pad)?.to_running_time(time)
}

/// The segment that this pad is in.
pub(crate) fn segment(pad: &gst::Pad) -> Option<gst::FormattedSegment<gst::ClockTime>> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    event.segment().downcast_ref::<gst::ClockTime>().cloned()
}
