//! Runs one pipeline of a trial, from bytes in memory to its EOS.

use gio::prelude::*;
use gstreamer as gst;
use gstreamer::prelude::*;

use super::error::Error;
use crate::worker::graph::element::plain;
use crate::worker::protocol::Failure;

/// Time limit of one pipeline. Compiling CUDA's scaler takes some seconds.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// Plays a pipeline until EOS, then stops it. A pipeline that fails is leaked, because stopping it may
/// hang, and the process ends soon.
pub(super) fn play(pipeline: gst::Pipeline) -> Result<(), Error> {
    let played = wait_for_eos(&pipeline);
    if played.is_err() {
        std::mem::forget(pipeline);
        return played;
    }
    let stopped = pipeline.set_state(gst::State::Null).map(drop);
    stopped.map_err(|error| Error::Pipeline(error.to_string()))
}

fn wait_for_eos(pipeline: &gst::Pipeline) -> Result<(), Error> {
    let no_bus = || Error::Pipeline("the pipeline has no bus".to_owned());
    let bus = pipeline.bus().ok_or_else(no_bus)?;
    let started = pipeline.set_state(gst::State::Playing);
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let timeout = if started.is_ok() { TIMEOUT } else { gst::ClockTime::ZERO };
    let Some(message) = bus.timed_pop_filtered(timeout, &wanted) else {
        return Err(match started {
            Ok(_) => Error::Timeout(TIMEOUT.seconds()),
            Err(error) => Error::Pipeline(error.to_string()),
        });
    };
    if let gst::MessageView::Error(error) = message.view() {
        return Err(Error::Pipeline(describe(error)));
    }
    Ok(())
}

/// Element, message and debug text of an error: encoders give their reason only in the debug text.
fn describe(error: &gst::message::Error) -> String {
    let element = error.src().map(|source| source.name().to_string()).unwrap_or_default();
    let debug = error.debug().unwrap_or_default();
    // Its first line is the place in GStreamer's code, with the path of the element.
    let more = debug.lines().skip(1).collect::<Vec<_>>().join(" ");
    let more = if more.is_empty() { more } else { format!(" ({more})") };
    format!("{element}: {}{more}", error.error().message())
}

/// A source element that outputs these bytes.
pub(super) fn source(bytes: &[u8]) -> Result<gst::Element, Failure> {
    let source = plain("giostreamsrc")?;
    let stream = gio::MemoryInputStream::from_bytes(&gst::glib::Bytes::from(bytes));
    source.set_property("stream", stream.upcast::<gio::InputStream>());
    Ok(source)
}
