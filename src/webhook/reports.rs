//! Reports of deliveries: those that ended, the latest first, and those that are tried again.

use std::collections::BTreeSet;
use std::future;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::{Error, Webhooks};
use crate::domain::event::Position;
use crate::domain::webhook::{Delivery, Endpoint, PENDING_PREFIX, REPORTS_PREFIX};
use crate::store::{self, Bucket, Precondition};

/// Reports that are read at the same time.
const CONCURRENT_READS: usize = 8;
/// Reports that one request of a sweep removes.
const BATCH: usize = 1000;

/// A page of deliveries that somebody asks for.
#[derive(Clone, Debug)]
pub struct Paging {
    /// Deliveries of the page, at least 1.
    pub limit: usize,
    /// The last delivery of the page before it.
    pub after: Option<Position>,
}

/// Deliveries, the latest event first.
#[derive(Clone, Debug)]
pub struct Page {
    /// Those of this page.
    pub deliveries: Vec<Delivery>,
    /// Value of [`Paging::after`] for the next page.
    pub next: Option<Position>,
}

/// Key of the report of a delivery that has ended.
pub(super) fn report_key(endpoint: &str, id: &Position) -> String {
    format!("{REPORTS_PREFIX}{endpoint}/{}.json", id.inverted())
}

/// Key of a delivery that is tried again.
pub(super) fn pending_key(endpoint: &str, id: &Position) -> String {
    format!("{PENDING_PREFIX}{endpoint}/{}.json", id.as_str())
}

/// The delivery of the report with this key.
pub(super) fn of_report_key(endpoint: &str, key: &str) -> Option<Position> {
    let name = key.strip_prefix(&format!("{REPORTS_PREFIX}{endpoint}/"))?;
    Position::of_inverted(name.strip_suffix(".json")?)
}

fn of_pending_key(endpoint: &str, key: &str) -> Option<Position> {
    let name = key.strip_prefix(&format!("{PENDING_PREFIX}{endpoint}/"))?;
    Position::parse(name.strip_suffix(".json")?)
}

/// Writes the report of a delivery that has ended.
pub(super) async fn write(
    private: &Bucket,
    endpoint: &str,
    delivery: &Delivery,
) -> Result<(), store::Error> {
    let key = report_key(endpoint, &delivery.id);
    private.put_json(&key, delivery, None, Precondition::None).await.map(drop)
}

/// Writes a delivery that is tried again.
pub(super) async fn write_pending(
    private: &Bucket,
    endpoint: &str,
    delivery: &Delivery,
) -> Result<(), store::Error> {
    let key = pending_key(endpoint, &delivery.id);
    private.put_json(&key, delivery, None, Precondition::None).await.map(drop)
}

impl Webhooks {
    /// The deliveries to an endpoint, page by page, the latest event first.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`] or [`Error::Store`].
    pub async fn deliveries(&self, id: &str, paging: Paging) -> Result<Page, Error> {
        self.get(id).await?;
        let (private, Paging { limit, after }) = (&self.0.private, paging);
        let is_later = |place: &Position| after.as_ref().is_none_or(|after| place < after);
        // These are listed the other way round: the latest stay.
        let mut places = BTreeSet::new();
        let mut pending = private.entries(&format!("{PENDING_PREFIX}{id}/"));
        while let Some(entry) = pending.try_next().await? {
            places.extend(of_pending_key(id, &entry.key).filter(is_later));
            if places.len() > limit + 1 {
                places.pop_first();
            }
        }
        let prefix = format!("{REPORTS_PREFIX}{id}/");
        let start = after.as_ref().map(|after| report_key(id, after));
        let mut ended = private.entries_after(&prefix, start).take(limit + 1);
        while let Some(entry) = ended.try_next().await? {
            places.extend(of_report_key(id, &entry.key));
        }
        let mut places: Vec<Position> = places.into_iter().rev().collect();
        let next = places.get(limit).and_then(|_| places.get(limit - 1)).cloned();
        places.truncate(limit);
        let read = stream::iter(places).map(|place| self.delivery(id, place));
        let read: Vec<Option<Delivery>> = read.buffered(CONCURRENT_READS).try_collect().await?;
        Ok(Page { deliveries: read.into_iter().flatten().collect(), next })
    }

    /// One delivery, pending or ended.
    pub(super) async fn delivery(
        &self,
        id: &str,
        place: Position,
    ) -> Result<Option<Delivery>, store::Error> {
        let pending = self.0.private.read_json(&pending_key(id, &place)).await?;
        if pending.is_some() {
            return Ok(pending);
        }
        self.0.private.read_json(&report_key(id, &place)).await
    }

    /// Sends the event of a delivery once more.
    ///
    /// # Errors
    /// [`Error::NoSuchEndpoint`], [`Error::NoSuchDelivery`], [`Error::TooMany`] or [`Error::Store`].
    pub async fn replay_one(&self, id: &str, delivery: &str) -> Result<(), Error> {
        let unknown = || Error::NoSuchDelivery(delivery.to_owned());
        let place = Position::parse(delivery).ok_or_else(unknown)?;
        self.get(id).await?;
        let known = self.delivery(id, place.clone()).await?;
        if known.is_none() || self.0.events.get(&place).await?.is_none() {
            return Err(unknown());
        }
        let after = place.earlier(SignedDuration::ZERO);
        self.replay(id, after, place).await
    }

    /// Removes reports and pending deliveries of events that are kept no longer.
    pub(super) async fn sweep_reports(&self, endpoint: &Endpoint) -> Result<(), store::Error> {
        let (private, id) = (&self.0.private, &endpoint.id);
        let kept = i64::try_from(self.0.events.config().kept_secs).unwrap_or(i64::MAX);
        let until = self.0.events.now().checked_sub(SignedDuration::from_secs(kept));
        let until = Position::before(until.unwrap_or(Timestamp::UNIX_EPOCH));
        let start = Some(report_key(id, &until));
        let old = private.entries_after(&format!("{REPORTS_PREFIX}{id}/"), start);
        let pending = private.entries(&format!("{PENDING_PREFIX}{id}/"));
        let pending = pending.try_filter(|entry| {
            future::ready(of_pending_key(id, &entry.key).is_some_and(|place| place < until))
        });
        // Their events are not there any more, so nobody writes them again.
        let mut doomed = old.chain(pending).map_ok(|entry| entry.key).try_chunks(BATCH);
        while let Some(keys) = doomed.try_next().await.map_err(|error| error.1)? {
            private.delete_immutable(&keys).await?;
        }
        Ok(())
    }
}
