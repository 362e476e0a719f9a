//! Copies within the store: no byte passes through the daemon.

use aws_sdk_s3::types::MetadataDirective;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::uploads::CompletedPart;

/// Every character but the unreserved ones of RFC 3986, 2.3, and the slash.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Largest object that S3 copies in one request.
const MAX_COPY_BYTES: u64 = 5 << 30;
/// Part of a larger one: 10,000 of them are more than S3 takes.
const PART_BYTES: u64 = 1 << 30;

impl Bucket {
    /// Copies the object `from` of another bucket of the same store, which has this size, to `key`, which must have
    /// no object if the copy takes several parts.
    ///
    /// # Errors
    /// [`Error::NotFound`] if `from` has no object.
    pub async fn copy_source(
        &self,
        other: &Self,
        from: &str,
        key: &str,
        size_bytes: u64,
    ) -> Result<(), Error> {
        let place = other.place(from);
        if size_bytes <= MAX_COPY_BYTES {
            let copy = self.client.copy_object().bucket(&self.name).key(self.full(key));
            let copied = copy.copy_source(place).send().await;
            return copied.map(drop).map_err(|e| map_error("copy", key, &e));
        }
        let upload_id = self.create_multipart(key, "application/octet-stream").await?;
        let mut parts = Vec::new();
        let mut offset = 0;
        while offset < size_bytes {
            let end = size_bytes.min(offset + PART_BYTES);
            let number = u32::try_from(parts.len()).unwrap_or(u32::MAX) + 1;
            let copied = self
                .client
                .upload_part_copy()
                .bucket(&self.name)
                .key(self.full(key))
                .upload_id(&upload_id)
                .part_number(i32::try_from(number).unwrap_or(i32::MAX))
                .copy_source(&place)
                .copy_source_range(format!("bytes={offset}-{}", end - 1))
                .send()
                .await;
            let copied = match copied {
                Ok(copied) => copied,
                Err(error) => {
                    self.abort_multipart(key, &upload_id).await?;
                    return Err(map_error("copy-part", key, &error));
                }
            };
            let etag = copied.copy_part_result().and_then(|part| part.e_tag());
            parts.push(CompletedPart { number, etag: etag.unwrap_or_default().to_owned() });
            offset = end;
        }
        self.complete_multipart(key, &upload_id, &parts).await
    }

    /// Bucket and key as the source of a copy.
    fn place(&self, key: &str) -> String {
        format!("{}/{}", self.name, utf8_percent_encode(&self.full(key), RESERVED))
    }

    /// Copies the object `from` of another bucket of the same store to `key`. `cache_control` makes the header of
    /// the copy out of that of the original; its other headers stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] if `from` has no object.
    pub async fn copy_from(
        &self,
        other: &Self,
        from: &str,
        key: &str,
        cache_control: impl Fn(&str) -> &'static str,
    ) -> Result<(), Error> {
        let source = other.full(from);
        let head = other.client.head_object().bucket(&other.name).key(&source).send().await;
        let head = head.map_err(|e| map_error("head", from, &e))?;
        let place = other.place(from);
        let copy = self
            .client
            .copy_object()
            .bucket(&self.name)
            .key(self.full(key))
            .copy_source(place)
            .metadata_directive(MetadataDirective::Replace)
            .set_content_type(head.content_type().map(str::to_owned))
            .set_content_encoding(head.content_encoding().map(str::to_owned))
            .cache_control(cache_control(head.cache_control().unwrap_or_default()));
        copy.send().await.map(drop).map_err(|e| map_error("copy", key, &e))
    }
}
