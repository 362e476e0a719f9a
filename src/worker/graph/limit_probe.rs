//! Limits on decoded streams: containers lie about sizes and durations.

use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::limits::Limits;
use crate::worker::protocol::Failure;
use crate::worker::timeline::timestamps::running_time;

/// Name of the message that carries a [`Failure`] of ours, as JSON.
const MESSAGE: &str = "ladderd-failure";

/// Checks a decoder's pad against the limits. A frame that is too large, or a time beyond the longest
/// allowed duration, fails the job.
pub(crate) fn install(pipeline: &gst::Pipeline, pad: &gst::Pad, limits: &Limits) {
    let (limits, weak, is_reported) =
        (limits.clone(), pipeline.downgrade(), AtomicBool::new(false));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the decoder's streaming thread: reads, drops, and posts one message on the bus.
    pad.add_probe(mask, move |pad, info| {
        let checked = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let time = buffer.pts().and_then(|pts| running_time(pad, pts));
                limits.check_time(time.map_or(0, gst::ClockTime::nseconds))
            }
            Some(gst::PadProbeData::Event(event)) => {
                let (width, height) = frame_size(event).unwrap_or_default();
                limits.check_frame(width, height)
            }
            _ => Ok(()),
        };
        let Err(error) = checked else { return gst::PadProbeReturn::Ok };
        if let Some(pipeline) = weak.upgrade()
            && !is_reported.swap(true, Ordering::AcqRel)
        {
            post(&pipeline, &Failure::of(&error));
        }
        gst::PadProbeReturn::Drop
    });
}

fn frame_size(event: &gst::Event) -> Option<(u32, u32)> {
    let gst::EventView::Caps(caps) = event.view() else { return None };
    let structure = caps.caps().structure(0)?;
    let side = |name| structure.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
    Some((side("width")?, side("height")?))
}

pub(crate) fn post(pipeline: &gst::Pipeline, failure: &Failure) {
    let text = serde_json::to_string(failure).unwrap_or_default();
    let structure = gst::Structure::builder(MESSAGE).field("failure", text).build();
    // Nobody waits on a pipeline without a bus.
    drop(pipeline.post_message(gst::message::Application::new(structure)));
}

/// The failure that a message carries.
pub(crate) fn failure(message: &gst::message::Application) -> Option<Failure> {
    let structure = message.structure().filter(|structure| structure.name() == MESSAGE)?;
    serde_json::from_str(structure.get::<&str>("failure").ok()?).ok()
}
