//! Ids in other systems: `external-ids/<hash>.json` in the private bucket names the one video that has one.
//!
//! A note is written before the record of the video, and counts for some minutes without one, so that two requests
//! never give one id to two videos. After that, the record is the truth: a note whose video does not have the id
//! any more means nothing.

use crate::domain::job::VideoId;
use crate::domain::record::{self, ExternalId, HELD_FOR, UploadRecord, external_id_key};
use crate::http::error::Error;
use crate::store::{self, Bucket, Removal};

/// How often a note is tried for that others write at the same moment.
const TRIES: u32 = 3;

/// The video that was noted last for this id. It may not have it any more.
pub(super) async fn find(
    private: &Bucket,
    external_id: &str,
) -> Result<Option<VideoId>, store::Error> {
    let note = private.read_json::<ExternalId>(&external_id_key(external_id)).await?;
    Ok(note.map(|note| note.video))
}

/// Notes that this video has the id.
///
/// # Errors
/// [`Error::Conflict`] if another video has it.
pub(in crate::http) async fn take(
    private: &Bucket,
    external_id: &str,
    video: &VideoId,
) -> Result<(), Error> {
    let key = external_id_key(external_id);
    let taken =
        || Error::Conflict(format!("external_id: another video has {external_id:?} already"));
    for _ in 0..TRIES {
        let seen = private.read_json_version::<ExternalId>(&key).await?;
        let now = private.clock().now();
        if let Some((seen, _)) = seen.as_ref().filter(|(seen, _)| seen.video != *video) {
            let other = record::upload_record_key(&seen.video);
            let other = private.read_json::<UploadRecord>(&other).await?;
            let has_it = other
                .is_some_and(|other| other.metadata.external_id.as_deref() == Some(external_id));
            // The request that wrote the note may be about to write its record.
            if has_it || private.clock().age(seen.taken_at) < HELD_FOR {
                return Err(taken());
            }
        }
        // An own note is written anew, so that a removal which has seen the old one leaves it.
        let note = ExternalId { video: video.clone(), taken_at: now };
        let etag = seen.as_ref().map(|(_, etag)| etag.as_str());
        match private.replace_json(&key, &note, None, etag).await {
            Ok(_) => return Ok(()),
            Err(store::Error::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(taken())
}

/// Removes the note of an id that this video does not have any more. A note that stays means nothing.
pub(super) async fn give_back(private: &Bucket, external_id: &str, video: &VideoId) {
    let key = external_id_key(external_id);
    let removed = async {
        let seen = private.read_json_version::<ExternalId>(&key).await?;
        if let Some((_, etag)) = seen.filter(|(note, _)| note.video == *video) {
            let (Removal::Gone | Removal::Changed) = private.delete_version(&key, &etag).await?;
        }
        Ok::<_, store::Error>(())
    };
    if let Err(error) = removed.await {
        tracing::warn!(%error, "failed to remove the note of an external id");
    }
}
