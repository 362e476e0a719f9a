//! Behaviour that no worker of ours shows.

use crate::domain::failure_code::FailureCode;
use crate::domain::plan_check;

/// Output or conduct of a worker that was taken over by its source, or that has a defect. The worker is
/// killed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehaviour {
    /// The bytes are no frame, or a frame is too long.
    #[error("it sent what is no frame: {0}")]
    NoFrame(String),
    /// The frame does not belong to this stage of the job.
    #[error("it sent {what} {stage}")]
    OutOfTurn {
        /// Kind of the frame.
        what: &'static str,
        /// Stage of the job.
        stage: &'static str,
    },
    /// The plan is not the one that the daemon makes of the same source.
    #[error(transparent)]
    Plan(#[from] plan_check::Error),
    /// The plan has no such rendition, or no such subtitles.
    #[error("it sent {what} of rendition {index}, which the plan does not have")]
    UnknownRendition {
        /// Kind of the frame.
        what: &'static str,
        /// The index that it gave.
        index: u16,
    },
    /// Numbers count from 0 without gaps.
    #[error("it sent number {found} of {what} where {expected} comes next")]
    Number {
        /// Kind of the frame.
        what: &'static str,
        /// The number that it gave.
        found: u32,
        /// The number that follows.
        expected: u32,
    },
    /// More or longer than a job may send.
    #[error("it sent too many or too long {0}")]
    TooMuch(&'static str),
    /// A value that no worker sends.
    #[error("it sent a wrong {0}")]
    Wrong(&'static str),
    /// A reason of failure that a worker cannot know.
    #[error("it gave {0} as the reason of its failure")]
    Reason(FailureCode),
    /// A read that does not lie within the source.
    #[error("it requested a read outside of the source")]
    ReadOutside,
    /// It reads again and again and makes nothing of it.
    #[error("it read the source many times over without making a segment of it")]
    EndlessReads,
    /// It closed its output without a last event, and did not end.
    #[error("it closed its output and did not end")]
    Stays,
    /// It hides how much memory it has.
    #[error("its memory can be measured no more")]
    Unmeasurable,
}
