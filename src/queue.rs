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
use crate::domain::declare::{Any, BASE_URL, Nested, OneOf, Violation, settings};
use crate::domain::outcome::{Fault, FaultClass};

settings! {
    /// Queue of jobs, and its retries.
    #[derive(Eq)]
    pub struct Config {
        /// Server of the queue: "embedded" (this process, below `data_dir`) or "sqs" (Amazon SQS, which
        /// several boxes share).
        kind: Kind = Kind::Embedded, OneOf;
        /// URL of the SQS queue, for "sqs".
        url: String = String::new(), BASE_URL;
        /// URL of the SQS queue of dead letters, for "sqs". Empty: the target of the queue's redrive
        /// policy.
        dead_letter_url: String = String::new(), BASE_URL;
        /// AWS region of the queue, for "sqs". Empty: the AWS environment decides.
        region: String = String::new(), Any;
        /// Base URL of the SQS server, for "sqs". Empty: the endpoint of AWS.
        endpoint_url: String = String::new(), BASE_URL;
        /// Seconds for which a received message stays invisible to other boxes. The lease is extended
        /// while the job runs. SQS accepts 12 hours at most.
        lease_secs: u64 = 60, 3..=43_200;
        /// Seconds for which one receive call waits for a message. SQS accepts 20 at most.
        wait_secs: u64 = 20, 1..=20;
        /// Failed attempts after which a message is moved to the dead letters.
        max_attempts: u32 = 5, 1..=1000;
        /// Pauses between the attempts at one message.
        retry: backoff::Policy = backoff::Policy::default(), Nested;
    }
    also check_queue;
}

/// Rules between the keys of the section.
fn check_queue(config: &Config) -> Option<Violation> {
    let has_no_url = config.kind == Kind::Sqs && config.url.is_empty();
    has_no_url.then(|| Violation::new("url", "the URL of the SQS queue"))
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
