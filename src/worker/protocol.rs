//! What parent and worker say to each other.
//!
//! The worker's standard input is a Unix socket. On it the parent sends one [`Order`] (JSON behind
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
//! [`Thumbnail`]: crate::domain::thumbnail::Thumbnail

use serde::{Deserialize, Serialize};

use crate::domain::backend::Backend;
use crate::domain::encode::EncodeConfig;
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::webvtt::Cue;
use crate::domain::ladder::Ladder;
use crate::domain::limits::Limits;
use crate::domain::media::MediaInfo;
use crate::domain::outcome::Fault;
use crate::domain::plan::Plan;

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
/// Length that stands for a read that failed; no bytes follow.
pub const READ_FAILED: u32 = u32::MAX;
/// The longest frame that either side takes: a 6 s segment at 40 Mbit/s is 30 MB, but the muxer
/// writes in pieces of a few packets, and events are small.
pub const MAX_FRAME_BYTES: u32 = 16 << 20;
/// The longest read that a worker may ask for.
pub const MAX_READ_BYTES: u32 = 8 << 20;

/// What the worker is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Size of the source in bytes.
    pub source_bytes: u64,
    /// The configured ladder.
    pub ladder: Ladder,
    /// How to encode.
    pub encode: EncodeConfig,
    /// The backends that may be taken, the best first: the first that can take the source is.
    pub backends: Vec<Backend>,
    /// Stop after the plan.
    pub plan_only: bool,
    /// What the source may be.
    pub limits: Limits,
    /// Bytes of memory that the worker may fill; 0 for no cap.
    pub memory_bytes: u64,
}

/// What the worker tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The source was looked at.
    Probed {
        /// What is in it.
        media: MediaInfo,
    },
    /// All is decided; the encode begins unless only the plan was asked for.
    Planned {
        /// What will be made.
        plan: Plan,
    },
    /// A rendition's encoder has told its format.
    Rendition {
        /// Index of the rendition: the rungs of the plan, then its audio.
        rendition: u16,
        /// RFC 6381 codec string, read from the encoded stream.
        codec: String,
    },
    /// The encode has moved on.
    Progress {
        /// Media time encoded so far, in nanoseconds.
        position_ns: u64,
    },
    /// A segment is whole; all its bytes were sent before.
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
    /// A subtitle. Those of a stream come in its order, which is not always that of their times.
    Cue {
        /// Index among the subtitles of the plan.
        subtitles: u16,
        /// The subtitle.
        cue: Cue,
    },
    /// Something that the person should know and that stops nothing.
    Warning {
        /// What.
        message: String,
    },
    /// Every rendition is whole.
    Done {
        /// End of the longest rendition, in nanoseconds.
        duration_ns: u64,
    },
    /// The job cannot go on.
    Failed(Failure),
}

/// Why a worker gave up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Reason.
    pub code: FailureCode,
    /// A sentence for a person.
    pub message: String,
    /// The GStreamer element that failed, where one did.
    pub element: Option<String>,
    /// What GStreamer said, for the operator.
    pub debug: Option<String>,
    /// It came from an element of a GPU: another backend may do better, whatever the class.
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
