//! Streams that are not encoded: subtitles, whose text is read, streams that the plan skips, and streams that
//! cannot be decoded.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::edits::Edits;
use crate::domain::plan::Plan;
use crate::domain::warning::WarningCode;
use crate::worker::dead_streams::DeadStreams;
use crate::worker::graph::source_end::SourceEnd;
use crate::worker::graph::subtitles::Subtitles;
use crate::worker::output::Output;
use crate::worker::protocol::Event;
use crate::worker::timeline::damage::Damage;

/// All decoder pads that have no encoder.
pub(crate) struct SkippedStreams {
    /// The subtitle streams of the plan.
    pub(crate) subtitles: Subtitles,
    /// The streams whose parser or decoder gives up.
    pub(crate) dead: DeadStreams,
    /// Damaged places of the streams that are encoded.
    pub(crate) damage: Arc<Damage>,
    source_end: Arc<SourceEnd>,
}

impl SkippedStreams {
    /// The skipped streams of this plan. Their ends count for the end of the source: the container's duration
    /// is that of its longest stream, which may be one of these. `edits` are those of its tracks.
    pub(crate) fn new(
        plan: &Plan,
        output: &Arc<Output>,
        source_end: &Arc<SourceEnd>,
        edits: &Arc<Edits>,
    ) -> Arc<Self> {
        let subtitles = Subtitles::new(plan, output, edits.start_ns());
        let dead = dead_streams(plan, output, edits);
        let source_end = Arc::clone(source_end);
        Arc::new(Self { subtitles, dead, damage: Damage::new(edits), source_end })
    }

    /// Measures a stream that is encoded, and looks for damage in it.
    pub(crate) fn measure(&self, pad: &gst::Pad) {
        self.source_end.watch(pad);
        self.damage.watch(pad);
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

/// Leaves streams out that give up, but the video of the plan, or the only audio of one without video. Warns of
/// those that the plan has: the probe did so of the others.
fn dead_streams(plan: &Plan, output: &Arc<Output>, edits: &Arc<Edits>) -> DeadStreams {
    let ids = plan
        .audio
        .iter()
        .flat_map(|track| std::iter::once(&track.stream_id).chain(&track.right_stream_id).cloned());
    let audio: Vec<String> = ids.collect();
    let needed = match &audio[..] {
        [only] if plan.video.rungs.is_empty() => only.clone(),
        _ => plan.video.stream_id.clone(),
    };
    let (output, edits) = (Arc::clone(output), Arc::clone(edits));
    DeadStreams::new(
        move |stream_id| stream_id == needed,
        move |mut stream| {
            if let Some(edits) = edits.of_stream(&stream.stream_id) {
                stream.from_ns = stream.from_ns.map(|ns| edits.shown_end_ns(ns));
            }
            if audio.contains(&stream.stream_id) {
                let code = Some(WarningCode::StreamLeftOut);
                output.event(&Event::warning(code, stream.sentence()));
            }
        },
    )
}
