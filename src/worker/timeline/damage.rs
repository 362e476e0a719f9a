//! Damaged places of the source, found at the decoder.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::damage::{self, DecodedFrame, FrameCheck};
use crate::domain::edits::{Edits, TrackEdits};
use crate::domain::programs;
use crate::worker::timeline::timestamps::running_time;

/// The damaged places of all streams so far.
pub(crate) struct Damage {
    edits: Arc<Edits>,
    places: Mutex<damage::Damage>,
    /// Checks by stream id. A demuxer may announce a stream once more behind a damaged place.
    checks: Mutex<HashMap<String, Arc<Mutex<FrameCheck>>>>,
}

impl Damage {
    /// No damage so far, in a source with these edits.
    pub(crate) fn new(edits: &Arc<Edits>) -> Arc<Self> {
        let (places, checks) = (Mutex::default(), Mutex::default());
        Arc::new(Self { edits: Arc::clone(edits), places, checks })
    }

    /// Watches a pad of the decoder.
    pub(crate) fn watch(self: &Arc<Self>, pad: &gst::Pad) {
        let id = String::from(pad.stream_id().unwrap_or_default());
        let is_broadcast = programs::of_stream_id(&id).is_some();
        let edits = self.edits.of_stream(&id);
        let new = || Arc::new(Mutex::new(FrameCheck::new(is_broadcast)));
        let check = Arc::clone(self.checks.lock().entry(id).or_insert_with(new));
        let damage = Arc::clone(self);
        // Runs on the stream's streaming thread: reads the buffer. The list of all streams is locked only
        // where there is damage.
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer()
                && let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts))
            {
                let has = |flag| buffer.flags().contains(flag);
                let frame = DecodedFrame {
                    time_ns: time.nseconds(),
                    is_corrupted: has(gst::BufferFlags::CORRUPTED),
                    is_discontinuous: has(gst::BufferFlags::DISCONT),
                };
                let place = check.lock().take(frame);
                if let Some(place) = place.and_then(|place| shown(edits.as_ref(), place)) {
                    damage.places.lock().add(place);
                }
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// A sentence that names the places; none without damage.
    pub(crate) fn sentence(&self) -> Option<String> {
        self.places.lock().sentence()
    }
}

/// When a place of the source is shown; `None` if it is not.
fn shown(edits: Option<&TrackEdits>, place: Range<u64>) -> Option<Range<u64>> {
    let Some(edits) = edits else { return Some(place) };
    let shown = edits.shown_end_ns(place.start)..edits.shown_end_ns(place.end);
    (!shown.is_empty()).then_some(shown)
}
