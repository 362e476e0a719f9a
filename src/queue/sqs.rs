//! Amazon SQS, or a server that speaks its protocol. Only standard queues: S3 sends no events to
//! FIFO queues.
//!
//! This module fills two gaps between SQS and the contract of [`Queue`]. SQS may accept a receipt
//! after its lease has expired, so the end of each lease is also kept here. The redrive policy of
//! SQS moves messages without a reason, so [`Queue::dead_letter`] sends them with one.

mod dead_letters;
mod priorities;
mod requests;
mod setup;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message as SqsMessage, MessageSystemAttributeName, QueueAttributeName};
use parking_lot::Mutex;
use serde::Deserialize;

use self::dead_letters::DeadLetterQueue;
use self::requests::{MAX_VISIBILITY, counts, map_error, text_attribute, whole_secs};
use super::{
    DeadLetter, DeadLetterCursor, DeadLetters, Depth, Enqueue, Error, Inspect, Message, Queue,
    Receipt,
};
use crate::domain::doctor::queues::FEW_RECEIVES;
use crate::domain::turns::Place;

pub use dead_letters::MAX_SCANNED;
pub use priorities::SqsQueues;
pub use setup::SqsSetup;

/// An SQS queue and its dead-letter queue. Clones share the leases.
#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    dead: DeadLetterQueue,
    leases: Arc<Mutex<HashMap<String, Lease>>>,
}

/// A delivery that is not settled yet. Body, id and count are kept for the dead-letter queue.
struct Lease {
    expires_at: Instant,
    body: String,
    message_id: String,
    receive_count: u32,
}

/// The redrive policy of a queue, which names its dead-letter queue.
#[derive(Deserialize)]
struct RedrivePolicy {
    #[serde(rename = "deadLetterTargetArn")]
    target_arn: String,
    /// A number, or the text of one.
    #[serde(rename = "maxReceiveCount", default)]
    max_receive_count: serde_json::Value,
}

impl RedrivePolicy {
    /// Deliveries after which SQS moves a message by itself.
    fn max_receive_count(&self) -> Option<u64> {
        let count = &self.max_receive_count;
        count.as_u64().or_else(|| count.as_str()?.parse().ok())
    }

    /// Warns if SQS takes messages away while ladderd still tries: faults of the surroundings and boxes that
    /// stop are deliveries, too.
    fn warn_of_few(&self, url: &str) {
        if let Some(count) = self.max_receive_count().filter(|count| *count < FEW_RECEIVES) {
            tracing::warn!(
                url,
                max_receive_count = count,
                "the queue's redrive policy moves messages after few deliveries: set its \
                 maxReceiveCount to {FEW_RECEIVES} or more; ladderd counts attempts itself"
            );
        }
    }
}

impl SqsQueue {
    /// Connects to the queue at `url` and to its dead-letter queue: `dead_letter_url`, or the
    /// target of the queue's redrive policy if that is empty.
    ///
    /// # Errors [`Error::Unavailable`] if either queue cannot be reached, or if there is no
    /// dead-letter queue.
    pub async fn open(client: Client, url: &str, dead_letter_url: &str) -> Result<Self, Error> {
        let policy = redrive_policy(&client, url).await?;
        if let Some(policy) = &policy {
            policy.warn_of_few(url);
        }
        let dead_letter_url = if dead_letter_url.is_empty() {
            dead_letter_target(&client, url, policy.as_ref()).await?
        } else {
            dead_letter_url.to_owned()
        };
        let dead = DeadLetterQueue::new(client.clone(), dead_letter_url);
        let queue = Self { client, url: url.to_owned(), dead, leases: Arc::default() };
        queue.depth().await?;
        Ok(queue)
    }

    /// Fails with [`Error::LeaseLost`] unless the lease of this receipt runs.
    fn check_lease(&self, receipt: &Receipt) -> Result<(), Error> {
        let leases = self.leases.lock();
        let is_held = leases.get(&receipt.0).is_some_and(|own| own.expires_at > Instant::now());
        if is_held { Ok(()) } else { Err(Error::LeaseLost) }
    }

    /// Text of the message that this receipt leases.
    fn leased_body(&self, receipt: &Receipt) -> Result<String, Error> {
        self.check_lease(receipt)?;
        let leases = self.leases.lock();
        leases.get(&receipt.0).map(|own| own.body.clone()).ok_or(Error::LeaseLost)
    }

    /// Makes the message visible `after` from now, if its lease runs.
    async fn change_visibility(
        &self,
        operation: &'static str,
        receipt: &Receipt,
        after: Duration,
    ) -> Result<(), Error> {
        self.check_lease(receipt)?;
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&receipt.0)
            .visibility_timeout(whole_secs(after))
            .send()
            .await
            .map_err(|error| map_error(operation, &error))?;
        Ok(())
    }

    /// Deletes the message and its lease.
    async fn delete(&self, operation: &'static str, receipt: &Receipt) -> Result<(), Error> {
        let delete = self.client.delete_message().queue_url(&self.url).receipt_handle(&receipt.0);
        delete.send().await.map_err(|error| map_error(operation, &error))?;
        self.leases.lock().remove(&receipt.0);
        Ok(())
    }

    /// Stores a lease, and drops those that expired more than [`MAX_VISIBILITY`] ago: nobody
    /// settled them.
    fn insert_lease(&self, receipt: &str, lease: Lease) {
        let mut leases = self.leases.lock();
        let now = Instant::now();
        leases.retain(|_, lease| now < lease.expires_at + MAX_VISIBILITY);
        leases.insert(receipt.to_owned(), lease);
    }
}

/// The redrive policy of a queue.
async fn redrive_policy(client: &Client, url: &str) -> Result<Option<RedrivePolicy>, Error> {
    let request = client.get_queue_attributes().queue_url(url);
    let answer = request.attribute_names(QueueAttributeName::RedrivePolicy).send().await;
    let answer = answer.map_err(|error| map_error("open", &error))?;
    let policy = answer.attributes().and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
    Ok(policy.and_then(|text| serde_json::from_str(text).ok()))
}

/// URL of the queue that the redrive policy of `url` names.
async fn dead_letter_target(
    client: &Client,
    url: &str,
    policy: Option<&RedrivePolicy>,
) -> Result<String, Error> {
    let none = || Error::Unavailable {
        operation: "open",
        reason: format!("{url} has no redrive policy: add one, or set queue.dead_letter_url"),
    };
    let policy = policy.ok_or_else(none)?;
    // arn:aws:sqs:<region>:<account>:<name>
    let mut parts = policy.target_arn.rsplit(':');
    let (name, account) = (parts.next().ok_or_else(none)?, parts.next().ok_or_else(none)?);
    let request = client.get_queue_url().queue_name(name).queue_owner_aws_account_id(account);
    let answer = request.send().await.map_err(|error| map_error("open", &error))?;
    answer.queue_url().map(str::to_owned).ok_or_else(none)
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Message>, Error> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(1)
            .wait_time_seconds(whole_secs(wait).min(20))
            .visibility_timeout(whole_secs(lease))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| map_error("receive", &error))?;
        let Some(message) = answer.messages.unwrap_or_default().into_iter().next() else {
            return Ok(None);
        };
        let received = to_message(message);
        // The lease begins when SQS answers, which may be late in a long poll.
        let expires_at = Instant::now() + lease;
        let (message_id, body) = (received.id.clone(), received.body.clone());
        let receive_count = received.receive_count;
        let lease = Lease { expires_at, body, message_id, receive_count };
        self.insert_lease(&received.receipt.0, lease);
        Ok(Some(received))
    }

    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), Error> {
        let requested_at = Instant::now();
        self.change_visibility("extend", receipt, lease).await?;
        if let Some(own) = self.leases.lock().get_mut(&receipt.0) {
            own.expires_at = requested_at + lease;
        }
        Ok(())
    }

    async fn ack(&self, receipt: &Receipt) -> Result<(), Error> {
        // Valid after the lease, too: the result of the job is durable.
        self.delete("ack", receipt).await
    }

    async fn retry_after(&self, receipt: &Receipt, after: Duration) -> Result<(), Error> {
        self.change_visibility("retry", receipt, after).await?;
        self.leases.lock().remove(&receipt.0);
        Ok(())
    }

    async fn dead_letter(&self, receipt: &Receipt, reason: &str) -> Result<(), Error> {
        self.check_lease(receipt)?;
        let (message_id, body, receive_count) = match self.leases.lock().get(&receipt.0) {
            Some(lease) => (lease.message_id.clone(), lease.body.clone(), lease.receive_count),
            None => return Err(Error::LeaseLost),
        };
        // Send before delete: a crash in between duplicates the message and does not lose it.
        self.client
            .send_message()
            .queue_url(self.dead.url())
            .message_body(body)
            .message_attributes(dead_letters::REASON, text_attribute(reason)?)
            .message_attributes("ladderd.message_id", text_attribute(&message_id)?)
            .message_attributes(
                dead_letters::RECEIVE_COUNT,
                text_attribute(&receive_count.to_string())?,
            )
            .send()
            .await
            .map_err(|error| map_error("dead-letter", &error))?;
        self.delete("dead-letter", receipt).await
    }

    async fn move_to(&self, receipt: &Receipt, _place: &Place) -> Result<bool, Error> {
        // One queue is one place.
        self.check_lease(receipt).map(|()| false)
    }
}

#[async_trait]
impl Enqueue for SqsQueue {
    async fn send_to(&self, body: &str, _place: &Place) -> Result<(), Error> {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.map_err(|error| map_error("send", &error))?;
        Ok(())
    }
}

#[async_trait]
impl Inspect for SqsQueue {
    async fn depth(&self) -> Result<Depth, Error> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as Hidden,
        };
        let names = || [Visible, Hidden, Delayed];
        let [visible, hidden, delayed] = counts(&self.client, &self.url, names()).await?;
        let dead = counts(&self.client, self.dead.url(), names()).await?.iter().sum();
        Ok(Depth { visible, in_flight: hidden + delayed, dead, oldest_age: None })
    }

    async fn dead_letters(
        &self,
        limit: usize,
        after: Option<&DeadLetterCursor>,
    ) -> Result<DeadLetters, Error> {
        Ok(DeadLetters::page(self.dead.all().await?, limit, after))
    }

    async fn find_dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, Error> {
        self.dead.find(id).await
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, Error> {
        self.dead.take(id, Some(&self.url)).await
    }

    async fn remove_dead_letter(&self, id: &str) -> Result<bool, Error> {
        self.dead.take(id, None).await
    }
}

fn to_message(message: SqsMessage) -> Message {
    let count = message
        .attributes
        .as_ref()
        .and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount))
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    Message {
        id: message.message_id.unwrap_or_default(),
        receipt: Receipt(message.receipt_handle.unwrap_or_default()),
        body: message.body.unwrap_or_default(),
        receive_count: count,
    }
}
