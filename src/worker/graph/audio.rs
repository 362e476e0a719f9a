//! The sound: each track once, to AAC, in a rendition of its own.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::downmix;
use crate::domain::plan::{AudioPlan, VideoPlan};
use crate::worker::graph::cmaf_sink::Stream;
use crate::worker::graph::element::{caps_filter, chain, pad, plain, queue};
use crate::worker::graph::pipeline::{self, Muxer};
use crate::worker::output::{Output, Rendition};
use crate::worker::protocol::Failure;
use crate::worker::timeline::common_end::{Ends, Sounds, on_timeline};
use crate::worker::timeline::segment_event;
use crate::worker::timeline::segmenter::{Cutter, Sink, Total, Track, running_time};

/// Samples by which `avenc_aac` is late: its first frame holds nothing but this priming, and a
/// transport stream has no way to say so. Measured with an impulse.
const PRIMING_SAMPLES: u64 = 1024;
/// Encoded sound that may wait for the picture: two segments and an encoder's lookahead, with
/// room. At 128 kbit/s it is half a megabyte. With a second the pipeline stands still.
const WAITING_SOUND: gst::ClockTime = gst::ClockTime::from_seconds(30);
/// RFC 6381 name of AAC-LC, the only profile that `avenc_aac` makes.
const AAC_LC: &str = "mp4a.40.2";

/// Builds everything behind the pad of one audio stream. Returns the element to link it to.
pub(crate) fn build(
    pipeline: &gst::Pipeline,
    plan: &AudioPlan,
    picture: &VideoPlan,
    muxer: Muxer,
    output: &Arc<Output>,
    tracks: &mut Vec<(Sink, Arc<Track>)>,
    ends: &Arc<Ends>,
) -> Result<gst::Element, Failure> {
    let head = queue(0, gst::ClockTime::SECOND.nseconds())?;
    let encoder = plain("avenc_aac")?;
    let bits_per_second = i32::try_from(plan.bitrate_kbps * 1000).unwrap_or(i32::MAX);
    encoder.set_property("bitrate", bits_per_second);
    leave_stereo(&encoder);
    let waiting = queue(0, WAITING_SOUND.nseconds())?;
    let elements = [
        head.clone(),
        converter()?,
        plain("audioresample")?,
        plain("audiorate")?,
        caps_filter(&format!(
            "audio/x-raw,format=F32LE,rate={},channels={}",
            plan.sample_rate_hz, plan.channels
        ))?,
        encoder.clone(),
        plain("aacparse")?,
        waiting.clone(),
    ];
    chain(pipeline, &elements)?;
    // `audiorate` would fill up to the stated end with silence; what is missing there, the one end
    // of all streams adds.
    segment_event::believe(&pad(&elements[3], "sink")?, 0);

    let index = u16::try_from(tracks.len()).unwrap_or(u16::MAX);
    let total = Arc::new(Total::default());
    let track = Arc::new(Track::new(Rendition::new(output, index), &total));
    let sink = pipeline::sink(pipeline, &waiting, Stream::Sound, muxer, &track)?;
    watch_end(&elements[4], plan, ends)?;
    take_priming_out(&pad(&encoder, "src")?, plan.sample_rate_hz);
    let cutter = Cutter::new(std::slice::from_ref(&sink), &total);
    let progress = picture.rungs.is_empty().then(|| Arc::clone(output));
    watch_frames(&pad(&waiting, "sink")?, picture, cutter, &track, progress);
    tracks.push((sink, track));
    Ok(head)
}

/// Where M/S is a switch (GStreamer 1.22), it is on for everything, which makes nearly mono of
/// everything. Newer releases leave it to the encoder.
fn leave_stereo(encoder: &gst::Element) {
    let is_switch = |property: gst::glib::ParamSpec| property.value_type() == bool::static_type();
    if encoder.find_property("aac-ms").is_some_and(is_switch) {
        encoder.set_property("aac-ms", false);
    }
}

/// An `audioconvert` that mixes as the standard says: what it does by itself is loudest in the
/// low-frequency effects, and 6 dB lower than the standard in what is behind.
fn converter() -> Result<gst::Element, Failure> {
    let convert = plain("audioconvert")?;
    let element = convert.downgrade();
    let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::QUERY_DOWNSTREAM;
    // Before it is asked whether it takes a layout, which may change in mid-stream.
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
            convert.set_property("mix-matrix", matrix(&caps));
        }
        gst::PadProbeReturn::Ok
    });
    Ok(convert)
}

/// How these channels become two, as `audioconvert` takes it; empty where it may do as it likes.
fn matrix(caps: &gst::Caps) -> gst::Array {
    let mask = caps.structure(0).and_then(|s| s.get::<gst::Bitmask>("channel-mask").ok());
    let sides = mask.and_then(|mask| downmix::to_stereo(mask.0));
    gst::Array::new(sides.into_iter().flatten().map(gst::Array::new))
}

/// Follows the sound behind this element, and lets it end where all end.
fn watch_end(prepared: &gst::Element, plan: &AudioPlan, ends: &Arc<Ends>) -> Result<(), Failure> {
    let src = pad(prepared, "src")?;
    let sounds = Arc::new(Sounds::new(plan));
    let taken = Arc::clone(&sounds);
    src.add_probe(gst::PadProbeType::BUFFER, move |pad, info| match info.buffer() {
        Some(buffer) => taken.take(pad, buffer),
        None => gst::PadProbeReturn::Ok,
    });
    let ends = Arc::clone(ends);
    on_timeline(&pad(prepared, "sink")?, 0, |time_ns| time_ns, move || sounds.end(&src, &ends));
    Ok(())
}

/// Drops the frame that holds the priming and moves the others to where their sound belongs.
fn take_priming_out(src: &gst::Pad, sample_rate_hz: u32) {
    let shift = gst::ClockTime::SECOND.nseconds() * PRIMING_SAMPLES / u64::from(sample_rate_hz);
    let shift = gst::ClockTime::from_nseconds(shift);
    let first = Mutex::new(true);
    src.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if std::mem::replace(&mut *first.lock(), false) {
            return gst::PadProbeReturn::Drop;
        }
        if let Some(buffer) = info.buffer_mut() {
            let buffer = buffer.make_mut();
            buffer.set_pts(buffer.pts().map(|pts| pts.saturating_sub(shift)));
            buffer.set_dts(buffer.dts().map(|dts| dts.saturating_sub(shift)));
        }
        gst::PadProbeReturn::Ok
    });
}

/// Cuts at the first frame of each segment of the picture and measures what goes into the muxer.
/// Where there is no picture, the sound says how far it is.
fn watch_frames(
    sink: &gst::Pad,
    picture: &VideoPlan,
    cutter: Cutter,
    track: &Arc<Track>,
    progress: Option<Arc<Output>>,
) {
    let picture = picture.clone();
    let next_cut = Mutex::new((picture.segment_end_ns(0), false));
    let track = Arc::downgrade(track);
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    sink.add_probe(mask, move |pad, info| {
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let (Some(track), Some(time)) =
                    (track.upgrade(), buffer.pts().and_then(|pts| running_time(pad, pts)))
                else {
                    return gst::PadProbeReturn::Ok;
                };
                let mut next = next_cut.lock();
                let (at, begun) = *next;
                if !begun {
                    track.rendition().tell_codec(AAC_LC.to_owned());
                }
                next.1 = true;
                if time.nseconds() >= at {
                    // A stream that begins late begins with its first segment, uncut.
                    next.0 = picture.segment_end_ns(time.nseconds());
                    if begun {
                        cutter.cut(time);
                    }
                }
                if let Some(output) = &progress {
                    output.progress(time.nseconds());
                }
                track.frame(time + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                cutter.end();
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}
