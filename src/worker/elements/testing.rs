//! Test support: runs a pipeline and captures the frames that arrive at its sinks.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoFrame, VideoInfo};
use parking_lot::Mutex;

/// Registers the element under test.
pub(crate) type Register = fn() -> Result<(), glib::BoolError>;

/// Timestamp, format and the samples of each plane without padding.
pub(crate) type CapturedFrame = (Option<gst::ClockTime>, String, Vec<Vec<u8>>);

fn captured_frame(buffer: &gst::Buffer, caps: &gst::CapsRef) -> CapturedFrame {
    let info = VideoInfo::from_caps(caps).unwrap();
    let frame = VideoFrame::from_buffer_readable(buffer.clone(), &info).unwrap();
    let plane = |component: u32| {
        let width = frame.comp_width(component) * frame.comp_pstride(component).unsigned_abs();
        let stride = frame.plane_stride()[component as usize].unsigned_abs();
        let rows = frame.plane_data(component).unwrap().chunks(stride as usize);
        let rows = rows.take(frame.comp_height(component) as usize);
        rows.flat_map(|row| row[..width as usize].to_vec()).collect()
    };
    (buffer.pts(), info.format().to_string(), (0..frame.n_planes()).map(plane).collect())
}

/// Runs a pipeline to its end. Returns the frames of the sinks with these names.
pub(crate) fn run(
    register: Register,
    description: &str,
    sinks: &[&str],
) -> Vec<Vec<CapturedFrame>> {
    capture(&parse_bin(register, description), sinks)
}

/// Parses a pipeline description, which may name the element under test.
pub(crate) fn parse_bin(register: Register, description: &str) -> gst::Bin {
    gst::init().unwrap();
    register().unwrap();
    gst::parse::launch(description).unwrap().downcast().unwrap()
}

/// Plays a pipeline to its end. Returns the frames of the sinks with these names. Panics on an
/// error and after a minute.
pub(crate) fn capture(bin: &gst::Bin, sinks: &[&str]) -> Vec<Vec<CapturedFrame>> {
    let captured = sinks.iter().map(|name| {
        let pad = bin.by_name(name).unwrap().static_pad("sink").unwrap();
        let frames = Arc::new(Mutex::new(Vec::new()));
        let probed = frames.clone();
        // Runs on the streaming thread of the sink; it only copies samples.
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let caps = pad.current_caps().unwrap();
            probed.lock().push(captured_frame(info.buffer().unwrap(), &caps));
            gst::PadProbeReturn::Ok
        });
        frames
    });
    let captured: Vec<_> = captured.collect();
    bin.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bin.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends);
    bin.set_state(gst::State::Null).unwrap();
    let end = end.expect("the pipeline does not end");
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    captured.iter().map(|frames| frames.lock().clone()).collect()
}
