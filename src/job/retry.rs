//! Makes a video that failed, or whose message was lost, ready for another job.

use std::time::Duration;

use super::claim;
use crate::domain::claim::{ClaimRecord, ClaimState, is_alive};
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::record::{self, JobOutcome, JobRecord};
use crate::store::{self, Bucket, Home, Precondition, Removal};

/// State that a request for another job found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The video is reset: a message for its source starts a job, whose attempts count anew.
    Reset,
    /// An attempt is running.
    Running,
    /// The stream of this version of the source is published.
    Ready,
}

/// Resets the video with the source version `source_etag`: its attempts count from 0 again, and its failure is
/// forgotten. The caller sends a message then.
///
/// # Errors
/// If the store fails, or somebody else changes the video at the same moment.
pub async fn reset(
    private: &Bucket,
    home: &Home,
    id: &VideoId,
    source_etag: &str,
    renewal: Duration,
) -> Result<Retry, store::Error> {
    let claim = claim::read(private, id).await?;
    if claim.as_ref().is_some_and(|(claim, age, _)| is_alive(claim, *age, renewal)) {
        return Ok(Retry::Running);
    }
    let record_key = record::job_record_key(id);
    let record = home.read_json_version::<JobRecord>(&record_key).await?;
    let is_covered = |record: &JobRecord| record.covers(source_etag);
    if record.as_ref().is_some_and(|(record, _)| {
        is_covered(record) && record.latest_outcome() == JobOutcome::Ready
    }) {
        return Ok(Retry::Ready);
    }
    // The write fails if an attempt takes the claim meanwhile, which then has its message.
    let found = claim.as_ref().map(|(claim, _, etag)| (claim, etag.as_str()));
    let condition = found.map_or(Precondition::Absent, |(_, etag)| Precondition::Etag(etag));
    // A commit of an attempt that died is finished by the next one.
    let commit = found.and_then(|(claim, _)| claim.commit.clone());
    let note =
        ClaimRecord { commit, ..ClaimRecord::without_attempt(ClaimState::Queued, source_etag) };
    private.put_json(&record::claim_key(id), &note, None, condition).await?;
    match record.filter(|(record, _)| is_covered(record)) {
        Some((record, etag)) if record.outcome == JobOutcome::Failed => {
            let (Removal::Gone | Removal::Changed) =
                home.delete_version(&record_key, &etag).await?;
        }
        Some((record, etag)) => {
            let record = JobRecord { failed_update: None, ..record };
            let cache = Some(names::cache_control(home.visibility(), names::CACHE_SHORT));
            home.replace_json(&record_key, &record, cache, Some(&etag)).await?;
        }
        None => {}
    }
    Ok(Retry::Reset)
}
