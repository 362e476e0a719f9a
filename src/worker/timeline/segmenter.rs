//! The segmenter of one rendition: from cuts and encoded frames to segments for the parent.
//!
//! A cut is requested before the encoders, for every frame that begins a segment, so all renditions
//! are cut at the same frames. The muxer reports which segments it made; their bytes and their times
//! meet here.

use std::io::Write;
use std::sync::Arc;

use gstreamer as gst;
use parking_lot::Mutex;

use crate::domain::trace::Step;
use crate::worker::output::Output;

/// Bytes that are collected before a protocol frame is written: the muxer writes a few packets of
/// 188 bytes at a time.
const FRAME_BYTES: usize = 64 << 10;

/// The segmenter. Cheap to share; its methods are called from several streaming threads.
pub(crate) struct Segmenter {
    output: Arc<Output>,
    index: u16,
    /// Never held while the pipe is written, so that a slow parent blocks the muxer's thread only.
    counts: Mutex<Counts>,
    /// Held while the pipe is written. Only the muxer's thread locks it.
    pending: Mutex<Pending>,
}

/// Numbers of segments, and running times in nanoseconds.
#[derive(Default)]
struct Counts {
    /// Cuts requested so far.
    cuts: u32,
    /// Number of segments, known once the stream has ended before the encoder.
    total: Option<u32>,
    /// Segments that the muxer has begun, closed, and closed with bytes in them.
    begun: u32,
    closed: u32,
    filled: u32,
    /// Begin of the open segment.
    opened_ns: u64,
    /// End of the last frame that went into the muxer.
    end_ns: u64,
    /// A frame went into the muxer.
    has_frame: bool,
}

impl Counts {
    fn is_last(&self, number: u32) -> bool {
        self.total.is_some_and(|total| number + 1 >= total)
    }
}

/// Bytes of the open segment that were not sent yet.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    /// The open segment has bytes, sent or not.
    is_filled: bool,
}

/// Segments and end of a rendition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Segments that the muxer has begun.
    pub(crate) begun: u32,
    /// Complete segments with bytes.
    pub(crate) complete: u32,
    /// End of the last frame, in nanoseconds of running time.
    pub(crate) end_ns: u64,
}

impl Segmenter {
    /// The segmenter of the rendition with this index in the plan.
    pub(crate) fn new(output: &Arc<Output>, index: u16) -> Arc<Self> {
        let output = Arc::clone(output);
        Arc::new(Self { output, index, counts: Mutex::default(), pending: Mutex::default() })
    }

    /// Index among the renditions of the plan.
    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    /// Counts a requested cut. Runs on the streaming thread before the encoder.
    pub(crate) fn count_cut(&self) {
        self.counts.lock().cuts += 1;
    }

    /// Notes that the stream has ended before the encoder: no further cut is requested.
    pub(crate) fn finish_cuts(&self) {
        let mut counts = self.counts.lock();
        counts.total = Some(counts.cuts + 1);
    }

    /// Reports the codec string (RFC 6381) of the encoded stream.
    pub(crate) fn report_codec(&self, codec: String) {
        self.output.codec(self.index, codec);
    }

    /// Sends the initialization section, before the first segment.
    pub(crate) fn send_init(&self, section: &[u8]) {
        self.output.init(self.index, section);
    }

    /// Notes that an encoded frame which ends at `end` (running time) goes into the muxer.
    pub(crate) fn frame_muxed(&self, end: gst::ClockTime) {
        let is_first = {
            let mut counts = self.counts.lock();
            counts.end_ns = counts.end_ns.max(end.nseconds());
            !std::mem::replace(&mut counts.has_frame, true)
        };
        if is_first {
            self.output.reached(Step::Encode, Some(self.index));
        }
    }

    /// Returns a writer for the bytes of the next segment.
    pub(crate) fn begin_segment(self: &Arc<Self>) -> SegmentWriter {
        let mut counts = self.counts.lock();
        let number = counts.begun;
        counts.begun += 1;
        SegmentWriter { segmenter: Arc::clone(self), number }
    }

    /// Notes that the muxer has begun a segment at this running time.
    pub(crate) fn segment_opened(&self, time: gst::ClockTime) {
        self.counts.lock().opened_ns = time.nseconds();
    }

    /// Sends the rest of the open segment, which the muxer has ended at this running time, and reports
    /// it to the parent. A segment without bytes comes from a stream without frames and is not
    /// reported. For the last segment the muxer reports the start of the last frame instead of its
    /// end, so the end of the last frame counts.
    pub(crate) fn segment_closed(&self, time: gst::ClockTime) {
        let (number, start_ns, end_ns) = {
            let mut counts = self.counts.lock();
            let number = counts.closed;
            counts.closed += 1;
            let end_ns = if counts.is_last(number) { counts.end_ns } else { time.nseconds() };
            (number, counts.opened_ns, end_ns)
        };
        let is_filled = {
            let mut pending = self.pending.lock();
            self.send(number, &mut pending);
            std::mem::take(&mut pending.is_filled)
        };
        if is_filled {
            let duration_ns = end_ns.saturating_sub(start_ns);
            self.output.segment(self.index, number, start_ns, duration_ns);
            self.counts.lock().filled += 1;
        }
    }

    /// Whether all segments of the stream are closed.
    pub(crate) fn is_complete(&self) -> bool {
        let counts = self.counts.lock();
        counts.closed.checked_sub(1).is_some_and(|last| counts.is_last(last))
    }

    /// Segments and end so far.
    pub(crate) fn extent(&self) -> Extent {
        let counts = self.counts.lock();
        Extent { begun: counts.begun, complete: counts.filled, end_ns: counts.end_ns }
    }

    fn append(&self, number: u32, bytes: &[u8]) {
        let mut pending = self.pending.lock();
        pending.bytes.extend_from_slice(bytes);
        pending.is_filled = true;
        if pending.bytes.len() >= FRAME_BYTES {
            self.send(number, &mut pending);
        }
    }

    fn send(&self, number: u32, pending: &mut Pending) {
        if !pending.bytes.is_empty() {
            self.output.data(self.index, number, &pending.bytes);
            pending.bytes.clear();
        }
    }
}

/// Takes the bytes of one segment. Writes block while the parent does not read.
pub(crate) struct SegmentWriter {
    segmenter: Arc<Segmenter>,
    number: u32,
}

impl SegmentWriter {
    /// Appends bytes to the segment.
    pub(crate) fn append(&self, bytes: &[u8]) {
        self.segmenter.append(self.number, bytes);
    }
}

impl Write for SegmentWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
