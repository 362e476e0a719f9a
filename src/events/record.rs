//! Records events.
//!
//! The counter of the video comes first: it gives the event its number and its place. Then the event is written there.
//! A writer that dies in between leaves a place without an event; who records the event again takes a new place,
//! because readers may have passed the old one.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Events, Inner, OVERLAP};
use crate::domain::event::{
    self, Event, EventEntry, EventId, EventKind, StoredEvent, VideoEvents, video_events_key,
};
use crate::domain::job::VideoId;
use crate::domain::pull::{PullRecord, PullState};
use crate::domain::record::{self, JobRecord, UploadRecord};
use crate::domain::tombstone::{Tombstone, tombstone_key};
use crate::domain::video::{VideoError, VideoView};
use crate::domain::view::{Known, view};
use crate::store::{Error, Precondition, Removal};

/// How often a counter is written that others change at the same moment.
const TRIES: u32 = 8;

/// An event to be recorded: its kind, and the cause that its id follows from.
pub type Cause = (EventKind, String);

impl Events {
    /// Records an event with the video as it is now. The same cause is recorded once.
    ///
    /// # Errors
    /// If the store fails: the event may be recorded or not.
    pub async fn record(&self, id: &VideoId, kind: EventKind, cause: &str) -> Result<(), Error> {
        self.record_all(id, &[(kind, cause.to_owned())], None).await
    }

    /// Like [`Events::record`]; a failure is logged. For events that are recorded again if nothing is lost.
    pub async fn note(&self, id: &VideoId, kind: EventKind, cause: &str) {
        if let Err(error) = self.record(id, kind, cause).await {
            tracing::warn!(%id, event = kind.name(), %error, "failed to record an event");
        }
    }

    /// Records events in this order, unless the last of them is there, with the video as it is shown: `shown`, or as the buckets tell. A video that is
    /// unknown has none.
    ///
    /// # Errors
    /// As [`Events::record`].
    pub async fn record_all(
        &self,
        id: &VideoId,
        causes: &[Cause],
        shown: Option<VideoView>,
    ) -> Result<(), Error> {
        let (private, key) = (&self.0.private, video_events_key(id));
        let mut found = None;
        let mut is_late = false;
        for _ in 0..TRIES {
            // Before the places are taken.
            let began = Instant::now();
            let (mut events, etag) = self.counter(id).await?;
            // They are written in their order, so the last one tells of all.
            let last = causes.last().map(|(kind, cause)| EventId::of(id, *kind, cause));
            let last = last.and_then(|last| events.find(&last).cloned());
            if !is_late && self.is_recorded(last.as_ref()).await? {
                return Ok(());
            }
            let mut due = Vec::new();
            for (kind, cause) in causes {
                let event_id = EventId::of(id, *kind, cause);
                let is_known = events.find(&event_id).cloned();
                if !is_late && self.is_recorded(is_known.as_ref()).await? {
                    continue;
                }
                due.push((*kind, events.note(&event_id, self.now(), self.kept())));
            }
            if due.is_empty() {
                return Ok(());
            }
            if found.is_none() {
                found = self.look(id, shown.clone()).await?;
            }
            let Some((video, owner)) = &found else { return Ok(()) };
            match private.replace_json(&key, &events, None, etag.as_deref()).await {
                Ok(_) => {}
                Err(Error::PreconditionFailed { .. }) => continue,
                Err(error) => return Err(error),
            }
            for (kind, entry) in due {
                let event = stored(kind, entry, video, owner.as_ref());
                let key = event.position.key();
                match private.put_json(&key, &event, None, Precondition::Absent).await {
                    Ok(_) | Err(Error::PreconditionFailed { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            // Readers look back so far and no further.
            is_late = began.elapsed() > Duration::try_from(OVERLAP / 2).unwrap_or_default();
            if !is_late {
                self.0.recorded.send_modify(|count| *count += 1);
                return Ok(());
            }
        }
        let reason = "others recorded events of the video at the same moment, or the store is slow";
        Err(Error::Unavailable { operation: "write", key, reason: reason.to_owned() })
    }

    /// Records that the source of a video cannot be pulled, for this reason.
    ///
    /// # Errors
    /// As [`Events::record`].
    pub async fn record_failed_pull(
        &self,
        pull: &PullRecord,
        error: &VideoError,
    ) -> Result<(), Error> {
        let (private, id) = (&self.0.private, &pull.id);
        let (state, shown_error) = (PullState::Failed, Some(error.clone()));
        let pull = PullRecord { state, error: shown_error, ..pull.clone() };
        let upload = private.read_json(&record::upload_record_key(id)).await?;
        let began = pull.began_at.map(|at| at.to_string()).unwrap_or_default();
        let cause = (EventKind::VideoFailed, format!("pull/{began}/{}", error.code));
        let known = Known { upload, pull: Some(pull.facts()), ..Known::default() };
        self.record_all(id, &[cause], view(id, &self.0.urls, known)).await
    }

    /// Removes what the events of a deleted video tell of it, but for what its app knows it by. They are still
    /// delivered.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn redact(&self, id: &VideoId) -> Result<(), Error> {
        let private = &self.0.private;
        let (events, _) = self.counter(id).await?;
        for entry in events.entries() {
            let key = entry.position.key();
            let found = private.read_json_version::<StoredEvent>(&key).await?;
            let Some((mut stored, etag)) = found else { continue };
            stored.event.data = event::redacted(&stored.event.data);
            match private.replace_json(&key, &stored, None, Some(&etag)).await {
                Ok(_) | Err(Error::PreconditionFailed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes the counter of a video whose delete is long over.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn forget(&self, id: &VideoId) -> Result<(), Error> {
        let key = video_events_key(id);
        if let Some(head) = self.0.private.find(&key).await? {
            let (Removal::Gone | Removal::Changed) =
                self.0.private.delete_version(&key, &head.etag).await?;
        }
        Ok(())
    }

    /// The counter of a video, and its version.
    async fn counter(&self, id: &VideoId) -> Result<(VideoEvents, Option<String>), Error> {
        let key = video_events_key(id);
        let Some(whole) = self.0.private.find_whole(&key).await? else {
            return Ok((VideoEvents::default(), None));
        };
        let events = serde_json::from_slice(&whole.bytes).unwrap_or_else(|error| {
            tracing::error!(%id, %error, "failed to parse the counter of events, it begins anew");
            VideoEvents::default()
        });
        Ok((events, Some(whole.etag)))
    }

    /// Whether the event of an entry was written. One that is older than events are kept counts as written.
    async fn is_recorded(&self, entry: Option<&EventEntry>) -> Result<bool, Error> {
        let Some(entry) = entry else { return Ok(false) };
        let private = &self.0.private;
        let kept = Duration::from_secs(self.0.config.kept_secs);
        let is_old = private.clock().age(entry.created_at) + Duration::from_hours(1) >= kept;
        Ok(is_old || private.find(&entry.position.key()).await?.is_some())
    }

    /// The video and its owner. `None` if nothing is known of it.
    async fn look(
        &self,
        id: &VideoId,
        shown: Option<VideoView>,
    ) -> Result<Option<(VideoView, Option<String>)>, Error> {
        let Inner { private, homes, urls, .. } = &*self.0;
        let upload = private.read_json::<UploadRecord>(&record::upload_record_key(id)).await?;
        let owner = upload.as_ref().and_then(|upload| upload.owner.clone());
        let described = |mut view: VideoView, upload: Option<&UploadRecord>| {
            if let Some(upload) = upload {
                view.metadata = upload.metadata.clone();
            }
            view
        };
        if let Some(shown) = shown {
            return Ok(Some((described(shown, upload.as_ref()), owner)));
        }
        let home = homes.of(upload.as_ref().map(|upload| upload.visibility).unwrap_or_default());
        let source_etag = match &upload {
            Some(upload) => private.find(&upload.key).await?.map(|head| head.etag),
            None => None,
        };
        let known = Known {
            job: home.read_json::<JobRecord>(&record::job_record_key(id)).await?,
            tombstone: private.read_json::<Tombstone>(&tombstone_key(id)).await?,
            source_etag,
            upload: upload.clone(),
            ..Known::default()
        };
        Ok(view(id, urls, known).map(|view| (described(view, upload.as_ref()), owner)))
    }
}

fn stored(
    kind: EventKind,
    entry: EventEntry,
    video: &VideoView,
    owner: Option<&String>,
) -> StoredEvent {
    let EventEntry { id, sequence, created_at, position } = entry;
    let is_gone = kind == EventKind::VideoDeleted;
    let data = if is_gone { event::redacted(video) } else { video.clone() };
    let event = Event { r#type: kind, id, created_at, sequence, data };
    StoredEvent { event, owner: owner.cloned(), position }
}

/// The cause of a delete that began at this time.
#[must_use]
pub fn cause_of_delete(deleted_at: Option<Timestamp>) -> String {
    deleted_at.map(|at| at.to_string()).unwrap_or_default()
}
