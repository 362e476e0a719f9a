//! The latest events of all boxes, for those who wait: one task per box looks for them, however many wait.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::sync::broadcast;

use super::{Events, OVERLAP, Recent};
use crate::domain::event::Position;
use crate::store::Error;

/// Events that a slow reader may be behind. After that, it reads from the store.
const CAPACITY: usize = 1024;

impl Events {
    /// The events from now on, of all boxes, and some of the last minute. Each comes once, but for those that
    /// were recorded twice.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Recent>> {
        let mut tail = self.0.tail.lock();
        if let Some(sender) = &*tail {
            return sender.subscribe();
        }
        let (sender, receiver) = broadcast::channel(CAPACITY);
        *tail = Some(sender.clone());
        tokio::spawn(self.clone().follow(sender));
        receiver
    }

    /// Reads new events until nobody waits for them.
    async fn follow(self, sender: broadcast::Sender<Arc<Recent>>) {
        let poll = Duration::from_secs(self.0.config.poll_secs);
        let mut recorded = self.0.recorded.subscribe();
        let mut seen = BTreeSet::new();
        loop {
            {
                let mut tail = self.0.tail.lock();
                if sender.receiver_count() == 0 {
                    *tail = None;
                    return;
                }
            }
            recorded.mark_unchanged();
            if let Err(error) = self.read_new(&mut seen, &sender).await {
                tracing::warn!(%error, "failed to read events, they come later");
            }
            // An error means that the time is over.
            drop(tokio::time::timeout(poll, recorded.changed()).await);
        }
    }

    async fn read_new(
        &self,
        seen: &mut BTreeSet<Position>,
        sender: &broadcast::Sender<Arc<Recent>>,
    ) -> Result<(), Error> {
        let from = Position::before(self.now()).earlier(OVERLAP);
        let mut positions = self.positions_after(&from);
        while let Some(position) = positions.try_next().await? {
            if seen.contains(&position) {
                continue;
            }
            // Nobody may listen any more.
            drop(sender.send(Arc::new(Recent::new(position.clone()))));
            seen.insert(position);
        }
        *seen = seen.split_off(&from);
        Ok(())
    }
}
