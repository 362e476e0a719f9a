//! Who may flip a video: the claim object of the private bucket, written conditionally.
//!
//! The latest taker holds the claim. An earlier one finds out before its flip, by the same kind
//! of write, and stops.

use jiff::Timestamp;
use serde::Serialize;

use super::Error;
use crate::domain::job::VideoId;
use crate::domain::record;
use crate::store::{self, Bucket, Precondition};

/// How often the claim is tried for where others write it at the same moment.
const TRIES: u32 = 5;

/// A claim that was taken.
pub(super) struct Claim {
    bucket: Bucket,
    key: String,
    attempt_id: String,
    etag: String,
}

#[derive(Serialize)]
struct Body<'a> {
    attempt_id: &'a str,
    written_at: String,
}

impl Claim {
    /// Takes the claim, whoever held it.
    pub(super) async fn take(
        bucket: &Bucket,
        id: &VideoId,
        attempt_id: &str,
    ) -> Result<Self, Error> {
        let key = record::claim_key(id);
        for _ in 0..TRIES {
            let current = match bucket.head(&key).await {
                Ok(head) => Some(head.etag),
                Err(store::Error::NotFound { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            let condition = current.as_deref().map_or(Precondition::Absent, Precondition::Etag);
            match write(bucket, &key, attempt_id, condition).await {
                Ok(etag) => {
                    let (bucket, attempt_id) = (bucket.clone(), attempt_id.to_owned());
                    return Ok(Self { bucket, key, attempt_id, etag });
                }
                // Somebody was faster, or has just deleted it.
                Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::ClaimLost)
    }

    /// Makes sure, by writing it again, that the claim is still ours.
    pub(super) async fn hold(&mut self) -> Result<(), Error> {
        let condition = Precondition::Etag(&self.etag);
        match write(&self.bucket, &self.key, &self.attempt_id, condition).await {
            Ok(etag) => {
                self.etag = etag;
                Ok(())
            }
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {
                Err(Error::ClaimLost)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn write(
    bucket: &Bucket,
    key: &str,
    attempt_id: &str,
    precondition: Precondition<'_>,
) -> Result<String, store::Error> {
    let body = Body { attempt_id, written_at: Timestamp::now().to_string() };
    bucket.put_json(key, &body, None, precondition).await
}
