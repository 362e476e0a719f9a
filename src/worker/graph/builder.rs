//! State that all parts of a job's pipeline share while it is built.

use std::sync::Arc;

use gstreamer as gst;

use crate::domain::encode::SegmentFormat;
use crate::worker::graph::segment_sink::{MediaKind, SegmentSink};
use crate::worker::graph::{cmaf_sink, hls_sink};
use crate::worker::output::Output;
use crate::worker::protocol::Failure;
use crate::worker::timeline::common_end::CommonEnd;
use crate::worker::timeline::segmenter::Segmenter;

/// Collects the renditions of a pipeline. Their order is that of the plan: rungs, then audio.
pub(crate) struct GraphBuilder<'a> {
    /// The pipeline that elements are added to.
    pub(crate) pipeline: &'a gst::Pipeline,
    /// The pipe to the parent.
    pub(crate) output: &'a Arc<Output>,
    /// The rendezvous of all renditions.
    pub(crate) common_end: &'a Arc<CommonEnd>,
    format: SegmentFormat,
    sinks: Vec<SegmentSink>,
}

impl<'a> GraphBuilder<'a> {
    /// A builder without renditions.
    pub(crate) fn new(
        pipeline: &'a gst::Pipeline,
        output: &'a Arc<Output>,
        common_end: &'a Arc<CommonEnd>,
        format: SegmentFormat,
    ) -> Self {
        Self { pipeline, output, common_end, format, sinks: Vec::new() }
    }

    /// Format of the segments.
    pub(crate) fn format(&self) -> SegmentFormat {
        self.format
    }

    /// Adds the next rendition: a muxer and sink behind `last`. `timescale` is the number of ticks per
    /// second in CMAF fragments.
    pub(crate) fn add_rendition(
        &mut self,
        last: &gst::Element,
        kind: MediaKind,
        timescale: u32,
    ) -> Result<&SegmentSink, Failure> {
        let index = u16::try_from(self.sinks.len()).unwrap_or(u16::MAX);
        let segmenter = Segmenter::new(self.output, index);
        let sink = match self.format {
            SegmentFormat::Ts => hls_sink::build(self.pipeline, last, kind, &segmenter)?,
            SegmentFormat::Cmaf => {
                cmaf_sink::build(self.pipeline, last, kind, timescale, &segmenter)?
            }
        };
        Ok(self.sinks.push_mut(sink))
    }

    /// The sinks of all renditions, in the order of the plan.
    pub(crate) fn into_sinks(self) -> Vec<SegmentSink> {
        self.sinks
    }
}
