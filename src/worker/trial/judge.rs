//! Whether what came out of an encoder is what must come out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gio::prelude::*;
use gstreamer as gst;
use gstreamer::prelude::*;

use super::clip;
use crate::worker::graph::element::{caps_filter, chain, pad, plain};
use crate::worker::protocol::Failure;

/// How long one pipeline may take. Compiling CUDA's scaler takes some seconds.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(30);
/// How far the mean of a picture may stray from the source's, of 255. Rates and rounding move it by
/// less than one; grey, green and black are off by dozens.
const TOLERATED_LUMA: f64 = 8.0;

/// Plays a pipeline to its end.
pub(super) fn play(pipeline: &gst::Pipeline) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    let started = pipeline.set_state(gst::State::Playing);
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    let timeout = if started.is_ok() { TIMEOUT } else { gst::ClockTime::ZERO };
    let Some(message) = bus.timed_pop_filtered(timeout, &wanted) else {
        return Err(match started {
            Ok(_) => format!("it hangs: the trial encode did not end within {TIMEOUT:.0}"),
            Err(error) => error.to_string(),
        });
    };
    if let gst::MessageView::Error(error) = message.view() {
        return Err(told(error));
    }
    Ok(())
}

/// What an error says, with what it adds for developers: encoders say why only there.
fn told(error: &gst::message::Error) -> String {
    let element = error.src().map(|source| source.name().to_string()).unwrap_or_default();
    let debug = error.debug().unwrap_or_default();
    // Its first line is the place in the source, with the path of the element.
    let more = debug.lines().skip(1).collect::<Vec<_>>().join(" ");
    let more = if more.is_empty() { more } else { format!(" ({more})") };
    format!("{element}: {}{more}", error.error().message())
}

/// A source of these bytes.
pub(super) fn source(bytes: &[u8]) -> Result<gst::Element, Failure> {
    let source = plain("giostreamsrc")?;
    let stream = gio::MemoryInputStream::from_bytes(&gstreamer::glib::Bytes::from(bytes));
    source.set_property("stream", stream.upcast::<gio::InputStream>());
    Ok(source)
}

/// Holds an encoder's byte stream against what it was made of.
pub(super) fn judge(stream: &[u8], gop: u32, frames: u32, luma: f64) -> Result<(), String> {
    let kinds = pictures(stream);
    let made = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
    if made != frames {
        return Err(format!("{made} pictures came out of {frames}"));
    }
    let step = usize::try_from(gop).unwrap_or(usize::MAX).max(1);
    if let Some(number) = (0..kinds.len()).step_by(step).find(|number| !kinds[*number]) {
        return Err(format!("picture {number} is no IDR: one must begin every {gop} pictures"));
    }
    let (shown, mean) = decode(stream)?;
    if shown != frames {
        return Err(format!("{shown} of {frames} pictures can be decoded"));
    }
    match mean {
        Some(mean) if (mean - luma).abs() <= TOLERATED_LUMA => Ok(()),
        Some(mean) => Err(format!("the picture is another: its mean is {mean:.0}, not {luma:.0}")),
        None => Err("nothing that was encoded can be decoded".to_owned()),
    }
}

/// The pictures of a byte stream with one slice or more each: whether each is an IDR.
fn pictures(stream: &[u8]) -> Vec<bool> {
    const SLICE: u8 = 1;
    const IDR_SLICE: u8 = 5;
    let starts = stream.windows(3).enumerate().filter(|(_, piece)| *piece == [0, 0, 1]);
    let units =
        starts.filter_map(|(at, _)| Some((*stream.get(at + 3)? & 0x1F, stream.get(at + 4)?)));
    // `first_mb_in_slice` is 0, a single bit that is set, where a picture begins.
    let firsts =
        units.filter(|(kind, next)| matches!(*kind, SLICE | IDR_SLICE) && **next & 0x80 != 0);
    firsts.map(|(kind, _)| kind == IDR_SLICE).collect()
}

/// How many pictures a decoder shows of a byte stream, and the first one's mean luma.
fn decode(stream: &[u8]) -> Result<(u32, Option<f64>), String> {
    let build = || {
        let out = caps_filter("video/x-raw,format=I420")?;
        let (decoder, convert) = (plain("avdec_h264")?, plain("videoconvert")?);
        let (parser, sink) = (plain("h264parse")?, plain("fakesink")?);
        let shown = Arc::<AtomicU32>::default();
        let count = Arc::clone(&shown);
        let end = pad(&out, "src")?;
        end.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            count.fetch_add(1, Ordering::AcqRel);
            gst::PadProbeReturn::Ok
        });
        let luma = clip::mean_luma(&end);
        let pipeline = gst::Pipeline::new();
        chain(&pipeline, &[source(stream)?, parser, decoder, convert, out, sink])?;
        Ok((pipeline, shown, luma))
    };
    let (pipeline, shown, luma) = build().map_err(|failure: Failure| failure.message)?;
    let played = play(&pipeline);
    if let Err(error) = played {
        // It may hang on its way down; the process ends soon.
        std::mem::forget(pipeline);
        return Err(format!("what was encoded cannot be decoded: {error}"));
    }
    pipeline.set_state(gst::State::Null).ok();
    let mean = *luma.lock();
    Ok((shown.load(Ordering::Acquire), mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_told_by_their_first_slices() {
        let unit = |kind: u8, first: u8| vec![0, 0, 1, 0x60 | kind, first, 9];
        let stream = [
            unit(7, 0x80),
            unit(5, 0x88),
            unit(5, 0x40),
            unit(1, 0x9A),
            unit(1, 0x40),
            unit(6, 0x80),
        ]
        .concat();
        assert_eq!(pictures(&stream), [true, false]);
        assert!(pictures(&[0, 0, 1]).is_empty());
        assert!(pictures(b"").is_empty());
    }
}
