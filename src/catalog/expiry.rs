//! Deletes videos whose end has come.

use super::index::{Due, Error};
use super::refresh::Catalog;
use crate::domain::job::VideoId;
use crate::domain::playback_urls::PlaybackUrls;
use crate::domain::video::VideoState;
use crate::domain::view::{Known, view};

/// Most videos that are deleted in one go.
const MOST: i64 = 16;

impl Catalog {
    /// Deletes videos whose `expires_at` has passed by the clock of the store, as their records say now.
    pub(super) async fn end_due(&self) -> Result<(), Error> {
        for id in self.0.index.due(Due::End, MOST).await? {
            if let Err(error) = self.end(&id).await {
                tracing::warn!(%id, %error, "failed to delete a video whose end has come");
                self.0.index.postpone_end(&id).await?;
            }
        }
        Ok(())
    }

    async fn end(&self, id: &VideoId) -> Result<(), Error> {
        let known = self.refresh(id).await?;
        if self.has_ended(id, known) {
            self.0.facts.deletions.begin(id).await?;
            tracing::info!(video.id = %id, "the end of a video has come, it is deleted");
            self.changed(id).await;
        }
        Ok(())
    }

    fn has_ended(&self, id: &VideoId, known: Known) -> bool {
        let now = self.0.facts.private.clock().now();
        let urls = PlaybackUrls { public: String::new(), gateway: String::new() };
        view(id, &urls, known).is_some_and(|video| {
            let is_there = video.state != VideoState::Deleting;
            is_there && video.metadata.expires_at.is_some_and(|at| at <= now)
        })
    }
}
