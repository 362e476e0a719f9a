//! Outcomes of a message, and the decision after a failed attempt.

use std::time::Duration;

use super::error::{Blame, Error};
use super::unsettled::Unsettled;
use crate::domain::backoff;
use crate::domain::outcome::{Disposition, Fault};
use crate::domain::record::JobOutcome;
use crate::store;

/// How a message ended, as metrics count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A stream was published.
    Ready,
    /// The video failed for good.
    Failed,
    /// The message asks for nothing that is not done.
    NothingToDo,
    /// The message is delivered again.
    Retried,
    /// The message went to the dead letters.
    Dead,
}

impl Outcome {
    /// Label of the metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::NothingToDo => "nothing-to-do",
            Self::Retried => "retried",
            Self::Dead => "dead",
        }
    }
}

impl From<JobOutcome> for Outcome {
    fn from(outcome: JobOutcome) -> Self {
        match outcome {
            JobOutcome::Ready => Self::Ready,
            JobOutcome::Failed => Self::Failed,
        }
    }
}

/// Why a message is not settled.
pub(super) struct Failure {
    error: Error,
    /// Number of the attempt, from 1; 0 if none began.
    attempt: u32,
    /// No further attempt follows, and the completion record says why.
    is_last: bool,
}

impl Failure {
    /// The failure of attempt `attempt`.
    pub(super) fn of_attempt(attempt: u32, unsettled: Unsettled) -> Self {
        match unsettled {
            Unsettled::Retried(error) => Self { error, attempt, is_last: false },
            Unsettled::GivenUp(error, _recorded) => Self { error, attempt, is_last: true },
        }
    }

    /// The error.
    pub(super) fn error(&self) -> &Error {
        &self.error
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, attempt: 0, is_last: false }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Error::from(error).into()
    }
}

/// The numbers that a decision depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy<'a> {
    /// Pauses between attempts.
    pub(super) backoff: &'a backoff::Policy,
    /// Lease of a message.
    pub(super) lease: Duration,
    /// Deliveries of this message so far.
    pub(super) receive_count: u32,
    /// Random number from 0 to 1, which spreads retries.
    pub(super) jitter: f64,
}

/// Decides what becomes of the message after a failed attempt.
pub(super) fn decide(failure: &Failure, policy: RetryPolicy<'_>) -> Disposition {
    let error = &failure.error;
    if failure.is_last {
        return dead_letter(error);
    }
    match error {
        Error::Cancelled | Error::Stopped => Disposition::Retry { after: Duration::ZERO },
        // Another box has the message.
        Error::LeaseLost => Disposition::Leave,
        // The other attempt may have ended after a part of the lease.
        Error::Busy | Error::ClaimLost => {
            Disposition::Retry { after: policy.lease.mul_f64(0.25 + policy.jitter / 4.0) }
        }
        Error::Store(_)
        | Error::Queue(_)
        | Error::Worker(_)
        | Error::Publish(_)
        | Error::Key(_)
        | Error::Unfinished
        | Error::NotConformant(_)
        | Error::TooSlow { .. }
        | Error::Exhausted => {
            let delay = |attempt| backoff::delay(attempt, policy.backoff, policy.jitter);
            let is_lasting = error.blame() == Blame::Surroundings { is_lasting: true };
            let after = match failure.attempt {
                // A failure before any attempt repeats with each delivery, and so does one that lasts.
                0 => delay(1).max(delay(policy.receive_count)),
                attempt if is_lasting => delay(attempt).max(delay(policy.receive_count)),
                attempt => delay(attempt),
            };
            Disposition::Retry { after }
        }
    }
}

fn dead_letter(error: &Error) -> Disposition {
    Disposition::DeadLetter { reason: format!("{}: {error}", error.code()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{publish, worker};

    fn decided(error: Error, attempt: u32, is_last: bool) -> String {
        let backoff = backoff::Policy { first_secs: 10, max_secs: 100 };
        let lease = Duration::from_mins(1);
        let policy = RetryPolicy { backoff: &backoff, lease, receive_count: 3, jitter: 0.0 };
        match decide(&Failure { error, attempt, is_last }, policy) {
            Disposition::Retry { after } if after.is_zero() => "retry at once".to_owned(),
            Disposition::Retry { after } if after == lease / 4 => {
                "retry after the other".to_owned()
            }
            Disposition::Retry { .. } => "retry after backoff".to_owned(),
            Disposition::DeadLetter { reason } => format!("dead: {reason}"),
            Disposition::Leave => "leave".to_owned(),
        }
    }

    #[test]
    fn every_error_has_its_decision() {
        let unavailable = || store::Error::Unavailable {
            key: "k".to_owned(),
            operation: "read",
            reason: "down".to_owned(),
        };
        let rejected = || store::Error::Rejected {
            key: "k".to_owned(),
            operation: "put",
            reason: "the file system is read-only".to_owned(),
        };
        let incomplete =
            || Error::Publish(publish::Error::Incomplete(publish::Incomplete::NoCodec));
        let memory = || Error::Worker(worker::parent::Error::Memory);
        let table = [
            (Error::Cancelled, false, "retry at once"),
            (Error::Stopped, false, "retry at once"),
            (Error::LeaseLost, false, "leave"),
            (Error::Busy, false, "retry after the other"),
            (Error::ClaimLost, false, "retry after the other"),
            (Error::Store(unavailable()), false, "retry after backoff"),
            (Error::Store(rejected()), false, "retry after backoff"),
            (Error::Unfinished, false, "retry after backoff"),
            (Error::Unfinished, true, "dead: worker-unfinished: the worker ended too early"),
            (
                Error::Exhausted,
                true,
                "dead: daemon-died: each of its attempts took the daemon down with it",
            ),
            (memory(), false, "retry after backoff"),
            (Error::TooSlow { limit_secs: 1 }, false, "retry after backoff"),
            (incomplete(), false, "retry after backoff"),
        ];
        for (error, is_last, expected) in table {
            let shown = format!("{error:?}, last: {is_last}");
            assert_eq!(decided(error, 1, is_last), expected, "{shown}");
        }
        assert!(decided(incomplete(), 5, true).starts_with("dead: stream-incomplete"));
        assert!(decided(memory(), 5, true).starts_with("dead: memory-limit"));
        // A fault that has lasted too long.
        assert!(decided(Error::Store(rejected()), 1, true).starts_with("dead: store-rejected"));
    }

    #[test]
    fn a_failure_before_any_attempt_backs_off_by_deliveries() {
        let backoff = backoff::Policy { first_secs: 10, max_secs: 1000 };
        let after_error = |error, attempt, receive_count| {
            let lease = Duration::from_mins(1);
            let policy = RetryPolicy { backoff: &backoff, lease, receive_count, jitter: 0.0 };
            match decide(&Failure { error, attempt, is_last: false }, policy) {
                Disposition::Retry { after } => after,
                other @ (Disposition::DeadLetter { .. } | Disposition::Leave) => {
                    panic!("{other:?}")
                }
            }
        };
        let after = |attempt, receives| after_error(Error::Unfinished, attempt, receives);
        let (operation, key, reason) =
            ("read", "k".to_owned(), "the object is archived".to_owned());
        let denied = Error::Store(store::Error::Denied { operation, key, reason });
        assert_eq!(after_error(denied, 1, 4), after(4, 1));
        assert_eq!(after(0, 4), after(4, 1));
        assert!(after(0, 4) > after(1, 4));
    }
}
