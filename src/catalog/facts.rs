//! The facts of a video that both buckets state.

use std::time::Duration;

use crate::domain::job::VideoId;
use crate::domain::pull::PullRecord;
use crate::domain::record::{self, JobRecord, UploadRecord};
use crate::domain::view::Known;
use crate::job::{self, ClaimView, Deletions};
use crate::store::{self, Bucket, Homes};

/// Reads the records of videos. Clones share the connections.
#[derive(Clone)]
pub struct Facts {
    /// The bucket of sources, records, claims and tombstones.
    pub private: Bucket,
    /// The homes of streams.
    pub homes: Homes,
    /// The deletes of videos.
    pub deletions: Deletions,
    /// Interval at which a running job renews its claim.
    pub claim_renewal: Duration,
}

impl Facts {
    /// Records of a video in both buckets, and the version of its claim.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn of(&self, id: &VideoId) -> Result<(Known, Option<String>), store::Error> {
        let upload_key = record::upload_record_key(id);
        let job_key = record::job_record_key(id);
        let tombstone = self.deletions.tombstone(id);
        let found = async {
            let upload = self.private.read_json::<UploadRecord>(&upload_key).await?;
            let home = self.homes.of(upload.as_ref().map(|u| u.visibility).unwrap_or_default());
            let source = async {
                match &upload {
                    Some(upload) => self.source_etag(&upload.key).await,
                    None => Ok(None),
                }
            };
            // The record of a job is written before its claim says so.
            let worked_on = async {
                let claim = self.claim(id).await?;
                Ok((claim, home.read_json::<JobRecord>(&job_key).await?))
            };
            let (source_etag, (claim, job)) = tokio::try_join!(source, worked_on)?;
            Ok::<_, store::Error>((upload, source_etag, claim, job))
        };
        let ((upload, source_etag, claim, job), tombstone) = tokio::try_join!(found, tombstone)?;
        let is_pulled = upload.as_ref().is_some_and(UploadRecord::is_pulled);
        let pull = if is_pulled && source_etag.is_none() && job.is_none() {
            let pull = self.private.read_json::<PullRecord>(&record::pull_key(id)).await?;
            pull.map(|pull| pull.facts())
        } else {
            None
        };
        let mut known = Known { job, source_etag, upload, pull, tombstone, ..Known::default() };
        let Some(ClaimView { version, source_etag, running, waiting }) = claim else {
            return Ok((known, None));
        };
        known.elsewhere = running.map(|view| (view, source_etag.clone()));
        known.waiting = waiting.map(|waiting| (waiting.error(), source_etag));
        Ok((known, Some(version)))
    }

    /// Reads the claim on a video, with one request.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn claim(&self, id: &VideoId) -> Result<Option<ClaimView>, store::Error> {
        job::claim_view(&self.private, id, self.claim_renewal).await
    }

    /// Entity tag of the source with this key, if there is one.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn source_etag(&self, key: &str) -> Result<Option<String>, store::Error> {
        Ok(self.private.find(key).await?.map(|head| head.etag))
    }
}
