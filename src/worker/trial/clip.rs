//! The video that backends are tried with: made here, so that what must come out is known.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{VideoFormat, VideoFrameRef, VideoInfo};
use parking_lot::Mutex;

use super::judge;
use crate::domain::failure_code::FailureCode;
use crate::worker::graph::element::{caps_filter, chain, pad, plain};
use crate::worker::protocol::Failure;

/// A video of H.264 in a transport stream.
pub(super) struct Clip {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: u32,
    /// Mean of its samples of luma.
    pub(super) luma: f64,
}

/// Frames per second.
pub(super) const FPS: u32 = 30;

/// Colour bars, encoded by x264.
pub(super) fn make(width: u32, height: u32, frames: u32) -> Result<Clip, Failure> {
    let source = plain("videotestsrc")?;
    source.set_property("num-buffers", i32::try_from(frames).unwrap_or(i32::MAX));
    let raw = caps_filter(&format!(
        "video/x-raw,format=I420,width={width},height={height},framerate={FPS}/1"
    ))?;
    let encoder = plain("x264enc")?;
    for (name, value) in [("speed-preset", "ultrafast"), ("tune", "zerolatency")] {
        encoder.set_property_from_str(name, value);
    }
    encoder.set_property("key-int-max", FPS);
    let profile = caps_filter("video/x-h264,profile=main")?;
    let (parser, muxer, sink) = (plain("h264parse")?, plain("mpegtsmux")?, plain("fakesink")?);
    let pipeline = gst::Pipeline::new();
    let luma = mean_luma(&pad(&raw, "src")?);
    let bytes = collect(&pad(&sink, "sink")?);
    chain(&pipeline, &[source, raw, encoder, profile, parser, muxer, sink])?;
    judge::play(&pipeline).map_err(|error| Failure::new(FailureCode::Trial, error))?;
    pipeline.set_state(gst::State::Null).ok();
    let (bytes, luma) = (std::mem::take(&mut *bytes.lock()), luma.lock().unwrap_or_default());
    Ok(Clip { bytes, width, height, frames, luma })
}

/// Collects what passes a pad.
pub(super) fn collect(pad: &gst::Pad) -> Arc<Mutex<Vec<u8>>> {
    let bytes = Arc::<Mutex<Vec<u8>>>::default();
    let collected = Arc::clone(&bytes);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, info| {
        let mut collected = collected.lock();
        let mut take = |buffer: &gst::BufferRef| {
            if let Ok(map) = buffer.map_readable() {
                collected.extend_from_slice(&map);
            }
        };
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => take(buffer),
            Some(gst::PadProbeData::BufferList(list)) => list.iter().for_each(take),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    bytes
}

/// The mean of the first picture's luma, once one with 8 bits in planes has passed.
pub(super) fn mean_luma(pad: &gst::Pad) -> Arc<Mutex<Option<f64>>> {
    let mean = Arc::<Mutex<Option<f64>>>::default();
    let found = Arc::clone(&mean);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let mut found = found.lock();
        if let (None, Some(buffer), Some(caps)) = (*found, info.buffer(), pad.current_caps()) {
            *found = luma_of(buffer, &caps);
        }
        gst::PadProbeReturn::Ok
    });
    mean
}

fn luma_of(buffer: &gst::BufferRef, caps: &gst::Caps) -> Option<f64> {
    let info = VideoInfo::from_caps(caps).ok()?;
    if !matches!(info.format(), VideoFormat::I420 | VideoFormat::Nv12) {
        return None;
    }
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).ok()?;
    let (width, height) =
        (usize::try_from(info.width()).ok()?, usize::try_from(info.height()).ok()?);
    let stride = usize::try_from(info.stride().first().copied()?).ok()?;
    let rows = frame.plane_data(0).ok()?.chunks(stride).take(height);
    let sum: u64 = rows.map(|row| row.iter().take(width).map(|v| u64::from(*v)).sum::<u64>()).sum();
    let samples = u32::try_from(width * height).ok().filter(|samples| *samples > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "sums of a picture are below 2^53")]
    Some(sum as f64 / f64::from(samples))
}
