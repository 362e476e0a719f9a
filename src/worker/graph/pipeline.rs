//! The pipeline of a job: source, decoder, renditions; run to its end.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::dead_stream::StreamKind;
use crate::domain::failure_code::FailureCode;
use crate::domain::limits::Limits;
use crate::domain::plan::Plan;
use crate::domain::programs;
use crate::domain::recipe::PipelineSpec;
use crate::domain::trace::Step;
use crate::domain::warning::WarningCode;
use crate::worker::elements::range_source::{Client, RangeSrc};
use crate::worker::graph::builder::GraphBuilder;
use crate::worker::graph::complete::{tolerated_ns, verify_complete};
use crate::worker::graph::element::{broken, chain, pad, plain};
use crate::worker::graph::heads::Heads;
use crate::worker::graph::segment_sink::SegmentSink;
use crate::worker::graph::skipped::SkippedStreams;
use crate::worker::graph::source_end::SourceEnd;
use crate::worker::graph::standstill::Streams;
use crate::worker::graph::subtitles::Subtitles;
use crate::worker::graph::{audio, bus, limit_probe, source_caps, thumbnails, video};
use crate::worker::output::Output;
use crate::worker::plugins;
use crate::worker::programs as worker_programs;
use crate::worker::protocol::{Event, Failure};
use crate::worker::source::Source;
use crate::worker::timeline::clean_start::CleanStart;
use crate::worker::timeline::common_end::CommonEnd;
use crate::worker::timeline::edited;
use crate::worker::timeline::even_times;
use crate::worker::timeline::segment_event;

/// Encodes the plan. Returns once every rendition is complete.
pub(crate) fn run(
    source: &Source,
    plan: &Plan,
    spec: &PipelineSpec,
    limits: &Limits,
    output: &Arc<Output>,
) -> Result<(), Failure> {
    let pipeline = gst::Pipeline::new();
    pipeline.set_property("message-forward", true);
    let source_end = SourceEnd::new(&source.edits);
    let skipped = SkippedStreams::new(plan, output, &source_end, &source.edits);
    let graph = build(&pipeline, source, plan, spec, limits, output, &skipped)?;
    let messages = pipeline.bus().ok_or_else(|| broken("the pipeline has no bus"))?;
    let watched = bus::Watched::new(&graph.sinks, &graph.thumbnail_sinks, graph.busiest.as_ref());
    let segmenters = watched.segmenters.clone();
    let busiest = watched.busiest.clone();
    // Runs on whichever thread posts the message: see `bus::handle_sync`.
    messages.set_sync_handler(move |_, message| bus::handle_sync(&segmenters, &busiest, message));
    let ended = pipeline
        .set_state(gst::State::Playing)
        .map_err(|error| broken(error.to_string()))
        .and_then(|_| play_sinks(&graph.sinks))
        .inspect(|()| output.reached(Step::Graph, None))
        .and_then(|()| bus::wait(&messages, &watched.ends, &graph.streams, output))
        .and_then(|()| verify_complete(plan, &graph.sinks, source_end.get_ns(), limits.truncated));
    // The first error on the bus says more than "the state change failed".
    let ended = ended.map_err(|failure| bus::first_error(&messages).unwrap_or(failure));
    let ended = ended.map_err(|failure| with_device(failure, spec));
    messages.unset_sync_handler();
    let complete = match ended {
        Ok(complete) => complete,
        Err(failure) => {
            // Elements that are dropped while they play crash the process, and stopping them may
            // hang: both would hide the reason. The end of the process is the end of them.
            if failure.code == FailureCode::SinkNotReady {
                pipeline.set_state(gst::State::Null).map_err(|error| broken(error.to_string()))?;
            } else {
                std::mem::forget(pipeline);
            }
            return Err(failure);
        }
    };
    skipped.subtitles.finish();
    let damaged = skipped.damage.sentence().map(|text| (WarningCode::SourceDamaged, text));
    let truncated = complete.truncated.map(|text| (WarningCode::SourceTruncated, text));
    for (code, message) in damaged.into_iter().chain(truncated) {
        output.event(&Event::warning(Some(code), message));
    }
    output.done(complete.duration_ns);
    // The parent kills a pipeline that hangs on its way down; all output was sent by now.
    pipeline.set_state(gst::State::Null).map_err(|error| broken(error.to_string()))?;
    Ok(())
}

/// Sets each sink to PLAYING by itself. A pipeline plays once all of its sinks have a first frame, so a stream
/// that comes late, or never, would stop all others.
fn play_sinks(sinks: &[SegmentSink]) -> Result<(), Failure> {
    for element in sinks.iter().map(|sink| &sink.element) {
        element.set_state(gst::State::Playing).map_err(|error| broken(error.to_string()))?;
    }
    Ok(())
}

/// The failure as one of the device, if frames of a device's decoder had caps that nothing behind takes, such as
/// those of fields: a backend that decodes in software may take them.
fn with_device(failure: Failure, spec: &PipelineSpec) -> Failure {
    const NOT_NEGOTIATED: &str = "reason not-negotiated";
    let debug = failure.debug.as_deref().unwrap_or_default();
    let of_device = !spec.decoders.is_empty() && debug.contains(NOT_NEGOTIATED);
    Failure { of_device: failure.of_device || of_device, ..failure }
}

/// The watched parts of the built pipeline.
struct Graph {
    sinks: Vec<SegmentSink>,
    thumbnail_sinks: Vec<gst::Element>,
    /// The queue whose thread encodes the largest rung.
    busiest: Option<gst::Element>,
    /// The planned streams.
    streams: Streams,
}

/// Builds `rangesrc ! decodebin` and the branches behind it.
fn build(
    pipeline: &gst::Pipeline,
    source: &Source,
    plan: &Plan,
    spec: &PipelineSpec,
    limits: &Limits,
    output: &Arc<Output>,
    skipped: &Arc<SkippedStreams>,
) -> Result<Graph, Failure> {
    let (edits, has_video) = (&source.edits, !plan.video.rungs.is_empty());
    let common_end = Arc::new(CommonEnd::new(has_video, plan.audio.len()));
    let mut builder = GraphBuilder::new(pipeline, output, &common_end, plan.segment);
    let (heads, clean_start) = (Heads::default(), CleanStart::default());
    let (mut thumbnail_sinks, mut busiest) = (Vec::new(), None);
    let mut streams = Streams::default();
    if has_video {
        let branch =
            video::build(&mut builder, &plan.video, edits.of_stream(&plan.video.stream_id), spec)?;
        let promised_ns = plan.duration_ns.unwrap_or(0);
        let max_ns = promised_ns + tolerated_ns(promised_ns);
        segment_event::sanitize_stop(&pad(&branch.head, "sink")?, max_ns);
        let head = pad(&branch.head, "sink")?;
        source_caps::declare(pipeline, &head, &plan.video, spec);
        // Decoders of devices begin with the first key frame.
        if spec.decoders.is_empty() {
            clean_start.keep_broken_back(&head);
        }
        even_times::install(&head, &plan.video);
        streams.add(StreamKind::Video, &head);
        heads.add(&plan.video.stream_id, true, head);
        busiest = branch.largest_encoder_queue;
        thumbnail_sinks = thumbnails::build(pipeline, plan, spec, &branch.tees, output)?;
    }
    for track in &plan.audio {
        let edits = edits.of_stream(&track.stream_id);
        for (stream_id, head) in audio::build(&mut builder, track, &plan.video, edits)? {
            let head = pad(&head, "sink")?;
            streams.add(StreamKind::Audio, &head);
            heads.add(stream_id, false, head);
        }
    }
    let sinks = builder.into_sinks();
    let decode = build_source(pipeline, &source.client, spec.decoders.is_empty(), heads, skipped)?;
    if let Some(bin) = decode.downcast_ref() {
        skipped.dead.watch(bin);
        clean_start.watch_coded(bin, &plan.video.stream_id);
        let audio = plan.audio.iter().map(|track| &track.stream_id);
        let mut ids = std::iter::once(&plan.video.stream_id).chain(audio);
        worker_programs::select(bin, ids.find_map(|id| programs::of_stream_id(id)));
        edited::open_segments(bin, edits);
        let id = &plan.video.stream_id;
        common_end.watch_stated_end(bin, id, edits.of_stream(id));
    }
    let (weak, limits) = (pipeline.downgrade(), limits.clone());
    // Runs on a streaming thread of the decoder: adds a probe.
    decode.connect_pad_added(move |_, pad| {
        if let Some(pipeline) = weak.upgrade() {
            limit_probe::install(&pipeline, pad, &limits);
        }
    });
    Ok(Graph { sinks, thumbnail_sinks, busiest, streams })
}

/// Builds `rangesrc ! decodebin`, whose pads are linked to the heads by stream id.
fn build_source(
    pipeline: &gst::Pipeline,
    client: &Client,
    software: bool,
    heads: Heads,
    skipped: &Arc<SkippedStreams>,
) -> Result<gst::Element, Failure> {
    let source = RangeSrc::new(client).upcast::<gst::Element>();
    let decode = plugins::decodebin(software)?;
    Subtitles::expose_formats(&decode);
    chain(pipeline, &[source, decode.clone()])?;

    let heads = Arc::new(heads);
    let (all, weak, others) = (Arc::clone(&heads), pipeline.downgrade(), Arc::clone(skipped));
    // Runs on a streaming thread of the decoder: links the pad, and reports a failure on the bus.
    decode.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let head = all.take(pad);
        match head {
            Some(_) => others.measure(pad),
            None => others.watch(pad),
        }
        if let Err(failure) = link_stream(&pipeline, pad, head) {
            post_error(&pipeline, &failure.message);
        }
    });
    let (weak, others) = (pipeline.downgrade(), Arc::clone(skipped));
    // Runs on a streaming thread of the decoder: ends branches, and reports missing video on the bus.
    decode.connect_no_more_pads(move |_| {
        let Some(pipeline) = weak.upgrade() else { return };
        others.subtitles.warn_of_missing();
        if heads.end_missing() {
            post_error(&pipeline, "its video cannot be found again");
        }
    });
    Ok(decode)
}

/// Links a decoded stream to its branch, or to a `fakesink` if the plan skips it.
fn link_stream(
    pipeline: &gst::Pipeline,
    src: &gst::Pad,
    head: Option<gst::Pad>,
) -> Result<(), Failure> {
    let sink = if let Some(head) = head {
        head
    } else {
        let sink = plain("fakesink")?;
        sink.set_property("async", false);
        pipeline.add(&sink).map_err(|error| broken(error.to_string()))?;
        sink.sync_state_with_parent().map_err(|error| broken(error.to_string()))?;
        pad(&sink, "sink")?
    };
    src.link(&sink).map(drop).map_err(|error| broken(format!("{}: {error}", src.name())))
}

fn post_error(pipeline: &gst::Pipeline, text: &str) {
    gst::element_error!(pipeline, gst::StreamError::Demux, ["{}", text]);
}
