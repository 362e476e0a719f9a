//! The deliveries of one endpoint, as the box that delivers knows them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Webhooks, reports};
use crate::domain::event::{EventId, Position};
use crate::domain::webhook::{
    CURSORS_PREFIX, Delivery, DeliveryStatus, Endpoint, PENDING_PREFIX, REPORTS_PREFIX,
};
use crate::events::OVERLAP;
use crate::store::{Error, Precondition, Removal};

/// Longest time by which the record of a cursor is behind, if nothing was delivered.
const SAVE_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Record of the place up to which the events of an endpoint were handled.
#[derive(Serialize, Deserialize)]
struct Cursor {
    after: Position,
}

/// The deliveries of one endpoint.
pub(super) struct Queue {
    webhooks: Webhooks,
    endpoint: String,
    /// The place up to which events were handled. Some of the last minute may still come.
    cursor: Position,
    /// The cursor in its record.
    saved: Position,
    /// Deliveries that are tried again, with the versions of their records.
    pending: BTreeMap<Position, (Delivery, String)>,
    /// Latest events that were handled, by their places.
    seen: BTreeMap<Position, EventId>,
    seen_ids: BTreeSet<EventId>,
    /// Replays that were begun.
    replays: BTreeSet<String>,
}

impl Queue {
    /// Reads what the bucket knows of the deliveries.
    pub(super) async fn load(webhooks: &Webhooks, endpoint: &Endpoint) -> Result<Self, Error> {
        let (private, id) = (&webhooks.0.private, &endpoint.id);
        let cursor = private.read_json::<Cursor>(&format!("{CURSORS_PREFIX}{id}.json")).await?;
        let cursor = cursor.map_or_else(|| Position::before(endpoint.created_at), |c| c.after);
        let mut queue = Self {
            webhooks: webhooks.clone(),
            endpoint: id.clone(),
            saved: cursor.clone(),
            cursor,
            pending: BTreeMap::new(),
            seen: BTreeMap::new(),
            seen_ids: BTreeSet::new(),
            replays: BTreeSet::new(),
        };
        let mut pending = private.entries(&format!("{PENDING_PREFIX}{id}/"));
        while let Some(entry) = pending.try_next().await? {
            let read = private.read_json_version::<Delivery>(&entry.key).await?;
            if let Some((delivery, etag)) = read {
                queue.see(&delivery.id);
                queue.pending.insert(delivery.id.clone(), (delivery, etag));
            }
        }
        // Reports are written before the cursor moves on.
        let from = queue.start();
        let mut reports = private.entries(&format!("{REPORTS_PREFIX}{id}/"));
        while let Some(entry) = reports.try_next().await? {
            let Some(place) = reports::of_report_key(id, &entry.key) else { continue };
            if place < from {
                break;
            }
            queue.see(&place);
        }
        Ok(queue)
    }

    /// The place behind which events may not be handled yet.
    pub(super) fn start(&self) -> Position {
        self.cursor.earlier(OVERLAP)
    }

    /// Whether the event at this place was handled, here or at another place.
    pub(super) fn has_seen(&self, place: &Position) -> bool {
        place.event_id().is_none_or(|id| self.seen_ids.contains(&id))
    }

    /// Notes that an event is handled. False if it was before.
    pub(super) fn see(&mut self, place: &Position) -> bool {
        let Some(id) = place.event_id() else { return false };
        self.seen.insert(place.clone(), id.clone());
        self.seen_ids.insert(id)
    }

    /// Moves the cursor, and forgets events that do not come again. Its record follows if deliveries were made, and
    /// otherwise now and then.
    pub(super) async fn move_to(
        &mut self,
        place: &Position,
        has_delivered: bool,
    ) -> Result<(), Error> {
        if *place <= self.cursor {
            return Ok(());
        }
        self.cursor = place.clone();
        // Twice the time, because the places of an event that was recorded twice differ.
        let from = self.start().earlier(OVERLAP);
        let kept = self.seen.split_off(&from);
        for id in std::mem::replace(&mut self.seen, kept).into_values() {
            self.seen_ids.remove(&id);
        }
        if !has_delivered && place.time().duration_since(self.saved.time()) < SAVE_EVERY {
            return Ok(());
        }
        self.saved = place.clone();
        let (private, key) =
            (&self.webhooks.0.private, format!("{CURSORS_PREFIX}{}.json", self.endpoint));
        let record = Cursor { after: place.clone() };
        private.put_json(&key, &record, None, Precondition::None).await.map(drop)
    }

    /// When the next delivery is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.pending.values().map(|(delivery, _)| delivery.next_at.unwrap_or_default()).min()
    }

    /// The deliveries that are due, those of the oldest events first, so many at most.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<Delivery> {
        let deliveries = self.pending.values().map(|(delivery, _)| delivery);
        let due = deliveries.filter(|delivery| delivery.next_at.is_none_or(|at| at <= now));
        due.take(most).cloned().collect()
    }

    /// Notes that a replay begins. False if it has before.
    pub(super) fn begin_replay(&mut self, id: &str) -> bool {
        self.replays.insert(id.to_owned())
    }

    /// Makes a delivery due at once that somebody wants once more.
    pub(super) async fn replay(&mut self, new: Delivery) -> Result<(), Error> {
        let private = &self.webhooks.0.private;
        let known = match self.pending.get(&new.id) {
            Some((known, _)) => Some(known.clone()),
            None => private.read_json(&reports::report_key(&self.endpoint, &new.id)).await?,
        };
        let attempts = known.map(|known: Delivery| known.attempts).unwrap_or_default();
        self.see(&new.id);
        self.store(Delivery { attempts, ..new }).await
    }

    /// Writes how a delivery stands after an attempt.
    pub(super) async fn store(&mut self, delivery: Delivery) -> Result<(), Error> {
        let private = &self.webhooks.0.private;
        if delivery.status == DeliveryStatus::Pending {
            let etag = reports::write_pending(private, &self.endpoint, &delivery).await?;
            self.pending.insert(delivery.id.clone(), (delivery, etag));
            return Ok(());
        }
        reports::write(private, &self.endpoint, &delivery).await?;
        if let Some((_, etag)) = self.pending.remove(&delivery.id) {
            let key = reports::pending_key(&self.endpoint, &delivery.id);
            let (Removal::Gone | Removal::Changed) = private.delete_version(&key, &etag).await?;
        }
        Ok(())
    }
}
