//! The trial encode: a small job by a recipe, from decoder to encoders.

use std::sync::Arc;
use std::time::Instant;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use super::clip::{self, Clip, FPS};
use super::judge;
use crate::domain::backend::Trial;
use crate::domain::encode::EncodeConfig;
use crate::domain::failure_code::FailureCode;
use crate::domain::ladder::{Ladder, Rung};
use crate::domain::media::{DynamicRange, Fraction, MediaInfo, Orientation, VideoStream};
use crate::domain::plan::{self, Plan};
use crate::domain::recipe::{self, Lack, PipelineSpec, Recipe, RungSpec, Source, When};
use crate::worker::graph::element::{caps_filter, chain, make, pad, plain, queue};
use crate::worker::plugins;
use crate::worker::protocol::Failure;

/// Pictures of a trial: two GOPs at 30 frames per second, so that a second key frame comes.
const FRAMES: u32 = 90;
/// Pictures of the trials of what only some sources need.
const FEW_FRAMES: u32 = 12;
/// Size of the clip for the processor, where a larger one takes its time at every start.
const SMALL: (u32, u32) = (320, 240);
/// Size of the clip for a GPU, where a smaller one says nothing of its speed.
const LARGE: (u32, u32) = (1280, 720);

/// Tries a recipe that was resolved.
pub(super) fn trial(recipe: &Recipe, _encode: &EncodeConfig) -> Result<Trial, String> {
    let is_gpu = recipe.device != recipe::DeviceKind::Cpu;
    let (width, height) = if is_gpu { LARGE } else { SMALL };
    let make = |frames| clip::make(width, height, frames).map_err(|failure| failure.message);
    let clip = make(FRAMES)?;
    let plain = VideoStream { ..stream(&clip) };
    let whole = run(recipe, &clip, &plain, Source { device_decoded: is_gpu && decodes(recipe) })?;
    let mut recipe = recipe.clone();
    let short = make(FEW_FRAMES)?;
    let turned = VideoStream { orientation: Orientation::Rotate90, ..stream(&short) };
    let interlaced = VideoStream { interlaced: true, ..stream(&short) };
    for (when, stream) in [(When::Rotated, turned), (When::Interlaced, interlaced)] {
        if let Err(reason) = run(&recipe, &short, &stream, Source::default()) {
            recipe.cannot.push(Lack { when: vec![when], reason });
        }
    }
    Ok(Trial { recipe, fps: whole.fps.round(), pixels_per_sec: whole.pixels_per_sec.round() })
}

/// Whether one of the recipe's decoders takes the clip.
fn decodes(recipe: &Recipe) -> bool {
    recipe.decoders.iter().any(|name| name.contains("h264"))
}

struct Speed {
    fps: f64,
    pixels_per_sec: f64,
}

fn stream(clip: &Clip) -> VideoStream {
    VideoStream {
        stream_id: String::new(),
        codec: "video/x-h264".to_owned(),
        caps: String::new(),
        width: clip.width,
        height: clip.height,
        fps: Fraction::new(FPS, 1),
        frame_times: None,
        pixel_aspect: Fraction::new(1, 1),
        orientation: Orientation::Upright,
        interlaced: false,
        bit_depth: 8,
        dynamic_range: DynamicRange::Standard,
        is_image: false,
    }
}

/// Two rungs of the clip's height and two thirds of it.
fn planned(recipe: &Recipe, stream: &VideoStream) -> Result<Plan, String> {
    let rung = |height| Rung { height, max_bitrate_kbps: 500 + height };
    let media = MediaInfo { video: vec![stream.clone()], ..MediaInfo::default() };
    let height = stream.height;
    let ladder = Ladder(vec![rung(height * 2 / 3), rung(height)]);
    plan::plan(&media, &ladder, &EncodeConfig::default(), &recipe.name)
        .map_err(|error| error.to_string())
}

fn run(
    recipe: &Recipe,
    clip: &Clip,
    stream: &VideoStream,
    source: Source,
) -> Result<Speed, String> {
    let plan = planned(recipe, stream)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = u32::try_from(cores.div_ceil(plan.video.rungs.len().max(1))).unwrap_or(1);
    let spec = recipe::render(recipe, &plan, &EncodeConfig::default(), threads, source);
    plugins::prefer(&spec.decoders);
    let pipeline = gst::Pipeline::new();
    let outputs = build(&pipeline, clip, &spec).map_err(|failure| failure.message)?;
    let played = judge::play(&pipeline);
    let ended = Instant::now();
    if let Err(error) = played {
        // It may hang on its way down; the process ends soon.
        std::mem::forget(pipeline);
        return Err(error);
    }
    pipeline.set_state(gst::State::Null).map_err(|error| error.to_string())?;
    let mut began = ended;
    for (output, rung) in outputs.iter().zip(&plan.video.rungs) {
        let bytes = output.bytes.lock();
        judge::judge(&bytes, plan.video.gop_frames, clip.frames, clip.luma)
            .map_err(|error| format!("{}: {error}", rung.name))?;
        began = began.min(output.began.lock().unwrap_or(ended));
    }
    let secs = (ended - began).as_secs_f64().max(0.001);
    let pixels: f64 =
        plan.video.rungs.iter().map(|rung| f64::from(rung.width) * f64::from(rung.height)).sum();
    let fps = f64::from(clip.frames) / secs;
    Ok(Speed { fps, pixels_per_sec: fps * pixels })
}

/// What comes out of one encoder.
struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// When its first picture went in.
    began: Arc<Mutex<Option<Instant>>>,
}

fn build(
    pipeline: &gst::Pipeline,
    clip: &Clip,
    spec: &PipelineSpec,
) -> Result<Vec<Output>, Failure> {
    let decode = plugins::decodebin(spec.decoders.is_empty())?;
    chain(pipeline, &[judge::source(&clip.bytes)?, decode.clone()])?;
    let head = queue(4, 0)?;
    let mut prepared = vec![head.clone()];
    for step in &spec.prepare {
        prepared.push(make(step)?);
    }
    let mut above = caps_filter(&spec.prepared_caps)?;
    prepared.push(above.clone());
    chain(pipeline, &prepared)?;
    for step in &spec.still {
        make(step)?;
    }
    let mut outputs = Vec::new();
    for rung in &spec.rungs {
        let (tee, output) = build_rung(pipeline, &above, rung)?;
        above = tee;
        outputs.push(output);
    }
    let sink = pad(&head, "sink")?;
    decode.connect_pad_added(move |_, pad| {
        // The clip has one stream. What cannot be linked is told by the pipeline's error.
        pad.link(&sink).map(drop).unwrap_or_default();
    });
    Ok(outputs)
}

fn build_rung(
    pipeline: &gst::Pipeline,
    above: &gst::Element,
    rung: &RungSpec,
) -> Result<(gst::Element, Output), Failure> {
    let tee = plain("tee")?;
    tee.set_property("allow-not-linked", true);
    let mut scaled = vec![queue(4, 0)?];
    for step in &rung.scale {
        scaled.push(make(step)?);
    }
    scaled.extend([caps_filter(&rung.scaled_caps)?, tee.clone()]);
    chain(pipeline, &scaled)?;
    let mut encoded = vec![queue(4, 0)?];
    for step in rung.download.iter().chain([&rung.encode]) {
        encoded.push(make(step)?);
    }
    let (parser, sink) = (plain("h264parse")?, plain("fakesink")?);
    parser.set_property("config-interval", -1_i32);
    sink.set_property("async", false);
    let end = pad(&sink, "sink")?;
    let stream = caps_filter("video/x-h264,stream-format=byte-stream,alignment=au")?;
    encoded.extend([caps_filter(&rung.encoded_caps)?, parser, stream, sink]);
    chain(pipeline, &encoded)?;
    for (from, to) in [(above, &scaled[0]), (&tee, &encoded[0])] {
        from.link(to).map_err(|error| Failure::new(FailureCode::Trial, error.to_string()))?;
    }
    let began = Arc::<Mutex<Option<Instant>>>::default();
    let first = Arc::clone(&began);
    pad(&encoded[0], "src")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        first.lock().get_or_insert_with(Instant::now);
        gst::PadProbeReturn::Remove
    });
    Ok((tee, Output { bytes: clip::collect(&end), began }))
}
