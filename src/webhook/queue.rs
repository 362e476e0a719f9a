//! The deliveries of one endpoint, as the box that delivers knows them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Webhooks, reports};
use crate::domain::event::{EventId, Position};
use crate::domain::webhook::{
    CURSORS_PREFIX, Delivery, DeliveryStatus, Endpoint, PENDING_PREFIX, REPORTS_PREFIX, Replay,
};
use crate::events::OVERLAP;
use crate::metrics::Pending;
use crate::store::{Error, Precondition, Removal};

/// Longest time by which the record of a cursor is behind, if nothing was delivered.
const SAVE_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// Records that are read at the same time.
const CONCURRENT_READS: usize = 8;

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
    /// When each delivery is due that is tried again.
    pending: BTreeMap<Position, Timestamp>,
    /// The same, the next one first.
    due: BTreeSet<(Timestamp, Position)>,
    /// Latest events that were handled, by their places.
    seen: BTreeMap<Position, EventId>,
    seen_ids: BTreeSet<EventId>,
    /// Where each replay goes on that was begun; none for one that has ended.
    replays: BTreeMap<String, Option<Position>>,
    /// Number and first place of the events that were read and are not handled.
    unhandled: (usize, Option<Position>),
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.webhooks.0.metrics.webhooks.waits(&self.endpoint, Pending::default());
    }
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
            due: BTreeSet::new(),
            seen: BTreeMap::new(),
            seen_ids: BTreeSet::new(),
            replays: BTreeMap::new(),
            unhandled: (0, None),
        };
        let pending = private.entries(&format!("{PENDING_PREFIX}{id}/"));
        let read = pending.map_ok(|entry| async move {
            let delivery: Option<Delivery> = private.read_json(&entry.key).await?;
            Ok::<_, Error>(delivery.map(|delivery| (delivery.id, delivery.next_at)))
        });
        let mut read = read.try_buffered(CONCURRENT_READS);
        while let Some(found) = read.try_next().await? {
            if let Some((place, next_at)) = found {
                queue.see(&place);
                queue.wait_until(place, next_at);
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

    /// Notes that an event is handled.
    pub(super) fn see(&mut self, place: &Position) {
        if let Some(id) = place.event_id() {
            self.seen.insert(place.clone(), id.clone());
            self.seen_ids.insert(id);
        }
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

    /// Shows how many events were read and are not handled, and the first of them.
    pub(super) fn show_unhandled(&mut self, count: usize, first: Option<&Position>) {
        self.unhandled = (count, first.cloned());
        self.show();
    }

    fn show(&self) {
        let (count, first) = &self.unhandled;
        let oldest = self.pending.keys().next().into_iter().chain(first).min();
        let pending =
            Pending { count: self.pending.len() + count, oldest: oldest.map(Position::time) };
        self.webhooks.0.metrics.webhooks.waits(&self.endpoint, pending);
    }

    /// When the next delivery is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The deliveries that are due, those first that have waited longest, so many at most.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<Position> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now).take(most);
        due.map(|(_, place)| place.clone()).collect()
    }

    /// Notes when a delivery is due.
    fn wait_until(&mut self, place: Position, next_at: Option<Timestamp>) {
        self.forget(&place);
        let at = next_at.unwrap_or(Timestamp::UNIX_EPOCH);
        self.due.insert((at, place.clone()));
        self.pending.insert(place, at);
        self.show();
    }

    /// Notes that a delivery is not tried again.
    pub(super) fn forget(&mut self, place: &Position) {
        if let Some(at) = self.pending.remove(place) {
            self.due.remove(&(at, place.clone()));
            self.show();
        }
    }

    /// Where a replay goes on. `None` once it has ended.
    pub(super) fn rest_of(&self, replay: &Replay) -> Option<Position> {
        let known = self.replays.get(&replay.id).cloned();
        known.unwrap_or_else(|| Some(replay.after.clone()))
    }

    /// Notes where a replay goes on.
    pub(super) fn replayed(&mut self, replay: &Replay, rest: Option<Position>) {
        self.replays.insert(replay.id.clone(), rest);
    }

    /// Makes a delivery due at once that somebody wants once more.
    pub(super) async fn replay(&mut self, new: Delivery) -> Result<(), Error> {
        let known = self.webhooks.delivery(&self.endpoint, new.id.clone()).await?;
        let attempts = known.map(|known| known.attempts).unwrap_or_default();
        self.store(Delivery { attempts, ..new }, None).await
    }

    /// Writes how a delivery stands after an attempt, and that its event is handled. `seen`: the version of its record
    /// among those that are tried again.
    pub(super) async fn store(
        &mut self,
        delivery: Delivery,
        seen: Option<&str>,
    ) -> Result<(), Error> {
        let private = &self.webhooks.0.private;
        if delivery.status == DeliveryStatus::Pending {
            reports::write_pending(private, &self.endpoint, &delivery).await?;
            self.see(&delivery.id);
            self.wait_until(delivery.id, delivery.next_at);
            return Ok(());
        }
        reports::write(private, &self.endpoint, &delivery).await?;
        if let Some(etag) = seen {
            let key = reports::pending_key(&self.endpoint, &delivery.id);
            let (Removal::Gone | Removal::Changed) = private.delete_version(&key, etag).await?;
        }
        self.see(&delivery.id);
        self.forget(&delivery.id);
        Ok(())
    }
}
