//! How fast the pictures of a source really come: the times of its first pictures, undecoded.
//!
//! Containers state an average, a clock or nothing; the output's constant rate is chosen from what
//! is there.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::media::{MediaInfo, Pace};
use crate::worker::elements::range_source::{Client, RangeSrc};
use crate::worker::graph::element::{broken, chain, plain};
use crate::worker::protocol::Failure;

/// Pictures that are looked at: 10 s at the highest rate.
const PICTURES: usize = 600;
/// How long the look may take: what does not come by then is not needed.
const LIMIT: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// When pictures are shown, and when they are decoded. AVI tells only the latter of most pictures.
#[derive(Default)]
struct Seen {
    shown: Vec<u64>,
    decoded: Vec<u64>,
}

type Times = Arc<Mutex<Seen>>;

/// Notes the pace of the first film of the source. A source that cannot be looked at like this keeps
/// what its container states.
pub(crate) fn measure(client: &Client, media: &mut MediaInfo) {
    let Some(film) = media.video.iter_mut().find(|stream| !stream.is_image && !stream.interlaced)
    else {
        return;
    };
    if let Ok(times) = times(client, &film.stream_id) {
        film.pace = Pace::of(times);
    }
}

/// Presentation times of the first pictures, in the order of the stream.
fn times(client: &Client, stream_id: &str) -> Result<Vec<u64>, Failure> {
    let pipeline = gst::Pipeline::new();
    let source = RangeSrc::new(client).upcast::<gst::Element>();
    let parse = plain("parsebin")?;
    chain(&pipeline, &[source, parse.clone()])?;
    let times = Times::default();
    let (taken, wanted, weak) = (Arc::clone(&times), stream_id.to_owned(), pipeline.downgrade());
    parse.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let is_film = pad.stream_id().is_some_and(|id| id == wanted.as_str());
        if let Err(failure) = attach(&pipeline, pad, is_film.then(|| Arc::clone(&taken))) {
            gst::element_error!(pipeline, gst::StreamError::Demux, ["{}", failure.message]);
        }
    });
    let bus = pipeline.bus().ok_or_else(|| broken("the pipeline has no bus"))?;
    let started = pipeline.set_state(gst::State::Playing);
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Application];
    // What came before an error is as good as what came before the end.
    let waited = started.map(|_| drop(bus.timed_pop_filtered(LIMIT, &wanted)));
    let stopped = pipeline.set_state(gst::State::Null).map(drop);
    waited.and(stopped).map_err(|error| broken(error.to_string()))?;
    let seen = std::mem::take(&mut *times.lock());
    Ok(if seen.shown.len() < seen.decoded.len() { seen.decoded } else { seen.shown })
}

/// Notes the times that go by, and says so once there are enough.
fn attach(pipeline: &gst::Pipeline, pad: &gst::Pad, times: Option<Times>) -> Result<(), Failure> {
    let sink = plain("fakesink")?;
    sink.set_property("async", false);
    pipeline.add(&sink).map_err(|error| broken(error.to_string()))?;
    sink.sync_state_with_parent().map_err(|error| broken(error.to_string()))?;
    let weak = pipeline.downgrade();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let (Some(times), Some(buffer)) = (&times, info.buffer()) {
            let mut times = times.lock();
            times.shown.extend(buffer.pts().map(gst::ClockTime::nseconds));
            times.decoded.extend(buffer.dts().map(gst::ClockTime::nseconds));
            if times.shown.len().max(times.decoded.len()) == PICTURES
                && let Some(pipeline) = weak.upgrade()
            {
                let enough = gst::Structure::new_empty("enough");
                // A pipeline without a bus has nobody who waits.
                drop(pipeline.post_message(gst::message::Application::new(enough)));
            }
        }
        gst::PadProbeReturn::Drop
    });
    let sink = crate::worker::graph::element::pad(&sink, "sink")?;
    pad.link(&sink).map(drop).map_err(|error| broken(error.to_string()))
}
