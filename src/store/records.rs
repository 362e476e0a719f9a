//! Small JSON objects.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Bucket, Error, Precondition, PutOptions};

impl Bucket {
    /// Reads a JSON object. `None` where there is none, or where it is not of this form (an older
    /// release's).
    ///
    /// # Errors
    /// If the store fails.
    pub async fn read_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        match self.read(key).await {
            Ok(whole) => Ok(serde_json::from_slice(&whole.bytes).ok()),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a JSON object and returns its entity tag.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if the precondition does not hold.
    pub async fn put_json(
        &self,
        key: &str,
        value: &impl Serialize,
        cache_control: Option<&str>,
        precondition: Precondition<'_>,
    ) -> Result<String, Error> {
        let text = serde_json::to_vec_pretty(value).map_err(|error| Error::Rejected {
            operation: "write",
            key: key.to_owned(),
            reason: error.to_string(),
        })?;
        let content_type = "application/json";
        let options =
            PutOptions { content_type, cache_control, precondition, ..PutOptions::default() };
        self.put(key, Bytes::from(text), options).await
    }

    /// Writes an object over the version that was seen (or where none was), and returns the new
    /// version. That it is there already, byte for byte, is a success: the SDK may send a request
    /// twice.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if somebody else has written it meanwhile.
    pub async fn replace(
        &self,
        key: &str,
        body: Bytes,
        options: PutOptions<'_>,
        seen: Option<&str>,
    ) -> Result<String, Error> {
        let precondition = seen.map_or(Precondition::Absent, Precondition::Etag);
        let options = PutOptions { precondition, ..options };
        let failed = match self.put(key, body.clone(), options).await {
            Err(error @ (Error::PreconditionFailed { .. } | Error::NotFound { .. })) => error,
            ended => return ended,
        };
        match self.read(key).await {
            Ok(found) if found.bytes == body => Ok(found.etag),
            Ok(_) => Err(failed),
            // It was deleted under us.
            Err(Error::NotFound { .. }) => {
                let options = PutOptions { precondition: Precondition::Absent, ..options };
                self.put(key, body, options).await
            }
            Err(error) => Err(error),
        }
    }
}
