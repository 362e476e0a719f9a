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
            Ok((text, _)) => Ok(serde_json::from_slice(&text).ok()),
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
}
