//! An event that is read when somebody needs it, and once.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::domain::event::{Position, StoredEvent};

/// A place that has an event.
pub struct Recent {
    /// The place.
    pub position: Position,
    pub(super) event: OnceCell<Option<Arc<StoredEvent>>>,
}

impl Recent {
    /// The event at this place, which nobody has read yet.
    #[must_use]
    pub fn new(position: Position) -> Self {
        Self { position, event: OnceCell::new() }
    }
}
