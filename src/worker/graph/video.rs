//! The video branch: the ladder, its frame grid, and a rendition for each rung.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::edits::TrackEdits;
use crate::domain::encode::SegmentFormat;
use crate::domain::hls::codecs;
use crate::domain::plan::VideoPlan;
use crate::domain::recipe::PipelineSpec;
use crate::domain::trace::Step;
use crate::worker::graph::builder::GraphBuilder;
use crate::worker::graph::element::{broken, pad, queue};
use crate::worker::graph::ladder;
use crate::worker::graph::segment_sink::{Cutter, MediaKind};
use crate::worker::output::Output;
use crate::worker::protocol::Failure;
use crate::worker::timeline::frame_grid::FrameGrid;
use crate::worker::timeline::segmenter::Segmenter;
use crate::worker::timeline::timestamps::{rewrite_timestamps, running_time};

/// Encoded video that may wait before the muxer.
const QUEUED_VIDEO: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// The video branch of a pipeline.
pub(crate) struct VideoBranch {
    /// The element to link the video pad to.
    pub(crate) head: gst::Element,
    /// The tee of each rung, through which its scaled frames pass.
    pub(crate) tees: Vec<gst::Element>,
    /// The queue whose thread encodes the largest rung.
    pub(crate) largest_encoder_queue: Option<gst::Element>,
}

/// Builds everything behind the video pad, and a rendition for each rung. `edits` are those of the track.
pub(crate) fn build(
    builder: &mut GraphBuilder<'_>,
    plan: &VideoPlan,
    edits: Option<TrackEdits>,
    spec: &PipelineSpec,
) -> Result<VideoBranch, Failure> {
    let ladder = ladder::build(builder.pipeline, spec)?;
    let mut cutters = Vec::new();
    for rung in &ladder.rungs {
        // Each pad of a splitmuxsink needs a thread of its own.
        let last = queue(0, QUEUED_VIDEO.nseconds())?;
        builder.pipeline.add(&last).map_err(|error| broken(error.to_string()))?;
        rung.parser.link(&last).map_err(|error| broken(error.to_string()))?;
        let format = builder.format();
        let sink = builder.add_rendition(&last, MediaKind::Video, plan.timescale())?;
        watch_encoded(&pad(&last, "src")?, format, &sink.segmenter);
        cutters.push(sink.cutter());
    }
    let src = pad(&ladder.prepared, "src")?;
    let grid = place_frames(&src, plan, cutters, builder.output);
    let (end_plan, snap_plan) = (plan.clone(), plan.clone());
    let common_end = Arc::clone(builder.common_end);
    rewrite_timestamps(
        &pad(&ladder.prepared, "sink")?,
        plan.frame_time_ns(1) / 2,
        edits,
        move |time_ns| snap_plan.frame_time_ns(snap_plan.frames_in_ns(time_ns)),
        move || grid.finish(&src, &end_plan, &common_end),
    );
    Ok(VideoBranch {
        head: ladder.head,
        largest_encoder_queue: ladder.rungs.first().map(|rung| rung.encoder_queue.clone()),
        tees: ladder.rungs.into_iter().map(|rung| rung.tee).collect(),
    })
}

/// Places every frame before the first tee on the grid, and cuts all rungs at each frame that begins a
/// segment.
fn place_frames(
    src: &gst::Pad,
    plan: &VideoPlan,
    cutters: Vec<Cutter>,
    output: &Arc<Output>,
) -> Arc<FrameGrid> {
    let grid = Arc::new(FrameGrid::default());
    let (plan, output, placing) = (plan.clone(), Arc::clone(output), Arc::clone(&grid));
    let has_begun = AtomicBool::new(false);
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the streaming thread that prepares frames, and once more, nested, for each frame that the
    // grid pushes. It blocks while the parent does not read reports of progress.
    src.add_probe(mask, move |pad, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(frame)) => {
                let Some((number, time)) = placing.passing(&plan) else {
                    if !has_begun.swap(true, Ordering::Relaxed) {
                        output.reached(Step::FirstFrame, None);
                    }
                    return match placing.take(pad, frame, &plan) {
                        Ok(_) => gst::PadProbeReturn::Drop,
                        // This frame is refused, too, which tells the elements upstream.
                        Err(_) => gst::PadProbeReturn::Ok,
                    };
                };
                if number > 0 && plan.begins_segment(number) {
                    for cutter in &cutters {
                        cutter.cut(time);
                    }
                }
                output.progress(time.nseconds());
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                cutters.iter().for_each(Cutter::finish);
            }
            // The grid fills holes with frames.
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Gap => {
                return gst::PadProbeReturn::Drop;
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    grid
}

/// Reports encoded frames to the segmenter, and the codec string from the first key frame of a byte
/// stream. CMAF chains report it from their caps.
fn watch_encoded(src: &gst::Pad, format: SegmentFormat, segmenter: &Arc<Segmenter>) {
    let segmenter = Arc::downgrade(segmenter);
    let has_codec = Mutex::new(format == SegmentFormat::Cmaf);
    // Runs on the muxer's streaming thread: reads the buffer, and writes one event to the pipe.
    src.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let (Some(segmenter), Some(buffer)) = (segmenter.upgrade(), info.buffer()) else {
            return gst::PadProbeReturn::Ok;
        };
        let mut has_codec = has_codec.lock();
        if !*has_codec
            && let Ok(bytes) = buffer.map_readable()
            && let Some(codec) = codecs::avc1_of_byte_stream(&bytes)
        {
            segmenter.report_codec(codec);
            *has_codec = true;
        }
        if let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts)) {
            segmenter.frame_muxed(time + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
        }
        gst::PadProbeReturn::Ok
    });
}
