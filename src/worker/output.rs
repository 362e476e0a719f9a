//! The pipe to the parent: events, bytes of segments and thumbnails, as protocol frames.
//!
//! Every write may block until the parent reads, so a slow bucket slows the pipeline down.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::time::ClockId;

use crate::domain::thumbnail::Thumbnail;
use crate::domain::trace::Step;
use crate::worker::protocol::{
    DATA, EVENT, Event, INIT, MAX_WARNINGS, Reached, THUMBNAIL, clock_ns, monotonic_ns,
};

/// Shortest time between two reports of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// The pipe to the parent.
pub(super) struct Output {
    /// `None` after the last event: a streaming thread may have something left to send then.
    frames: Mutex<Option<File>>,
    /// Warnings so far.
    warnings: AtomicU32,
    /// Time of the last report of progress.
    reported: Mutex<Instant>,
    has_sent_media: AtomicBool,
    /// Reads of the source, for the trace.
    reads: ReadCounts,
}

/// Reads of the source and their bytes so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadCounts(Arc<[AtomicU64; 2]>);

impl ReadCounts {
    /// Counts a read.
    pub(crate) fn add(&self, bytes: u64) {
        let [reads, read_bytes] = &*self.0;
        reads.fetch_add(1, Ordering::Relaxed);
        read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Output {
    /// Writes frames to this descriptor.
    pub(super) fn new(frames: OwnedFd) -> Self {
        Self {
            frames: Mutex::new(Some(File::from(frames))),
            warnings: AtomicU32::new(0),
            reported: Mutex::new(Instant::now()),
            has_sent_media: AtomicBool::new(false),
            reads: ReadCounts::default(),
        }
    }

    /// The counters of reads that steps are reported with.
    pub(super) fn read_counts(&self) -> ReadCounts {
        self.reads.clone()
    }

    /// Reports that a step is done now.
    pub(super) fn reached(&self, step: Step, rendition: Option<u16>) {
        let [reads, read_bytes] = self.reads.0.each_ref().map(|n| n.load(Ordering::Relaxed));
        let (at_ns, cpu_ns) = (monotonic_ns(), clock_ns(ClockId::ProcessCPUTime));
        self.event(&Event::Reached(Reached { step, rendition, at_ns, reads, read_bytes, cpu_ns }));
    }

    /// Whether bytes of any segment were sent.
    pub(super) fn has_sent_media(&self) -> bool {
        self.has_sent_media.load(Ordering::Acquire)
    }

    /// Reports the position of the encode in nanoseconds, at most every [`PROGRESS_INTERVAL`].
    pub(super) fn progress(&self, position_ns: u64) {
        let mut reported = self.reported.lock();
        if reported.elapsed() >= PROGRESS_INTERVAL {
            *reported = Instant::now();
            drop(reported);
            self.event(&Event::Progress { position_ns });
        }
    }

    /// Sends an event. The parent takes [`MAX_WARNINGS`] warnings, so later ones are left out.
    pub(super) fn event(&self, event: &Event) {
        if let Event::Warning { .. } = event {
            match self.warnings.fetch_add(1, Ordering::Relaxed) + 1 {
                number if number < MAX_WARNINGS => self.send_event(event),
                MAX_WARNINGS => {
                    let told = "there are more warnings, which are left out";
                    self.send_event(&Event::warning(None, told));
                }
                _ => {}
            }
        } else {
            self.send_event(event);
        }
    }

    /// Sends a warning to the operator.
    pub(super) fn warn(&self, message: impl Into<String>) {
        self.event(&Event::warning(None, message));
    }

    /// Sends the last event and closes the pipe: later output is dropped.
    pub(super) fn done(&self, duration_ns: u64) {
        self.event(&Event::Done { duration_ns });
        *self.frames.lock() = None;
    }

    fn send_event(&self, event: &Event) {
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

    /// Reports a complete segment, whose bytes were sent before. Times in nanoseconds.
    pub(super) fn segment(&self, rendition: u16, number: u32, start_ns: u64, duration_ns: u64) {
        self.event(&Event::Segment { rendition, number, start_ns, duration_ns });
    }

    /// Reports the codec string (RFC 6381) of a rendition.
    pub(super) fn codec(&self, rendition: u16, codec: String) {
        self.event(&Event::Rendition { rendition, codec });
    }

    /// Sends the initialization section of a rendition.
    pub(super) fn init(&self, rendition: u16, section: &[u8]) {
        self.frame(INIT, &rendition.to_be_bytes(), section);
    }

    /// Sends bytes of a segment.
    pub(super) fn data(&self, rendition: u16, number: u32, bytes: &[u8]) {
        self.has_sent_media.store(true, Ordering::Release);
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
        let mut frames = self.frames.lock();
        let Some(frames) = frames.as_mut() else { return };
        // A parent that is gone cannot be told; the death signal ends this process.
        if let Err(error) = frames.write_all(&frame) {
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
