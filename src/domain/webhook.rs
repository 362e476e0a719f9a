//! Webhooks: endpoints, the reports of their deliveries, and when a delivery is tried again.
//!
//! The names of the headers and the schedule are those of Standard Webhooks 1.0.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::event::{EventKind, Position};

/// Prefix of the endpoints.
pub const ENDPOINTS_PREFIX: &str = "outbox/endpoints/";
/// Prefix of the places up to which events were handled, by endpoint.
pub const CURSORS_PREFIX: &str = "outbox/cursors/";
/// Prefix of the deliveries that are tried again, by endpoint.
pub const PENDING_PREFIX: &str = "outbox/pending/";
/// Prefix of the reports of ended deliveries, by endpoint, the latest first.
pub const REPORTS_PREFIX: &str = "outbox/reports/";

/// Pauses before the second and the further attempts at a delivery: 3 days and 3 hours in all.
pub const PAUSES: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];

/// Longest pause that an endpoint may ask for with `Retry-After`.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);
/// How long the secret before the newest one signs, too.
pub const OLD_SECRET_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Whether events are sent to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointState {
    /// Events are sent.
    Active,
    /// Events wait until it is active again, as long as they are kept.
    Paused,
    /// It is being removed, and shown to nobody.
    Deleted,
}

/// A secret that signs the deliveries of an endpoint. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSecret {
    /// Its text, `whsec_` and Base64.
    pub secret: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it signs; none for the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created_at, expires_at, .. } = self;
        write!(f, "secret of {created_at} until {expires_at:?}")
    }
}

/// Events that are sent once more: those behind a place, up to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Its id, by which it is done once.
    pub id: String,
    /// The place before the first one.
    pub after: Position,
    /// The last one.
    pub until: Position,
}

/// An endpoint that events are sent to: `outbox/endpoints/<id>.json`.
///
/// `Debug` shows neither its secrets nor the query of its URL, which may hold one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id, `wh_` and 16 hex digits.
    pub id: String,
    /// The URL that gets the requests.
    pub url: String,
    /// A name for people.
    #[serde(default)]
    pub description: String,
    /// The kinds of events that it gets; empty for all.
    #[serde(default)]
    pub events: Vec<EventKind>,
    /// Whether events are sent.
    pub state: EndpointState,
    /// Why it is paused, if the appliance has paused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The secrets, the newest one last.
    pub secrets: Vec<EndpointSecret>,
    /// When it was made. It gets the events from then on.
    pub created_at: Timestamp,
    /// Since when every attempt has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Why the first of them failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Events that somebody wants to be sent once more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replays: Vec<Replay>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, url, state, failing_since, .. } = self;
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        write!(f, "Endpoint({id}, {scheme}://{host}, {state:?}, failing since {failing_since:?})")
    }
}

impl Endpoint {
    /// Whether it gets events of this kind.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        self.events.is_empty() || self.events.contains(&kind)
    }

    /// The secrets that sign at this time, the newest one first.
    #[must_use]
    pub fn valid_secrets(&self, now: Timestamp) -> Vec<&str> {
        let is_valid = |secret: &&EndpointSecret| secret.expires_at.is_none_or(|end| now < end);
        self.secrets.iter().rev().filter(is_valid).map(|secret| secret.secret.as_str()).collect()
    }

    /// Adds a new secret. The one before it signs for another day, and those before that no more.
    pub fn rotate(&mut self, secret: String, now: Timestamp) {
        let ends = now.checked_add(OLD_SECRET_LIFE).unwrap_or(Timestamp::MAX);
        let last = self.secrets.pop();
        self.secrets.clear();
        self.secrets.extend(last.map(|last| EndpointSecret { expires_at: Some(ends), ..last }));
        self.secrets.push(EndpointSecret { secret, created_at: now, expires_at: None });
    }

    /// Notes how the last attempt at a delivery ended, and pauses if the endpoint wants no more events, or has accepted
    /// none since the first attempt at one that is given up. Returns whether that changed anything.
    pub fn note_attempt(&mut self, delivery: &Delivery, answer: &Answer) -> bool {
        let Some(last) = delivery.attempts.last() else { return false };
        let error = answer.error();
        let is_changed = self.note(error.as_deref(), last.at);
        let has_accepted_none = || {
            let began = delivery.round_began();
            self.failing_since.is_some_and(|since| began.is_some_and(|began| since <= began))
        };
        let reason = match answer {
            Answer::Gone => Some("the endpoint answered 410 Gone".to_owned()),
            Answer::Accepted(_) => None,
            Answer::Refused { .. } | Answer::Unreachable(_) => {
                let is_dead = delivery.status == DeliveryStatus::Failed && has_accepted_none();
                let error = error.unwrap_or_default();
                is_dead.then(|| format!("no delivery has succeeded for three days: {error}"))
            }
        };
        match reason.filter(|_| self.state == EndpointState::Active) {
            Some(reason) => {
                self.pause(reason);
                true
            }
            None => is_changed,
        }
    }

    /// Notes how an attempt ended that began at this time. Returns whether that changed anything.
    fn note(&mut self, error: Option<&str>, at: Timestamp) -> bool {
        match (error, self.failing_since) {
            // Attempts at several videos end in any order.
            (Some(_), Some(since)) if at < since => self.failing_since = Some(at),
            (None, None) | (Some(_), Some(_)) => return false,
            (None, Some(_)) => (self.failing_since, self.last_error) = (None, None),
            (Some(error), None) => {
                (self.failing_since, self.last_error) = (Some(at), Some(error.to_owned()));
            }
        }
        true
    }

    /// Pauses it for this reason.
    pub fn pause(&mut self, reason: String) {
        (self.state, self.reason) = (EndpointState::Paused, Some(reason));
    }

    /// Lets it get events again.
    pub fn resume(&mut self) {
        (self.state, self.reason) = (EndpointState::Active, None);
        (self.failing_since, self.last_error) = (None, None);
    }
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStatus {
    /// It is tried again.
    Pending,
    /// The endpoint has answered with success.
    Delivered,
    /// It was tried for three days, or its event is not kept any more.
    Failed,
}

/// One attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryAttempt {
    /// When it began, RFC 3339.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Milliseconds until its answer, or until it failed.
    pub duration_ms: u64,
    /// HTTP status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A delivery of one event to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Delivery {
    /// Its id, which names it in the API.
    #[schema(value_type = String)]
    pub id: Position,
    /// Kind of the event.
    pub r#type: EventKind,
    /// Id of the video; empty for a test.
    pub video_id: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// The attempts, the first one first.
    pub attempts: Vec<DeliveryAttempt>,
    /// When it is tried again, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next_at: Option<Timestamp>,
    /// Attempts since it was begun or replayed, by which the next pause is chosen.
    #[serde(default)]
    #[schema(ignore)]
    pub tries: usize,
}

/// Answer of an endpoint to an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status of success.
    Accepted(u16),
    /// 410: it wants no more events.
    Gone,
    /// Another status.
    Refused {
        /// The status.
        status: u16,
        /// The pause that it asks for.
        retry_after: Option<Duration>,
    },
    /// There was none, for this reason.
    Unreachable(String),
}

impl Answer {
    /// Reads the status and the header `Retry-After` in seconds.
    #[must_use]
    pub fn of(status: u16, retry_after: Option<&str>) -> Self {
        match status {
            200..=299 => Self::Accepted(status),
            410 => Self::Gone,
            _ => {
                let secs = retry_after.and_then(|text| text.trim().parse().ok());
                Self::Refused { status, retry_after: secs.map(Duration::from_secs) }
            }
        }
    }

    /// Its status, if there was an answer.
    #[must_use]
    pub fn status_code(&self) -> Option<u16> {
        match self {
            Self::Accepted(status) | Self::Refused { status, .. } => Some(*status),
            Self::Gone => Some(410),
            Self::Unreachable(_) => None,
        }
    }

    /// Why the attempt failed.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Accepted(_) => None,
            Self::Gone => Some("the endpoint answered 410 Gone".to_owned()),
            Self::Refused { status: status @ 300..=399, .. } => Some(format!(
                "the endpoint answered {status}: redirects are not followed, so name the final URL"
            )),
            Self::Refused { status, .. } => Some(format!("the endpoint answered {status}")),
            Self::Unreachable(reason) => Some(reason.clone()),
        }
    }
}

/// Fate of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing more: it was delivered.
    Delivered,
    /// It is tried again at this time.
    Retry(Timestamp),
    /// It has failed.
    GiveUp,
}

impl Delivery {
    /// A delivery that was not tried yet.
    #[must_use]
    pub fn new(id: Position, kind: EventKind, video_id: &str) -> Self {
        let (status, attempts) = (DeliveryStatus::Pending, Vec::new());
        let video_id = video_id.to_owned();
        Self { id, r#type: kind, video_id, status, attempts, next_at: None, tries: 0 }
    }

    /// Notes an attempt at this time. `jitter`: random number from 0 to 1, which makes pauses up to a tenth longer.
    pub fn note(&mut self, answer: &Answer, at: Timestamp, took: Duration, jitter: f64) -> Next {
        self.attempts.push(DeliveryAttempt {
            at,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            status_code: answer.status_code(),
            error: answer.error(),
        });
        let next = next(self.tries, answer, at, jitter);
        self.tries += 1;
        (self.status, self.next_at) = match next {
            Next::Delivered => (DeliveryStatus::Delivered, None),
            Next::Retry(at) => (DeliveryStatus::Pending, Some(at)),
            Next::GiveUp => (DeliveryStatus::Failed, None),
        };
        next
    }

    /// When it was first tried since it was begun or replayed.
    fn round_began(&self) -> Option<Timestamp> {
        let first = self.attempts.len().checked_sub(self.tries)?;
        self.attempts.get(first).map(|attempt| attempt.at)
    }
}

/// Step that follows an attempt that was made after so many others.
fn next(tries: usize, answer: &Answer, now: Timestamp, jitter: f64) -> Next {
    let asked = match answer {
        Answer::Accepted(_) => return Next::Delivered,
        Answer::Refused { retry_after, .. } => {
            retry_after.map(|asked| SignedDuration::try_from(asked).unwrap_or(LONGEST_PAUSE))
        }
        Answer::Gone | Answer::Unreachable(_) => None,
    };
    let Some(pause) = PAUSES.get(tries) else { return Next::GiveUp };
    let pause = pause.mul_f64(1.0 + jitter / 10.0);
    let pause = pause.max(asked.unwrap_or_default().min(LONGEST_PAUSE));
    Next::Retry(now.checked_add(pause).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests;
