//! The pipeline: source, decoder, renditions; run to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gio::prelude::*;
use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::encode::SegmentFormat;
use crate::domain::failure_code::FailureCode;
use crate::domain::limits::Limits;
use crate::domain::plan::Plan;
use crate::domain::recipe::PipelineSpec;
use crate::worker::elements::range_source::{Client, RangeSrc};
use crate::worker::fault;
use crate::worker::graph::audio;
use crate::worker::graph::bus;
use crate::worker::graph::cmaf_sink::{self, Stream};
use crate::worker::graph::element::{broken, pad, plain};
use crate::worker::graph::limit_probe;
use crate::worker::graph::subtitles::Subtitles;
use crate::worker::graph::thumbnails;
use crate::worker::graph::video;
use crate::worker::output::{Output, Rendition};
use crate::worker::plugins;
use crate::worker::protocol::{Event, Failure};
use crate::worker::timeline::common_end::Ends;
use crate::worker::timeline::segment_event;
use crate::worker::timeline::segmenter::{Sink, Track, running_time};

/// What a stream may be shorter than its container says before we call the source truncated:
/// one second, or a fiftieth, as many containers round or estimate.
fn tolerated_ns(promised_ns: u64) -> u64 {
    (promised_ns / 50).max(1_000_000_000)
}

/// How often a transport stream repeats its clock, in 90 kHz ticks: 100 ms is the longest that
/// ISO 13818-1 allows. The muxer's default of 40 ms costs 22 kbit/s more.
const PCR_INTERVAL: u32 = 9_000;
/// How often it repeats its tables, in 90 kHz ticks. Every segment begins with them anyway, and
/// twice a second is enough for a player that comes in between; the default costs 24 kbit/s more.
const TABLE_INTERVAL: u32 = 45_000;

/// Encodes the plan. Returns once every rendition is whole.
pub(crate) fn run(
    client: &Client,
    plan: &Plan,
    spec: &PipelineSpec,
    limits: &Limits,
    output: &Arc<Output>,
) -> Result<(), Failure> {
    let pipeline = gst::Pipeline::new();
    pipeline.set_property("message-forward", true);
    let mut tracks = Vec::new();
    let mut heads = HashMap::new();
    let has_picture = !plan.video.rungs.is_empty();
    let ends = Arc::new(Ends::new(has_picture, plan.audio.len()));
    let muxer = Muxer { format: plan.segment, timescale: plan.video.timescale() };
    let (mut stills, mut busiest) = (Vec::new(), String::new());
    if has_picture {
        let video = video::build(&pipeline, &plan.video, spec, muxer, output, &mut tracks, &ends)?;
        let promised_ns = plan.duration_ns.unwrap_or(0);
        segment_event::believe(&pad(&video.head, "sink")?, promised_ns + tolerated_ns(promised_ns));
        heads.insert(plan.video.stream_id.clone(), video.head);
        busiest = video.busiest.map(|queue| queue.path_string().to_string()).unwrap_or_default();
        stills = thumbnails::build(&pipeline, plan, spec, &video.tees, output)?;
    }
    for sound in &plan.audio {
        let muxer = Muxer { timescale: sound.sample_rate_hz, ..muxer };
        let head = audio::build(&pipeline, sound, &plan.video, muxer, output, &mut tracks, &ends)?;
        heads.insert(sound.stream_id.clone(), head);
    }
    let rest = Rest { left_out: LeftOut::default(), subtitles: Subtitles::new(plan, output) };
    let rest = Arc::new(rest);
    let decode = build_source(&pipeline, client, spec.decoders.is_empty(), heads, &rest)?;
    ends.follow_stated(&decode, &plan.video.stream_id);
    let (weak, limits) = (pipeline.downgrade(), limits.clone());
    decode.connect_pad_added(move |_, pad| {
        if let Some(pipeline) = weak.upgrade() {
            limit_probe::watch(&pipeline, pad, &limits);
        }
    });

    let messages = pipeline.bus().ok_or_else(|| broken("the pipeline has no bus"))?;
    let by_path: bus::Tracks =
        tracks.iter().map(|(s, t)| (s.element.path_string().to_string(), Arc::clone(t))).collect();
    let path = |end: &gst::Object| end.path_string().to_string();
    let renditions = tracks.iter().map(|(sink, track)| (path(&sink.end), Some(Arc::clone(track))));
    let stills = stills.into_iter().map(|still| (path(still.upcast_ref()), None));
    let ours: bus::Sinks = renditions.chain(stills).collect();
    messages.set_sync_handler(move |_, message| bus::answer(&by_path, &busiest, message));
    let ended = pipeline
        .set_state(gst::State::Playing)
        .map_err(|error| broken(error.to_string()))
        .and_then(|_| bus::wait(&messages, &ours, output))
        .and_then(|()| judge(plan, &tracks, rest.left_out.end_ns()));
    // The first error on the bus says more than "the state change failed".
    let ended = ended.map_err(|failure| bus::first_error(&messages).unwrap_or(failure));
    messages.unset_sync_handler();
    let duration_ns = match ended {
        Ok(duration_ns) => duration_ns,
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
    rest.subtitles.finish();
    output.event(&Event::Done { duration_ns });
    // A pipeline that hangs on its way down is the parent's to kill; all is said by now.
    pipeline.set_state(gst::State::Null).map_err(|error| broken(error.to_string()))?;
    Ok(())
}

/// `rangesrc ! decodebin`, whose pads go to the heads by stream id.
fn build_source(
    pipeline: &gst::Pipeline,
    client: &Client,
    software: bool,
    heads: HashMap<String, gst::Element>,
    rest: &Arc<Rest>,
) -> Result<gst::Element, Failure> {
    let source = RangeSrc::new(client).upcast::<gst::Element>();
    let decode = plugins::decodebin(software)?;
    Subtitles::expose(&decode);
    crate::worker::graph::element::chain(pipeline, &[source, decode.clone()])?;

    let heads = Arc::new(Mutex::new(heads));
    let waiting = Arc::clone(&heads);
    let weak = pipeline.downgrade();
    let others = Arc::clone(rest);
    decode.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else { return };
        let id = pad.stream_id().unwrap_or_default();
        let head = waiting.lock().remove(id.as_str());
        if head.is_none() {
            others.watch(pad);
        }
        if let Err(failure) = link_stream(&pipeline, pad, head) {
            post(&pipeline, &failure.message);
        }
    });
    let (weak, others) = (pipeline.downgrade(), Arc::clone(rest));
    decode.connect_no_more_pads(move |_| {
        let Some(pipeline) = weak.upgrade() else { return };
        others.subtitles.all_pads_are_there();
        let missing = heads.lock().len();
        if missing > 0 {
            post(&pipeline, &format!("{missing} of its streams cannot be found again"));
        }
    });
    Ok(decode)
}

/// The streams that are not encoded.
struct Rest {
    left_out: LeftOut,
    subtitles: Subtitles,
}

impl Rest {
    fn watch(&self, pad: &gst::Pad) {
        let left_out = self.left_out.clone();
        if !self.subtitles.watch(pad, move |pad, buffer| left_out.note(pad, buffer)) {
            self.left_out.watch(pad);
        }
    }
}

/// How long the streams last that the plan leaves out: the container's duration is that of its
/// longest stream, which may be one of them.
#[derive(Clone, Default)]
struct LeftOut(Arc<AtomicU64>);

impl LeftOut {
    fn watch(&self, pad: &gst::Pad) {
        let left_out = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(buffer) = info.buffer() {
                left_out.note(pad, buffer);
            }
            gst::PadProbeReturn::Drop
        });
    }

    fn note(&self, pad: &gst::Pad, buffer: &gst::Buffer) {
        if let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts)) {
            let time = time + buffer.duration().unwrap_or(gst::ClockTime::ZERO);
            self.0.fetch_max(time.nseconds(), Ordering::AcqRel);
        }
    }

    fn end_ns(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Links a decoded stream to its chain, or to nothing where the plan leaves it out.
fn link_stream(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    head: Option<gst::Element>,
) -> Result<(), Failure> {
    let head = if let Some(head) = head {
        head
    } else {
        let sink = plain("fakesink")?;
        sink.set_property("async", false);
        pipeline.add(&sink).map_err(|e| broken(e.to_string()))?;
        sink.sync_state_with_parent().map_err(|e| broken(e.to_string()))?;
        sink
    };
    let sink = crate::worker::graph::element::pad(&head, "sink")?;
    pad.link(&sink).map(drop).map_err(|e| broken(format!("{}: {e}", pad.name())))
}

/// Puts an error of ours on the bus.
fn post(pipeline: &gst::Pipeline, text: &str) {
    gst::element_error!(pipeline, gst::StreamError::Demux, ["{}", text]);
}

/// What makes segments of a stream.
#[derive(Clone, Copy)]
pub(crate) struct Muxer {
    /// What the segments are.
    pub(crate) format: SegmentFormat,
    /// Ticks in a second in which fragments tell times.
    pub(crate) timescale: u32,
}

/// The end of a chain behind `last`: segments go to the track's rendition.
pub(crate) fn sink(
    pipeline: &gst::Pipeline,
    last: &gst::Element,
    stream: Stream,
    muxer: Muxer,
    track: &Arc<Track>,
) -> Result<Sink, Failure> {
    match (muxer.format, stream) {
        (SegmentFormat::Ts, Stream::Picture) => {
            hls_sink(pipeline, last, "video", track.rendition())
        }
        (SegmentFormat::Ts, Stream::Sound) => hls_sink(pipeline, last, "audio", track.rendition()),
        (SegmentFormat::Cmaf, _) => cmaf_sink::sink(pipeline, last, stream, muxer.timescale, track),
    }
}

/// An hlssink2 behind `last` whose segments go to the rendition.
fn hls_sink(
    pipeline: &gst::Pipeline,
    last: &gst::Element,
    pad: &str,
    rendition: &Arc<Rendition>,
) -> Result<Sink, Failure> {
    let sink = plain("hlssink2")?;
    // Cut only where we say, keep everything, ask the encoder for nothing.
    sink.set_property("target-duration", 0_u32);
    sink.set_property("max-files", 0_u32);
    sink.set_property("playlist-length", 0_u32);
    sink.set_property("send-keyframe-requests", false);
    let bytes = Arc::clone(rendition);
    sink.connect("get-fragment-stream", false, move |_| {
        Some(gio::WriteOutputStream::new(bytes.begin()).upcast::<gio::OutputStream>().to_value())
    });
    // Its own playlist is wrong in several ways and is thrown away; ours are made from events.
    sink.connect("get-playlist-stream", false, |_| {
        Some(gio::MemoryOutputStream::new_resizable().upcast::<gio::OutputStream>().to_value())
    });
    pipeline
        .add(&sink)
        .and_then(|()| last.link_pads(Some("src"), &sink, Some(pad)))
        .map_err(|error| broken(format!("hlssink2: {error}")))?;
    let inner = inner_splitmux(&sink).ok_or_else(|| broken("hlssink2 holds no splitmuxsink"))?;
    if let Some(muxer) = inner.property::<Option<gst::Element>>("muxer") {
        muxer.set_property("pcr-interval", PCR_INTERVAL);
        muxer.set_property("pat-interval", TABLE_INTERVAL);
        muxer.set_property("pmt-interval", TABLE_INTERVAL);
    }
    let weak = inner.downgrade();
    Ok(Sink::new(inner, sink.upcast(), move |time| {
        if let Some(inner) = weak.upgrade() {
            inner.emit_by_name::<()>("split-at-running-time", &[&time.nseconds()]);
        }
    }))
}

fn inner_splitmux(sink: &gst::Element) -> Option<gst::Element> {
    sink.downcast_ref::<gst::Bin>()?
        .children()
        .into_iter()
        .find(|child| child.factory().is_some_and(|factory| factory.name() == "splitmuxsink"))
}

/// Silence is not success: a truncated source ends like a whole one. Returns the duration.
fn judge(plan: &Plan, tracks: &[(Sink, Arc<Track>)], left_out_end_ns: u64) -> Result<u64, Failure> {
    let mut longest = 0;
    for (_, track) in tracks {
        let (whole, end_ns) = track.extent();
        let begun = track.rendition().begun();
        if whole == 0 {
            return Err(fault::damaged("one of its streams holds nothing that can be decoded"));
        }
        if whole != begun {
            let index = track.rendition().index();
            return Err(broken(format!(
                "rendition {index}: {whole} of {begun} segments are whole"
            )));
        }
        longest = longest.max(end_ns);
    }
    if let Some(promised) = plan.duration_ns
        && longest.max(left_out_end_ns) + tolerated_ns(promised) < promised
    {
        return Err(Failure::new(
            FailureCode::SourceTruncated,
            format!(
                "The file is cut off: it says that it lasts {:.1} s, but the pictures end after \
                 {:.1} s. Upload it again.",
                seconds(promised),
                seconds(longest)
            ),
        ));
    }
    Ok(longest)
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
