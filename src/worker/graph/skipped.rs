//! Streams that are not encoded: subtitles, whose text is read, and streams that the plan skips.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::plan::Plan;
use crate::worker::graph::subtitles::Subtitles;
use crate::worker::output::Output;
use crate::worker::timeline::timestamps::running_time;

/// All decoder pads that have no encoder.
pub(crate) struct SkippedStreams {
    /// The subtitle streams of the plan.
    pub(crate) subtitles: Subtitles,
    end: Arc<LatestEnd>,
}

/// End of the longest of them, in nanoseconds of running time. The container's duration is that of its
/// longest stream, which may be one of these.
#[derive(Default)]
struct LatestEnd(AtomicU64);

impl SkippedStreams {
    /// The skipped streams of this plan.
    pub(crate) fn new(plan: &Plan, output: &Arc<Output>) -> Arc<Self> {
        Arc::new(Self { subtitles: Subtitles::new(plan, output), end: Arc::default() })
    }

    /// Reads the cues of a subtitle stream, or measures any other stream. Nothing passes the pad.
    pub(crate) fn watch(&self, pad: &gst::Pad) {
        let end = Arc::clone(&self.end);
        if self.subtitles.watch(pad, move |pad, buffer| end.extend(pad, buffer)) {
            return;
        }
        let end = Arc::clone(&self.end);
        // Runs on the stream's streaming thread: writes one atomic.
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer() {
                end.extend(pad, buffer);
            }
            gst::PadProbeReturn::Drop
        });
    }

    /// End of the longest skipped stream so far, in nanoseconds.
    pub(crate) fn end_ns(&self) -> u64 {
        self.end.0.load(Ordering::Acquire)
    }
}

impl LatestEnd {
    fn extend(&self, pad: &gst::Pad, buffer: &gst::Buffer) {
        if let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts)) {
            let end = time + buffer.duration().unwrap_or(gst::ClockTime::ZERO);
            self.0.fetch_max(end.nseconds(), Ordering::AcqRel);
        }
    }
}
