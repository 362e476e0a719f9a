//! Presigned URLs, by which a client without credentials puts one object of one size once, and
//! multipart uploads.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart as SdkPart};
use jiff::Timestamp;

use super::bucket::Bucket;
use super::error::{Error, map_error};
use super::expiry::LatestCredentials;
use super::object_types::{Body, timestamp};

/// Presigned URL for one PUT of a whole object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedPut {
    /// URL of the PUT, with its signature.
    pub url: String,
    /// Signed headers that the uploader must send: names and values. `host` and `content-length`
    /// are signed, too, but not listed: every client sends them by itself.
    pub headers: Vec<(String, String)>,
    /// End of its validity.
    pub expires_at: Timestamp,
}

/// Presigned URL for one part of a multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresignedPart {
    /// Number of the part, from 1.
    pub number: u32,
    /// URL of the PUT, with its signature.
    pub url: String,
    /// End of its validity.
    pub expires_at: Timestamp,
}

/// A part that the uploader has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedPart {
    /// Number of the part, from 1.
    pub number: u32,
    /// `ETag` of the PUT's response, with or without quotes.
    pub etag: String,
}

/// A part that the store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPart {
    /// Number of the part, from 1.
    pub number: u32,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its entity tag.
    pub etag: String,
}

impl Bucket {
    /// Lists the parts of an open multipart upload, ordered by number.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown upload.
    pub async fn list_parts(&self, key: &str, upload_id: &str) -> Result<Vec<StoredPart>, Error> {
        let list =
            self.client.list_parts().bucket(&self.name).key(self.full(key)).upload_id(upload_id);
        let mut pages = list.into_paginator().send();
        let mut parts = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| map_error("list-parts", key, &e))?;
            parts.extend(page.parts().iter().map(|part| StoredPart {
                number: part.part_number().and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                size_bytes: part.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
                etag: part.e_tag().unwrap_or_default().to_owned(),
            }));
        }
        Ok(parts)
    }

    /// Signs a PUT of exactly `size_bytes` bytes to a key that has no object yet.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the SDK refuses to sign.
    pub async fn presign_put(
        &self,
        key: &str,
        content_type: &str,
        size_bytes: u64,
        valid_for: Duration,
    ) -> Result<PresignedPut, Error> {
        let signing = self.signing(valid_for);
        let signed = self
            .presigner
            .put_object()
            .bucket(&self.name)
            .key(self.full(key))
            .content_type(content_type)
            .content_length(i64::try_from(size_bytes).unwrap_or(i64::MAX))
            .if_none_match("*")
            .presigned(presigning("presign", key, valid_for)?)
            .await
            .map_err(|e| map_error("presign", key, &e))?;
        let headers = signed
            .headers()
            .filter(|(name, _)| !matches!(*name, "host" | "content-length"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let expires_at = signing.expires_at();
        Ok(PresignedPut { url: signed.uri().to_owned(), headers, expires_at })
    }

    /// Creates a multipart upload and returns its id.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::Unavailable`].
    pub async fn create_multipart(&self, key: &str, content_type: &str) -> Result<String, Error> {
        let output = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(self.full(key))
            .content_type(content_type)
            .send()
            .await
            .map_err(|e| map_error("create-multipart", key, &e))?;
        Ok(output.upload_id().unwrap_or_default().to_owned())
    }

    /// Signs the PUT of one part of exactly `size_bytes` bytes.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the SDK refuses to sign.
    pub async fn presign_part(
        &self,
        key: &str,
        upload_id: &str,
        number: u32,
        size_bytes: u64,
        valid_for: Duration,
    ) -> Result<PresignedPart, Error> {
        let signing = self.signing(valid_for);
        let signed = self
            .presigner
            .upload_part()
            .bucket(&self.name)
            .key(self.full(key))
            .upload_id(upload_id)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .content_length(i64::try_from(size_bytes).unwrap_or(i64::MAX))
            .presigned(presigning("presign-part", key, valid_for)?)
            .await
            .map_err(|e| map_error("presign-part", key, &e))?;
        let expires_at = signing.expires_at();
        Ok(PresignedPart { number, url: signed.uri().to_owned(), expires_at })
    }

    /// Uploads a part and returns its entity tag.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown upload.
    pub async fn upload_part(
        &self,
        key: &str,
        upload_id: &str,
        number: u32,
        bytes: Body,
    ) -> Result<String, Error> {
        let output = self
            .client
            .upload_part()
            .bucket(&self.name)
            .key(self.full(key))
            .upload_id(upload_id)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|e| map_error("upload-part", key, &e))?;
        Ok(output.e_tag().unwrap_or_default().to_owned())
    }

    /// Completes a multipart upload: the parts become one object. The key must have no object yet.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown upload, [`Error::PreconditionFailed`] if the key has an
    /// object, [`Error::Rejected`] if a part is missing or differs.
    pub async fn complete_multipart(
        &self,
        key: &str,
        upload_id: &str,
        parts: &[CompletedPart],
    ) -> Result<(), Error> {
        let parts = parts.iter().map(|part| {
            SdkPart::builder()
                .part_number(i32::try_from(part.number).unwrap_or(i32::MAX))
                .e_tag(&part.etag)
                .build()
        });
        let upload = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        self.client
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(self.full(key))
            .upload_id(upload_id)
            .multipart_upload(upload)
            .if_none_match("*")
            .send()
            .await
            .map_err(|e| map_error("complete-multipart", key, &e))?;
        Ok(())
    }

    /// Lists open multipart uploads that began before `until`, as pairs of key and upload id.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::Unavailable`].
    pub async fn stale_multiparts(&self, until: Timestamp) -> Result<Vec<(String, String)>, Error> {
        let mut stale = Vec::new();
        let (mut key_marker, mut id_marker) = (None, None);
        loop {
            let page = self
                .client
                .list_multipart_uploads()
                .bucket(&self.name)
                .set_prefix(Some(self.full("")).filter(|prefix| !prefix.is_empty()))
                .set_key_marker(key_marker.take())
                .set_upload_id_marker(id_marker.take())
                .send()
                .await
                .map_err(|e| map_error("list-multipart", &self.name, &e))?;
            for upload in page.uploads() {
                let begun = upload.initiated().and_then(timestamp);
                if begun.is_some_and(|begun| begun < until)
                    && let (Some(key), Some(id)) = (upload.key(), upload.upload_id())
                {
                    stale.push((self.short(key), id.to_owned()));
                }
            }
            if !page.is_truncated().unwrap_or_default() {
                return Ok(stale);
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            id_marker = page.next_upload_id_marker().map(str::to_owned);
        }
    }

    /// Aborts a multipart upload; the store deletes its parts. An unknown upload is no error.
    ///
    /// # Errors
    /// [`Error::Denied`] or [`Error::Unavailable`].
    pub async fn abort_multipart(&self, key: &str, upload_id: &str) -> Result<(), Error> {
        let abort = self.client.abort_multipart_upload().bucket(&self.name).key(self.full(key));
        let aborted = abort.upload_id(upload_id).send().await;
        let aborted = aborted.map_err(|e| map_error("abort-multipart", key, &e));
        aborted.map(|_| Some(())).or_else(Error::none_if_missing).map(drop)
    }
}

/// A URL that is being signed.
struct Signing<'a> {
    credentials: &'a LatestCredentials,
    began: Timestamp,
    valid_for: Duration,
    /// With the credentials that were known when it began.
    limit: Timestamp,
}

impl Signing<'_> {
    /// End of the validity of the signed URL. The credentials may have been renewed meanwhile: the earlier end
    /// holds for either.
    fn expires_at(&self) -> Timestamp {
        self.limit.min(self.credentials.limit(self.began, self.valid_for))
    }
}

impl Bucket {
    fn signing(&self, valid_for: Duration) -> Signing<'_> {
        let began = self.clock().now();
        let limit = self.credentials.limit(began, valid_for);
        Signing { credentials: &self.credentials, began, valid_for, limit }
    }
}

/// How long a URL is valid. S3 allows at most 7 days.
fn presigning(
    operation: &'static str,
    key: &str,
    valid_for: Duration,
) -> Result<PresigningConfig, Error> {
    PresigningConfig::expires_in(valid_for).map_err(|e| Error::Rejected {
        operation,
        key: key.to_owned(),
        reason: e.to_string(),
    })
}
