//! For tests: what comes out of elements, picture by picture.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::prelude::*;
use gstreamer_video::{VideoFrame, VideoInfo};
use parking_lot::Mutex;

use crate::worker::plugins;

/// Time, format and the samples of each plane, without what lies beside them.
pub(crate) type Seen = (Option<gst::ClockTime>, String, Vec<Vec<u8>>);

fn seen(buffer: &gst::Buffer, caps: &gst::CapsRef) -> Seen {
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

/// What ends in the sinks with these names.
pub(crate) fn run(description: &str, sinks: &[&str]) -> Vec<Vec<Seen>> {
    watch(&made(description), sinks)
}

/// The elements of a description, in which those of our own may be.
pub(crate) fn made(description: &str) -> gst::Bin {
    gst::init().unwrap();
    plugins::register_own().unwrap();
    gst::parse::launch(description).unwrap().downcast().unwrap()
}

/// Plays them to the end. What ends in the sinks with these names.
pub(crate) fn watch(bin: &gst::Bin, sinks: &[&str]) -> Vec<Vec<Seen>> {
    let all = sinks.iter().map(|name| {
        let pad = bin.by_name(name).unwrap().static_pad("sink").unwrap();
        let pictures = Arc::new(Mutex::new(Vec::new()));
        let into = pictures.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let caps = pad.current_caps().unwrap();
            into.lock().push(seen(info.buffer().unwrap(), &caps));
            gst::PadProbeReturn::Ok
        });
        pictures
    });
    let all: Vec<_> = all.collect();
    bin.set_state(gst::State::Playing).unwrap();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = bin.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends);
    bin.set_state(gst::State::Null).unwrap();
    let end = end.expect("it ends");
    assert_eq!(end.type_(), gst::MessageType::Eos, "{end:?}");
    all.iter().map(|pictures| pictures.lock().clone()).collect()
}
