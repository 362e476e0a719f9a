//! Amazon SQS, or what speaks its protocol. Standard queues; FIFO queues take no S3 events.
//!
//! Where SQS is vaguer than [`Queue`], this makes up for it. SQS may accept a receipt after its
//! lease has run out: the end of each lease is kept here too. Its own redrive policy moves
//! messages without a reason: what has to go to the dead letters is sent there with one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{
    Message as SqsMessage, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
};
use aws_smithy_types::error::display::DisplayErrorContext;
use parking_lot::Mutex;
use serde::Deserialize;

use super::{Depth, Enqueue, Error, Inspect, Message, Queue, Receipt};

/// The longest that SQS keeps a message invisible.
const MAX_VISIBILITY: Duration = Duration::from_hours(12);
/// The longest value of an attribute that is sent along, in bytes; a message may have 256 KiB.
const MAX_REASON_BYTES: usize = 4096;

/// A queue and its dead letters. Cheap to clone.
#[derive(Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
    dead_letter_url: String,
    held: Arc<Mutex<HashMap<String, Held>>>,
}

/// A delivery that has not ended here.
struct Held {
    until: Instant,
    body: String,
    id: String,
}

/// What a queue says of where its dead letters go.
#[derive(Deserialize)]
struct RedrivePolicy {
    #[serde(rename = "deadLetterTargetArn")]
    target: String,
}

impl SqsQueue {
    /// Finds the queue and its dead letters: `dead_letter_url`, or where its redrive policy points
    /// to if that is empty.
    ///
    /// # Errors
    /// If the queue cannot be reached, or has no place for dead letters.
    pub async fn open(client: Client, url: &str, dead_letter_url: &str) -> Result<Self, Error> {
        let dead_letter_url = if dead_letter_url.is_empty() {
            redrive_target(&client, url).await?
        } else {
            dead_letter_url.to_owned()
        };
        let url = url.to_owned();
        let queue = Self { client, url, dead_letter_url, held: Arc::default() };
        queue.depth().await?;
        Ok(queue)
    }

    /// When the lease of this receipt ends, if it has not ended yet.
    fn must_hold(&self, receipt: &Receipt) -> Result<(), Error> {
        let holds =
            self.held.lock().get(&receipt.0).is_some_and(|held| held.until > Instant::now());
        if holds { Ok(()) } else { Err(Error::LeaseLost) }
    }

    /// Makes the message visible `after` from now.
    async fn change_visibility(
        &self,
        operation: &'static str,
        receipt: &Receipt,
        after: Duration,
    ) -> Result<(), Error> {
        self.must_hold(receipt)?;
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(&receipt.0)
            .visibility_timeout(whole_secs(after))
            .send()
            .await
            .map_err(|error| judge(operation, &error))?;
        Ok(())
    }

    async fn delete(&self, operation: &'static str, receipt: &Receipt) -> Result<(), Error> {
        let delete = self.client.delete_message().queue_url(&self.url).receipt_handle(&receipt.0);
        delete.send().await.map_err(|error| judge(operation, &error))?;
        self.held.lock().remove(&receipt.0);
        Ok(())
    }

    /// Notes the delivery, and forgets those that ended long ago without being told of.
    fn hold(&self, receipt: &str, held: Held) {
        let mut all = self.held.lock();
        let now = Instant::now();
        all.retain(|_, held| now < held.until + MAX_VISIBILITY);
        all.insert(receipt.to_owned(), held);
    }

    async fn count(&self, url: &str, names: [QueueAttributeName; 3]) -> Result<[u64; 3], Error> {
        let request = self.client.get_queue_attributes().queue_url(url);
        let answer = request.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|error| judge("depth", &error))?;
        let number = |name| {
            let text = answer.attributes().and_then(|attributes| attributes.get(name));
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        Ok([number(&names[0]), number(&names[1]), number(&names[2])])
    }
}

async fn redrive_target(client: &Client, url: &str) -> Result<String, Error> {
    let none = || Error::Unavailable {
        operation: "open",
        reason: format!("{url} has no redrive policy: give it one, or set queue.dead_letter_url"),
    };
    let request = client.get_queue_attributes().queue_url(url);
    let answer = request.attribute_names(QueueAttributeName::RedrivePolicy).send().await;
    let answer = answer.map_err(|error| judge("open", &error))?;
    let policy = answer.attributes().and_then(|all| all.get(&QueueAttributeName::RedrivePolicy));
    let policy: RedrivePolicy =
        policy.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(none)?;
    // arn:aws:sqs:<region>:<account>:<name>
    let mut parts = policy.target.rsplit(':');
    let (name, account) = (parts.next().ok_or_else(none)?, parts.next().ok_or_else(none)?);
    let request = client.get_queue_url().queue_name(name).queue_owner_aws_account_id(account);
    let answer = request.send().await.map_err(|error| judge("open", &error))?;
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
            .map_err(|error| judge("receive", &error))?;
        let Some(message) = answer.messages.unwrap_or_default().into_iter().next() else {
            return Ok(None);
        };
        let received = message_of(message);
        // The lease began when SQS answered, which a long poll does late: no earlier than this.
        let until = Instant::now() + lease;
        let (id, body) = (received.id.clone(), received.body.clone());
        self.hold(&received.receipt.0, Held { until, body, id });
        Ok(Some(received))
    }

    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), Error> {
        let asked = Instant::now();
        self.change_visibility("extend", receipt, lease).await?;
        if let Some(held) = self.held.lock().get_mut(&receipt.0) {
            held.until = asked + lease;
        }
        Ok(())
    }

    async fn ack(&self, receipt: &Receipt) -> Result<(), Error> {
        // Also after the lease: what the message asked for is durable.
        self.delete("ack", receipt).await
    }

    async fn retry_after(&self, receipt: &Receipt, after: Duration) -> Result<(), Error> {
        self.change_visibility("retry", receipt, after).await?;
        self.held.lock().remove(&receipt.0);
        Ok(())
    }

    async fn dead_letter(&self, receipt: &Receipt, reason: &str) -> Result<(), Error> {
        self.must_hold(receipt)?;
        let (id, body) = match self.held.lock().get(&receipt.0) {
            Some(held) => (held.id.clone(), held.body.clone()),
            None => return Err(Error::LeaseLost),
        };
        // Sent before it is deleted: a crash in between makes two of it and loses none.
        self.client
            .send_message()
            .queue_url(&self.dead_letter_url)
            .message_body(body)
            .message_attributes("ladderd.reason", text(reason)?)
            .message_attributes("ladderd.message_id", text(&id)?)
            .send()
            .await
            .map_err(|error| judge("dead-letter", &error))?;
        self.delete("dead-letter", receipt).await
    }
}

#[async_trait]
impl Enqueue for SqsQueue {
    async fn send(&self, body: &str) -> Result<(), Error> {
        let send = self.client.send_message().queue_url(&self.url).message_body(body);
        send.send().await.map_err(|error| judge("send", &error))?;
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
        let [visible, hidden, delayed] = self.count(&self.url, names()).await?;
        let dead = self.count(&self.dead_letter_url, names()).await?.iter().sum();
        Ok(Depth { visible, in_flight: hidden + delayed, dead })
    }
}

fn message_of(message: SqsMessage) -> Message {
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

/// An attribute with this text: SQS takes neither empty ones nor control characters.
fn text(value: &str) -> Result<MessageAttributeValue, Error> {
    let mut plain = String::new();
    for c in value.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if plain.len() + c.len_utf8() > MAX_REASON_BYTES {
            break;
        }
        plain.push(c);
    }
    if plain.is_empty() {
        plain.push('-');
    }
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(plain)
        .build()
        .map_err(|error| Error::Unavailable { operation: "dead-letter", reason: error.to_string() })
}

/// SQS counts whole seconds: rounded up, so that no pause and no lease is shorter than asked for.
fn whole_secs(duration: Duration) -> i32 {
    let duration = duration.min(MAX_VISIBILITY);
    let secs = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(secs).unwrap_or(i32::MAX)
}

/// What a failed call means: the one place that reads the answers of SQS.
fn judge<E>(
    operation: &'static str,
    error: &SdkError<E, aws_sdk_sqs::config::http::HttpResponse>,
) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    // The query protocol's names and the JSON protocol's, with and without their prefix.
    let code = code.rsplit(['.', '#']).next().unwrap_or_default();
    match code {
        "MessageNotInflight" | "ReceiptHandleIsInvalid" => Error::LeaseLost,
        // Older answers have one code for a receipt that has run out and for 12 h that are over.
        "InvalidParameterValue" if operation == "extend" || operation == "retry" => {
            Error::LeaseLost
        }
        _ => {
            let reason = DisplayErrorContext(error).to_string();
            Error::Unavailable { operation, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_that_sqs_takes() {
        let table = [(0, 0), (1, 1), (200, 1), (1000, 1), (1001, 2), (43_200_001, 43_200)];
        for (millis, secs) in table {
            assert_eq!(whole_secs(Duration::from_millis(millis)), secs, "{millis}");
        }
    }

    #[test]
    fn reasons_become_attributes_that_sqs_takes() {
        let value = |text_: &str| text(text_).unwrap().string_value().unwrap().to_owned();
        assert_eq!(value(""), "-");
        assert_eq!(value("a\u{0}b\nc ä"), "a b c ä");
        assert_eq!(value(&"ä".repeat(5000)).len(), MAX_REASON_BYTES);
    }
}
