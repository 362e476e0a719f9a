//! Removes blobs that lost their row, once nobody reads them any more.

use std::time::Duration;

use super::catalog;
use super::error::Error;
use super::store::Store;

/// Pause between a change and the removal of what it discarded: changes come in bursts.
const PAUSE: Duration = Duration::from_millis(100);
/// Pause before another try at blobs that are read or cannot be removed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Blobs that are removed at a time.
const BATCH: u32 = 1000;

/// Result of one look at the garbage.
#[derive(Debug)]
pub(super) struct Collected {
    /// Whether all of it was removed.
    pub(super) is_complete: bool,
}

impl Store {
    /// Removes discarded blobs as they come. Never ends.
    pub async fn collect_garbage(&self) {
        loop {
            self.0.discarded.notified().await;
            loop {
                tokio::time::sleep(PAUSE).await;
                match self.collect().await {
                    Ok(Collected { is_complete: true }) => break,
                    Ok(Collected { is_complete: false }) => {}
                    Err(error) => tracing::error!(%error, "failed to remove discarded blobs"),
                }
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }

    /// Removes the discarded blobs that nobody reads. No row names them, so nobody begins to read them.
    pub(super) async fn collect(&self) -> Result<Collected, Error> {
        let found = self.0.db.call(|connection| catalog::garbage(connection, BATCH)).await?;
        let (total, inner) = (found.len(), self.0.clone());
        let remove = move || -> Vec<String> {
            let free = found.into_iter().filter(|blob| !inner.readers.has(blob));
            free.filter(|blob| match inner.blobs.remove(blob) {
                Ok(()) => true,
                Err(error) => {
                    tracing::error!(%error, blob, "failed to remove blob");
                    false
                }
            })
            .collect()
        };
        let removed = tokio::task::spawn_blocking(remove).await.map_err(std::io::Error::other)?;
        let is_complete = removed.len() == total && total < BATCH as usize;
        if !removed.is_empty() {
            let forget = self.0.db.transaction(move |db| catalog::forget_garbage(db, &removed));
            forget.await??;
        }
        Ok(Collected { is_complete })
    }
}
