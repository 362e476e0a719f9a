//! The proof that a message needs nothing more.
//!
//! Acknowledging a message takes a [`Settled`]. Only its constructors, which are visible in `job` alone, make
//! one, and each takes evidence whose fields are private to the file that observed it:
//!
//! ```
//! fn acknowledge(_proof: ladderd::job::settled::Settled) {}
//! ```
//!
//! ```compile_fail
//! use ladderd::job::{Outcome, settled::Settled};
//! let forged = Settled { outcome: Outcome::Ready };
//! ```

use super::adapters::Shown;
use super::deletion::Covered;
use super::outcome::Outcome;
use super::records::WrittenRecord;
use super::source_state::{RecordedVersion, SourceAbsent};
use crate::domain::job::JobRequest;
use crate::publish::Flipped;

/// Proof that the result of a message is durable, or that it asks for nothing.
#[must_use = "a message is acknowledged with it"]
pub struct Settled {
    outcome: Outcome,
}

/// Evidence that `main.m3u8` shows the finished stream.
#[expect(dead_code, reason = "evidence is held, not read")]
pub(super) enum Flip {
    /// This attempt has flipped it.
    Now(Flipped),
    /// An attempt that died had committed it, and it was flipped again, or was found flipped.
    Recovered(Shown),
}

impl Settled {
    /// The message asks for no job. `None` if it does.
    pub(super) fn without_jobs(jobs: &[JobRequest]) -> Option<Self> {
        jobs.is_empty().then_some(Self { outcome: Outcome::NothingToDo })
    }

    /// There is nothing to do: the source does not exist.
    pub(super) fn source_absent(_absent: SourceAbsent) -> Self {
        Self { outcome: Outcome::NothingToDo }
    }

    /// There is nothing to do: the source is of a deleted video.
    pub(super) fn deleted(_covered: Covered) -> Self {
        Self { outcome: Outcome::NothingToDo }
    }

    /// There is nothing to do: the source's version has its completion record.
    pub(super) fn already_recorded(_recorded: &RecordedVersion) -> Self {
        Self { outcome: Outcome::NothingToDo }
    }

    /// The stream is shown, and its completion record is written.
    pub(super) fn published(_flip: Flip, written: &WrittenRecord) -> Self {
        Self { outcome: written.outcome().into() }
    }

    /// The job has failed for good, and its completion record says why.
    pub(super) fn failed(written: &WrittenRecord) -> Self {
        Self { outcome: written.outcome().into() }
    }

    /// The outcome, for metrics.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}
