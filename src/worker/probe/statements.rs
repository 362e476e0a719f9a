//! Statements of containers and bitstreams about video streams, collected while the discoverer decodes their
//! first frames.

use std::collections::HashMap;
use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::Mutex;

use crate::domain::colour::Stated;
use crate::domain::jfif;
use crate::domain::media::Fraction;
use crate::domain::prores;
use crate::worker::colorimetry;
use crate::worker::container_caps::{self, ContainerCaps, has_klass};

/// The statements about one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Statement {
    /// The statement of the container, as the demuxer reports it.
    pub(super) container: ContainerCaps,
    /// Colours that decoded frames have.
    pub(super) bitstream: Stated,
    /// Colours that frames of `ProRes` state, which libav 61 does not pass on.
    pub(super) prores: Stated,
    /// Aspect ratio of a pixel that decoded frames have.
    pub(super) pixel_aspect: Option<Fraction>,
    /// Aspect ratio of a pixel that JPEG frames state, which decoders disregard.
    pub(super) jpeg_aspect: Option<Fraction>,
    /// Whether decoded frames are interlaced.
    pub(super) is_interlaced: bool,
}

/// The statements by stream id.
#[derive(Clone, Default)]
pub(super) struct Statements(Arc<Mutex<HashMap<String, Statement>>>);

impl Statements {
    /// Collects from all demuxers and decoders that this bin adds from now on.
    pub(super) fn watch(&self, decode: &gst::Bin) {
        let collected = self.clone();
        container_caps::separate(decode, move |id, container| {
            collected.update(id, |statement| statement.container = container);
        });
        let collected = self.clone();
        // Runs on the thread that adds the element.
        decode.connect_deep_element_added(move |_, _, element| {
            if has_klass(element, &["Decoder", "Image"]) {
                for pad in element.sink_pads() {
                    collected.watch_jpeg(&pad);
                }
            }
            if has_klass(element, &["Decoder", "Video"]) {
                for pad in element.sink_pads() {
                    collected.watch_prores(&pad);
                }
            }
            let kinds = [["Decoder", "Video"], ["Decoder", "Image"]];
            if kinds.iter().any(|kind| has_klass(element, kind)) {
                for pad in element.src_pads() {
                    collected.watch_decoder(&pad);
                }
            }
        });
    }

    fn watch_decoder(&self, pad: &gst::Pad) {
        let collected = self.clone();
        // Runs on the decoder's streaming thread: reads an event. The first caps count.
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            if let Some(gst::PadProbeData::Event(event)) = &info.data
                && let gst::EventView::Caps(caps) = event.view()
                && let Some(structure) = caps.caps().structure(0)
            {
                let id = pad.stream_id().unwrap_or_default();
                collected.update(&id, |statement| statement.add_decoded(structure));
                return gst::PadProbeReturn::Remove;
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Reads the aspect ratio of pixels from the first frame that a decoder of images gets.
    fn watch_jpeg(&self, pad: &gst::Pad) {
        let collected = self.clone();
        // Runs on the decoder's streaming thread, once: reads the first bytes of a frame.
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let bytes = info.buffer().and_then(|buffer| buffer.map_readable().ok());
            let aspect = bytes.and_then(|bytes| jfif::pixel_aspect(&bytes));
            let id = pad.stream_id().unwrap_or_default();
            collected.update(&id, |statement| statement.jpeg_aspect = aspect);
            gst::PadProbeReturn::Remove
        });
    }

    /// Reads the colours of the first frame that a decoder of video gets, if it is `ProRes`.
    fn watch_prores(&self, pad: &gst::Pad) {
        let collected = self.clone();
        // Runs on the decoder's streaming thread, once: reads the first bytes of a frame.
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let bytes = info.buffer().and_then(|buffer| buffer.map_readable().ok());
            if let Some(colour) = bytes.and_then(|bytes| prores::colour(&bytes)) {
                let id = pad.stream_id().unwrap_or_default();
                collected.update(&id, |statement| statement.prores = colour);
            }
            gst::PadProbeReturn::Remove
        });
    }

    fn update(&self, id: &str, change: impl FnOnce(&mut Statement)) {
        change(self.0.lock().entry(id.to_owned()).or_default());
    }

    /// The statements about the stream with this id; nothing if it was not decoded.
    pub(super) fn of(&self, id: &str) -> Statement {
        self.0.lock().get(id).copied().unwrap_or_default()
    }
}

impl Statement {
    fn add_decoded(&mut self, caps: &gst::StructureRef) {
        self.bitstream = colorimetry::of_caps(caps);
        self.pixel_aspect = container_caps::pixel_aspect(caps);
        let mode = caps.get::<&str>("interlace-mode").unwrap_or("progressive");
        self.is_interlaced = mode != "progressive";
    }
}
