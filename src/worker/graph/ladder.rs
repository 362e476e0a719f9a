//! The ladder of a pipeline: prepares frames once, then scales from rung to rung and encodes each.
//!
//! Jobs and trials build their ladder here, so a backend that passes its trial has encoded with the
//! same elements, queues and threads as a job.

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::domain::recipe::{PipelineSpec, RungSpec};
use crate::worker::graph::element::{broken, caps_filter, chain, make, plain, queue};
use crate::worker::protocol::Failure;

/// Frames that may wait before an encoder or a scaler. They share memory with the decoder's, so few
/// are enough to keep every thread busy.
const QUEUED_FRAMES: u32 = 2;

/// The part of a pipeline between decoded frames and encoded streams.
pub(crate) struct Ladder {
    /// The element to link the decoder's pad to.
    pub(crate) head: gst::Element,
    /// The last element before the first rung: prepared frames leave through its `src` pad.
    pub(crate) prepared: gst::Element,
    /// The rungs, largest first, as in the spec.
    pub(crate) rungs: Vec<Rung>,
}

/// One rung.
pub(crate) struct Rung {
    /// The tee through which scaled frames pass.
    pub(crate) tee: gst::Element,
    /// The queue whose thread runs the encoder.
    pub(crate) encoder_queue: gst::Element,
    /// The last element: H.264 leaves through its `src` pad.
    pub(crate) parser: gst::Element,
}

/// Builds `queue ! prepare… ! ladderdrate ! caps` and, for each rung behind the tee of the next larger one,
/// `queue ! scale… ! caps ! tee ! queue ! download… ! encoder ! caps ! h264parse`.
pub(crate) fn build(pipeline: &gst::Pipeline, spec: &PipelineSpec) -> Result<Ladder, Failure> {
    let head = queue(QUEUED_FRAMES, 0)?;
    let mut elements = vec![head.clone()];
    for step in &spec.prepare {
        elements.push(make(step)?);
    }
    elements.push(plain("ladderdrate")?);
    let prepared = caps_filter(&spec.prepared_caps)?;
    elements.push(prepared.clone());
    chain(pipeline, &elements)?;

    let mut rungs = Vec::<Rung>::new();
    for rung in &spec.rungs {
        let above = rungs.last().map_or(&prepared, |rung| &rung.tee);
        rungs.push(build_rung(pipeline, above, rung)?);
    }
    Ok(Ladder { head, prepared, rungs })
}

fn build_rung(
    pipeline: &gst::Pipeline,
    above: &gst::Element,
    spec: &RungSpec,
) -> Result<Rung, Failure> {
    let scaler_queue = queue(QUEUED_FRAMES, 0)?;
    let mut scale = vec![scaler_queue.clone()];
    for step in &spec.scale {
        scale.push(make(step)?);
    }
    scale.push(caps_filter(&spec.scaled_caps)?);
    let tee = plain("tee")?;
    // The smallest rung has no rung below it.
    tee.set_property("allow-not-linked", true);
    scale.push(tee.clone());
    chain(pipeline, &scale)?;
    link(above, &scaler_queue)?;

    let encoder_queue = queue(QUEUED_FRAMES, 0)?;
    let mut encode = vec![encoder_queue.clone()];
    for step in spec.download.iter().chain([&spec.encode]) {
        encode.push(make(step)?);
    }
    let parser = plain("h264parse")?;
    // Parameter sets before every key frame, so that segments can be decoded alone.
    parser.set_property("config-interval", -1_i32);
    encode.extend([caps_filter(&spec.encoded_caps)?, parser.clone()]);
    chain(pipeline, &encode)?;
    link(&tee, &encoder_queue)?;
    Ok(Rung { tee, encoder_queue, parser })
}

fn link(from: &gst::Element, to: &gst::Element) -> Result<(), Failure> {
    from.link(to).map_err(|error| broken(error.to_string()))
}
