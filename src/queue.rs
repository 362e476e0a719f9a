//! The queue of messages. Each message asks for one or more jobs.
//!
//! Delivery is at least once. A received message is leased: no other consumer receives it until the
//! lease expires. Implementations: [`embedded`] (SQLite) and [`sqs`]. One contract suite
//! (`tests/it/queue_contract.rs`) runs on both.

mod dead_letters;
pub mod embedded;
pub mod sqs;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::backoff;
use crate::domain::declare::{Any, BASE_URL, Nested, OneOf, Violation, settings};
use crate::domain::failure_code::FailureCode;
use crate::domain::outcome::Fault;
use crate::domain::turns::Place;

pub use dead_letters::{DeadLetter, DeadLetterCursor, DeadLetters};

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
        /// URL of a second SQS queue, for videos of high priority. Empty: they wait among the others.
        high_url: String = String::new(), BASE_URL;
        /// URL of another SQS queue, for videos of low priority. Empty: they wait among the others.
        low_url: String = String::new(), BASE_URL;
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

/// Handle of one delivery. Each delivery of a message has another receipt; an older receipt is
/// void.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// One delivery of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Id of the message: the same at each delivery.
    pub id: String,
    /// Handle of this delivery.
    pub receipt: Receipt,
    /// Text of the message, not parsed.
    pub body: String,
    /// Number of deliveries so far, this one included: 1 at the first.
    pub receive_count: u32,
}

/// Number of messages by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that a receive can return now.
    pub visible: u64,
    /// Messages that are leased or wait for their retry.
    pub in_flight: u64,
    /// Messages in the dead-letter queue.
    pub dead: u64,
    /// Age of the oldest visible message that was never received; zero without one. `None` if the queue does not
    /// tell, as SQS.
    pub oldest_age: Option<Duration>,
}

/// Failure of a call to the queue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The receipt is void: its delivery was settled, or its lease expired.
    #[error("the lease on the message is lost")]
    LeaseLost,
    /// The queue cannot be reached or cannot store the change. The same call may succeed later.
    #[error("queue {operation}: {reason}")]
    Unavailable {
        /// The call that failed.
        operation: &'static str,
        /// Answer of the queue, with all causes.
        reason: String,
    },
}

impl Fault for Error {
    fn code(&self) -> FailureCode {
        match self {
            Self::LeaseLost => FailureCode::LeaseLost,
            Self::Unavailable { .. } => FailureCode::QueueUnavailable,
        }
    }
}

/// A queue with leases, as its consumer sees it.
///
/// Every method fails with [`Error::Unavailable`] if the queue cannot be reached. The state of the
/// message is then unknown; if the change was lost, the lease expires and the message is delivered
/// again.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Waits up to `wait` (SQS: at most 20 s) for a message and leases it for `lease` from now.
    /// Returns `None` if none arrives. Dropping the future loses no message: at worst, the message
    /// stays invisible until its lease expires.
    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Message>, Error>;

    /// Makes the lease expire `lease` from now, earlier or later than before. `Ok` means that no
    /// other consumer receives the message until then.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the lease has expired or the delivery is settled: stop the work.
    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), Error>;

    /// Removes the message for good. `Ok` means that it is not delivered again, also if an earlier
    /// call with this receipt removed it. A receipt whose lease has expired still acknowledges, as
    /// long as no other consumer has received the message.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the message has been delivered again, given back or moved. SQS does
    /// not tell in every case.
    async fn ack(&self, receipt: &Receipt) -> Result<(), Error>;

    /// Gives the lease up. `Ok` means that the message is visible again `after` from now, and that
    /// the receipt is void.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the lease has expired or the delivery is settled: the message takes
    /// its own way.
    async fn retry_after(&self, receipt: &Receipt, after: Duration) -> Result<(), Error>;

    /// Moves the message to the dead-letter queue, with a reason for people. `Ok` means that the
    /// message is there and is not delivered again. After a crash in between, SQS has it in both
    /// queues.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the lease has expired or the delivery is settled.
    async fn dead_letter(&self, receipt: &Receipt, reason: &str) -> Result<(), Error>;

    /// Puts the message where those of this place wait. `Ok(true)`: it waits there now, as a new message, and the
    /// receipt is void. `Ok(false)`: it came from there, or the queue has no such place, and the lease goes on.
    /// After a crash in between, SQS has the message in both places.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] if the lease has expired or the delivery is settled.
    async fn move_to(&self, receipt: &Receipt, place: &Place) -> Result<bool, Error>;
}

/// A queue, as a producer sees it.
#[async_trait]
pub trait Enqueue: Send + Sync {
    /// Enqueues a message of normal priority, of nobody in particular. `Ok` means that it is durable. A call that
    /// fails may have enqueued it.
    async fn send(&self, body: &str) -> Result<(), Error> {
        self.send_to(body, &Place::default()).await
    }

    /// Enqueues a message where those of this place wait. `Ok` means that it is durable. A call that fails may
    /// have enqueued it.
    async fn send_to(&self, body: &str, place: &Place) -> Result<(), Error>;
}

/// A queue, as an operator sees it.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// Counts the messages by state. SQS counts approximately.
    async fn depth(&self) -> Result<Depth, Error>;

    /// A page of at most `limit` dead letters, the latest first, after the place `after`. SQS has no order: the page
    /// is one of the first [`sqs::MAX_SCANNED`] that it hands out, and those that another box looks at in this moment
    /// are left out.
    async fn dead_letters(
        &self,
        limit: usize,
        after: Option<&DeadLetterCursor>,
    ) -> Result<DeadLetters, Error>;

    /// The dead letter with this id; `None` if there is none.
    async fn find_dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, Error>;

    /// Enqueues the message of a dead letter as a new message of normal priority, whose deliveries count from 0, and
    /// removes the dead letter. False if there is no such dead letter. After a crash in between, SQS has both.
    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, Error>;

    /// Removes a dead letter for good. False if there is no such dead letter.
    async fn remove_dead_letter(&self, id: &str) -> Result<bool, Error>;
}
