//! JSON objects (records), and compare-and-swap writes.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bucket::Bucket;
use super::error::Error;
use super::object_types::{Precondition, PutOptions, StoredObject};

/// Time in which a write ends that began at the same time as another.
const OTHERS_WRITE: Duration = Duration::from_secs(1);

impl Bucket {
    /// Reads a JSON object. Returns `None` if the key has no object, or if its text does not parse
    /// as `T` (an older release wrote it).
    ///
    /// # Errors
    /// As [`Bucket::read`], except [`Error::NotFound`].
    pub async fn read_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        Ok(self.read_json_version(key).await?.map(|(value, _)| value))
    }

    /// Reads a JSON object with its entity tag, for a later [`Bucket::replace_json`]. Returns `None`
    /// as [`Bucket::read_json`] does.
    ///
    /// # Errors
    /// As [`Bucket::read`], except [`Error::NotFound`].
    pub async fn read_json_version<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<(T, String)>, Error> {
        let Some(found) = self.find_whole(key).await? else { return Ok(None) };
        let value = serde_json::from_slice(&found.bytes).ok();
        Ok(value.map(|value| (value, found.etag)))
    }

    /// Writes a value as indented JSON and returns the entity tag of the object.
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
        let options = PutOptions { precondition, ..json_options(cache_control) };
        self.put(key, to_json(key, value)?, options).await
    }

    /// The object of a key that is written once, by the box that needs it first: `made`, or what another box was
    /// faster with, also on a store that ignores the precondition.
    ///
    /// # Errors
    /// As [`Bucket::read`] and [`Bucket::put_json`].
    pub async fn read_or_create_json(
        &self,
        key: &str,
        made: &impl Serialize,
    ) -> Result<StoredObject, Error> {
        if let Some(found) = self.find_whole(key).await? {
            return Ok(found);
        }
        match self.put_json(key, made, None, Precondition::Absent).await {
            Ok(_) | Err(Error::PreconditionFailed { .. }) => {}
            Err(error) => return Err(error),
        }
        self.let_others_write().await;
        self.read(key).await
    }

    /// Writes over the version that was seen, and tells whether this write stays.
    ///
    /// # Errors
    /// As [`Bucket::read_json`] and [`Bucket::put_json`].
    pub async fn win_json<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        key: &str,
        value: &T,
        seen: &str,
    ) -> Result<bool, Error> {
        match self.replace_json(key, value, None, Some(seen)).await {
            Ok(_) => {}
            Err(Error::PreconditionFailed { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        self.let_others_write().await;
        Ok(self.read_json::<T>(key).await?.as_ref() == Some(value))
    }

    /// On a store without conditional writes: waits until others who looked at the same time have written, so that
    /// the next read tells whose write stays.
    async fn let_others_write(&self) {
        if !self.has_conditional_writes() {
            tokio::time::sleep(OTHERS_WRITE).await;
        }
    }

    /// Writes a value as indented JSON over the version `expected`, as [`Bucket::replace`] does.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if another writer was faster.
    pub async fn replace_json(
        &self,
        key: &str,
        value: &impl Serialize,
        cache_control: Option<&str>,
        expected: Option<&str>,
    ) -> Result<String, Error> {
        self.replace(key, to_json(key, value)?, json_options(cache_control), expected).await
    }

    /// Compare and swap: writes over the version with the entity tag `expected` (`None`: the key
    /// must have no object) and returns the new entity tag. Finding these very bytes in the object
    /// is a success, because the SDK may send a request twice. Writes anew if the object has been
    /// deleted in the meantime.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if another writer was faster.
    pub async fn replace(
        &self,
        key: &str,
        body: Bytes,
        options: PutOptions<'_>,
        expected: Option<&str>,
    ) -> Result<String, Error> {
        let precondition = expected.map_or(Precondition::Absent, Precondition::Etag);
        let options = PutOptions { precondition, ..options };
        let failed = match self.put(key, body.clone(), options).await {
            Err(error @ (Error::PreconditionFailed { .. } | Error::NotFound { .. })) => error,
            result => return result,
        };
        match self.read(key).await {
            Ok(found) if found.bytes == body => Ok(found.etag),
            Ok(_) => Err(failed),
            // Deleted between the two calls.
            Err(Error::NotFound { .. }) => {
                let options = PutOptions { precondition: Precondition::Absent, ..options };
                self.put(key, body, options).await
            }
            Err(error) => Err(error),
        }
    }
}

fn to_json(key: &str, value: &impl Serialize) -> Result<Bytes, Error> {
    serde_json::to_vec_pretty(value).map(Bytes::from).map_err(|error| Error::Rejected {
        operation: "write",
        key: key.to_owned(),
        reason: error.to_string(),
    })
}

fn json_options(cache_control: Option<&str>) -> PutOptions<'_> {
    PutOptions { content_type: "application/json", cache_control, ..PutOptions::default() }
}
