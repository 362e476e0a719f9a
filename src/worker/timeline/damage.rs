//! Damaged places of the source, found at the decoder.

use std::collections::HashMap;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::damage::{self, DecodedFrame, FrameCheck};
use crate::domain::programs;
use crate::worker::timeline::timestamps::running_time;

/// The damaged places of all streams so far.
#[derive(Default)]
pub(crate) struct Damage {
    places: Mutex<damage::Damage>,
    /// Checks by stream id. A demuxer may announce a stream once more behind a damaged place.
    checks: Mutex<HashMap<String, Arc<Mutex<FrameCheck>>>>,
}

impl Damage {
    /// Watches a pad of the decoder.
    pub(crate) fn watch(self: &Arc<Self>, pad: &gst::Pad) {
        let id = String::from(pad.stream_id().unwrap_or_default());
        let is_broadcast = programs::of_stream_id(&id).is_some();
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
                if let Some(place) = check.lock().take(frame) {
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
