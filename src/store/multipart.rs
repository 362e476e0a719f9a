//! Large objects that the daemon writes itself, part by part.

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::objects::unquoted;
use super::uploads::CompletedPart;

/// Headers of an object that is written in parts.
#[derive(Clone, Copy, Debug)]
pub struct PartsOptions<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Content-Disposition`.
    pub content_disposition: &'a str,
    /// `Cache-Control`.
    pub cache_control: &'a str,
}

impl Bucket {
    /// Begins an object of several parts. Returns the id of its upload.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::Unavailable`].
    pub async fn begin_parts(&self, key: &str, options: PartsOptions<'_>) -> Result<String, Error> {
        let create = self.client.create_multipart_upload().bucket(&self.name).key(self.full(key));
        let create = create
            .content_type(options.content_type)
            .content_disposition(options.content_disposition)
            .cache_control(options.cache_control);
        let output = create.send().await.map_err(|e| map_error("create-multipart", key, &e))?;
        Ok(output.upload_id().unwrap_or_default().to_owned())
    }

    /// Writes a part. All but the last have 5 MiB or more.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown upload.
    pub async fn put_part(
        &self,
        key: &str,
        upload_id: &str,
        number: u32,
        body: Bytes,
    ) -> Result<CompletedPart, Error> {
        let put = self.client.upload_part().bucket(&self.name).key(self.full(key));
        let put = put.upload_id(upload_id).part_number(i32::try_from(number).unwrap_or(i32::MAX));
        let output = put.body(ByteStream::from(body)).send().await;
        let output = output.map_err(|e| map_error("put-part", key, &e))?;
        Ok(CompletedPart { number, etag: unquoted(output.e_tag().unwrap_or_default()) })
    }
}
