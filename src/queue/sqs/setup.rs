//! How the queues are set up, asked without opening them: a queue without dead letters cannot be opened.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use tokio::time::Instant;

use super::RedrivePolicy;
use super::requests::map_error;
use crate::domain::doctor::queues::{QueueFacts, Redrive};
use crate::queue::Error;

/// Messages of one look, the most that SQS allows.
const BATCH: i32 = 10;

/// The queues that the settings name.
#[derive(Clone)]
pub struct SqsSetup {
    client: Client,
    /// Settings with the URLs that they name, the normal queue first.
    urls: Vec<(&'static str, String)>,
    dead_letter_url: String,
}

impl SqsSetup {
    /// The queues at these URLs, each with the setting that names it, and the dead-letter queue that the settings
    /// name; empty if the redrive policy does.
    #[must_use]
    pub fn new(client: Client, urls: Vec<(&'static str, String)>, dead_letter_url: &str) -> Self {
        Self { client, urls, dead_letter_url: dead_letter_url.to_owned() }
    }

    /// Setting and URL of each queue of jobs.
    #[must_use]
    pub fn urls(&self) -> &[(&'static str, String)] {
        &self.urls
    }

    /// Asks a queue for its attributes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it does not exist, does not answer, or refuses `sqs:GetQueueAttributes`.
    pub async fn facts(&self, setting: &'static str, url: &str) -> Result<QueueFacts, Error> {
        let request = self.client.get_queue_attributes().queue_url(url);
        let answer = request.attribute_names(QueueAttributeName::All).send().await;
        let answer = answer.map_err(|error| map_error("get-attributes", &error))?;
        let all: HashMap<QueueAttributeName, String> = answer.attributes.unwrap_or_default();
        let number = |name| all.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0u64);
        let policy = all.get(&QueueAttributeName::RedrivePolicy);
        let policy = policy.and_then(|text| serde_json::from_str::<RedrivePolicy>(text).ok());
        Ok(QueueFacts {
            setting,
            url: url.to_owned(),
            arn: all.get(&QueueAttributeName::QueueArn).cloned().unwrap_or_default(),
            visible: number(QueueAttributeName::ApproximateNumberOfMessages),
            in_flight: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
                + number(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
            retention_secs: number(QueueAttributeName::MessageRetentionPeriod),
            redrive: policy.map(|policy| Redrive {
                max_receive_count: policy.max_receive_count(),
                target_arn: policy.target_arn,
            }),
        })
    }

    /// Asks the dead-letter queue of this queue; `None` if neither the settings nor a redrive policy name one.
    ///
    /// # Errors
    /// As [`SqsSetup::facts`].
    pub async fn dead_letters(&self, queue: &QueueFacts) -> Result<Option<QueueFacts>, Error> {
        let url = if self.dead_letter_url.is_empty() {
            let Some(redrive) = &queue.redrive else { return Ok(None) };
            let mut parts = redrive.target_arn.rsplit(':');
            let (Some(name), Some(account)) = (parts.next(), parts.next()) else { return Ok(None) };
            let request = self.client.get_queue_url().queue_name(name);
            let answer = request.queue_owner_aws_account_id(account).send().await;
            let answer = answer.map_err(|error| map_error("get-url", &error))?;
            answer.queue_url.unwrap_or_default()
        } else {
            self.dead_letter_url.clone()
        };
        self.facts("queue.dead_letter_url", &url).await.map(Some)
    }

    /// Sends a message to the normal queue.
    ///
    /// # Errors
    /// [`Error::Unavailable`], also without `sqs:SendMessage`.
    pub async fn send(&self, body: &str) -> Result<(), Error> {
        let url = self.urls.first().map(|(_, url)| url.as_str()).unwrap_or_default();
        let sent = self.client.send_message().queue_url(url).message_body(body).send().await;
        sent.map(drop).map_err(|error| map_error("send", &error))
    }

    /// Looks for a message of the normal queue with this text until `deadline`, and removes it. The others stay
    /// visible, but each look counts as a delivery of them. For a command on a machine without a daemon.
    ///
    /// # Errors
    /// [`Error::Unavailable`], also without `sqs:ReceiveMessage` or `sqs:DeleteMessage`.
    pub async fn take(&self, text: &str, deadline: Instant) -> Result<bool, Error> {
        let url = self.urls.first().map(|(_, url)| url.as_str()).unwrap_or_default();
        while Instant::now() < deadline {
            let request = self.client.receive_message().queue_url(url).visibility_timeout(0);
            let request = request.max_number_of_messages(BATCH).wait_time_seconds(1);
            let answer = request.send().await.map_err(|error| map_error("receive", &error))?;
            let messages = answer.messages.unwrap_or_default();
            let has_text = |body: Option<&str>| body.is_some_and(|body| body.contains(text));
            if let Some(found) = messages.iter().find(|message| has_text(message.body())) {
                let receipt = found.receipt_handle().unwrap_or_default();
                let delete = self.client.delete_message().queue_url(url).receipt_handle(receipt);
                delete.send().await.map_err(|error| map_error("delete", &error))?;
                return Ok(true);
            }
            if !messages.is_empty() {
                // Otherwise the same ones come at once.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(false)
    }
}
