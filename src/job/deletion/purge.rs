//! Removes the objects of a deleted video.
//!
//! A purge deletes only keys that it listed before it renewed its tombstone: whoever publishes the video
//! anew has changed the tombstone first, and uses other names.

use std::time::{Duration, Instant};

use super::deletions::Deletions;
use super::held::Held;
use crate::domain::job::VideoId;
use crate::domain::record::{self, ExternalId, UploadRecord, external_id_key};
use crate::domain::tombstone::{SourceVersion, Stage, Tombstone, Verdict, tombstone_key};
use crate::job::claim;
use crate::job::error::Error;
use crate::store::{self, Bucket, Removal, Version};

/// Interval at which a purge checks whether the job of the video has ended.
const CLAIM_POLL: Duration = Duration::from_millis(250);
/// Renewals of its claim within which a running job notices that it was cancelled.
const NOTICED_AFTER: u32 = 4;
/// How often the same page of objects is deleted before the purge gives up.
const TRIES: u32 = 3;

/// The objects that are removed: those below a prefix, or those of one key.
enum Target<'a> {
    /// The stream of this video: all objects below `<id>/` in a home.
    Stream(&'a VideoId),
    /// Additions of users to this video: all objects below `additions/<id>/` in the private bucket.
    Additions(&'a VideoId),
    /// All versions of one key of the private bucket.
    Key(&'a str),
    /// The versions of the source that are of the deleted video.
    Source { key: &'a str, tombstone: &'a Tombstone },
}

/// A listed version as a version of the source.
fn source(version: &Version) -> SourceVersion {
    let etag = version.etag.clone().unwrap_or_default();
    SourceVersion { etag, last_modified: version.last_modified }
}

impl Target<'_> {
    fn prefix(&self) -> String {
        match self {
            Self::Stream(id) => format!("{id}/"),
            Self::Additions(id) => record::additions_prefix(id),
            Self::Key(key) | Self::Source { key, .. } => (*key).to_owned(),
        }
    }

    /// Those of the listed versions that are removed. The versions of a key are listed newest first.
    fn select(&self, listed: Vec<Version>) -> Vec<Version> {
        match self {
            Self::Stream(_) | Self::Additions(_) => listed,
            Self::Key(key) => listed.into_iter().filter(|version| version.key == *key).collect(),
            Self::Source { key, tombstone } => {
                let (markers, versions): (Vec<_>, Vec<_>) = listed
                    .into_iter()
                    .filter(|version| version.key == *key)
                    .partition(|version| version.etag.is_none());
                let of_video = |versions: Vec<Version>| {
                    let sources: Vec<SourceVersion> = versions.iter().map(source).collect();
                    let verdicts = tombstone.judge_all(&sources).into_iter().zip(versions);
                    verdicts.filter(|(verdict, _)| *verdict == Verdict::Deleted)
                };
                of_video(versions).chain(of_video(markers)).map(|(_, version)| version).collect()
            }
        }
    }

    /// Whether deleting it twice can remove nothing that was written in between.
    fn names_one_write(&self, version: &Version) -> bool {
        let has_unique_name = matches!(self, Self::Stream(_));
        version.names_one_write() || (has_unique_name && record::is_immutable_key(&version.key))
    }
}

impl Deletions {
    /// Removes the objects of a deleted video: `main.m3u8`, the stream, the source with its incomplete
    /// uploads, additions, pull, claim and upload record. The tombstone stays, marked as purged. `was_running`: the job of
    /// the video was stopped just now.
    pub(super) async fn purge(&self, mut held: Held, was_running: bool) -> Result<Held, Error> {
        held.write(|tombstone| tombstone.stage = Stage::Purging).await?;
        let id = held.tombstone.id.clone();
        // It needs the upload record.
        self.record(&held.tombstone).await?;
        if self.stop_job(&id).await? || was_running {
            self.wait_for_job(&id).await?;
        }
        self.hide(&id).await?;
        for home in self.homes.all() {
            self.remove(home, &Target::Stream(&id), Some(&mut held)).await?;
        }
        self.remove(&self.private, &Target::Additions(&id), Some(&mut held)).await?;
        if let Some(key) = held.tombstone.key.clone() {
            self.private.abort_multiparts_of(&key).await?;
            let tombstone = held.tombstone.clone();
            let source = Target::Source { key: &key, tombstone: &tombstone };
            self.remove(&self.private, &source, Some(&mut held)).await?;
        }
        self.remove_external_id(&id).await?;
        for key in [record::pull_key(&id), record::claim_key(&id), record::upload_record_key(&id)] {
            self.remove(&self.private, &Target::Key(&key), Some(&mut held)).await?;
        }
        self.events.redact(&id).await?;
        held.write(|tombstone| tombstone.stage = Stage::Purged).await?;
        self.changes.note(&id);
        tracing::info!(%id, "purged a deleted video");
        Ok(held)
    }

    /// Removes the note of the id that another system gave to the video.
    async fn remove_external_id(&self, id: &VideoId) -> Result<(), Error> {
        let key = record::upload_record_key(id);
        let upload: Option<UploadRecord> = self.private.read_json(&key).await?;
        let Some(external_id) = upload.and_then(|upload| upload.metadata.external_id) else {
            return Ok(());
        };
        let key = external_id_key(&external_id);
        let note = self.private.read_json::<ExternalId>(&key).await?;
        if note.is_some_and(|note| note.video == *id) {
            self.remove(&self.private, &Target::Key(&key), None).await?;
        }
        Ok(())
    }

    /// Removes what was uploaded to the issued key of a deleted video.
    pub(super) async fn remove_late_upload(&self, tombstone: &Tombstone) -> Result<(), Error> {
        let Some(key) = &tombstone.key else { return Ok(()) };
        tracing::info!(id = %tombstone.id, key, "removing an upload to a deleted video");
        self.remove(&self.private, &Target::Key(key), None).await
    }

    /// Removes the upload record of a video.
    pub(super) async fn remove_record(&self, id: &VideoId) -> Result<(), Error> {
        let key = record::upload_record_key(id);
        self.remove(&self.private, &Target::Key(&key), None).await
    }

    /// Removes the tombstone of a video.
    pub(super) async fn remove_tombstone(&self, id: &VideoId) -> Result<(), Error> {
        self.events.forget(id).await?;
        self.remove(&self.private, &Target::Key(&tombstone_key(id)), None).await
    }

    /// Waits until a job that was cancelled has removed its claim, or should have noticed.
    async fn wait_for_job(&self, id: &VideoId) -> Result<(), Error> {
        let deadline = Instant::now() + self.claim_renewal * NOTICED_AFTER;
        while Instant::now() < deadline && !claim::claim_is_gone(&self.private, id).await? {
            tokio::time::sleep(CLAIM_POLL).await;
        }
        Ok(())
    }

    /// Removes objects page by page, on a bucket with versioning with all their versions. `held` is renewed
    /// between the listing of a page and its removal.
    async fn remove(
        &self,
        bucket: &Bucket,
        target: &Target<'_>,
        mut held: Option<&mut Held>,
    ) -> Result<(), Error> {
        let prefix = target.prefix();
        let (mut with_versions, mut last, mut tries) = (true, Vec::new(), 0);
        loop {
            let page = match bucket.first_versions(&prefix, with_versions).await {
                Err(error @ (store::Error::Rejected { .. } | store::Error::Denied { .. }))
                    if with_versions =>
                {
                    if let store::Error::Denied { .. } = error {
                        tracing::warn!(%error, "failed to list versions, old ones are not deleted");
                    }
                    with_versions = false;
                    continue;
                }
                page => page?,
            };
            let doomed = target.select(page);
            if doomed.is_empty() {
                return Ok(());
            }
            tries = if doomed == last { tries + 1 } else { 0 };
            if tries == TRIES {
                let reason = "the objects are still there after they were deleted".to_owned();
                let operation = "delete-many";
                return Err(store::Error::Unavailable { operation, key: prefix, reason }.into());
            }
            if let Some(held) = &mut held {
                held.renew().await?;
            }
            delete(bucket, target, &doomed).await?;
            last = doomed;
        }
    }
}

/// Deletes listed versions.
async fn delete(bucket: &Bucket, target: &Target<'_>, doomed: &[Version]) -> Result<(), Error> {
    let (unique, mutable): (Vec<Version>, Vec<Version>) =
        doomed.iter().cloned().partition(|version| target.names_one_write(version));
    for version in &mutable {
        // A version that came meanwhile is on the next page.
        let (Removal::Gone | Removal::Changed) = bucket
            .delete_version(&version.key, version.etag.as_deref().unwrap_or_default())
            .await?;
    }
    if !unique.is_empty() {
        bucket.delete_batch(&unique).await?;
    }
    Ok(())
}
