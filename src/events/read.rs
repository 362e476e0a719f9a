//! Reads events in the order of their places.

use std::future;
use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::{Events, Recent};
use crate::domain::event::{EVENTS_PREFIX, Position, StoredEvent};
use crate::store::Error;

/// Events that are read at the same time.
const CONCURRENT_READS: usize = 8;
/// Events that one request of a sweep removes.
const BATCH: usize = 1000;

impl Events {
    /// Places of the events behind this one.
    #[must_use]
    pub fn positions_after(&self, after: &Position) -> BoxStream<'static, Result<Position, Error>> {
        let start = format!("{EVENTS_PREFIX}{}", after.as_str());
        let entries = self.0.private.entries_after(EVENTS_PREFIX, Some(start));
        entries.try_filter_map(async |entry| Ok(Position::of_key(&entry.key))).boxed()
    }

    /// The events behind this place.
    #[must_use]
    pub fn after(&self, after: &Position) -> BoxStream<'static, Result<Arc<StoredEvent>, Error>> {
        let events = self.clone();
        let read = move |position: Position| {
            let events = events.clone();
            async move { events.get(&position).await }
        };
        let positions = self.positions_after(after);
        let read = positions.map_ok(read).try_buffered(CONCURRENT_READS);
        read.try_filter_map(async |event| Ok(event)).boxed()
    }

    /// One event; `None` if it is not kept any more.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn get(&self, position: &Position) -> Result<Option<Arc<StoredEvent>>, Error> {
        Ok(self.0.private.read_json(&position.key()).await?.map(Arc::new))
    }

    /// An event that may have been read already; `None` if it is not kept any more.
    ///
    /// # Errors
    /// If the store fails. The next call tries again.
    pub async fn read(&self, recent: &Recent) -> Result<Option<Arc<StoredEvent>>, Error> {
        let read = async || self.get(&recent.position).await;
        recent.event.get_or_try_init(read).await.cloned()
    }

    /// Removes the events that are kept no longer. Returns their number.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let until = self.now().checked_sub(self.kept());
        let until = Position::before(until.unwrap_or(Timestamp::UNIX_EPOCH));
        let mut old = self
            .positions_after(&Position::before(Timestamp::UNIX_EPOCH))
            .try_take_while(|position| future::ready(Ok(*position < until)))
            .map_ok(|position| position.key())
            .try_chunks(BATCH);
        let mut removed = 0;
        while let Some(keys) = old.next().await {
            let keys = keys.map_err(|error| error.1)?;
            self.0.private.delete_immutable(&keys).await?;
            removed += keys.len();
        }
        Ok(removed)
    }
}
