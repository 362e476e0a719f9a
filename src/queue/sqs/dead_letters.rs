//! Dead letters on SQS, which has neither an order of messages nor a look at one by its id. A scan receives the
//! messages of the dead-letter queue, hidden for a short time, and makes them visible again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, Message as SqsMessage, MessageSystemAttributeName,
};
use jiff::Timestamp;

use super::requests::{counts, map_error, whole_secs};
use crate::queue::{DeadLetter, Error};

/// Attribute of a dead letter that says why it is dead.
pub(super) const REASON: &str = "ladderd.reason";
/// Attribute of a dead letter with the number of its deliveries.
pub(super) const RECEIVE_COUNT: &str = "ladderd.receive_count";

/// Most dead letters that one look reads.
pub const MAX_SCANNED: usize = 1000;
/// Bytes of dead letters after which a look ends: a message of SQS may have 1 MiB.
const MAX_SCANNED_BYTES: usize = 32 << 20;
/// Messages of one request, the most that SQS allows.
const BATCH: usize = 10;
/// Time for which a scan hides messages. It ends by itself if the box dies meanwhile.
const HIDDEN: Duration = Duration::from_secs(30);
/// Long poll: a short one asks a part of the servers of SQS alone.
const POLL: Duration = Duration::from_secs(1);

/// A queue of dead letters.
#[derive(Clone)]
pub(super) struct DeadLetterQueue {
    client: Client,
    url: String,
    /// One scan at a time: two would hide messages from each other. Clones share it.
    scans: Arc<tokio::sync::Mutex<()>>,
}

/// A dead letter that a scan hides.
struct Held {
    letter: DeadLetter,
    receipt: String,
}

impl DeadLetterQueue {
    /// The queue at this URL.
    pub(super) fn new(client: Client, url: String) -> Self {
        Self { client, url, scans: Arc::default() }
    }

    /// URL of the queue.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The dead letters that one scan finds.
    pub(super) async fn all(&self) -> Result<Vec<DeadLetter>, Error> {
        let _only = self.scans.lock().await;
        let held = self.scan(None).await?;
        self.release(held.values()).await;
        Ok(held.into_values().map(|held| held.letter).collect())
    }

    /// The dead letter with this id.
    pub(super) async fn find(&self, id: &str) -> Result<Option<DeadLetter>, Error> {
        let _only = self.scans.lock().await;
        let mut held = self.scan(Some(id)).await?;
        self.release(held.values()).await;
        Ok(held.remove(id).map(|held| held.letter))
    }

    /// Removes the dead letter with this id, once its message is in the queue at the URL `target`, if there is one.
    /// False if there is no such dead letter.
    pub(super) async fn take(&self, id: &str, target: Option<&str>) -> Result<bool, Error> {
        let _only = self.scans.lock().await;
        let mut held = self.scan(Some(id)).await?;
        let wanted = held.remove(id);
        self.release(held.values()).await;
        let Some(wanted) = wanted else { return Ok(false) };
        let taken = async {
            // Send before delete: a crash in between duplicates the message and does not lose it.
            if let Some(target) = target {
                let send = self.client.send_message().queue_url(target);
                let sent = send.message_body(&wanted.letter.body).send().await;
                sent.map_err(|error| map_error("requeue dead letter", &error))?;
            }
            let delete = self.client.delete_message().queue_url(&self.url);
            let deleted = delete.receipt_handle(&wanted.receipt).send().await;
            deleted.map_err(|error| map_error("remove dead letter", &error))
        };
        if let Err(error) = taken.await {
            self.release([&wanted]).await;
            return Err(error);
        }
        Ok(true)
    }

    /// Receives dead letters until there are no more, until `wanted` is among them, or until there are [`MAX_SCANNED`]
    /// or [`MAX_SCANNED_BYTES`]. They are hidden until they are released.
    async fn scan(&self, wanted: Option<&str>) -> Result<BTreeMap<String, Held>, Error> {
        let mut held = BTreeMap::new();
        match self.scan_into(wanted, &mut held).await {
            Ok(()) => Ok(held),
            Err(error) => {
                self.release(held.values()).await;
                Err(error)
            }
        }
    }

    async fn scan_into(
        &self,
        wanted: Option<&str>,
        held: &mut BTreeMap<String, Held>,
    ) -> Result<(), Error> {
        let expected = self.visible_count().await?;
        let mut left_bytes = MAX_SCANNED_BYTES;
        while held.len() < MAX_SCANNED
            && left_bytes > 0
            && !wanted.is_some_and(|id| held.contains_key(id))
        {
            // The count is approximate: those beyond it are looked for without a wait.
            let wait = if held.len() < expected { POLL } else { Duration::ZERO };
            let received = self.receive_dead(wait).await?;
            if received.is_empty() {
                break;
            }
            let bytes = received.iter().map(|held| held.letter.body.len()).sum();
            left_bytes = left_bytes.saturating_sub(bytes);
            held.extend(received.into_iter().map(|held| (held.letter.id.clone(), held)));
        }
        Ok(())
    }

    /// Number of dead letters that can be received now.
    async fn visible_count(&self) -> Result<usize, Error> {
        use aws_sdk_sqs::types::QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as Hidden,
        };
        let [visible, ..] = counts(&self.client, &self.url, [Visible, Hidden, Delayed]).await?;
        Ok(usize::try_from(visible).unwrap_or(usize::MAX))
    }

    async fn receive_dead(&self, wait: Duration) -> Result<Vec<Held>, Error> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(i32::try_from(BATCH).unwrap_or(1))
            .wait_time_seconds(whole_secs(wait))
            .visibility_timeout(whole_secs(HIDDEN))
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| map_error("list dead letters", &error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(Held::of).collect())
    }

    /// Makes dead letters visible again. Those for which that fails become visible when their time is over.
    async fn release(&self, held: impl IntoIterator<Item = &Held>) {
        let receipts: Vec<&str> = held.into_iter().map(|held| held.receipt.as_str()).collect();
        for batch in receipts.chunks(BATCH) {
            let mut request = self.client.change_message_visibility_batch();
            for (n, receipt) in batch.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(n.to_string())
                    .receipt_handle(*receipt)
                    .visibility_timeout(0)
                    .build();
                // An entry has all that it needs.
                if let Ok(entry) = entry {
                    request = request.entries(entry);
                }
            }
            if let Err(error) = request.queue_url(&self.url).send().await {
                let error = map_error("list dead letters", &error);
                tracing::warn!(%error, "failed to make dead letters visible again, they become so soon");
            }
        }
    }
}

impl Held {
    fn of(message: SqsMessage) -> Self {
        let own = |name: &str| {
            let attribute = message.message_attributes.as_ref()?.get(name)?;
            attribute.string_value().map(str::to_owned)
        };
        let system = |name: &MessageSystemAttributeName| {
            message.attributes.as_ref()?.get(name)?.parse::<i64>().ok()
        };
        let receive_count = own(RECEIVE_COUNT).and_then(|count| count.parse().ok());
        let of_sqs = || {
            let count = system(&MessageSystemAttributeName::ApproximateReceiveCount);
            count.and_then(|count| u32::try_from(count).ok())
        };
        let sent_ms = system(&MessageSystemAttributeName::SentTimestamp);
        let letter = DeadLetter {
            reason: own(REASON),
            receive_count: receive_count.or_else(of_sqs).unwrap_or_default(),
            died_at: sent_ms
                .and_then(|ms| Timestamp::from_millisecond(ms).ok())
                .unwrap_or_default(),
            id: message.message_id.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
        };
        Self { letter, receipt: message.receipt_handle.unwrap_or_default() }
    }
}
