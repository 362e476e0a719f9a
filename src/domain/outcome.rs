//! What a fault is and what it leads to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a fault behaves when the same job is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultClass {
    /// The surroundings failed (network, worker killed, disk full): the same job may succeed later.
    Retryable,
    /// The source or the request is at fault: trying again cannot help.
    Permanent,
    /// The message itself cannot be understood, or it has failed too often.
    Poison,
}

/// A fault that can be judged. Every module's error implements it by exhaustive matches.
pub trait Fault: std::error::Error {
    /// How the fault behaves when the job is tried again.
    fn class(&self) -> FaultClass;
    /// The stable kebab-case name of the fault, for records, logs and callers.
    fn code(&self) -> &str;
}

/// What becomes of a message whose result is not durable.
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
