//! An event that is read when somebody needs it, and once.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Events;
use crate::domain::event::{Position, StoredEvent};
use crate::store::Error;

/// A place that has an event.
pub struct Recent {
    /// The place.
    pub position: Position,
    event: OnceCell<Option<Arc<StoredEvent>>>,
}

impl Recent {
    /// The event at this place, which nobody has read yet.
    #[must_use]
    pub fn new(position: Position) -> Self {
        Self { position, event: OnceCell::new() }
    }

    /// The event; `None` if it is not kept any more.
    ///
    /// # Errors
    /// If the store fails. The next call tries again.
    pub async fn read(&self, events: &Events) -> Result<Option<Arc<StoredEvent>>, Error> {
        let read = async || events.get(&self.position).await;
        self.event.get_or_try_init(read).await.cloned()
    }
}
