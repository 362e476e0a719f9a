//! Faults and their consequences.

use std::time::Duration;

use super::failure_code::FailureCode;
pub use super::failure_code::FaultClass;

/// An error that ends an attempt. Every module's error implements it by exhaustive matches.
pub trait Fault: std::error::Error {
    /// The stable name of the fault, for records, logs and callers.
    fn code(&self) -> FailureCode;

    /// Effect of another attempt at the same job: the code decides it.
    fn class(&self) -> FaultClass {
        self.code().class()
    }
}

/// Fate of a message whose result is not durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The message becomes visible again after this long.
    Retry {
        /// How long the message stays invisible.
        after: Duration,
    },
    /// The message goes to the dead letters with this reason.
    DeadLetter {
        /// Why, for the person who reads the dead letters.
        reason: String,
    },
    /// Somebody else holds the message: nothing is done to it.
    Leave,
}
