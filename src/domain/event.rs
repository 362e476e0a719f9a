//! Events of videos: what an app is told, in which order, and under which names they are kept.
//!
//! Private bucket: `outbox/videos/<video id>.json` ([`VideoEvents`]) counts the events of a video, and
//! `outbox/events/<position>.json` ([`StoredEvent`]) has one event. The id of an event follows from its cause, so that
//! recording it again after a crash makes no second one.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::job::VideoId;
use super::metadata::Metadata;
use super::record::{JobOutcome, JobRecord};
use super::video::{VideoState, VideoView};

/// Prefix of the events, which are listed in the order of their positions.
pub const EVENTS_PREFIX: &str = "outbox/events/";
/// Prefix of the counters of videos.
pub const VIDEOS_PREFIX: &str = "outbox/videos/";

/// Latest events of a video whose ids are kept in any case, so that they are recorded once.
const MOST_ENTRIES: usize = 64;

/// Kind of an event.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
pub enum EventKind {
    /// The upload was asked for, or the source was first seen.
    #[serde(rename = "video.created")]
    VideoCreated,
    /// A version of the source is there.
    #[serde(rename = "video.uploaded")]
    VideoUploaded,
    /// An attempt shows its stream for the first time.
    #[serde(rename = "video.playable")]
    VideoPlayable,
    /// The stream is complete.
    #[serde(rename = "video.ready")]
    VideoReady,
    /// No stream can be made of the latest version of the source.
    #[serde(rename = "video.failed")]
    VideoFailed,
    /// The video was deleted.
    #[serde(rename = "video.deleted")]
    VideoDeleted,
    /// Metadata or visibility have changed, or a delete was undone.
    #[serde(rename = "video.updated")]
    VideoUpdated,
    /// A text track is part of the stream.
    #[serde(rename = "text_track.ready")]
    TextTrackReady,
    /// A test of an endpoint, which is of no video.
    #[serde(rename = "webhook.ping")]
    Ping,
}

impl EventKind {
    /// The kinds that endpoints may choose.
    pub const OF_VIDEOS: [Self; 8] = [
        Self::VideoCreated,
        Self::VideoUploaded,
        Self::VideoPlayable,
        Self::VideoReady,
        Self::VideoFailed,
        Self::VideoDeleted,
        Self::VideoUpdated,
        Self::TextTrackReady,
    ];

    /// Its name in the field `type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VideoCreated => "video.created",
            Self::VideoUploaded => "video.uploaded",
            Self::VideoPlayable => "video.playable",
            Self::VideoReady => "video.ready",
            Self::VideoFailed => "video.failed",
            Self::VideoDeleted => "video.deleted",
            Self::VideoUpdated => "video.updated",
            Self::TextTrackReady => "text_track.ready",
            Self::Ping => "webhook.ping",
        }
    }
}

/// Id of an event, the `webhook-id` of its deliveries: `evt_` and 24 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    /// The id of the event of this kind that this cause has, such as an attempt or a version of the source.
    #[must_use]
    pub fn of(video: &VideoId, kind: EventKind, cause: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [video.as_str(), "\n", kind.name(), "\n", cause] {
            hash.update(part.as_bytes());
        }
        Self(format!("evt_{}", hex::encode(&hash.finalize()[..12])))
    }

    /// An id that no cause has.
    #[must_use]
    pub fn from_random(bytes: [u8; 12]) -> Self {
        Self(format!("evt_{}", hex::encode(bytes)))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Place of an event among all: 16 hex digits of its time in microseconds, and its id. The order of the texts is that
/// of the times.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(String);

impl Position {
    /// The place of an event that was recorded at this time.
    #[must_use]
    pub fn new(at: Timestamp, id: &EventId) -> Self {
        Self(format!("{:016x}-{id}", micros(at)))
    }

    /// The place before all events of this time.
    #[must_use]
    pub fn before(at: Timestamp) -> Self {
        Self(format!("{:016x}", micros(at)))
    }

    /// The place that a text names, if it has the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (time, id) = text.split_once('-')?;
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let digits = id.strip_prefix("evt_")?;
        let is_place = time.len() == 16 && digits.len() == 24 && is_hex(time) && is_hex(digits);
        is_place.then(|| Self(text.to_owned()))
    }

    /// The place of the event with this key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::parse(key.strip_prefix(EVENTS_PREFIX)?.strip_suffix(".json")?)
    }

    /// Key of the event, in the private bucket.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{EVENTS_PREFIX}{}.json", self.0)
    }

    /// Time of the event.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        let micros = self.0.get(..16).and_then(|text| i64::from_str_radix(text, 16).ok());
        micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()).unwrap_or_default()
    }

    /// Id of the event; none for a place before all events of a time.
    #[must_use]
    pub fn event_id(&self) -> Option<EventId> {
        self.0.split_once('-').map(|(_, id)| EventId(id.to_owned()))
    }

    /// The text whose order is the opposite one: the latest event comes first.
    #[must_use]
    pub fn inverted(&self) -> String {
        let (time, id) = self.0.split_once("-evt_").unwrap_or((&self.0, ""));
        let dash = if id.is_empty() { "" } else { "-" };
        format!("{}{dash}{}", complement(time), complement(id))
    }

    /// The place of an inverted text.
    #[must_use]
    pub fn of_inverted(text: &str) -> Option<Self> {
        let (time, id) = text.split_once('-')?;
        Self::parse(&format!("{}-evt_{}", complement(time), complement(id)))
    }

    /// The place before all events that were recorded so long before this one.
    #[must_use]
    pub fn earlier(&self, by: SignedDuration) -> Self {
        Self::before(self.time().checked_sub(by).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Hex digits whose order is the opposite one.
fn complement(digits: &str) -> String {
    let value = |digit: char| digit.to_digit(16).and_then(|value| char::from_digit(15 - value, 16));
    digits.chars().filter_map(value).collect()
}

fn micros(at: Timestamp) -> u64 {
    u64::try_from(at.as_microsecond()).unwrap_or_default()
}

/// An event as apps get it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// Kind of the event.
    pub r#type: EventKind,
    /// Id of the event: the same in every delivery of it.
    #[schema(value_type = String)]
    pub id: EventId,
    /// When it was recorded, RFC 3339.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// Number of the event among those of its video, from 1. An event with a smaller number is older.
    pub sequence: u64,
    /// The video at that time. That of a deleted video has its id and its links to your app alone.
    pub data: VideoView,
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// Account that uploaded the video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its place.
    pub position: Position,
}

/// A video of which nothing is left but its id, and what its app knows it by.
#[must_use]
pub fn redacted(video: &VideoView) -> VideoView {
    let view = VideoView::new(&video.id, String::new(), VideoState::Deleting, String::new());
    let Metadata { external_id, passthrough, .. } = video.metadata.clone();
    let metadata = Metadata { external_id, passthrough, ..Metadata::default() };
    VideoView { visibility: video.visibility, metadata, ..view }
}

/// The event that a completion record amounts to, with its cause.
#[must_use]
pub fn of_job(record: &JobRecord) -> (EventKind, String) {
    if let Some(update) = &record.failed_update {
        return (EventKind::VideoFailed, format!("{}/{}", update.source_etag, update.error.code));
    }
    let finished_at = record.timings.finished_at.as_deref().unwrap_or_default();
    let kind = match record.outcome {
        JobOutcome::Ready => EventKind::VideoReady,
        JobOutcome::Failed => EventKind::VideoFailed,
    };
    (kind, format!("{}/{finished_at}", record.source_etag))
}

/// The event of an attempt that shows its stream in this folder, with its cause: the encode runs of an attempt have
/// folders that differ from its name behind a dash.
#[must_use]
pub fn of_stream(folder: &str) -> (EventKind, String) {
    let attempt = folder.split('-').next().unwrap_or(folder);
    (EventKind::VideoPlayable, attempt.to_owned())
}

/// Events that tell of a completion record, in their order, with the causes.
#[must_use]
pub fn all_of_job(record: &JobRecord) -> Vec<(EventKind, String)> {
    let of_job = of_job(record);
    let is_ready = of_job.0 == EventKind::VideoReady;
    is_ready.then(|| of_stream(&record.attempt_id)).into_iter().chain([of_job]).collect()
}

/// Key of the counter of a video, in the private bucket.
#[must_use]
pub fn video_events_key(id: &VideoId) -> String {
    format!("{VIDEOS_PREFIX}{id}.json")
}

/// The latest events of a video.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoEvents {
    /// Number of the last event.
    sequence: u64,
    /// The latest events, in their order.
    entries: Vec<EventEntry>,
}

/// One event of a video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventEntry {
    /// Its id.
    pub id: EventId,
    /// Its number, from 1.
    pub sequence: u64,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// Its place.
    pub position: Position,
}

impl VideoEvents {
    /// The event with this id.
    #[must_use]
    pub fn find(&self, id: &EventId) -> Option<&EventEntry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    /// The latest events, in their order.
    #[must_use]
    pub fn entries(&self) -> &[EventEntry] {
        &self.entries
    }

    /// Notes an event at this time, behind all others of the video. One that is known keeps its number, and gets a
    /// new place. `kept`: how long events are kept, and found here to be redacted.
    pub fn note(&mut self, id: &EventId, now: Timestamp, kept: SignedDuration) -> EventEntry {
        let last = self.entries.iter().map(|entry| entry.position.time()).max();
        let next = last.and_then(|last| last.checked_add(SignedDuration::from_micros(1)).ok());
        let at = next.map_or(now, |next| next.max(now));
        let position = Position::new(at, id);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == *id) {
            entry.position = position;
            return entry.clone();
        }
        self.sequence += 1;
        let entry =
            EventEntry { id: id.clone(), sequence: self.sequence, created_at: at, position };
        self.entries.push(entry.clone());
        let surplus = self.entries.len().saturating_sub(MOST_ENTRIES);
        let is_old = |entry: &EventEntry| now.duration_since(entry.position.time()) > kept;
        let gone = self.entries.iter().take(surplus).take_while(|entry| is_old(entry)).count();
        self.entries.drain(..gone);
        entry
    }
}

#[cfg(test)]
mod tests;
