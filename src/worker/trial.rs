//! Tries recipes: are the elements here, do they take the values, does an encode come out?

use std::process::ExitCode;
use std::time::Instant;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::element::{caps_filter, chain, make, pad, plain};
use super::protocol::Failure;
use super::tonemap;
use crate::domain::backend::{BackendState, BackendStatus};
use crate::domain::encode::EncodeConfig;
use crate::domain::ladder::{Ladder, Rung};
use crate::domain::media::{DynamicRange, Fraction, MediaInfo, Orientation, VideoStream};
use crate::domain::plan::{self, Plan};
use crate::domain::recipe::{self, PipelineSpec, Recipe};

/// Pictures of a trial: two GOPs at 30 frames per second, so that a second key frame comes.
const TRIAL_FRAMES: i32 = 90;
/// How long one trial may take.
const TRIAL_TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// Tries the recipes and prints their states as JSON.
#[must_use]
pub fn main(recipes: &[Recipe]) -> ExitCode {
    let started = gst::init().map_err(|error| error.to_string());
    let started = started.and_then(|()| tonemap::register().map_err(|error| error.to_string()));
    let statuses: Vec<BackendStatus> = recipes
        .iter()
        .map(|recipe| match &started {
            Ok(()) => status(recipe),
            Err(error) => unavailable(recipe, format!("GStreamer does not start: {error}")),
        })
        .collect();
    match serde_json::to_writer(std::io::stdout(), &statuses) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn status(recipe: &Recipe) -> BackendStatus {
    match encode(recipe) {
        Ok(fps) => BackendStatus {
            name: recipe.name.clone(),
            priority: recipe.priority,
            state: BackendState::Available,
            reason: None,
            trial_fps: Some(fps),
        },
        Err(reason) => unavailable(recipe, reason),
    }
}

fn unavailable(recipe: &Recipe, reason: String) -> BackendStatus {
    BackendStatus {
        name: recipe.name.clone(),
        priority: recipe.priority,
        state: BackendState::Unavailable,
        reason: Some(reason),
        trial_fps: None,
    }
}

/// Encodes a test picture with every step of the recipe. Returns frames per second.
fn encode(recipe: &Recipe) -> Result<f64, String> {
    let faults = check(recipe);
    if !faults.is_empty() {
        return Err(faults.join("; "));
    }
    let plan = trial_plan(recipe)?;
    let spec = recipe::render(recipe, &plan, &EncodeConfig::default(), 1);
    let pipeline = gst::Pipeline::new();
    let key_frames = build(&pipeline, &spec).map_err(|failure| failure.message)?;
    let began = Instant::now();
    let ended = play(&pipeline);
    let stopped = pipeline.set_state(gst::State::Null).map_err(|error| error.to_string());
    ended.and(stopped.map(drop))?;
    let seen = key_frames.load(std::sync::atomic::Ordering::Acquire);
    if seen < 2 {
        return Err(format!("{seen} key frames came out of {TRIAL_FRAMES} pictures, not 2"));
    }
    Ok((f64::from(TRIAL_FRAMES) / began.elapsed().as_secs_f64()).round())
}

/// All that is wrong with the recipe's elements and properties, each with its place.
fn check(recipe: &Recipe) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, step) in recipe.steps() {
        let Ok(element) = gst::ElementFactory::make(&step.element).build() else {
            faults.push(format!("{place}: the element {} is not installed", step.element));
            continue;
        };
        for name in step.set.keys() {
            if element.find_property(name).is_none() {
                faults.push(format!("{place}.set.{name}: {} has no such property", step.element));
            }
        }
    }
    faults
}

/// A turned, interlaced picture of two rungs: every step of a recipe is taken.
fn trial_plan(recipe: &Recipe) -> Result<Plan, String> {
    let rung = |height| Rung { height, max_bitrate_kbps: 500 + height };
    let stream = VideoStream {
        stream_id: String::new(),
        codec: "video/x-raw".to_owned(),
        width: 320,
        height: 240,
        fps: Fraction::new(30, 1),
        pace: None,
        pixel_aspect: Fraction::new(1, 1),
        orientation: Orientation::Rotate90,
        interlaced: true,
        bit_depth: 8,
        dynamic_range: DynamicRange::Standard,
        is_image: false,
    };
    let media = MediaInfo { video: vec![stream], ..MediaInfo::default() };
    plan::plan(&media, &Ladder(vec![rung(160), rung(240)]), &EncodeConfig::default(), &recipe.name)
        .map_err(|error| error.to_string())
}

type Count = std::sync::Arc<std::sync::atomic::AtomicU32>;

fn build(pipeline: &gst::Pipeline, spec: &PipelineSpec) -> Result<Count, Failure> {
    let source = plain("videotestsrc")?;
    source.set_property("num-buffers", TRIAL_FRAMES);
    let mut elements =
        vec![source, caps_filter("video/x-raw,width=320,height=240,framerate=30/1")?];
    for step in &spec.prepare {
        elements.push(make(step)?);
    }
    elements.push(caps_filter(&spec.prepared_caps)?);
    for step in &spec.still {
        make(step)?;
    }
    for rung in &spec.rungs {
        for step in &rung.scale {
            elements.push(make(step)?);
        }
        elements.push(caps_filter(&rung.scaled_caps)?);
    }
    let smallest = &spec.rungs[spec.rungs.len() - 1];
    elements.push(make(&smallest.encode)?);
    let encoded = caps_filter(&smallest.encoded_caps)?;
    elements.extend([encoded.clone(), plain("fakesink")?]);
    chain(pipeline, &elements)?;

    let key_frames = Count::default();
    let counted = Count::clone(&key_frames);
    pad(&encoded, "src")?.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if info.buffer().is_some_and(|b| !b.flags().contains(gst::BufferFlags::DELTA_UNIT)) {
            counted.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(key_frames)
}

fn play(pipeline: &gst::Pipeline) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    pipeline.set_state(gst::State::Playing).map_err(|error| error.to_string())?;
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let Some(message) = bus.timed_pop_filtered(TRIAL_TIMEOUT, &wanted) else {
        return Err(format!("the trial encode did not end within {TRIAL_TIMEOUT:.0}"));
    };
    if let gst::MessageView::Error(error) = message.view() {
        return Err(error.error().message().to_owned());
    }
    Ok(())
}
