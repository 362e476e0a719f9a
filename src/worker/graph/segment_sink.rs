//! The end of a rendition's chain, whichever muxer it has.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::worker::timeline::segmenter::Segmenter;

/// Requests a cut at the frame with this running time.
type Cut = Arc<dyn Fn(gst::ClockTime) + Send + Sync>;

/// Content of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaKind {
    /// H.264.
    Video,
    /// AAC.
    Audio,
}

/// The muxer and sink of one rendition, with the segmenter that gets its bytes.
pub(crate) struct SegmentSink {
    /// The element whose messages report segments.
    pub(crate) element: gst::Element,
    /// The element whose EOS is the end of the chain.
    pub(crate) end: gst::Object,
    /// The segmenter of the rendition.
    pub(crate) segmenter: Arc<Segmenter>,
    cut: Cut,
}

impl SegmentSink {
    /// A sink that is cut by `cut`, which must hold elements weakly: pad probes hold it.
    pub(crate) fn new(
        element: gst::Element,
        end: gst::Object,
        segmenter: &Arc<Segmenter>,
        cut: impl Fn(gst::ClockTime) + Send + Sync + 'static,
    ) -> Self {
        Self { element, end, segmenter: Arc::clone(segmenter), cut: Arc::new(cut) }
    }

    /// Path of the element whose messages report segments.
    pub(crate) fn message_path(&self) -> String {
        self.element.path_string().to_string()
    }

    /// Path of the element whose EOS ends the chain.
    pub(crate) fn end_path(&self) -> String {
        self.end.path_string().to_string()
    }

    /// State by which a pad probe cuts this rendition.
    pub(crate) fn cutter(&self) -> Cutter {
        Cutter { segmenter: Arc::clone(&self.segmenter), cut: Arc::clone(&self.cut) }
    }
}

/// Cuts one rendition into segments. Holds no element.
pub(crate) struct Cutter {
    segmenter: Arc<Segmenter>,
    cut: Cut,
}

impl Cutter {
    /// The frame with this running time, which was not pushed yet, begins a segment.
    pub(crate) fn cut(&self, time: gst::ClockTime) {
        self.segmenter.count_cut();
        (self.cut)(time);
    }

    /// The stream has ended: no further cut is requested.
    pub(crate) fn finish(&self) {
        self.segmenter.finish_cuts();
    }
}
