//! What leaves the worker: events and the bytes of segments, framed.
//!
//! Every write may block until the parent reads: a slow bucket slows the pipeline down.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::thumbnail::Thumbnail;
use crate::worker::protocol::{DATA, EVENT, Event, INIT, THUMBNAIL};

/// Bytes of a segment that are gathered before a frame is written: the muxer writes a few packets
/// of 188 bytes at a time.
const GATHERED_BYTES: usize = 64 << 10;

/// How often the parent hears of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// The pipe to the parent.
pub(super) struct Output {
    frames: Mutex<File>,
    /// When the parent last heard of progress.
    told: Mutex<Instant>,
    /// Bytes of a segment were sent.
    has_sent: AtomicBool,
}

impl Output {
    /// Frames go to this descriptor.
    pub(super) fn new(frames: OwnedFd) -> Self {
        let (frames, told) = (Mutex::new(File::from(frames)), Mutex::new(Instant::now()));
        Self { frames, told, has_sent: AtomicBool::new(false) }
    }

    /// Whether any bytes of a segment were sent.
    pub(super) fn has_sent_media(&self) -> bool {
        self.has_sent.load(Ordering::Acquire)
    }

    /// Tells how far the encode is, not too often.
    pub(super) fn progress(&self, position_ns: u64) {
        let mut told = self.told.lock();
        if told.elapsed() >= PROGRESS_EVERY {
            *told = Instant::now();
            drop(told);
            self.event(&Event::Progress { position_ns });
        }
    }

    /// Tells the parent something.
    pub(super) fn event(&self, event: &Event) {
        match serde_json::to_vec(event) {
            Ok(text) => self.frame(EVENT, &[], &text),
            Err(error) => eprintln_event(&error),
        }
    }

    /// Sends a thumbnail.
    pub(super) fn thumbnail(&self, thumbnail: Thumbnail, jpeg: &[u8]) {
        match serde_json::to_vec(&thumbnail) {
            Ok(text) => {
                let len = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
                self.frame(THUMBNAIL, &[&len, &text[..]].concat(), jpeg);
            }
            Err(error) => eprintln_event(&error),
        }
    }

    fn data(&self, rendition: u16, number: u32, bytes: &[u8]) {
        self.has_sent.store(true, Ordering::Release);
        let mut head = [0; 6];
        head[..2].copy_from_slice(&rendition.to_be_bytes());
        head[2..].copy_from_slice(&number.to_be_bytes());
        self.frame(DATA, &head, bytes);
    }

    fn frame(&self, kind: u8, head: &[u8], bytes: &[u8]) {
        let len = u32::try_from(head.len() + bytes.len()).unwrap_or(u32::MAX);
        let mut frame = Vec::with_capacity(5 + head.len() + bytes.len());
        frame.push(kind);
        frame.extend_from_slice(&len.to_be_bytes());
        frame.extend_from_slice(head);
        frame.extend_from_slice(bytes);
        // A parent that is gone cannot be told; the death signal ends this process.
        if let Err(error) = self.frames.lock().write_all(&frame) {
            eprintln_event(&error);
        }
    }
}

/// The last resort where the parent cannot be reached: standard error is kept as a tail.
fn eprintln_event(error: &dyn std::error::Error) {
    let line = format!("ladderd worker: the parent cannot be told: {error}\n");
    // Nobody is left to tell if this fails too.
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// One rendition's way out: the bytes of its segments, one segment after the other.
pub(super) struct Rendition {
    output: Arc<Output>,
    index: u16,
    state: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// Segments that the muxer has begun.
    begun: u32,
    gathered: Vec<u8>,
    /// The segment that is open has bytes.
    filled: bool,
}

impl Rendition {
    /// The rendition with this index.
    pub(super) fn new(output: &Arc<Output>, index: u16) -> Arc<Self> {
        Arc::new(Self { output: Arc::clone(output), index, state: Mutex::default() })
    }

    /// Index among the renditions of the plan.
    pub(super) fn index(&self) -> u16 {
        self.index
    }

    /// A writer for the bytes of the next segment.
    pub(super) fn begin(self: &Arc<Self>) -> SegmentWriter {
        let mut open = self.state.lock();
        let number = open.begun;
        open.begun += 1;
        SegmentWriter { rendition: Arc::clone(self), number }
    }

    /// Segments that were begun.
    pub(super) fn begun(&self) -> u32 {
        self.state.lock().begun
    }

    /// Sends the rest of the segment's bytes, then says that it is whole. False if there were no
    /// bytes: a stream without a frame makes an empty segment, which is none.
    pub(super) fn close(&self, number: u32, start_ns: u64, duration_ns: u64) -> bool {
        let filled = {
            let mut open = self.state.lock();
            self.send_gathered(number, &mut open);
            std::mem::take(&mut open.filled)
        };
        if filled {
            let rendition = self.index;
            self.output.event(&Event::Segment { rendition, number, start_ns, duration_ns });
        }
        filled
    }

    /// Sends what the segments are read with, before the first of them.
    pub(super) fn init(&self, section: &[u8]) {
        self.output.frame(INIT, &self.index.to_be_bytes(), section);
    }

    /// Tells the format of the encoded stream.
    pub(super) fn tell_codec(&self, codec: String) {
        self.output.event(&Event::Rendition { rendition: self.index, codec });
    }

    fn send_gathered(&self, number: u32, open: &mut Open) {
        if !open.gathered.is_empty() {
            self.output.data(self.index, number, &open.gathered);
            open.gathered.clear();
        }
    }
}

/// Takes the bytes of one segment.
pub(super) struct SegmentWriter {
    rendition: Arc<Rendition>,
    number: u32,
}

impl SegmentWriter {
    /// Takes more of them.
    pub(super) fn take(&self, bytes: &[u8]) {
        let mut open = self.rendition.state.lock();
        open.gathered.extend_from_slice(bytes);
        open.filled = true;
        if open.gathered.len() >= GATHERED_BYTES {
            self.rendition.send_gathered(self.number, &mut open);
        }
    }
}

impl Write for SegmentWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
