//! Removal of codes and grants that have ended.

use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::accounts::Auth;
use super::error::Error;
use crate::domain::auth::token::{CODES_PREFIX, GRANTS_PREFIX};
use crate::store::Removal;

/// Interval of the removal.
const EVERY: Duration = Duration::from_hours(1);
/// How long an ended record is kept: an upload of a grant may go on, and its owner may ask why it was refused.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The part that all records have that end.
#[derive(Deserialize)]
struct Ending {
    expires_at: Timestamp,
}

impl Auth {
    /// Removes codes and grants that ended a week ago, now and then every hour. Never returns.
    pub async fn sweep_hourly(self) {
        loop {
            match self.sweep(Timestamp::now()).await {
                Ok(0) => {}
                Ok(records) => tracing::info!(records, "removed sign-in codes and upload grants"),
                Err(error) => tracing::warn!(%error, "failed to remove sign-in codes and grants"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Removes codes and grants that ended a week before `now`. Returns their number.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sweep(&self, now: Timestamp) -> Result<usize, Error> {
        let private = &self.0.private;
        let mut removed = 0;
        for prefix in [CODES_PREFIX, GRANTS_PREFIX] {
            let mut entries = private.entries(prefix);
            while let Some(entry) = entries.try_next().await? {
                let Some(record) = private.read_json::<Ending>(&entry.key).await? else { continue };
                if now.duration_since(record.expires_at) >= KEPT {
                    let (Removal::Gone | Removal::Changed) =
                        private.delete_version(&entry.key, &entry.etag).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}
