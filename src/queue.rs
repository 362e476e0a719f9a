//! The queue of messages, each a wish for one or more jobs.
//!
//! Delivery is at least once. A received message is leased: nobody else gets it until its
//! visibility timeout passes. Implementations: [`embedded`] (SQLite) and [`sqs`]. One contract
//! suite (`tests/it/queue_contract.rs`) runs on both.

pub mod embedded;
pub mod sqs;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::backoff;
use crate::domain::outcome::{Fault, FaultClass};

/// Which queue, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who holds the queue.
    pub kind: Kind,
    /// URL of the SQS queue.
    pub url: String,
    /// URL of the SQS queue for dead letters. Empty: the target of the queue's redrive policy.
    pub dead_letter_url: String,
    /// Region of the queue. Empty: as the AWS environment says.
    pub region: String,
    /// Where SQS is reached, if it is not AWS's own endpoint.
    pub endpoint_url: String,
    /// A received message stays invisible for this long; extended while a job runs.
    pub lease_secs: u64,
    /// How long one receive waits for a message.
    pub wait_secs: u64,
    /// Attempts before a message goes to the dead letters.
    pub max_attempts: u32,
    /// Pauses between attempts.
    pub retry: backoff::Policy,
}

/// Who holds the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// This process, in `data_dir`.
    #[default]
    Embedded,
    /// Amazon SQS: several boxes share it.
    Sqs,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kind: Kind::Embedded,
            url: String::new(),
            dead_letter_url: String::new(),
            region: String::new(),
            endpoint_url: String::new(),
            lease_secs: 60,
            wait_secs: 20,
            max_attempts: 5,
            retry: backoff::Policy::default(),
        }
    }
}

/// The handle of one delivery. A later delivery of the same message has another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// One delivery of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The queue's id of the message: the same at each delivery.
    pub id: String,
    /// The handle of this delivery.
    pub receipt: Receipt,
    /// Text of the message.
    pub body: String,
    /// How often the message has been delivered, this time included: 1 at first.
    pub receive_count: u32,
}

/// How many messages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that a receive could return now.
    pub visible: u64,
    /// Messages that are leased or wait for their retry.
    pub in_flight: u64,
    /// Dead letters.
    pub dead: u64,
}

/// Why a call to the queue failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The delivery is no longer ours: it was acknowledged, or its lease ran out.
    #[error("the lease on the message is lost")]
    LeaseLost,
    /// The queue could not be reached or could not store.
    #[error("queue {operation}: {reason}")]
    Unavailable {
        /// The call that failed.
        operation: &'static str,
        /// What the queue said.
        reason: String,
    },
}

impl Fault for Error {
    fn class(&self) -> FaultClass {
        match self {
            Self::LeaseLost | Self::Unavailable { .. } => FaultClass::Retryable,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::LeaseLost => "lease-lost",
            Self::Unavailable { .. } => "queue-unavailable",
        }
    }
}

/// A queue with leases.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Waits up to `wait` for a message and leases it for `lease`. `None` after a quiet wait.
    /// Dropping the future loses no message: at worst its lease has to run out.
    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Message>, Error>;

    /// Makes the lease end `lease` from now. [`Error::LeaseLost`] if it is no longer ours.
    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), Error>;

    /// Removes the message for good. Returns `Ok` if it was already acknowledged by this receipt.
    async fn ack(&self, receipt: &Receipt) -> Result<(), Error>;

    /// Gives the lease up; the message is delivered again after `after`.
    async fn retry_after(&self, receipt: &Receipt, after: Duration) -> Result<(), Error>;

    /// Moves the message to the dead letters, with the reason in readable form.
    async fn dead_letter(&self, receipt: &Receipt, reason: &str) -> Result<(), Error>;
}

/// What puts messages of our own into a queue.
#[async_trait]
pub trait Enqueue: Send + Sync {
    /// Puts a message into the queue; it is durable when this returns.
    async fn send(&self, body: &str) -> Result<(), Error>;
}

/// What an operator wants to know of a queue.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Counts the messages. SQS answers approximately.
    async fn depth(&self) -> Result<Depth, Error>;
}
