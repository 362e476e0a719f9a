//! The clip that trials decode: generated here, so its content is known.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::error::Error;
use super::measure::{collect, mean_luma};
use super::play::play;
use crate::worker::graph::element::{caps_filter, chain, pad, plain};

/// H.264 video in a transport stream.
pub(super) struct Clip {
    pub(super) bytes: Vec<u8>,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) frames: u32,
    /// Mean luma of its first frame, 0 to 255.
    pub(super) luma: f64,
}

/// Frame rate of the clip in frames per second.
pub(super) const FPS: u32 = 30;

/// Encodes colour bars with x264.
pub(super) fn generate(width: u32, height: u32, frames: u32) -> Result<Clip, Error> {
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
    play(pipeline)?;
    let (bytes, luma) = (std::mem::take(&mut *bytes.lock()), luma.lock().unwrap_or_default());
    Ok(Clip { bytes, width, height, frames, luma })
}
