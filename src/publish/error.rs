//! Errors of publishing.

use super::encryption::OutsideSegment;
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::key_frames;
use crate::domain::outcome::Fault;

/// Reasons why a stream cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The target refuses an object or cannot be reached.
    #[error("{key} cannot be published: {reason}")]
    Target {
        /// Key of the object.
        key: String,
        /// Answer of the target.
        reason: String,
        /// The target refuses until somebody acts.
        is_lasting: bool,
    },
    /// The worker's output does not add up to the planned stream.
    #[error("the stream is incomplete: {0}")]
    Incomplete(#[from] Incomplete),
}

/// Reasons why a stream is incomplete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// Output for a rendition that the plan does not have.
    #[error("rendition {0} is not in the plan")]
    UnknownRendition(u16),
    /// A cue for a subtitle rendition that the plan does not have.
    #[error("subtitle rendition {0} is not in the plan")]
    UnknownSubtitles(u16),
    /// The encoder of a rendition has not reported its codec string.
    #[error("a rendition has no codec string")]
    NoCodec,
    /// A rendition has no segment.
    #[error("a rendition has no segment")]
    NoSegment,
    /// Segments do not follow each other without gaps.
    #[error("segment {found} follows where segment {expected} is expected")]
    OutOfOrder {
        /// Number of the segment that arrived.
        found: u32,
        /// Number of the next segment of the rendition.
        expected: u32,
    },
    /// Fewer renditions are uploaded than the plan has.
    #[error("{found} of {expected} renditions are uploaded")]
    MissingRenditions {
        /// Uploaded renditions.
        found: usize,
        /// Planned renditions.
        expected: usize,
    },
    /// A segment cannot be searched for key frames.
    #[error("segment {number}: {source}")]
    KeyFrames {
        /// Number of the segment.
        number: u32,
        /// Reason of the parser.
        source: key_frames::Error,
    },
    /// A segment cannot be encrypted.
    #[error("segment {number}: {source}")]
    Encrypt {
        /// Number of the segment.
        number: u32,
        /// The key frame at fault.
        source: OutsideSegment,
    },
    /// An upload task panicked, was cancelled, or failed before.
    #[error("an upload task ended early: {0}")]
    Task(String),
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::Target { .. } => FailureCode::PublishFailed,
            Self::Incomplete(_) => FailureCode::StreamIncomplete,
        }
    }
}
