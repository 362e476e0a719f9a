//! Reading, writing and deleting objects.

use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::Object;
use bytes::Bytes;

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::object_types::{Body, Entry, Head, Precondition, PutOptions, StoredObject, timestamp};

/// Requests for one range whose body breaks off, the first one included.
const BODY_TRIES: u32 = 4;

impl Bucket {
    /// Asks for the metadata of an object: a HEAD, or a listing where the store refuses that, because the
    /// object's key is lost.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the key has no object.
    pub async fn head(&self, key: &str) -> Result<Head, Error> {
        match self.head_object(key).await {
            Err(error) if error.is_lasting() => self.listed(key).await.ok_or(error),
            result => result,
        }
    }

    /// Like [`Bucket::head`], but `None` if the key has no object.
    ///
    /// # Errors
    /// As [`Bucket::head`], except [`Error::NotFound`].
    pub async fn find(&self, key: &str) -> Result<Option<Head>, Error> {
        self.head(key).await.map(Some).or_else(Error::none_if_missing)
    }

    /// Like [`Bucket::read`], but `None` if the key has no object.
    ///
    /// # Errors
    /// As [`Bucket::read`], except [`Error::NotFound`].
    pub async fn find_whole(&self, key: &str) -> Result<Option<StoredObject>, Error> {
        self.read(key).await.map(Some).or_else(Error::none_if_missing)
    }

    /// The metadata of an object as a listing has it.
    async fn listed(&self, key: &str) -> Option<Head> {
        let list =
            self.client.list_objects_v2().bucket(&self.name).prefix(self.full(key)).max_keys(1);
        let page = list.send().await.ok()?;
        let entry = page
            .contents()
            .first()
            .map(|object| self.entry(object))
            .filter(|entry| entry.key == key)?;
        let Entry { etag, size_bytes, last_modified, .. } = entry;
        Some(Head { etag, size_bytes, last_modified, version_id: None })
    }

    async fn head_object(&self, key: &str) -> Result<Head, Error> {
        let output =
            self.client.head_object().bucket(&self.name).key(self.full(key)).send().await.map_err(
                |e| {
                    let missing = e.as_service_error().is_some_and(HeadObjectError::is_not_found);
                    if missing { not_found("head", key) } else { map_error("head", key, &e) }
                },
            )?;
        Ok(Head {
            etag: unquoted(output.e_tag().unwrap_or_default()),
            size_bytes: size(output.content_length()),
            last_modified: output.last_modified().and_then(timestamp),
            version_id: output.version_id().filter(|id| *id != "null").map(str::to_owned),
        })
    }

    /// Checks that the bucket exists and that the credentials may use it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] or [`Error::Unavailable`].
    pub async fn check(&self) -> Result<(), Error> {
        let head = self.client.head_bucket().bucket(&self.name).send().await;
        head.map(drop).map_err(|e| map_error("head-bucket", &self.name, &e))
    }

    /// Reads `len` bytes (at least 1) from `offset` of the version with this entity tag. Requests
    /// the range again, up to 4 times in all, if the store fails or the body breaks off.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if the object has another version now.
    pub async fn read_range(
        &self,
        key: &str,
        etag: &str,
        offset: u64,
        len: u64,
    ) -> Result<Bytes, Error> {
        let range = format!("bytes={offset}-{}", offset + len - 1);
        let read = async || {
            let request = self.client.get_object().bucket(&self.name).key(self.full(key));
            let request = request.if_match(format!("\"{etag}\"")).range(&range);
            let output = request.send().await.map_err(|e| map_error("read", key, &e))?;
            collect(key, output.body).await
        };
        // The SDK retries a request, but not a body that breaks off.
        let mut tries = 1;
        loop {
            match read().await {
                Err(Error::Unavailable { .. }) if tries < BODY_TRIES => tries += 1,
                result => return result,
            }
        }
    }

    /// Reads an object in full into memory: for records and playlists, not for sources.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the key has no object.
    pub async fn read(&self, key: &str) -> Result<StoredObject, Error> {
        let output = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(self.full(key))
            .send()
            .await
            .map_err(|e| map_error("read", key, &e))?;
        let etag = unquoted(output.e_tag().unwrap_or_default());
        let last_modified = output.last_modified().and_then(timestamp);
        let header = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Ok(StoredObject {
            etag,
            last_modified,
            content_type: header(output.content_type()),
            content_encoding: header(output.content_encoding()),
            cache_control: header(output.cache_control()),
            bytes: collect(key, output.body).await?,
        })
    }

    /// Writes an object and returns its entity tag, without quotes. A store without conditional
    /// writes gets no precondition.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if the precondition does not hold.
    pub async fn put(
        &self,
        key: &str,
        body: Body,
        options: PutOptions<'_>,
    ) -> Result<String, Error> {
        let mut request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(self.full(key))
            .content_type(options.content_type)
            .set_cache_control(options.cache_control.map(str::to_owned))
            .set_content_encoding(options.content_encoding.map(str::to_owned))
            .body(ByteStream::from(body));
        let kept = if self.conditional_writes { options.precondition } else { Precondition::None };
        request = match kept {
            Precondition::None => request,
            Precondition::Absent => request.if_none_match("*"),
            Precondition::Etag(etag) => request.if_match(format!("\"{etag}\"")),
        };
        let output = request.send().await.map_err(|e| map_error("write", key, &e))?;
        Ok(unquoted(output.e_tag().unwrap_or_default()))
    }

    /// Deletes whatever object the key has. Only for keys of this call alone: see `deletions`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`].
    pub(super) async fn delete(&self, key: &str) -> Result<(), Error> {
        self.client
            .delete_object()
            .bucket(&self.name)
            .key(self.full(key))
            .send()
            .await
            .map_err(|e| map_error("delete", key, &e))?;
        Ok(())
    }
}

impl Bucket {
    pub(super) fn entry(&self, object: &Object) -> Entry {
        Entry {
            key: self.short(object.key().unwrap_or_default()),
            etag: unquoted(object.e_tag().unwrap_or_default()),
            size_bytes: size(object.size()),
            last_modified: object.last_modified().and_then(timestamp),
        }
    }
}

async fn collect(key: &str, body: ByteStream) -> Result<Bytes, Error> {
    let bytes = body.collect().await.map_err(|e| Error::Unavailable {
        operation: "read",
        key: key.to_owned(),
        reason: e.to_string(),
    })?;
    Ok(bytes.into_bytes())
}

/// An entity tag without the quotes of the header.
pub(super) fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

fn size(len: Option<i64>) -> u64 {
    len.and_then(|len| u64::try_from(len).ok()).unwrap_or_default()
}

fn not_found(operation: &'static str, key: &str) -> Error {
    Error::NotFound { operation, key: key.to_owned() }
}
