//! The end of the source, measured at the decoder.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::edits::Edits;
use crate::worker::timeline::timestamps::segment_of;

/// The latest end of all decoded streams, in nanoseconds of the container's time, by which it states its
/// duration.
#[derive(Default)]
pub(crate) struct SourceEnd {
    end_ns: AtomicU64,
    edits: Arc<Edits>,
}

impl SourceEnd {
    /// The end of a source with these edits.
    pub(crate) fn new(edits: &Arc<Edits>) -> Arc<Self> {
        Arc::new(Self { end_ns: AtomicU64::new(0), edits: Arc::clone(edits) })
    }

    /// Watches a pad of the decoder.
    pub(crate) fn watch(self: &Arc<Self>, pad: &gst::Pad) {
        let end = Arc::clone(self);
        // Runs on the stream's streaming thread: writes one atomic.
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer() {
                end.extend(pad, buffer);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Takes the end of a buffer into account.
    pub(crate) fn extend(&self, pad: &gst::Pad, buffer: &gst::BufferRef) {
        let Some(pts) = buffer.pts() else { return };
        let duration = buffer.duration().unwrap_or(gst::ClockTime::ZERO);
        if let Some(edits) = pad.stream_id().and_then(|id| self.edits.of_stream(&id)) {
            let end_ns = edits.shown_end_ns((pts + duration).nseconds());
            self.end_ns.fetch_max(end_ns, Ordering::AcqRel);
            return;
        }
        let time = segment_of(pad).and_then(|segment| segment.to_stream_time(pts));
        // Matroska states the time of its end, also where it begins at another one than 0.
        if let Some(time) = time.max(Some(pts)) {
            self.end_ns.fetch_max((time + duration).nseconds(), Ordering::AcqRel);
        }
    }

    /// The end so far, in nanoseconds; 0 before the first frame.
    pub(crate) fn get_ns(&self) -> u64 {
        self.end_ns.load(Ordering::Acquire)
    }
}
