//! The protocol between parent and worker.
//!
//! The worker's standard input is a Unix socket. On it the parent sends one [`WorkerRequest`] (JSON behind
//! its length); after that the worker sends read requests (offset `u64`, length `u32`) and the
//! parent answers each with its length (`u32`) and the bytes, or with [`READ_FAILED`].
//!
//! The worker's standard output carries frames: kind (`u8`), length (`u32`), payload. [`EVENT`]
//! frames hold one [`Event`] as JSON; [`DATA`] frames hold a rendition's index (`u16`), a
//! segment's number (`u32`) and bytes of that segment; [`THUMBNAIL`] frames hold a [`Thumbnail`]
//! as JSON behind its length (`u32`), and a JPEG; [`INIT`] frames hold a rendition's index (`u16`) and
//! the initialization section that its segments are read with, before the first of them. All numbers
//! are big-endian.
//!
//! This is the wire format only. The parent trusts nothing that it reads here: `worker::parent` turns
//! frames into checked types, and kills a worker that sends anything else.
//!
//! [`Thumbnail`]: crate::domain::thumbnail::Thumbnail

use rustix::time::ClockId;
use serde::{Deserialize, Serialize};

use crate::domain::backend::Backend;
use crate::domain::download::Remux;
use crate::domain::encode::EncodeConfig;
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::webvtt::Cue;
use crate::domain::ladder::Ladder;
use crate::domain::limits::Limits;
use crate::domain::media::MediaInfo;
use crate::domain::outcome::Fault;
use crate::domain::plan::Plan;
use crate::domain::sandbox;
use crate::domain::standstill::Standstill;
use crate::domain::still::Still;
use crate::domain::trace::Step;
use crate::domain::warning::WarningCode;
use crate::worker::spawn::ProgramFile;

/// Kind of a frame with an [`Event`].
pub const EVENT: u8 = b'E';
/// Kind of a frame with bytes of a segment.
pub const DATA: u8 = b'D';
/// Kind of a frame with a [`Thumbnail`].
///
/// [`Thumbnail`]: crate::domain::thumbnail::Thumbnail
pub const THUMBNAIL: u8 = b'T';
/// Kind of a frame with an initialization section.
pub const INIT: u8 = b'I';
/// Length in the answer to a read that failed; no bytes follow.
pub const READ_FAILED: u32 = u32::MAX;
/// Longest frame of [`DATA`] in bytes. Segments are sent in pieces of 64 KiB, or of one video frame.
pub const MAX_DATA_BYTES: u32 = 16 << 20;
/// Longest frame of [`THUMBNAIL`] in bytes: that of a poster, whose short side has at most 720 pixels.
pub const MAX_THUMBNAIL_BYTES: u32 = 16 << 20;
/// Longest frame of [`EVENT`] in bytes. The largest event is the result of the probe, with 1 KiB for each
/// of at most some hundred tracks.
pub const MAX_EVENT_BYTES: u32 = 1 << 20;
/// Longest frame of [`INIT`] in bytes. An initialization section of one track has less than 1 KiB.
pub const MAX_INIT_BYTES: u32 = 64 << 10;
/// Most warnings of a worker. A damaged file may cause one for each of its packets; the rest is left out.
pub const MAX_WARNINGS: u32 = 100;
/// Most steps that a worker reports: each once, those of renditions for each of them, and those of a pipeline that
/// starts again twice.
pub const MAX_STEPS: u32 = 200;
/// Longest read in bytes that a worker may request.
pub const MAX_READ_BYTES: u32 = 8 << 20;

/// The monotonic clock of the machine, which parent and worker share, in nanoseconds.
#[must_use]
pub fn monotonic_ns() -> u64 {
    clock_ns(ClockId::Monotonic)
}

/// The time that a clock shows, in nanoseconds.
#[must_use]
pub(super) fn clock_ns(clock: ClockId) -> u64 {
    let now = rustix::time::clock_gettime(clock);
    let secs = u64::try_from(now.tv_sec).unwrap_or_default();
    secs.saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(now.tv_nsec).unwrap_or_default())
}

/// The request to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerRequest {
    /// Size of the source in bytes.
    pub source_bytes: u64,
    /// The configured ladder.
    pub ladder: Ladder,
    /// The encode settings.
    pub encode: EncodeConfig,
    /// The backends to choose from, best first. The worker takes the first that can take the source.
    pub backends: Vec<Backend>,
    /// Stops after the plan.
    pub plan_only: bool,
    /// Makes a poster of the source, and nothing else.
    #[serde(default)]
    pub still: Option<Still>,
    /// Makes one file of these segments, and nothing else.
    #[serde(default)]
    pub remux: Option<Remux>,
    /// Limits of the source.
    pub limits: Limits,
    /// Memory limit of the worker in bytes; 0 for none.
    pub memory_bytes: u64,
    /// Effect of a sandbox layer that the kernel does not enforce.
    pub sandbox: sandbox::Mode,
    /// The program of the parent, if the worker must be the same: one of another release may plan otherwise.
    pub program: Option<ProgramFile>,
}

/// An event that a worker reports.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The source was probed.
    Probed {
        /// Its streams.
        media: MediaInfo,
    },
    /// The plan is final. The encode begins, unless only the plan was requested.
    Planned {
        /// The plan.
        plan: Plan,
    },
    /// The pipeline starts again from the beginning. No byte of a segment was sent before; codec strings,
    /// initialization sections, cues and thumbnails are sent once more.
    Restarted,
    /// The codec of a rendition is known.
    Rendition {
        /// Index of the rendition: the rungs of the plan, then its audio.
        rendition: u16,
        /// RFC 6381 codec string, read from the encoded stream.
        codec: String,
    },
    /// The encode has progressed.
    Progress {
        /// Media time encoded so far, in nanoseconds.
        position_ns: u64,
    },
    /// A segment is complete; all its bytes were sent before.
    Segment {
        /// Index of the rendition.
        rendition: u16,
        /// Number of the segment, from 0.
        number: u32,
        /// Running time of its first frame, in nanoseconds.
        start_ns: u64,
        /// Its duration in nanoseconds.
        duration_ns: u64,
    },
    /// A subtitle cue. Cues of a stream come in its order, which is not always that of their times.
    Cue {
        /// Index among the subtitles of the plan.
        subtitles: u16,
        /// The cue.
        cue: Cue,
    },
    /// A fault that does not stop the job.
    Warning {
        /// The fault of the source that the person who uploaded it must know of; `None` for a message to the
        /// operator.
        code: Option<WarningCode>,
        /// A sentence for a person.
        message: String,
        /// Debug text of GStreamer, for the operator.
        #[serde(default)]
        debug: Option<String>,
    },
    /// A step is done, for the trace of the attempt.
    Reached(Reached),
    /// No frame came for some seconds. It is no sign of progress.
    StandsStill(Standstill),
    /// Every rendition is complete.
    Done {
        /// End of the longest rendition, in nanoseconds.
        duration_ns: u64,
    },
    /// The job failed.
    Failed(Failure),
}

impl Event {
    /// A warning in our own words.
    #[must_use]
    pub fn warning(code: Option<WarningCode>, message: impl Into<String>) -> Self {
        Self::Warning { code, message: message.into(), debug: None }
    }
}

/// A step that a worker has done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Reached {
    /// The step.
    pub step: Step,
    /// Index of the rendition, if it is a step of one.
    #[serde(default)]
    pub rendition: Option<u16>,
    /// Time by the monotonic clock of the machine, in nanoseconds.
    pub at_ns: u64,
    /// Reads of the source so far.
    pub reads: u64,
    /// Bytes of these reads.
    pub read_bytes: u64,
    /// Processor time of the worker so far, in nanoseconds.
    pub cpu_ns: u64,
}

/// Why a worker gave up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Reason.
    pub code: FailureCode,
    /// A sentence for a person.
    pub message: String,
    /// The GStreamer element that failed, if one did.
    pub element: Option<String>,
    /// Debug text of GStreamer, for the operator.
    pub debug: Option<String>,
    /// The failure came from an element of a GPU, so another backend may succeed whatever the code.
    #[serde(default)]
    pub of_device: bool,
}

impl Failure {
    /// A failure without an element, with a sentence for a person.
    #[must_use]
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), element: None, debug: None, of_device: false }
    }

    /// The failure for a source that breaks one of our rules.
    #[must_use]
    pub fn of(fault: &impl Fault) -> Self {
        Self::new(fault.code(), fault.to_string())
    }
}

impl Fault for Failure {
    fn code(&self) -> FailureCode {
        self.code
    }
}
