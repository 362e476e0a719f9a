//! Ends the deletes that are due, or that a box which died has left.

use super::{Housekeeping, Idle};
use crate::domain::job::VideoId;
use crate::domain::tombstone::TOMBSTONES_PREFIX;
use crate::job::error::Error;

impl Housekeeping {
    /// Looks at all tombstones. One that fails does not stop the others; the next turn tries again.
    pub(super) async fn purge(&self) -> Result<(), Error> {
        let mut idle = self.idle.lock().await;
        let mut still_idle = Idle::new();
        let now = self.context.private.clock().now();
        for entry in self.context.private.list(TOMBSTONES_PREFIX).await? {
            let name = entry.key.strip_prefix(TOMBSTONES_PREFIX);
            let Some(id) = name.and_then(|name| VideoId::parse(name.strip_suffix(".json")?)) else {
                continue;
            };
            let known =
                idle.get(id.as_str()).filter(|(etag, until)| *etag == entry.etag && *until > now);
            if let Some(known) = known {
                still_idle.insert(id.to_string(), known.clone());
                continue;
            }
            match self.deletions.advance(&id).await {
                Ok(Some(until)) => {
                    still_idle.insert(id.to_string(), (entry.etag, until));
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%id, %error, "failed to end a delete"),
            }
        }
        *idle = still_idle;
        Ok(())
    }
}
