//! Whether a store keeps the conditions of writes.

use bytes::Bytes;

use super::{Bucket, Error, Precondition, PutOptions};

impl Bucket {
    /// Finds out whether the store keeps `If-None-Match: *` and `If-Match` on writes. Some answer
    /// that they do not know them, some ignore them without a word. `key` is written and deleted.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses any write.
    pub async fn probe_conditional_writes(&self, key: &str) -> Result<bool, Error> {
        let write = async |precondition| {
            let options =
                PutOptions { content_type: "text/plain", precondition, ..PutOptions::default() };
            self.put(key, Bytes::from_static(b"probe"), options).await
        };
        write(Precondition::None).await?;
        let over_another = write(Precondition::Absent).await;
        let over_an_unknown = write(Precondition::Etag("00000000000000000000000000000000")).await;
        self.delete(key).await?;
        let mut kept = true;
        for answer in [over_another, over_an_unknown] {
            match answer {
                Err(Error::PreconditionFailed { .. }) => {}
                Ok(_) | Err(Error::Rejected { .. }) => kept = false,
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }
}
