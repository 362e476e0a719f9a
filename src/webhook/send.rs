//! Sends one delivery.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

use super::{Error, Webhooks, reports, signature};
use crate::domain::event::{EventId, EventKind, Position, StoredEvent};
use crate::domain::webhook::{Answer, Delivery, DeliveryStatus, Endpoint};
use crate::outgoing;

/// Deadline of an attempt: Standard Webhooks recommends 15 to 30 s.
const TIMEOUT: Duration = Duration::from_secs(15);

/// An attempt that has ended.
pub(super) struct Attempted {
    pub(super) answer: Answer,
    pub(super) at: Timestamp,
    pub(super) took: Duration,
}

impl Webhooks {
    /// Sends an event to an endpoint.
    pub(super) async fn send(&self, endpoint: &Endpoint, event: &StoredEvent) -> Attempted {
        let body = serde_json::to_vec(&event.event).unwrap_or_default();
        self.post(endpoint, event.event.id.as_str(), body).await
    }

    async fn post(&self, endpoint: &Endpoint, id: &str, body: Vec<u8>) -> Attempted {
        // The time of this box: receivers compare it with theirs.
        let (at, began) = (Timestamp::now(), Instant::now());
        let answer = match self.0.outgoing.check(&endpoint.url) {
            Err(refused) => Answer::Unreachable(refused.to_string()),
            Ok(url) => {
                let secrets = endpoint.valid_secrets(self.0.events.now());
                let signatures = signature::sign(&secrets, id, at.as_second(), &body);
                let request = self.0.outgoing.client().post(url).timeout(TIMEOUT);
                let request = request
                    .header(CONTENT_TYPE, "application/json")
                    .header(signature::ID, id)
                    .header(signature::TIMESTAMP, at.as_second())
                    .header(signature::SIGNATURE, signatures);
                // The body of the answer is not read.
                match request.body(body).send().await {
                    Ok(response) => {
                        let retry_after = response.headers().get(RETRY_AFTER);
                        let retry_after = retry_after.and_then(|value| value.to_str().ok());
                        Answer::of(response.status().as_u16(), retry_after)
                    }
                    Err(error) => Answer::Unreachable(outgoing::describe(error)),
                }
            }
        };
        let (is_delivered, took) = (matches!(answer, Answer::Accepted(_)), began.elapsed());
        self.0.metrics.webhooks.attempted(is_delivered, took);
        Attempted { answer, at, took }
    }

    /// Sends a test event to an endpoint, once, whether it is paused or not. Returns the report.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] or [`Error::Store`].
    pub async fn ping(&self, id: &str) -> Result<Delivery, Error> {
        let endpoint = self.get(id).await?;
        let event = EventId::from_random(rand::random());
        let now = self.0.events.now();
        let body = serde_json::json!({
            "type": EventKind::Ping, "id": event, "created_at": now, "sequence": 0, "data": {},
        });
        let sent = self.post(&endpoint, event.as_str(), body.to_string().into_bytes()).await;
        let mut delivery = Delivery::new(Position::new(now, &event), EventKind::Ping, "");
        delivery.note(&sent.answer, sent.at, sent.took, 0.0);
        if delivery.status == DeliveryStatus::Pending {
            (delivery.status, delivery.next_at) = (DeliveryStatus::Failed, None);
        }
        reports::write(&self.0.private, id, &delivery).await?;
        Ok(delivery)
    }
}
