//! The right to deliver: one box of a fleet has it at a time.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::domain::claim::Claimant;
use crate::store::{Bucket, Error};

/// Key of the lease in the private bucket.
const KEY: &str = "outbox/lease.json";
/// How long a lease lasts without being renewed, in multiples of the interval of its renewal.
pub(super) const LIFE_IN_RENEWALS: u32 = 6;

#[derive(Clone, Serialize, Deserialize)]
struct Record {
    box_id: String,
    instance: String,
    /// Counts the writes, so that no two are alike.
    renewal: u64,
}

/// The lease as this box sees it.
pub(super) struct Lease {
    private: Bucket,
    claimant: Claimant,
    renewal: Duration,
    /// Our last write and its version.
    held: Option<(Record, String)>,
    /// Until when no other box can have it, by the clock of this box.
    until: Option<Instant>,
}

impl Lease {
    pub(super) fn new(private: &Bucket, claimant: &Claimant, renewal: Duration) -> Self {
        Self {
            private: private.clone(),
            claimant: claimant.clone(),
            renewal,
            held: None,
            until: None,
        }
    }

    /// Takes or renews the lease. False if another box has it.
    ///
    /// # Errors
    /// If the store fails: the lease may be ours or not.
    pub(super) async fn hold(&mut self) -> Result<bool, Error> {
        let began = Instant::now();
        let seen = match self.held.take() {
            Some((record, etag)) => Some((record.renewal, Some(etag))),
            None => self.free().await?,
        };
        let Some((count, seen)) = seen else {
            self.until = None;
            return Ok(false);
        };
        let (box_id, instance) = (self.claimant.box_id.clone(), self.claimant.instance.clone());
        let record = Record { box_id, instance, renewal: count + 1 };
        match self.private.replace_json(KEY, &record, None, seen.as_deref()).await {
            Ok(etag) => {
                self.held = Some((record, etag));
                // The clocks of the store and of boxes show different times.
                self.until = Some(began + self.renewal * (LIFE_IN_RENEWALS - 1));
                Ok(true)
            }
            Err(Error::PreconditionFailed { .. }) => {
                self.until = None;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Until when this box may deliver without another renewal. `None` if it may not.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Stops renewing it.
    pub(super) fn give_up(&mut self) {
        self.until = None;
    }

    /// Count and version of a lease that may be taken. `None` if another box has it.
    async fn free(&self) -> Result<Option<(u64, Option<String>)>, Error> {
        let Some(found) = self.private.find_whole(KEY).await? else { return Ok(Some((0, None))) };
        let age = found.last_modified.map(|at| self.private.clock().age(at)).unwrap_or_default();
        let record = serde_json::from_slice::<Record>(&found.bytes).ok();
        let is_own = record.as_ref().is_some_and(|record| {
            record.box_id == self.claimant.box_id && record.instance == self.claimant.instance
        });
        let is_free = is_own || age >= self.renewal * LIFE_IN_RENEWALS;
        let count = record.map(|record| record.renewal).unwrap_or_default();
        Ok(is_free.then_some((count, Some(found.etag))))
    }
}
