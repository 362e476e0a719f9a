//! The trial encode: a small job with a recipe, from decoder to encoders, built like a real one.

use std::sync::Arc;
use std::time::Instant;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use super::clip::{self, Clip, FPS};
use super::error::Error;
use super::verify::verify;
use super::{measure, play};
use crate::cores;
use crate::domain::backend::Trial;
use crate::domain::colour::Stated;
use crate::domain::encode::{EncodeConfig, threads_per_rung};
use crate::domain::ladder::{Ladder, Rung as LadderRung};
use crate::domain::media::{Fraction, MediaInfo, Orientation, VideoStream};
use crate::domain::plan::{self, Plan};
use crate::domain::recipe::{self, Lack, PipelineSpec, Recipe, Source, When};
use crate::worker::graph::element::{broken, caps_filter, chain, make, pad, plain};
use crate::worker::graph::ladder::{self, Rung};
use crate::worker::plugins;
use crate::worker::protocol::Failure;

/// Frames behind the second key frame of a trial.
const FRAMES_AFTER_GOP: u32 = 30;
/// Frames of the trials of what only some sources need.
const FEW_FRAMES: u32 = 12;
/// Size of the clip for the CPU, where a larger one would slow down every start.
const SMALL: (u32, u32) = (320, 240);
/// Size of the clip for a GPU, where a smaller one would not measure its speed.
const LARGE: (u32, u32) = (1280, 720);

/// Tries a resolved recipe with the encode settings of jobs: a whole clip, then short clips that are
/// rotated and interlaced. A failure of the latter is a limit of the recipe.
pub(super) fn trial(recipe: &Recipe, config: &EncodeConfig) -> Result<Trial, Error> {
    let is_gpu = recipe.device != recipe::DeviceKind::Cpu;
    let (width, height) = if is_gpu { LARGE } else { SMALL };
    // One GOP and a bit, so that a second key frame comes.
    let clip = clip::generate(width, height, config.gop_secs * FPS + FRAMES_AFTER_GOP)?;
    let upright = stream(&clip);
    let device_decoded = is_gpu && has_decoder(recipe, &upright);
    let whole = run(recipe, config, &clip, &upright, Source { device_decoded })?;
    let mut recipe = recipe.clone();
    let short = clip::generate(width, height, FEW_FRAMES)?;
    let rotated = VideoStream { orientation: Orientation::Rotate90, ..stream(&short) };
    let interlaced = VideoStream { interlaced: true, ..stream(&short) };
    for (when, stream) in [(When::Rotated, rotated), (When::Interlaced, interlaced)] {
        if let Err(error) = run(&recipe, config, &short, &stream, Source::default()) {
            recipe.cannot.push(Lack { when: vec![when], reason: error.to_string() });
        }
    }
    Ok(Trial { recipe, fps: whole.fps.round(), pixels_per_sec: whole.pixels_per_sec.round() })
}

/// Whether one of the recipe's decoders can decode the clip.
fn has_decoder(recipe: &Recipe, clip: &VideoStream) -> bool {
    let caps = gst::Caps::new_empty_simple(clip.codec.as_str());
    let can_decode = |factory: gst::ElementFactory| factory.can_sink_any_caps(&caps);
    recipe.decoders.iter().any(|name| gst::ElementFactory::find(name).is_some_and(can_decode))
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
        crop: None,
        interlaced: false,
        is_telecined: false,
        bit_depth: 8,
        replaces_aspect: false,
        container_colour: Stated::default(),
        bitstream_colour: Stated::default(),
        is_image: false,
        is_disabled: false,
        frames: None,
    }
}

/// Plans two rungs: the clip's height, and two thirds of it.
fn plan(recipe: &Recipe, config: &EncodeConfig, stream: &VideoStream) -> Result<Plan, Error> {
    let rung = |height| LadderRung { height, max_bitrate_kbps: 500 + height };
    let media = MediaInfo { video: vec![stream.clone()], ..MediaInfo::default() };
    let height = stream.height;
    let ladder = Ladder(vec![rung(height * 2 / 3), rung(height)]);
    plan::plan(&media, &ladder, config, &recipe.name)
        .map_err(|error| Error::Plan(error.to_string()))
}

fn run(
    recipe: &Recipe,
    config: &EncodeConfig,
    clip: &Clip,
    stream: &VideoStream,
    source: Source,
) -> Result<Speed, Error> {
    let plan = plan(recipe, config, stream)?;
    let threads = threads_per_rung(cores::available(), plan.video.rungs.len());
    let spec = recipe::render(recipe, &plan, config, threads, source);
    plugins::prefer(&spec.decoders);
    let pipeline = gst::Pipeline::new();
    let outputs = build(&pipeline, clip, &spec)?;
    play::play(pipeline)?;
    let ended = Instant::now();
    let mut began = ended;
    for (output, rung) in outputs.iter().zip(&plan.video.rungs) {
        let verified = verify(&output.bytes.lock(), plan.video.gop_frames, clip.frames, clip.luma);
        let of_rung = |error| Error::Rung { name: rung.name.clone(), error: Box::new(error) };
        verified.map_err(of_rung)?;
        began = began.min(output.began.lock().unwrap_or(ended));
    }
    let secs = (ended - began).as_secs_f64().max(0.001);
    let pixels: f64 =
        plan.video.rungs.iter().map(|rung| f64::from(rung.width) * f64::from(rung.height)).sum();
    let fps = f64::from(clip.frames) / secs;
    Ok(Speed { fps, pixels_per_sec: fps * pixels })
}

/// The output of one encoder.
struct Encoded {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Time at which its first frame went in.
    began: Arc<Mutex<Option<Instant>>>,
}

/// Builds `source ! decodebin`, the ladder of a job, and a `fakesink` behind each rung.
fn build(
    pipeline: &gst::Pipeline,
    clip: &Clip,
    spec: &PipelineSpec,
) -> Result<Vec<Encoded>, Failure> {
    let decode = plugins::decodebin(spec.decoders.is_empty())?;
    chain(pipeline, &[play::source(&clip.bytes)?, decode.clone()])?;
    let ladder = ladder::build(pipeline, spec)?;
    for step in &spec.still {
        make(step)?;
    }
    let outputs = ladder.rungs.iter().map(|rung| collect_output(pipeline, rung)).collect();
    let head = pad(&ladder.head, "sink")?;
    // Runs on the decoder's streaming thread. The clip has one stream; a link that fails shows as the
    // pipeline's error.
    decode.connect_pad_added(move |_, pad| {
        pad.link(&head).map(drop).unwrap_or_default();
    });
    outputs
}

fn collect_output(pipeline: &gst::Pipeline, rung: &Rung) -> Result<Encoded, Failure> {
    let stream = caps_filter("video/x-h264,stream-format=byte-stream,alignment=au")?;
    let sink = plain("fakesink")?;
    sink.set_property("async", false);
    let end = pad(&sink, "sink")?;
    chain(pipeline, &[stream.clone(), sink])?;
    rung.parser.link(&stream).map_err(|error| broken(error.to_string()))?;
    let began = Arc::<Mutex<Option<Instant>>>::default();
    let first = Arc::clone(&began);
    // Runs on the encoder's streaming thread, once.
    pad(&rung.encoder_queue, "src")?.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        first.lock().get_or_insert_with(Instant::now);
        gst::PadProbeReturn::Remove
    });
    Ok(Encoded { bytes: measure::collect(&end), began })
}
