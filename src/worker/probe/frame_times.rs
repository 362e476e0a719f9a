//! Measures the intervals between the first frames of a source, without decoding them.
//!
//! Containers state an average rate, a clock rate or nothing; the output's constant rate is chosen
//! from the measurement.

use std::collections::HashMap;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::media::{FrameTimes, MediaInfo, VideoStream};
use crate::domain::plan;
use crate::domain::programs;
use crate::domain::pulldown::Pictures;
use crate::worker::dead_streams::DeadStreams;
use crate::worker::elements::range_source::{Client, RangeSrc};
use crate::worker::graph::element::{broken, chain, pad, plain};
use crate::worker::plugins;
use crate::worker::programs as worker_programs;
use crate::worker::protocol::Failure;

/// Frames to measure: 10 s at the highest rate, 60 fps.
const MAX_FRAMES: usize = 600;
/// Longest measurement. Sources that deliver fewer frames by then are measured by those.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(10);
/// Bytes of a frame in which the headers of an MPEG-2 picture end.
const HEADER_BYTES: usize = 512;
/// Name of the message that the pad probe posts after [`MAX_FRAMES`] frames.
const DONE_MESSAGE: &str = "ladderd-frame-times-done";

/// Timestamps of coded frames in nanoseconds, and flags of MPEG-2 pictures. AVI has a PTS for few frames, but a DTS for all.
#[derive(Default)]
struct Timestamps {
    pts_ns: Vec<u64>,
    dts_ns: Vec<u64>,
    pictures: Pictures,
    /// The least PTS of each stream, by stream id.
    firsts_ns: HashMap<String, u64>,
}

/// Sets `frame_times` of the main video stream, if it is progressive. MPEG-2 video counts as progressive if its
/// pictures say so, whatever its sequence says; film in it gets the rate of the film. The field stays empty if the stream
/// cannot be measured; the plan then uses the stated rate.
///
/// Returns the time of the first frame of each stream in nanoseconds, by stream id, as far as it was measured;
/// all of it with `all_begins`.
pub(crate) fn measure(
    client: &Client,
    all_begins: bool,
    media: &mut MediaInfo,
) -> HashMap<String, u64> {
    let main = plan::main_video(media).map(|stream| stream.stream_id.clone());
    let first = media.audio.first().filter(|_| all_begins).map(|stream| stream.stream_id.clone());
    let Some(id) = main.or(first) else { return HashMap::new() };
    let video = media.video.iter_mut().find(|stream| stream.stream_id == id);
    let video = video.filter(|stream| !stream.interlaced || stream.codec == "video/mpeg");
    if video.is_none() && !all_begins {
        return HashMap::new();
    }
    let Ok(mut timestamps) = read_timestamps(client, &id) else { return HashMap::new() };
    let firsts_ns = std::mem::take(&mut timestamps.firsts_ns);
    if let Some(video) = video {
        set_times(video, timestamps);
    }
    firsts_ns
}

fn set_times(stream: &mut VideoStream, timestamps: Timestamps) {
    let pictures = timestamps.pictures;
    if let Some(rate) = pictures.film_rate(stream.fps) {
        (stream.fps, stream.is_telecined, stream.interlaced) = (rate, true, false);
        return;
    }
    stream.interlaced &= !pictures.are_progressive();
    if !stream.interlaced {
        stream.frame_times = FrameTimes::from_timestamps_ns(timestamps.in_order());
    }
}

impl Timestamps {
    /// The more complete kind, in the order of the stream.
    fn in_order(self) -> Vec<u64> {
        if self.pts_ns.len() < self.dts_ns.len() { self.dts_ns } else { self.pts_ns }
    }
}

/// Reads the timestamps of the first frames of a stream.
fn read_timestamps(client: &Client, stream_id: &str) -> Result<Timestamps, Failure> {
    let pipeline = gst::Pipeline::new();
    let source = RangeSrc::new(client).upcast::<gst::Element>();
    let parse = plain("parsebin")?;
    let wanted = stream_id.to_owned();
    // The probe told of streams that give up.
    let dead = DeadStreams::new(move |id| id == wanted, |_| {});
    if let Some(bin) = parse.downcast_ref() {
        plugins::set_up_elements(bin);
        dead.watch(bin);
        worker_programs::select(bin, programs::of_stream_id(stream_id));
    }
    chain(&pipeline, &[source, parse.clone()])?;
    let timestamps = Arc::new(Mutex::new(Timestamps::default()));
    let (recorded, wanted) = (Arc::clone(&timestamps), stream_id.to_owned());
    let weak = pipeline.downgrade();
    // Runs on the streaming thread of the demuxer; must not block. It only adds and links elements.
    parse.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let is_wanted = pad.stream_id().is_some_and(|id| id == wanted.as_str());
        record_begin(pad, &recorded);
        if let Err(failure) = drop_frames(&pipeline, pad, is_wanted.then(|| Arc::clone(&recorded)))
        {
            gst::element_error!(pipeline, gst::StreamError::Demux, ["{}", failure.message]);
        }
    });
    run_until_measured(&pipeline)?;
    let timestamps = std::mem::take(&mut *timestamps.lock());
    Ok(timestamps)
}

/// Records the least time of the stream behind this pad.
fn record_begin(pad: &gst::Pad, timestamps: &Arc<Mutex<Timestamps>>) {
    let timestamps = Arc::clone(timestamps);
    // Runs on the streaming thread of the demuxer or of a multiqueue: writes a number.
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let pts = info.buffer().and_then(|buffer| buffer.pts());
        if let Some((pts, id)) = pts.zip(pad.stream_id()) {
            let mut timestamps = timestamps.lock();
            let least_ns = timestamps.firsts_ns.entry(id.into()).or_insert(u64::MAX);
            *least_ns = (*least_ns).min(pts.nseconds());
        }
        gst::PadProbeReturn::Ok
    });
}

/// Plays the pipeline until enough frames are recorded, the source ends or fails, or the time is
/// up. A failure of the source is no error: the timestamps before it count.
fn run_until_measured(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let bus = pipeline.bus().ok_or_else(|| broken("the pipeline has no bus"))?;
    let started = pipeline.set_state(gst::State::Playing);
    let ends = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Application];
    let waited = started.map(|_| drop(bus.timed_pop_filtered(TIMEOUT, &ends)));
    let stopped = pipeline.set_state(gst::State::Null).map(drop);
    waited.and(stopped).map_err(|error| broken(error.to_string()))
}

/// Links a pad of `parsebin` to a sink and drops all of its frames. Records their timestamps if
/// `timestamps` is given, and posts [`DONE_MESSAGE`] after [`MAX_FRAMES`] frames.
fn drop_frames(
    pipeline: &gst::Pipeline,
    src_pad: &gst::Pad,
    timestamps: Option<Arc<Mutex<Timestamps>>>,
) -> Result<(), Failure> {
    let sink = plain("fakesink")?;
    sink.set_property("async", false);
    pipeline.add(&sink).map_err(|error| broken(error.to_string()))?;
    sink.sync_state_with_parent().map_err(|error| broken(error.to_string()))?;
    let weak = pipeline.downgrade();
    // Runs on the streaming thread of the demuxer or of a multiqueue; must not block. It only
    // records timestamps and posts a message.
    src_pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let (Some(timestamps), Some(buffer)) = (&timestamps, info.buffer()) {
            let mut timestamps = timestamps.lock();
            timestamps.pts_ns.extend(buffer.pts().map(gst::ClockTime::nseconds));
            timestamps.dts_ns.extend(buffer.dts().map(gst::ClockTime::nseconds));
            if let Ok(bytes) = buffer.map_readable() {
                timestamps.pictures.add(bytes.get(..HEADER_BYTES).unwrap_or(&bytes));
            }
            if timestamps.pts_ns.len().max(timestamps.dts_ns.len()) == MAX_FRAMES
                && let Some(pipeline) = weak.upgrade()
            {
                let done = gst::Structure::new_empty(DONE_MESSAGE);
                // Posting fails only while the pipeline shuts down, when nobody waits any more.
                drop(pipeline.post_message(gst::message::Application::new(done)));
            }
        }
        gst::PadProbeReturn::Drop
    });
    src_pad.link(&pad(&sink, "sink")?).map(drop).map_err(|error| broken(error.to_string()))
}
