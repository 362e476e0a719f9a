//! One frame of the source as a JPEG: a poster.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::failure_code::FailureCode;
use crate::domain::still::{MAX_IMAGE_PIXELS, MAX_SIDE_PX, Still};
use crate::domain::thumbnail::Thumbnail;
use crate::worker::elements::range_source::{Client, RangeSrc};
use crate::worker::graph::element::{broken, caps_filter, chain, pad, plain};
use crate::worker::graph::thumbnails::rgb_to_jpeg;
use crate::worker::output::Output;
use crate::worker::plugins;
use crate::worker::protocol::Failure;

/// Time limit of the pipeline: it decodes an image, or a segment of some seconds.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// A frame of RGB triples.
struct Frame {
    rgb: Vec<u8>,
    width: u32,
    height: u32,
    /// Bytes of a row.
    stride: usize,
}

/// The frame so far, and the time of the first one.
#[derive(Default)]
struct Chosen {
    first: Option<gst::ClockTime>,
    frame: Option<Frame>,
    failure: Option<Failure>,
}

/// Decodes the source and sends the chosen frame as a poster, at most [`MAX_SIDE_PX`] wide and high.
///
/// # Errors
/// If the source cannot be decoded, or is too large.
pub(super) fn make(client: &Client, still: Still, output: &Output) -> Result<(), Failure> {
    let pipeline = gst::Pipeline::new();
    let chosen = Arc::<Mutex<Chosen>>::default();
    let ended = build(&pipeline, client, still, &chosen).and_then(|()| play(&pipeline));
    let Chosen { frame, failure, .. } = std::mem::take(&mut *chosen.lock());
    // A pipeline that failed is leaked: stopping it may hang, and the process ends soon.
    if ended.is_err() || failure.is_some() {
        std::mem::forget(pipeline);
    } else {
        pipeline.set_state(gst::State::Null).map_err(|error| broken(error.to_string()))?;
    }
    if let Some(failure) = failure {
        return Err(failure);
    }
    ended?;
    let unreadable =
        || Failure::new(FailureCode::NotMedia, "the file has no image that can be read");
    let frame = frame.ok_or_else(unreadable)?;
    let jpeg = rgb_to_jpeg(&frame.rgb, frame.stride, (frame.width, frame.height));
    let jpeg = jpeg.map_err(|error| broken(format!("failed to encode the poster: {error}")))?;
    output.thumbnail(Thumbnail::Poster, &jpeg);
    output.done(0);
    Ok(())
}

/// Builds `rangesrc ! decodebin ! videoconvert ! videoflip ! videoscale ! RGB ! fakesink`.
fn build(
    pipeline: &gst::Pipeline,
    client: &Client,
    still: Still,
    chosen: &Arc<Mutex<Chosen>>,
) -> Result<(), Failure> {
    let source: gst::Element = RangeSrc::new(client).upcast();
    let decode = plugins::decodebin(true)?;
    chain(pipeline, &[source, decode.clone()])?;
    let (convert, flip, scale) =
        (plain("videoconvert")?, plain("videoflip")?, plain("videoscale")?);
    // As the file says it should be turned.
    flip.set_property_from_str("video-direction", "auto");
    scale.set_property_from_str("method", "lanczos");
    let (to_rgb, sink) = (plain("videoconvert")?, plain("fakesink")?);
    sink.set_property("sync", false);
    let wanted = caps_filter(&format!(
        "video/x-raw,format=RGB,width=[1,{MAX_SIDE_PX}],height=[1,{MAX_SIDE_PX}],pixel-aspect-ratio=1/1"
    ))?;
    let head = convert.clone();
    chain(pipeline, &[convert, flip, scale, to_rgb, wanted, sink.clone()])?;
    limit(&pad(&head, "sink")?, chosen);
    watch(&pad(&sink, "sink")?, still, chosen);
    let head = pad(&head, "sink")?;
    decode.connect_pad_added(move |_, decoded| {
        let caps = decoded.current_caps().unwrap_or_else(|| decoded.query_caps(None));
        let is_video = caps.structure(0).is_some_and(|s| s.name().starts_with("video/x-raw"));
        // A failure to link shows as an error of the pipeline: nothing takes the frames.
        if is_video && !head.is_linked() && decoded.link(&head).is_err() {
            tracing::debug!("failed to link the decoder");
        }
    });
    Ok(())
}

/// Refuses frames that are too large, before they are decoded further.
fn limit(head: &gst::Pad, chosen: &Arc<Mutex<Chosen>>) {
    let chosen = Arc::clone(chosen);
    // Runs on the decoder's streaming thread.
    head.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        if let Some(gst::PadProbeData::Event(event)) = &info.data
            && let gst::EventView::Caps(caps) = event.view()
            && let Some(caps) = caps.caps().structure(0)
        {
            let side = |name| caps.get::<i32>(name).ok().and_then(|side| u64::try_from(side).ok());
            let pixels = side("width").unwrap_or(0).saturating_mul(side("height").unwrap_or(0));
            if pixels > MAX_IMAGE_PIXELS {
                let text =
                    format!("the image has more than {} megapixels", MAX_IMAGE_PIXELS / 1_000_000);
                chosen.lock().failure = Some(Failure::new(FailureCode::PictureTooLarge, text));
                if let Some(element) = pad.parent_element() {
                    element.post_error_message(gst::error_msg!(
                        gst::StreamError::Failed,
                        ["too many pixels"]
                    ));
                }
                return gst::PadProbeReturn::Drop;
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Keeps the last frame that begins by the chosen time.
fn watch(sink: &gst::Pad, still: Still, chosen: &Arc<Mutex<Chosen>>) {
    let chosen = Arc::clone(chosen);
    // Runs on the decoder's streaming thread: copies frames.
    sink.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let mut chosen = chosen.lock();
        let pts = buffer.pts().unwrap_or(gst::ClockTime::ZERO);
        let first = *chosen.first.get_or_insert(pts);
        let is_late = pts.saturating_sub(first).nseconds() > still.offset_ns;
        if chosen.frame.is_none() || !is_late {
            let frame = frame(pad, buffer);
            chosen.frame = frame.or(chosen.frame.take());
        }
        gst::PadProbeReturn::Ok
    });
}

fn frame(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<Frame> {
    let caps = pad.current_caps()?;
    let caps = caps.structure(0)?;
    let side = |name| caps.get::<i32>(name).ok().and_then(|side| u32::try_from(side).ok());
    let (width, height) = (side("width")?, side("height")?);
    // Rows of packed RGB are padded to four bytes.
    let stride = (width as usize * 3).next_multiple_of(4);
    let rgb = buffer.map_readable().ok()?;
    let rgb = rgb.get(..stride * height as usize)?.to_vec();
    Some(Frame { rgb, width, height, stride })
}

fn play(pipeline: &gst::Pipeline) -> Result<(), Failure> {
    let bus = pipeline.bus().ok_or_else(|| broken("the pipeline has no bus"))?;
    let unreadable = |reason: String| {
        let mut failure =
            Failure::new(FailureCode::NotMedia, "the image cannot be read: it is damaged");
        failure.debug = Some(reason);
        failure
    };
    let started = pipeline.set_state(gst::State::Playing);
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let timeout = if started.is_ok() { TIMEOUT } else { gst::ClockTime::ZERO };
    let Some(message) = bus.timed_pop_filtered(timeout, &wanted) else {
        return Err(unreadable("the pipeline did not end in time".to_owned()));
    };
    if let gst::MessageView::Error(error) = message.view() {
        return Err(unreadable(error.error().message().to_owned()));
    }
    Ok(())
}
