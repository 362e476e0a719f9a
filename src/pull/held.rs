//! A pull that this box holds: its record, written conditionally.

use jiff::Timestamp;
use tokio::time::Instant;

use super::error::Error;
use crate::domain::job::VideoId;
use crate::domain::pull::{PullRecord, PullState};
use crate::domain::record::pull_key;
use crate::domain::tombstone::{Stage, Tombstone, tombstone_key};
use crate::domain::video::VideoError;
use crate::store::{self, Bucket, Precondition, Removal};

/// A pull that this box holds.
pub(super) struct Held {
    pub(super) record: PullRecord,
    etag: String,
    /// When the record was written last.
    pub(super) written_at: Instant,
    private: Bucket,
}

/// Whether the video is being deleted, or gone.
pub(super) async fn is_deleted(private: &Bucket, id: &VideoId) -> Result<bool, store::Error> {
    let tombstone: Option<Tombstone> = private.read_json(&tombstone_key(id)).await?;
    Ok(tombstone.is_some_and(|tombstone| tombstone.stage != Stage::Lifted))
}

impl Held {
    /// Takes the pull over the version of its record that was seen. `None` if somebody was faster.
    pub(super) async fn take(
        private: &Bucket,
        record: PullRecord,
        seen: &str,
    ) -> Result<Option<Self>, store::Error> {
        if !private.win_json(&pull_key(&record.id), &record, seen).await? {
            return Ok(None);
        }
        let found = private.read_json_version::<PullRecord>(&pull_key(&record.id)).await?;
        let own = found.filter(|(found, _)| *found == record);
        let written_at = Instant::now();
        Ok(own.map(|(record, etag)| Self { record, etag, written_at, private: private.clone() }))
    }

    /// Changes the record, which renews it.
    ///
    /// # Errors
    /// [`Error::Lost`] if it is not ours any more.
    pub(super) async fn write(
        &mut self,
        change: impl FnOnce(&mut PullRecord),
    ) -> Result<(), Error> {
        let mut record = self.record.clone();
        change(&mut record);
        record.renewal += 1;
        let key = pull_key(&record.id);
        let condition = Precondition::Etag(&self.etag);
        match self.private.put_json(&key, &record, None, condition).await {
            Ok(etag) => {
                (self.record, self.etag) = (record, etag);
                self.written_at = Instant::now();
                Ok(())
            }
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {
                self.find_own(record).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A write that was sent twice finds itself.
    async fn find_own(&mut self, written: PullRecord) -> Result<(), Error> {
        let found = self.private.read_json_version::<PullRecord>(&pull_key(&written.id)).await?;
        let (record, etag) = found.filter(|(found, _)| *found == written).ok_or(Error::Lost)?;
        (self.record, self.etag) = (record, etag);
        self.written_at = Instant::now();
        Ok(())
    }

    /// Renews the record, with the progress.
    ///
    /// # Errors
    /// [`Error::Lost`] if it is not ours any more, or the video is deleted.
    pub(super) async fn renew(&mut self, pulled_bytes: u64) -> Result<(), Error> {
        if is_deleted(&self.private, &self.record.id).await? {
            return Err(Error::Lost);
        }
        self.write(|record| record.pulled_bytes = pulled_bytes).await
    }

    /// Gives the pull back, for any box to go on with.
    pub(super) async fn release(mut self) {
        let released = self.write(|record| record.state = PullState::Waiting).await;
        if let Err(error) = released {
            tracing::warn!(id = %self.record.id, %error, "failed to give a pull back, it will expire");
        }
    }

    /// Gives the pull up, until somebody retries it.
    pub(super) async fn fail(&mut self, error: VideoError) -> Result<(), Error> {
        if let Some(upload) = &self.record.upload {
            let aborted = self.private.abort_multipart(&self.record.key, &upload.id).await;
            if let Err(error) = aborted {
                tracing::warn!(id = %self.record.id, %error, "failed to abort the upload of a pull");
            }
        }
        self.write(|record| {
            record.state = PullState::Failed;
            record.error = Some(error);
            record.upload = None;
        })
        .await
    }

    /// Removes the record: the source is in the bucket.
    pub(super) async fn finish(self) -> Result<(), store::Error> {
        let key = pull_key(&self.record.id);
        let (Removal::Gone | Removal::Changed) =
            self.private.delete_version(&key, &self.etag).await?;
        Ok(())
    }

    /// How long ago the pull began.
    pub(super) fn age(&self) -> std::time::Duration {
        let began = self.record.began_at.unwrap_or_else(Timestamp::now);
        std::time::Duration::try_from(Timestamp::now().duration_since(began)).unwrap_or_default()
    }
}
