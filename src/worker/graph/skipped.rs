//! Streams that are not encoded: subtitles, whose text is read, and streams that the plan skips.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::plan::Plan;
use crate::worker::graph::source_end::SourceEnd;
use crate::worker::graph::subtitles::Subtitles;
use crate::worker::output::Output;

/// All decoder pads that have no encoder.
pub(crate) struct SkippedStreams {
    /// The subtitle streams of the plan.
    pub(crate) subtitles: Subtitles,
    source_end: Arc<SourceEnd>,
}

impl SkippedStreams {
    /// The skipped streams of this plan. Their ends count for the end of the source: the container's duration
    /// is that of its longest stream, which may be one of these. `start_ns` is when the video begins.
    pub(crate) fn new(
        plan: &Plan,
        output: &Arc<Output>,
        source_end: &Arc<SourceEnd>,
        start_ns: u64,
    ) -> Arc<Self> {
        let subtitles = Subtitles::new(plan, output, start_ns);
        Arc::new(Self { subtitles, source_end: Arc::clone(source_end) })
    }

    /// Measures a stream that is encoded.
    pub(crate) fn measure(&self, pad: &gst::Pad) {
        self.source_end.watch(pad);
    }

    /// Reads the cues of a subtitle stream, or measures any other stream. Nothing passes the pad.
    pub(crate) fn watch(&self, pad: &gst::Pad) {
        let end = Arc::clone(&self.source_end);
        if self.subtitles.watch(pad, move |pad, buffer| end.extend(pad, buffer)) {
            return;
        }
        self.source_end.watch(pad);
        // Runs on the stream's streaming thread, which it does not block.
        pad.add_probe(gst::PadProbeType::BUFFER, |_, _| gst::PadProbeReturn::Drop);
    }
}
