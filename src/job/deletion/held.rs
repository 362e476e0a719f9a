//! Reading and writing tombstones.

use std::time::Duration;

use crate::domain::job::VideoId;
use crate::domain::tombstone::{Tombstone, tombstone_key};
use crate::job::error::Error;
use crate::store::{self, Bucket, Precondition};

/// A tombstone that was read. Whoever writes it first holds it: other writes over this version fail.
pub(super) struct Held {
    bucket: Bucket,
    pub(super) tombstone: Tombstone,
    etag: String,
    /// Time since its last write.
    pub(super) age: Duration,
    /// Our name in its writes.
    writer: String,
}

/// Reads the tombstone of a video.
pub(super) async fn read(bucket: &Bucket, id: &VideoId) -> Result<Option<Held>, store::Error> {
    let Some(whole) = bucket.find_whole(&tombstone_key(id)).await? else { return Ok(None) };
    let mut tombstone: Tombstone = match serde_json::from_slice(&whole.bytes) {
        Ok(tombstone) => tombstone,
        Err(error) => {
            tracing::error!(%id, %error, "failed to parse a tombstone");
            return Ok(None);
        }
    };
    tombstone.deleted_at = tombstone.deleted_at.or(whole.last_modified);
    let age = whole.last_modified.map(|at| bucket.clock().age(at)).unwrap_or_default();
    let writer = hex::encode(rand::random::<[u8; 8]>());
    Ok(Some(Held { bucket: bucket.clone(), tombstone, etag: whole.etag, age, writer }))
}

impl Held {
    /// Writes a new tombstone over the one that was seen (`None`: there is none). Returns the one that stands
    /// afterwards, which is another's if that was faster.
    pub(super) async fn create(
        bucket: &Bucket,
        new: Tombstone,
        seen: Option<&Self>,
    ) -> Result<Self, Error> {
        let condition = seen.map_or(Precondition::Absent, |seen| Precondition::Etag(&seen.etag));
        match bucket.put_json(&tombstone_key(&new.id), &new, None, condition).await {
            // An earlier request of ours may have been done without an answer to it.
            Ok(_) | Err(store::Error::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        read(bucket, &new.id).await?.ok_or(Error::ClaimLost)
    }

    /// Changes the tombstone.
    ///
    /// # Errors
    /// [`Error::ClaimLost`] if somebody else has changed it.
    pub(super) async fn write(&mut self, change: impl FnOnce(&mut Tombstone)) -> Result<(), Error> {
        let mut next = self.tombstone.clone();
        change(&mut next);
        next.writer.clone_from(&self.writer);
        next.renewal += 1;
        let key = tombstone_key(&next.id);
        if !self.bucket.has_conditional_writes() && self.bucket.head(&key).await?.etag != self.etag
        {
            return Err(Error::ClaimLost);
        }
        let condition = Precondition::Etag(&self.etag);
        let etag = match self.bucket.put_json(&key, &next, None, condition).await {
            Ok(etag) => etag,
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {
                // An earlier request of ours may have been done without an answer to it.
                let found = read(&self.bucket, &next.id).await?;
                let ours = found.filter(|found| found.tombstone == next);
                ours.ok_or(Error::ClaimLost)?.etag
            }
            Err(error) => return Err(error.into()),
        };
        (self.tombstone, self.etag) = (next, etag);
        Ok(())
    }

    /// Makes sure, by writing it again, that nobody else has changed the tombstone.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        self.write(|_| ()).await
    }
}
