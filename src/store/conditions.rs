//! Probes: does the store obey preconditions of writes and deletes?

use bytes::Bytes;

use super::bucket::Bucket;
use super::error::Error;
use super::object_types::{Precondition, PutOptions};

impl Bucket {
    /// Finds out whether the store obeys `If-None-Match: *` and `If-Match` on writes. Some stores
    /// reject these headers, others silently ignore them. Writes and deletes the object `key`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`] if the probe cannot be written.
    pub async fn probe_conditional_writes(&self, key: &str) -> Result<bool, Error> {
        let write = async |precondition| {
            let options =
                PutOptions { content_type: "text/plain", precondition, ..PutOptions::default() };
            self.put(key, Bytes::from_static(b"probe"), options).await
        };
        write(Precondition::None).await?;
        let over_existing = write(Precondition::Absent).await;
        let over_unknown_version =
            write(Precondition::Etag("00000000000000000000000000000000")).await;
        self.delete(key).await?;
        let mut is_obeyed = true;
        for answer in [over_existing, over_unknown_version] {
            match answer {
                Err(Error::PreconditionFailed { .. }) => {}
                Ok(_) | Err(Error::Rejected { .. }) => is_obeyed = false,
                Err(error) => return Err(error),
            }
        }
        Ok(is_obeyed)
    }

    /// Finds out whether the store obeys `If-Match` on deletes: Amazon S3 does, other stores refuse or
    /// ignore the header. Writes and deletes the object `key`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`] if the probe cannot be written.
    pub async fn probe_conditional_deletes(&self, key: &str) -> Result<bool, Error> {
        let options = PutOptions { content_type: "text/plain", ..PutOptions::default() };
        self.put(key, Bytes::from_static(b"probe"), options).await?;
        let answer = self.delete_if_match(key, "00000000000000000000000000000000").await;
        let is_obeyed = match answer {
            Err(Error::PreconditionFailed { .. }) => true,
            Ok(()) | Err(Error::Rejected { .. }) => false,
            Err(error) => return Err(error),
        };
        self.delete(key).await?;
        Ok(is_obeyed)
    }
}
