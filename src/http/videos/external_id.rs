//! Ids in other systems: `external-ids/<hash>.json` in the private bucket names the one video that has one.
//!
//! A note is written before the record of the video, so that two requests never give one id to two videos. The
//! record is the truth: a note whose video does not have the id any more means nothing.

use crate::domain::job::VideoId;
use crate::domain::record::{self, ExternalId, UploadRecord, external_id_key};
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
    let note = ExternalId { video: video.clone() };
    for _ in 0..TRIES {
        let seen = private.read_json_version::<ExternalId>(&key).await?;
        if let Some((seen, _)) = &seen {
            if seen.video == *video {
                return Ok(());
            }
            let other = record::upload_record_key(&seen.video);
            let other = private.read_json::<UploadRecord>(&other).await?;
            if other.is_some_and(|other| other.metadata.external_id.as_deref() == Some(external_id))
            {
                let detail =
                    format!("external_id: video {} has {external_id:?} already", seen.video);
                return Err(Error::Conflict(detail));
            }
        }
        match private
            .replace_json(&key, &note, None, seen.as_ref().map(|(_, etag)| etag.as_str()))
            .await
        {
            Ok(_) => return Ok(()),
            Err(store::Error::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict(format!("external_id: others ask for {external_id:?} at this moment")))
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
