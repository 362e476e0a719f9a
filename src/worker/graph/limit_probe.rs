//! What a source turns out to be while it is decoded: containers lie about it.

use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::limits::Limits;
use crate::worker::protocol::Failure;
use crate::worker::timeline::segmenter::running_time;

/// Name of the message that carries a [`Failure`] of ours, as JSON.
const MESSAGE: &str = "ladderd-failure";

/// Watches what comes out of a decoder: larger pictures than allowed, or a later time than any video
/// may have, end the job.
pub(crate) fn watch(pipeline: &gst::Pipeline, pad: &gst::Pad, limits: &Limits) {
    let (limits, weak, told) = (limits.clone(), pipeline.downgrade(), AtomicBool::new(false));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(mask, move |pad, info| {
        let checked = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let time = buffer.pts().and_then(|pts| running_time(pad, pts));
                limits.check_time(time.map_or(0, gst::ClockTime::nseconds))
            }
            Some(gst::PadProbeData::Event(event)) => {
                let (width, height) = picture_size(event).unwrap_or_default();
                limits.check_picture(width, height)
            }
            _ => Ok(()),
        };
        let Err(error) = checked else { return gst::PadProbeReturn::Ok };
        if let Some(pipeline) = weak.upgrade()
            && !told.swap(true, Ordering::AcqRel)
        {
            post(&pipeline, &Failure::of(&error));
        }
        gst::PadProbeReturn::Drop
    });
}

fn picture_size(event: &gst::Event) -> Option<(u32, u32)> {
    let gst::EventView::Caps(caps) = event.view() else { return None };
    let structure = caps.caps().structure(0)?;
    let side = |name| structure.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
    Some((side("width")?, side("height")?))
}

fn post(pipeline: &gst::Pipeline, failure: &Failure) {
    let text = serde_json::to_string(failure).unwrap_or_default();
    let structure = gst::Structure::builder(MESSAGE).field("failure", text).build();
    // A pipeline without a bus has nobody who waits.
    drop(pipeline.post_message(gst::message::Application::new(structure)));
}

/// The failure that a message carries.
pub(crate) fn failure(message: &gst::message::Application) -> Option<Failure> {
    let structure = message.structure().filter(|structure| structure.name() == MESSAGE)?;
    serde_json::from_str(structure.get::<&str>("failure").ok()?).ok()
}
