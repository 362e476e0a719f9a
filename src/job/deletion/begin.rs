//! Begins a delete.

use super::deletions::{Deletions, version_of};
use super::held::{self, Held};
use crate::domain::job::VideoId;
use crate::domain::record::{self, UploadRecord};
use crate::domain::tombstone::{Stage, Tombstone};
use crate::job::error::Error;

impl Deletions {
    /// Deletes a video: writes its tombstone, stops its job, hides its stream, and begins to remove its
    /// objects, unless the delete can still be undone. A video that is being deleted stays so.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn begin(&self, id: &VideoId) -> Result<Tombstone, Error> {
        let found = held::read(&self.private, id).await?;
        if let Some(held) = &found
            && held.tombstone.is_in_progress()
        {
            return Ok(held.tombstone.clone());
        }
        let new = self.new_tombstone(id).await?;
        let writer = new.writer.clone();
        let held = Held::create(&self.private, new, found.as_ref()).await?;
        let tombstone = held.tombstone.clone();
        if tombstone.writer != writer {
            // Another request was faster.
            return Ok(tombstone);
        }
        self.record(&tombstone).await?;
        let was_running = self.stop_job(id).await?;
        self.hide_while_deleted(id).await?;
        if self.purge_delay.is_zero() {
            let deletions = self.clone();
            tokio::spawn(async move {
                let id = held.tombstone.id.clone();
                if let Err(error) = deletions.purge(held, was_running).await {
                    tracing::warn!(%id, %error, "failed to purge a deleted video, housekeeping goes on");
                }
            });
        }
        Ok(tombstone)
    }

    async fn new_tombstone(&self, id: &VideoId) -> Result<Tombstone, Error> {
        let upload: Option<UploadRecord> =
            self.private.read_json(&record::upload_record_key(id)).await?;
        let source = match &upload {
            None => None,
            Some(upload) => self.private.find(&upload.key).await?.as_ref().map(version_of),
        };
        Ok(Tombstone {
            id: id.clone(),
            stage: Stage::Deleted,
            filename: upload.as_ref().map(|upload| upload.filename.clone()).unwrap_or_default(),
            key: upload.as_ref().map(|upload| upload.key.clone()),
            is_issued: upload.as_ref().is_some_and(|upload| upload.is_issued),
            visibility: upload.as_ref().map(|upload| upload.visibility).unwrap_or_default(),
            source,
            created_at: upload.map(|upload| upload.created_at),
            deleted_at: None,
            purge_delay_secs: self.purge_delay.as_secs(),
            writer: hex::encode(rand::random::<[u8; 8]>()),
            renewal: 0,
        })
    }
}
