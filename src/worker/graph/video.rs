//! The picture: prepared once, then scaled from rung to rung and encoded on each at once.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::encode::SegmentFormat;
use crate::domain::hls::codecs;
use crate::domain::plan::VideoPlan;
use crate::domain::recipe::{PipelineSpec, RungSpec};
use crate::worker::graph::cmaf_sink::Stream;
use crate::worker::graph::element::{caps_filter, chain, make, pad, plain, queue};
use crate::worker::graph::pipeline::{self, Muxer};
use crate::worker::output::{Output, Rendition};
use crate::worker::protocol::Failure;
use crate::worker::timeline::common_end::{Ends, Pictures, on_timeline};
use crate::worker::timeline::segmenter::{Cutter, Sink, Total, Track, running_time};

/// Pictures that wait before an encoder or a scaler: they share memory with the decoder's, so few
/// are enough to keep every thread busy.
const WAITING_PICTURES: u32 = 2;

/// What was built of the picture.
pub(crate) struct Built {
    /// The element to link the video pad to.
    pub(crate) head: gst::Element,
    /// Of each rung, the tee that its scaled pictures go through.
    pub(crate) tees: Vec<gst::Element>,
    /// The queue whose thread encodes the largest rung.
    pub(crate) busiest: Option<gst::Element>,
}

/// Builds everything behind the video pad.
pub(crate) fn build(
    pipeline: &gst::Pipeline,
    plan: &VideoPlan,
    spec: &PipelineSpec,
    muxer: Muxer,
    output: &Arc<Output>,
    tracks: &mut Vec<(Sink, Arc<Track>)>,
    ends: &Arc<Ends>,
) -> Result<Built, Failure> {
    let head = queue(WAITING_PICTURES, 0)?;
    let mut prepared = vec![head.clone()];
    for step in &spec.prepare {
        prepared.push(make(step)?);
    }
    let out = caps_filter(&spec.prepared_caps)?;
    prepared.push(out.clone());
    chain(pipeline, &prepared)?;

    let total = Arc::new(Total::default());
    let mut sinks = Vec::new();
    let mut tees = Vec::new();
    let (mut above, mut busiest) = (out.clone(), None);
    for rung in &spec.rungs {
        let index = u16::try_from(tracks.len()).unwrap_or(u16::MAX);
        let track = Arc::new(Track::new(Rendition::new(output, index), &total));
        let (tee, encoding, sink) = build_rung(pipeline, &above, rung, muxer, &track)?;
        busiest.get_or_insert(encoding);
        sinks.push(sink.clone());
        tracks.push((sink, track));
        above = tee.clone();
        tees.push(tee);
    }
    let cutter = Cutter::new(&sinks, &total);
    let src = pad(&out, "src")?;
    let pictures = watch_pictures(&src, plan, cutter, output);
    let (plan, ends) = (plan.clone(), Arc::clone(ends));
    let grid = plan.clone();
    let snap = move |time_ns| grid.frame_time_ns(grid.frames_in_ns(time_ns));
    let least_ns = plan.frame_time_ns(1) / 2;
    on_timeline(&pad(&out, "sink")?, least_ns, snap, move || pictures.end(&src, &plan, &ends));
    Ok(Built { head, tees, busiest })
}

/// Builds one rung behind the one above it: `scale ! tee ! queue ! download ! encoder ! parser !
/// queue ! muxer`. Returns the tee, from which the next rung goes on, the queue whose thread encodes,
/// and the end.
fn build_rung(
    pipeline: &gst::Pipeline,
    above: &gst::Element,
    rung: &RungSpec,
    muxer: Muxer,
    track: &Arc<Track>,
) -> Result<(gst::Element, gst::Element, Sink), Failure> {
    let mut scaled = vec![queue(WAITING_PICTURES, 0)?];
    for step in &rung.scale {
        scaled.push(make(step)?);
    }
    scaled.push(caps_filter(&rung.scaled_caps)?);
    let tee = plain("tee")?;
    // The smallest rung has no rung below it.
    tee.set_property("allow-not-linked", true);
    scaled.push(tee.clone());
    chain(pipeline, &scaled)?;
    link(above, &scaled[0])?;

    let parser = plain("h264parse")?;
    parser.set_property("config-interval", -1_i32);
    // Each pad of a splitmuxsink needs a thread of its own.
    let last = queue(0, 2 * gst::ClockTime::SECOND.nseconds())?;
    let encoding = queue(WAITING_PICTURES, 0)?;
    let mut encoded = vec![encoding.clone()];
    for step in rung.download.iter().chain([&rung.encode]) {
        encoded.push(make(step)?);
    }
    encoded.extend([caps_filter(&rung.encoded_caps)?, parser, last.clone()]);
    chain(pipeline, &encoded)?;
    link(&tee, &encoded[0])?;
    let sink = pipeline::sink(pipeline, &last, Stream::Picture, muxer, track)?;
    watch_encoded(&pad(&last, "src")?, muxer.format, track);
    Ok((tee, encoding, sink))
}

fn link(from: &gst::Element, to: &gst::Element) -> Result<(), Failure> {
    from.link(to).map_err(|error| crate::worker::graph::element::broken(error.to_string()))
}

/// Counts the pictures before the first tee: each that begins a segment is announced as a cut.
fn watch_pictures(
    src: &gst::Pad,
    plan: &VideoPlan,
    cutter: Cutter,
    output: &Arc<Output>,
) -> Arc<Pictures> {
    let pictures = Arc::new(Pictures::default());
    let plan = plan.clone();
    let output = Arc::clone(output);
    let taken = Arc::clone(&pictures);
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    src.add_probe(mask, move |pad, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let Some((number, time)) = taken.take(pad, buffer, &plan) else {
                    return gst::PadProbeReturn::Drop;
                };
                if number > 0 && plan.begins_segment(number) {
                    cutter.cut(time);
                }
                output.progress(time.nseconds());
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                cutter.end();
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    pictures
}

/// Measures what goes into the muxer and reads the codec string off the first key frame of a byte
/// stream; fragments have it before their first picture.
fn watch_encoded(src: &gst::Pad, format: SegmentFormat, track: &Arc<Track>) {
    let track = Arc::downgrade(track);
    let codec_told = Mutex::new(format == SegmentFormat::Cmaf);
    src.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let (Some(track), Some(buffer)) = (track.upgrade(), info.buffer()) else {
            return gst::PadProbeReturn::Ok;
        };
        let mut codec_told = codec_told.lock();
        if !*codec_told
            && let Ok(bytes) = buffer.map_readable()
            && let Some(codec) = codecs::avc1_of_byte_stream(&bytes)
        {
            track.rendition().tell_codec(codec);
            *codec_told = true;
        }
        if let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts)) {
            track.frame(time + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
        }
        gst::PadProbeReturn::Ok
    });
}
