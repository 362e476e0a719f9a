//! Events of videos: recorded in the private bucket, and read by event streams and webhooks on every box.
//!
//! An event is recorded before the step after which nobody would come back to it: before a message is acknowledged,
//! before a purge ends. Who comes back after a crash records it again, which finds it or ends what was begun.

mod read;
mod recent;
mod record;
mod tail;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{broadcast, watch};

pub use self::recent::Recent;
pub use self::record::{Cause, cause_of_delete};
use crate::domain::declare::settings;
use crate::domain::playback_urls::PlaybackUrls;
use crate::store::{Bucket, Homes};

/// Time by which an event may be readable later than its place tells. Readers look back so far.
pub const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// Time by which the places of two boxes, or of two answers of the store, may differ: its clock shows whole seconds.
pub const SKEW: SignedDuration = SignedDuration::from_secs(1);

settings! {
    /// Events of videos.
    #[derive(Copy, Eq)]
    pub struct Config {
        /// Seconds between two looks for events of other boxes, while somebody waits for events. Those of the own
        /// box are seen at once.
        poll_secs: u64 = 5, 1..=300;
        /// Seconds for which events and reports of deliveries are kept. A webhook that was paused for longer misses
        /// some.
        kept_secs: u64 = 604_800, 345_600..=90 * 86_400;
    }
}

/// The events of all videos. Clones share them.
#[derive(Clone)]
pub struct Events(Arc<Inner>);

struct Inner {
    private: Bucket,
    homes: Homes,
    urls: PlaybackUrls,
    config: Config,
    /// Latest time that this box has given, in microseconds.
    latest: AtomicI64,
    /// Counts the events that this box has recorded.
    recorded: watch::Sender<u64>,
    /// Who waits for events. `None`: nobody, and no task reads.
    tail: Mutex<Option<broadcast::Sender<Arc<Recent>>>>,
}

impl Events {
    /// The events in this bucket.
    #[must_use]
    pub fn new(private: &Bucket, homes: &Homes, urls: &PlaybackUrls, config: Config) -> Self {
        Self(Arc::new(Inner {
            private: private.clone(),
            homes: homes.clone(),
            urls: urls.clone(),
            config,
            latest: AtomicI64::default(),
            recorded: watch::Sender::new(0),
            tail: Mutex::default(),
        }))
    }

    /// The time by the store's clock, which gives events their places. No two are alike on this box, and it
    /// never goes back.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.0.private.clock().now().as_microsecond();
        let next = |latest: i64| Some(now.max(latest + 1));
        let latest = self.0.latest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        let latest = latest.unwrap_or_else(|latest| latest);
        Timestamp::from_microsecond(now.max(latest + 1)).unwrap_or_default()
    }

    /// Settings of events.
    #[must_use]
    pub fn config(&self) -> Config {
        self.0.config
    }

    /// How long events are kept.
    fn kept(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::try_from(self.0.config.kept_secs).unwrap_or(i64::MAX))
    }
}
