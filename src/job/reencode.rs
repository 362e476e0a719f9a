//! Lets a finished video be encoded once more, while its stream plays on.

use std::time::Duration;

use super::additions::Kept;
use super::claim;
use crate::domain::claim::{ClaimRecord, ClaimState, is_alive};
use crate::domain::encode_choice::EncodeChoice;
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::record::{self, JobOutcome, JobRecord};
use crate::store::{self, Bucket, Home, Precondition, Removal};

/// State that a request to encode a video once more found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reencode {
    /// The completion record is outdated: a message for its source starts a job.
    Outdated,
    /// An attempt or an edit is running.
    Running,
    /// The video has no stream of this version of its source.
    NotReady,
    /// The video is deleted.
    Deleted,
}

/// Keeps the choice and declares the stream of the source version `source_etag` outdated. The caller sends a message
/// then. The stream is shown until the new one is whole.
///
/// # Errors
/// If the store fails, or somebody else changes the video at the same moment.
pub async fn request(
    private: &Bucket,
    home: &Home,
    id: &VideoId,
    source_etag: &str,
    choice: &EncodeChoice,
    renewal: Duration,
) -> Result<Reencode, store::Error> {
    let claim = claim::read(private, id).await?;
    if claim.as_ref().is_some_and(|(claim, age, _)| is_alive(claim, *age, renewal)) {
        return Ok(Reencode::Running);
    }
    let record_key = record::job_record_key(id);
    let found = home.read_json_version::<JobRecord>(&record_key).await?;
    let is_whole = |record: &JobRecord| {
        record.outcome == JobOutcome::Ready && record.covers(source_etag) && record.main.is_some()
    };
    let Some((record, version)) = found.filter(|(record, _)| is_whole(record)) else {
        return Ok(Reencode::NotReady);
    };
    if !keep(private, id, choice).await? {
        return Ok(Reencode::Deleted);
    }
    // The write fails if an attempt or an edit takes the claim meanwhile.
    let condition = claim.as_ref().map(|(_, _, etag)| etag.as_str());
    let condition = condition.map_or(Precondition::Absent, Precondition::Etag);
    let note = ClaimRecord::without_attempt(ClaimState::Queued, source_etag);
    private.put_json(&record::claim_key(id), &note, None, condition).await?;
    let outdated = JobRecord { is_outdated: true, failed_update: None, ..record };
    let cache = Some(names::cache_control(home.visibility(), names::CACHE_SHORT));
    home.replace_json(&record_key, &outdated, cache, Some(&version)).await?;
    Ok(Reencode::Outdated)
}

/// Keeps the choice, or nothing if it chooses nothing. Returns `false` and keeps nothing if the video is deleted.
async fn keep(private: &Bucket, id: &VideoId, choice: &EncodeChoice) -> Result<bool, store::Error> {
    let key = record::encode_choice_key(id);
    if *choice != EncodeChoice::default() {
        let etag = private.put_json(&key, choice, None, Precondition::None).await?;
        let may_stay = Kept::may_stay(private, id).await?;
        if !may_stay {
            let (Removal::Gone | Removal::Changed) = private.delete_version(&key, &etag).await?;
        }
        return Ok(may_stay);
    }
    if let Some(head) = private.find(&key).await? {
        let (Removal::Gone | Removal::Changed) = private.delete_version(&key, &head.etag).await?;
    }
    Kept::may_stay(private, id).await
}

/// The choice that is kept for a video.
pub(super) async fn choice(private: &Bucket, id: &VideoId) -> Result<EncodeChoice, store::Error> {
    let kept = private.read_json(&record::encode_choice_key(id)).await?;
    Ok(kept.unwrap_or_default())
}
