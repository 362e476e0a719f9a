//! Verifies the output of an encoder: number of frames, IDRs, decodable, the right content.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::error::Error;
use super::measure::mean_luma;
use super::play::{play, source};
use crate::worker::graph::element::{caps_filter, chain, pad, plain};

/// Largest difference of mean luma from the clip's, of 255. Compression and rounding move it by less than
/// one; grey, green and black frames are off by dozens.
const TOLERATED_LUMA: f64 = 8.0;

/// Verifies an H.264 byte stream that was encoded from `frames` frames with this mean luma, in GOPs of
/// `gop` frames.
pub(super) fn verify(stream: &[u8], gop: u32, frames: u32, luma: f64) -> Result<(), Error> {
    let kinds = frame_kinds(stream);
    let encoded = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
    if encoded != frames {
        return Err(Error::FrameCount { encoded, frames });
    }
    let step = usize::try_from(gop).unwrap_or(usize::MAX).max(1);
    if let Some(number) = (0..kinds.len()).step_by(step).find(|number| !kinds[*number]) {
        return Err(Error::NoIdr { number, gop });
    }
    let (decoded, mean) = decode(stream).map_err(|error| Error::Decoder(Box::new(error)))?;
    if decoded != frames {
        return Err(Error::Undecodable { decoded, frames });
    }
    match mean {
        Some(mean) if (mean - luma).abs() <= TOLERATED_LUMA => Ok(()),
        Some(mean) => Err(Error::Luma { mean, expected: luma }),
        None => Err(Error::Undecodable { decoded: 0, frames }),
    }
}

/// The frames of a byte stream, which have one slice or more each: whether each is an IDR.
fn frame_kinds(stream: &[u8]) -> Vec<bool> {
    const SLICE: u8 = 1;
    const IDR_SLICE: u8 = 5;
    let starts = stream.windows(3).enumerate().filter(|(_, piece)| *piece == [0, 0, 1]);
    let units =
        starts.filter_map(|(at, _)| Some((*stream.get(at + 3)? & 0x1F, stream.get(at + 4)?)));
    // `first_mb_in_slice` is 0, a single bit that is set, where a frame begins.
    let firsts =
        units.filter(|(kind, next)| matches!(*kind, SLICE | IDR_SLICE) && **next & 0x80 != 0);
    firsts.map(|(kind, _)| kind == IDR_SLICE).collect()
}

/// Decodes a byte stream. Returns the number of frames, and the first one's mean luma.
fn decode(stream: &[u8]) -> Result<(u32, Option<f64>), Error> {
    let out = caps_filter("video/x-raw,format=I420")?;
    let (decoder, convert) = (plain("avdec_h264")?, plain("videoconvert")?);
    let (parser, sink) = (plain("h264parse")?, plain("fakesink")?);
    let shown = Arc::<AtomicU32>::default();
    let count = Arc::clone(&shown);
    let end = pad(&out, "src")?;
    // Runs on the decoder's streaming thread: counts.
    end.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        count.fetch_add(1, Ordering::AcqRel);
        gst::PadProbeReturn::Ok
    });
    let luma = mean_luma(&end);
    let pipeline = gst::Pipeline::new();
    chain(&pipeline, &[source(stream)?, parser, decoder, convert, out, sink])?;
    play(pipeline)?;
    let mean = *luma.lock();
    Ok((shown.load(Ordering::Acquire), mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_begin_with_their_first_slice() {
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
        assert_eq!(frame_kinds(&stream), [true, false]);
        assert!(frame_kinds(&[0, 0, 1]).is_empty());
        assert!(frame_kinds(b"").is_empty());
    }
}
