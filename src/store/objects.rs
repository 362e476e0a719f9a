//! Whole objects: read, write, list, delete.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Tag, Tagging};
use aws_smithy_types::error::display::DisplayErrorContext;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Bucket, Error};

/// How often a range is asked for whose body breaks off.
const BODY_TRIES: u32 = 4;

/// The bytes of an object.
pub type Body = Bytes;

/// What must hold of the object that is there, for a write to happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precondition<'a> {
    /// Nothing.
    #[default]
    None,
    /// There is no object (`If-None-Match: *`).
    Absent,
    /// The object has this entity tag (`If-Match`).
    Etag(&'a str),
}

/// Headers that an object is stored with, and the condition of the write.
#[derive(Clone, Copy, Debug, Default)]
pub struct PutOptions<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Cache-Control`.
    pub cache_control: Option<&'a str>,
    /// `Content-Encoding`; the body is encoded already.
    pub content_encoding: Option<&'a str>,
    /// When to write.
    pub precondition: Precondition<'a>,
}

/// What is known of an object without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entity tag without quotes.
    pub etag: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
}

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Entity tag without quotes.
    pub etag: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
}

/// An object that is read as a whole, with what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its bytes.
    pub bytes: Bytes,
    /// Entity tag without quotes.
    pub etag: String,
    /// When it was written.
    pub last_modified: Option<Timestamp>,
    /// `Content-Type` that it is served with.
    pub content_type: String,
    /// `Content-Encoding` that it is served with; empty for none.
    pub content_encoding: String,
    /// `Cache-Control` that it is served with; empty for none.
    pub cache_control: String,
}

impl Bucket {
    /// What is known of the object.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn head(&self, key: &str) -> Result<Head, Error> {
        let output =
            self.client.head_object().bucket(&self.name).key(key).send().await.map_err(|e| {
                let missing = e.as_service_error().is_some_and(HeadObjectError::is_not_found);
                if missing { not_found("head", key) } else { judge("head", key, &e) }
            })?;
        Ok(Head {
            etag: unquoted(output.e_tag().unwrap_or_default()),
            size_bytes: size(output.content_length()),
            last_modified: output.last_modified().and_then(timestamp),
        })
    }

    /// Whether the bucket is there and ours to use.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check(&self) -> Result<(), Error> {
        let head = self.client.head_bucket().bucket(&self.name).send().await;
        head.map(drop).map_err(|e| judge("head-bucket", &self.name, &e))
    }

    /// Reads `len` bytes from `offset` of the version with this entity tag.
    ///
    /// # Errors
    /// [`Error::PreconditionFailed`] if the object is another version by now.
    pub async fn read_range(
        &self,
        key: &str,
        etag: &str,
        offset: u64,
        len: u64,
    ) -> Result<Bytes, Error> {
        // The SDK tries a request again, but not a body that broke off.
        let mut tries = 1;
        loop {
            match self.read_range_once(key, etag, offset, len).await {
                Err(Error::Unavailable { .. }) if tries < BODY_TRIES => tries += 1,
                ended => return ended,
            }
        }
    }

    async fn read_range_once(
        &self,
        key: &str,
        etag: &str,
        offset: u64,
        len: u64,
    ) -> Result<Bytes, Error> {
        let range = format!("bytes={offset}-{}", offset + len - 1);
        let output = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .if_match(format!("\"{etag}\""))
            .range(range)
            .send()
            .await
            .map_err(|e| judge("read", key, &e))?;
        collect(key, output.body).await
    }

    /// Reads a whole small object (a record) with its entity tag.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none.
    pub async fn read(&self, key: &str) -> Result<Whole, Error> {
        let output = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .map_err(|e| judge("read", key, &e))?;
        let etag = unquoted(output.e_tag().unwrap_or_default());
        let last_modified = output.last_modified().and_then(timestamp);
        let header = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Ok(Whole {
            etag,
            last_modified,
            content_type: header(output.content_type()),
            content_encoding: header(output.content_encoding()),
            cache_control: header(output.cache_control()),
            bytes: collect(key, output.body).await?,
        })
    }

    /// Writes an object and returns its entity tag.
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
            .key(key)
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
        let output = request.send().await.map_err(|e| judge("write", key, &e))?;
        Ok(unquoted(output.e_tag().unwrap_or_default()))
    }

    /// Deletes the object if there is one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`].
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.client
            .delete_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .map_err(|e| judge("delete", key, &e))?;
        Ok(())
    }

    /// Marks the object as done, for a lifecycle rule of the bucket to act on.
    ///
    /// # Errors
    /// [`Error::Rejected`] if the store knows no tags.
    pub async fn tag_done(&self, key: &str) -> Result<(), Error> {
        let tag = Tag::builder().key("ladderd").value("done").build();
        let tagging = tag.and_then(|tag| Tagging::builder().tag_set(tag).build());
        let tagging = tagging.map_err(|e| Error::Rejected {
            operation: "tag",
            key: key.to_owned(),
            reason: e.to_string(),
        })?;
        let request = self.client.put_object_tagging().bucket(&self.name).key(key);
        request.tagging(tagging).send().await.map_err(|e| judge("tag", key, &e))?;
        Ok(())
    }

    /// All objects whose key starts with `prefix`, in key order.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Denied`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let mut pages =
            self.client.list_objects_v2().bucket(&self.name).prefix(prefix).into_paginator().send();
        let mut entries = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| judge("list", prefix, &e))?;
            entries.extend(page.contents().iter().map(|object| Entry {
                key: object.key().unwrap_or_default().to_owned(),
                etag: unquoted(object.e_tag().unwrap_or_default()),
                size_bytes: size(object.size()),
                last_modified: object.last_modified().and_then(timestamp),
            }));
        }
        Ok(entries)
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

/// An entity tag as we keep it: without the quotes of the header.
fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

fn size(len: Option<i64>) -> u64 {
    len.and_then(|len| u64::try_from(len).ok()).unwrap_or_default()
}

pub(super) fn timestamp(time: &aws_sdk_s3::primitives::DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

fn not_found(operation: &'static str, key: &str) -> Error {
    Error::NotFound { operation, key: key.to_owned() }
}

/// What a failed call means: the one place that reads the store's answers.
pub(super) fn judge<E>(
    operation: &'static str,
    key: &str,
    error: &SdkError<E, aws_sdk_s3::config::http::HttpResponse>,
) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let key = key.to_owned();
    let reason = DisplayErrorContext(error).to_string();
    let Some(status) = error.raw_response().map(|r| r.status().as_u16()) else {
        return Error::Unavailable { operation, key, reason };
    };
    match status {
        404 => Error::NotFound { operation, key },
        409 | 412 => Error::PreconditionFailed { operation, key },
        401 | 403 => Error::Denied { operation, key, reason },
        400 | 405 | 411 | 416 | 422 | 501 => Error::Rejected { operation, key, reason },
        _ => Error::Unavailable { operation, key, reason },
    }
}
