//! The audio branches: each track is encoded once, to AAC, into a rendition of its own.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::downmix;
use crate::domain::edits::TrackEdits;
use crate::domain::hls::codecs::AAC_LC;
use crate::domain::plan::{AudioPlan, VideoPlan};
use crate::worker::graph::builder::GraphBuilder;
use crate::worker::graph::element::{broken, caps_filter, chain, pad, plain, queue};
use crate::worker::graph::segment_sink::{Cutter, MediaKind};
use crate::worker::output::Output;
use crate::worker::protocol::Failure;
use crate::worker::timeline::audio_tail::AudioTail;
use crate::worker::timeline::common_end::CommonEnd;
use crate::worker::timeline::segment_event;
use crate::worker::timeline::segmenter::Segmenter;
use crate::worker::timeline::timestamps::{rewrite_timestamps, running_time};

/// Samples by which the output of `avenc_aac` is late: its first frame holds nothing but this priming,
/// and a transport stream cannot say so. Measured with an impulse.
const PRIMING_SAMPLES: u64 = 1024;
/// Decoded audio that may wait before the encoder.
const QUEUED_AUDIO: gst::ClockTime = gst::ClockTime::SECOND;
/// Encoded audio that may wait for the video: two segments and an encoder's lookahead, with a margin.
/// At 128 kbit/s it is half a megabyte. With one second the pipeline deadlocks.
const QUEUED_AAC: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// Builds everything behind the pads of one audio rendition. Returns its source streams, each with the element to
/// link its pad to. `video` has the segment boundaries, `edits` those of the tracks.
pub(crate) fn build<'a>(
    builder: &mut GraphBuilder<'_>,
    plan: &'a AudioPlan,
    video: &VideoPlan,
    edits: Option<TrackEdits>,
) -> Result<Vec<(&'a str, gst::Element)>, Failure> {
    let head = queue(0, QUEUED_AUDIO.nseconds())?;
    let rate = plain("audiorate")?;
    let raw = caps_filter(&format!(
        "audio/x-raw,format=F32LE,rate={},channels={}",
        plan.sample_rate_hz, plan.channels
    ))?;
    let encoder = encoder(plan)?;
    let last = queue(0, QUEUED_AAC.nseconds())?;
    let elements = [
        head.clone(),
        converter(plan.is_ambisonic)?,
        plain("audioresample")?,
        rate.clone(),
        raw.clone(),
        encoder.clone(),
        plain("aacparse")?,
        last.clone(),
    ];
    chain(builder.pipeline, &elements)?;
    // `audiorate` would add silence up to the stated end; the common end adds what is really missing.
    segment_event::sanitize_stop(&pad(&rate, "sink")?, 0);
    hold_tail(&raw, plan, edits, builder.common_end)?;
    drop_padding(&pad(&encoder, "src")?, plan.sample_rate_hz, builder.common_end);
    let progress = video.rungs.is_empty().then(|| Arc::clone(builder.output));
    let sink = builder.add_rendition(&last, MediaKind::Audio, plan.sample_rate_hz)?;
    watch_encoded(&pad(&last, "sink")?, video, sink.cutter(), &sink.segmenter, progress);
    let Some(right) = &plan.right_stream_id else { return Ok(vec![(&plan.stream_id, head)]) };
    let [of_left, of_right] = interleave(builder.pipeline, plan.sample_rate_hz, &head)?;
    Ok(vec![(&plan.stream_id, of_left), (right, of_right)])
}

/// Builds `(queue ! audioconvert ! audioresample ! caps) x 2 ! audiointerleave` before `head`, which makes one stereo
/// stream of two of one channel. Returns the elements for left and right.
fn interleave(
    pipeline: &gst::Pipeline,
    sample_rate_hz: u32,
    head: &gst::Element,
) -> Result<[gst::Element; 2], Failure> {
    let interleave = plain("audiointerleave")?;
    let positions = gst::glib::Type::from_name("GstAudioChannelPosition");
    let positions = positions.and_then(gst::glib::EnumClass::with_type);
    let position = |nick| positions.as_ref()?.to_value_by_nick(nick);
    let sides = ["front-left", "front-right"].into_iter().filter_map(position);
    interleave.set_property("channel-positions", gst::glib::ValueArray::new(sides));
    interleave.set_property("channel-positions-from-input", false);
    chain(pipeline, std::slice::from_ref(&interleave))?;
    interleave.link(head).map_err(|error| broken(error.to_string()))?;
    let side = || -> Result<gst::Element, Failure> {
        let first = queue(0, QUEUED_AUDIO.nseconds())?;
        let mono = format!("audio/x-raw,format=F32LE,rate={sample_rate_hz},channels=1");
        let last = caps_filter(&mono)?;
        let (convert, resample) = (plain("audioconvert")?, plain("audioresample")?);
        chain(pipeline, &[first.clone(), convert, resample, last.clone()])?;
        // Each link takes the next channel.
        last.link(&interleave).map_err(|error| broken(error.to_string()))?;
        Ok(first)
    };
    Ok([side()?, side()?])
}

fn encoder(plan: &AudioPlan) -> Result<gst::Element, Failure> {
    let encoder = plain("avenc_aac")?;
    let bits_per_second = i32::try_from(plan.bitrate_kbps * 1000).unwrap_or(i32::MAX);
    encoder.set_property("bitrate", bits_per_second);
    disable_forced_mid_side(&encoder);
    Ok(encoder)
}

/// In GStreamer 1.22 `aac-ms` is a switch which is on by default and forces mid/side coding on every
/// frame, so left and right leak into each other. Newer releases leave the choice to the encoder.
fn disable_forced_mid_side(encoder: &gst::Element) {
    let is_switch = |property: gst::glib::ParamSpec| property.value_type() == bool::static_type();
    if encoder.find_property("aac-ms").is_some_and(is_switch) {
        encoder.set_property("aac-ms", false);
    }
}

/// An `audioconvert` that mixes to stereo by ITU-R BS.775. By itself, it mixes the low-frequency channel
/// loudest, and the rear channels 6 dB lower than the standard; it refuses channels without positions.
fn converter(is_ambisonic: bool) -> Result<gst::Element, Failure> {
    let convert = plain("audioconvert")?;
    let element = convert.downgrade();
    let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::QUERY_DOWNSTREAM;
    // Runs on the streaming thread before the converter: sets a property of the converter before it gets
    // the caps, because the channel layout may change in mid-stream.
    pad(&convert, "sink")?.add_probe(mask, move |_, info| {
        let caps = if let Some(gst::PadProbeData::Event(event)) = &info.data
            && let gst::EventView::Caps(caps) = event.view()
        {
            Some(caps.caps_owned())
        } else if let Some(gst::PadProbeData::Query(query)) = &info.data
            && let gst::QueryView::AcceptCaps(caps) = query.view()
        {
            Some(caps.caps_owned())
        } else {
            None
        };
        if let (Some(caps), Some(convert)) = (caps, element.upgrade()) {
            convert.set_property("mix-matrix", matrix(&caps, is_ambisonic));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(convert)
}

/// The mix matrix of these caps for `audioconvert`; empty if the converter may choose.
fn matrix(caps: &gst::Caps, is_ambisonic: bool) -> gst::Array {
    let structure = caps.structure(0);
    let mask = structure.and_then(|s| s.get::<gst::Bitmask>("channel-mask").ok());
    let channels = structure.and_then(|s| usize::try_from(s.get::<i32>("channels").ok()?).ok());
    let sides = match (mask, channels) {
        (Some(gst::Bitmask(0)), Some(channels)) | (None, Some(channels @ 3..)) => {
            Some(downmix::unpositioned_to_stereo(channels, is_ambisonic))
        }
        (mask, _) => mask.and_then(|mask| downmix::to_stereo(mask.0)),
    };
    gst::Array::new(sides.into_iter().flatten().map(gst::Array::new))
}

/// Holds back the end of the audio at `raw`, so that it can be cut at the common end.
fn hold_tail(
    raw: &gst::Element,
    plan: &AudioPlan,
    edits: Option<TrackEdits>,
    common_end: &Arc<CommonEnd>,
) -> Result<(), Failure> {
    let src = pad(raw, "src")?;
    let tail = Arc::new(AudioTail::new(plan, edits));
    let holding = Arc::clone(&tail);
    // Runs on the streaming thread before the encoder; pushes held buffers from there.
    src.add_probe(gst::PadProbeType::BUFFER, move |pad, info| match info.buffer() {
        Some(buffer) => holding.hold(pad, buffer),
        None => gst::PadProbeReturn::Ok,
    });
    let common_end = Arc::clone(common_end);
    let at_end = move || tail.finish(&src, &common_end);
    rewrite_timestamps(&pad(raw, "sink")?, 0, None, |time_ns| time_ns, at_end);
    Ok(())
}

/// Drops the frame that holds the priming, moves all others earlier by its length, and drops those behind the
/// common end: they hold nothing but what the encoder adds, and might begin another segment.
fn drop_padding(src: &gst::Pad, sample_rate_hz: u32, common_end: &Arc<CommonEnd>) {
    let shift = gst::ClockTime::SECOND.nseconds() * PRIMING_SAMPLES / u64::from(sample_rate_hz);
    let shift = gst::ClockTime::from_nseconds(shift);
    let (is_first, common_end) = (Mutex::new(true), Arc::clone(common_end));
    // Runs on the encoder's streaming thread: changes the buffer only.
    src.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if std::mem::replace(&mut *is_first.lock(), false) {
            return gst::PadProbeReturn::Drop;
        }
        if let Some(buffer) = info.buffer_mut() {
            let buffer = buffer.make_mut();
            buffer.set_pts(buffer.pts().map(|pts| pts.saturating_sub(shift)));
            buffer.set_dts(buffer.dts().map(|dts| dts.saturating_sub(shift)));
            let end_ns = common_end.decided_ns();
            if buffer.pts().zip(end_ns).is_some_and(|(pts, end_ns)| pts.nseconds() >= end_ns) {
                return gst::PadProbeReturn::Drop;
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Cuts at the first audio frame of each segment of the video, and reports encoded frames to the
/// segmenter. Without video, the audio reports progress.
fn watch_encoded(
    sink: &gst::Pad,
    video: &VideoPlan,
    cutter: Cutter,
    segmenter: &Arc<Segmenter>,
    progress: Option<Arc<Output>>,
) {
    let video = video.clone();
    let boundary = Mutex::new(Boundary { next_ns: video.segment_end_ns(0), has_begun: false });
    let segmenter = Arc::clone(segmenter);
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    // Runs on the encoder's streaming thread: reads the buffer, requests cuts, and writes events to the
    // pipe, so it blocks while the parent does not read.
    sink.add_probe(mask, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let Some(time) = buffer.pts().and_then(|pts| running_time(pad, pts)) else {
                    return gst::PadProbeReturn::Ok;
                };
                let mut boundary = boundary.lock();
                let has_begun = std::mem::replace(&mut boundary.has_begun, true);
                if !has_begun {
                    segmenter.report_codec(AAC_LC.to_owned());
                }
                if time.nseconds() >= boundary.next_ns {
                    boundary.next_ns = video.segment_end_ns(time.nseconds());
                    // A stream that begins late begins with its first segment, uncut.
                    if has_begun {
                        cutter.cut(time);
                    }
                }
                if let Some(output) = &progress {
                    output.progress(time.nseconds());
                }
                segmenter.frame_muxed(time + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                cutter.finish();
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Where the next segment begins.
struct Boundary {
    next_ns: u64,
    /// A frame was seen.
    has_begun: bool,
}
