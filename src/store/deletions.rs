//! Deletes, and the listings that they need.
//!
//! The SDK sends a request again if its answer is late, so a delete may arrive long after its caller has
//! gone on. It must not remove what somebody else wrote meanwhile. Therefore each delete names one write:
//!
//! - [`Bucket::delete_version`] for keys that are written more than once (`main.m3u8`, `job.json`, claims,
//!   records, tombstones, sources): it deletes the version that the caller has seen.
//! - [`Bucket::delete_immutable`] for names that are never used twice: everything in the folder of an
//!   attempt, which has a random name.
//! - [`Bucket::delete_batch`] for [`Version`]s that name one write, by version id or by such a name.

use std::sync::atomic::Ordering;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::object_types::{Entry, timestamp};
use super::objects::unquoted;
use crate::domain::store_fault::{self, StoreFault};

/// Most keys of one `DeleteObjects` request, by the S3 API reference.
const MAX_BATCH: usize = 1000;
/// Single deletes that are sent at the same time.
const CONCURRENT_DELETES: usize = 8;
/// Conditional deletes of one version that are tried while other requests change the key.
const TRIES: u32 = 3;

/// One version of an object, or the mark of its deletion in a bucket with versioning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Key within the bucket.
    pub key: String,
    /// Id of the version; `null` without versioning, `None` if the store lists no versions.
    pub version_id: Option<String>,
    /// Entity tag without quotes; `None` for a delete marker.
    pub etag: Option<String>,
    /// Time of the write, by the clock of the store.
    pub last_modified: Option<Timestamp>,
    /// Whether readers of the key get this version.
    pub is_latest: bool,
}

impl Version {
    /// Whether the version id stands for one write: `null` may be written again.
    #[must_use]
    pub fn names_one_write(&self) -> bool {
        let id = self.version_id.as_deref();
        id.is_some_and(|id| id != "null" || !self.is_latest || self.etag.is_none())
    }
}

impl From<Entry> for Version {
    fn from(entry: Entry) -> Self {
        let Entry { key, etag, last_modified, .. } = entry;
        Self { key, version_id: None, etag: Some(etag), last_modified, is_latest: true }
    }
}

/// State of a key after [`Bucket::delete_version`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Removal {
    /// The key has no object.
    Gone,
    /// The key has another version, which stays.
    Changed,
}

impl Bucket {
    /// Deletes the object if it has this entity tag. On a store without conditional deletes, a version that
    /// is written between the look and the delete is deleted, too.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`].
    pub async fn delete_version(&self, key: &str, etag: &str) -> Result<Removal, Error> {
        for _ in 0..TRIES {
            let is_sent = if self.conditional_deletes {
                match self.delete_if_match(key, etag).await {
                    Ok(()) | Err(Error::NotFound { .. }) => return Ok(Removal::Gone),
                    Err(Error::PreconditionFailed { .. }) => false,
                    Err(error) => return Err(error),
                }
            } else {
                true
            };
            match self.find(key).await? {
                None => return Ok(Removal::Gone),
                Some(head) if head.etag != etag => return Ok(Removal::Changed),
                Some(_) if is_sent => {
                    self.delete(key).await?;
                    return Ok(Removal::Gone);
                }
                // Another request was in progress (409).
                Some(_) => {}
            }
        }
        Ok(Removal::Changed)
    }

    /// Deletes the objects of names that are never used twice. Keys without an object are no error.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`].
    pub async fn delete_immutable(&self, keys: &[String]) -> Result<(), Error> {
        let keys = keys.iter().map(|key| (key.as_str(), None)).collect::<Vec<_>>();
        self.delete_keys(&keys).await
    }

    /// Deletes these versions. Each names one write: see [`Version::names_one_write`], or has a name that is
    /// never used twice.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`].
    pub async fn delete_batch(&self, versions: &[Version]) -> Result<(), Error> {
        let keys = versions.iter().map(|version| (&*version.key, version.version_id.as_deref()));
        self.delete_keys(&keys.collect::<Vec<_>>()).await
    }

    /// The first versions below `prefix`, 1,000 at most, or the first objects if `with_versions` is false.
    /// Deleting them makes way for the next.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the store lists no versions, [`Error::Denied`] or [`Error::Unavailable`].
    pub async fn first_versions(
        &self,
        prefix: &str,
        with_versions: bool,
    ) -> Result<Vec<Version>, Error> {
        if !with_versions || self.lists_no_versions.load(Ordering::Relaxed) {
            let list = self
                .client
                .list_objects_v2()
                .bucket(&self.name)
                .prefix(self.full(prefix))
                .send()
                .await;
            let list = list.map_err(|e| map_error("list", prefix, &e))?;
            return Ok(list.contents().iter().map(|object| self.entry(object).into()).collect());
        }
        let list = self.client.list_object_versions().bucket(&self.name).prefix(self.full(prefix));
        let list = list.send().await.map_err(|e| {
            // Each such request is an error in the log of a store.
            if e.code() == Some("NotImplemented") {
                self.lists_no_versions.store(true, Ordering::Relaxed);
            }
            map_error("list-versions", prefix, &e)
        })?;
        let versions = list.versions().iter().map(|object| Version {
            key: self.short(object.key().unwrap_or_default()),
            version_id: object.version_id().map(str::to_owned),
            etag: object.e_tag().map(unquoted),
            last_modified: object.last_modified().and_then(timestamp),
            is_latest: object.is_latest().unwrap_or(true),
        });
        let markers = list.delete_markers().iter().map(|marker| Version {
            key: self.short(marker.key().unwrap_or_default()),
            version_id: marker.version_id().map(str::to_owned),
            etag: None,
            last_modified: marker.last_modified().and_then(timestamp),
            is_latest: marker.is_latest().unwrap_or(true),
        });
        Ok(versions.chain(markers).collect())
    }

    /// Aborts all multipart uploads of a key.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::Unavailable`].
    pub async fn abort_multiparts_of(&self, key: &str) -> Result<(), Error> {
        // The key is the first of those that it is a prefix of.
        let list = self.client.list_multipart_uploads().bucket(&self.name).prefix(self.full(key));
        let list = list.send().await.map_err(|e| map_error("list-multipart", key, &e))?;
        let full = self.full(key);
        for upload in list.uploads().iter().filter(|upload| upload.key() == Some(&*full)) {
            self.abort_multipart(key, upload.upload_id().unwrap_or_default()).await?;
        }
        Ok(())
    }

    /// Deletes the object if it has this entity tag, on a store that obeys `If-Match`.
    pub(super) async fn delete_if_match(&self, key: &str, etag: &str) -> Result<(), Error> {
        let request = self.client.delete_object().bucket(&self.name).key(self.full(key));
        let answer = request.if_match(format!("\"{etag}\"")).send().await;
        answer.map(drop).map_err(|e| map_error("delete", key, &e))
    }

    async fn delete_keys(&self, keys: &[(&str, Option<&str>)]) -> Result<(), Error> {
        for batch in keys.chunks(MAX_BATCH) {
            match self.delete_together(batch).await {
                // The store has no DeleteObjects.
                Err(Error::Rejected { .. }) => {
                    stream::iter(batch)
                        .map(Ok)
                        .try_for_each_concurrent(CONCURRENT_DELETES, |(key, version)| {
                            self.delete_one(key, *version)
                        })
                        .await?;
                }
                result => result?,
            }
        }
        Ok(())
    }

    async fn delete_together(&self, batch: &[(&str, Option<&str>)]) -> Result<(), Error> {
        let identifier = |(key, version): &(&str, Option<&str>)| {
            let version = version.map(str::to_owned);
            ObjectIdentifier::builder().key(self.full(key)).set_version_id(version).build()
        };
        let rejected = |reason: String| Error::Rejected {
            operation: "delete-many",
            key: self.name.clone(),
            reason,
        };
        let keys = batch.iter().map(identifier).collect::<Result<Vec<_>, _>>();
        let delete = keys
            .and_then(|keys| Delete::builder().set_objects(Some(keys)).quiet(true).build())
            .map_err(|e| rejected(e.to_string()))?;
        let answer = self.client.delete_objects().bucket(&self.name).delete(delete).send().await;
        let answer = answer.map_err(|e| map_error("delete-many", &self.name, &e))?;
        for error in answer.errors() {
            let key = error.key().unwrap_or_default().to_owned();
            let reason = format!(
                "{}: {}",
                error.code().unwrap_or_default(),
                error.message().unwrap_or_default()
            );
            let operation = "delete-many";
            // The code decides; the answer as a whole has status 200.
            match store_fault::classify(500, error.code()) {
                StoreFault::NotFound => {}
                StoreFault::Denied => return Err(Error::Denied { operation, key, reason }),
                StoreFault::PreconditionFailed | StoreFault::Rejected | StoreFault::Unavailable => {
                    return Err(Error::Unavailable { operation, key, reason });
                }
            }
        }
        Ok(())
    }

    async fn delete_one(&self, key: &str, version: Option<&str>) -> Result<(), Error> {
        let request = self.client.delete_object().bucket(&self.name).key(self.full(key));
        let answer = request.set_version_id(version.map(str::to_owned)).send().await;
        match answer.map_err(|e| map_error("delete", key, &e)) {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
