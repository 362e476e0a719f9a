//! Copies within the store: no byte passes through the daemon.

use aws_sdk_s3::types::MetadataDirective;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bucket::Bucket;
use super::error::{Error, map_error};

/// Every character but the unreserved ones of RFC 3986, 2.3, and the slash.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

impl Bucket {
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
        let place = format!("{}/{}", other.name, utf8_percent_encode(&source, RESERVED));
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
