//! S3 operations on objects: put, get, head, copy, delete.

use std::ops::Range;

use hyper::header::{CONTENT_RANGE, HeaderMap, HeaderValue};
use jiff::Timestamp;
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, MetadataDirective,
    ObjectIdentifier, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use super::blobs::Destination;
use super::catalog::{self, NewObject, Object};
use super::conditions::{ReadCondition, WriteCondition};
use super::convert::{from_http_date, to_i64, to_s3_timestamp};
use super::digest::content;
use super::error::{Damaged, internal_error};
use super::footer::Holds;
use super::headers::headers;
use super::names;
use super::store::{Opened, Store};

/// Maximum of keys in one request to delete, the same as in S3.
const MAX_DELETES: usize = 1000;

/// The conditions of a GET or a HEAD. A macro, because both inputs have the same fields but no
/// trait.
macro_rules! read_condition {
    ($input:ident) => {
        ReadCondition {
            if_match: $input.if_match,
            if_none_match: $input.if_none_match,
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        }
    };
}

/// The fields that the answers to GET and HEAD share.
macro_rules! metadata {
    ($output:ident, $object:ident, $content_length:ident, $content_range:ident) => {
        $output {
            $content_length,
            $content_range,
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(ETag::Strong($object.etag)),
            last_modified: Some(to_s3_timestamp($object.modified)),
            content_type: $object.headers.content_type.and_then(|text| text.parse().ok()),
            cache_control: $object.headers.cache_control,
            content_encoding: $object.headers.content_encoding,
            content_disposition: $object.headers.content_disposition,
            content_language: $object.headers.content_language,
            expires: $object.headers.expires.as_deref().and_then(from_http_date),
            metadata: Some($object.headers.metadata.into_iter().collect()),
            ..$output::default()
        }
    };
}

impl Store {
    /// Stores the body in a new file, then commits the object.
    pub(super) async fn put(
        &self,
        input: PutObjectInput,
        trailers: Option<TrailingHeaders>,
    ) -> S3Result<PutObjectOutput> {
        self.0.check_bucket(&input.bucket)?;
        names::check_key(&input.key)?;
        let content = content!(input, trailers);
        let headers = headers!(input);
        let destination = Destination {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            holds: Holds::Object { headers: headers.clone() },
        };
        let written = self.receive(destination, content).await?;
        let etag = hex::encode(written.md5);
        let new = NewObject {
            bucket: input.bucket,
            key: input.key,
            etag: etag.clone(),
            headers,
            blobs: vec![(written.blob.name().to_owned(), written.size)],
        };
        let precondition =
            WriteCondition { if_match: input.if_match, if_none_match: input.if_none_match };
        let event = "ObjectCreated:Put";
        self.commit_object(new, Some(written.blob), precondition, event, |_| Ok(())).await?;
        let sums = written.checksums;
        Ok(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..PutObjectOutput::default()
        })
    }

    pub(super) async fn get(&self, input: GetObjectInput) -> S3Result<GetObjectOutput> {
        let (wanted, condition) = (input.range, read_condition!(input));
        let choose = move |object: &Object| {
            condition.check(object)?;
            byte_range(wanted, object.size)
        };
        let opened = self.0.open_object(&input.bucket, &input.key, choose).await?;
        let Opened { object, range, pieces, held } = opened;
        let damaged = |error| internal_error(Damaged { key: object.key.clone(), error });
        // A short answer would look like a broken connection.
        pieces.iter().try_for_each(|piece| self.0.blobs.check(piece)).map_err(damaged)?;
        let body = self.0.blobs.read(pieces, held);
        let content_range = wanted.map(|_| content_range(&range, object.size));
        let content_length = Some(to_i64(range.end - range.start));
        let metadata = metadata!(GetObjectOutput, object, content_length, content_range);
        Ok(GetObjectOutput { body: Some(StreamingBlob::wrap(body)), ..metadata })
    }

    pub(super) async fn head(&self, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let object = self.0.object(&input.bucket, &input.key).await?;
        let wanted = input.range;
        read_condition!(input).check(&object)?;
        let range = byte_range(wanted, object.size)?;
        let content_range = wanted.map(|_| content_range(&range, object.size));
        let content_length = Some(to_i64(range.end - range.start));
        Ok(metadata!(HeadObjectOutput, object, content_length, content_range))
    }

    /// Copies bytes and headers through a GET and a PUT. What it does not support, it refuses.
    pub(super) async fn copy(&self, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "the copy source must be a bucket and a key"));
        };
        let replaces = input
            .metadata_directive
            .as_ref()
            .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        if **bucket == *input.bucket && **key == *input.key && !replaces {
            return Err(s3_error!(InvalidRequest, "a copy of an object to itself changes nothing"));
        }
        let get = GetObjectInput::builder()
            .bucket(bucket.to_string())
            .key(key.to_string())
            .if_match(input.copy_source_if_match)
            .if_none_match(input.copy_source_if_none_match)
            .if_modified_since(input.copy_source_if_modified_since)
            .if_unmodified_since(input.copy_source_if_unmodified_since)
            .build()
            .map_err(|error| s3_error!(error, InvalidRequest))?;
        let source = self.get(get).await.map_err(|error| {
            // A copy whose condition fails is never "not modified".
            let is_unmodified = *error.code() == S3ErrorCode::NotModified;
            if is_unmodified { S3ErrorCode::PreconditionFailed.into() } else { error }
        })?;
        let mut put = PutObjectInput {
            bucket: input.bucket,
            key: input.key,
            body: source.body,
            content_length: source.content_length,
            ..PutObjectInput::default()
        };
        match input.metadata_directive.as_ref().map_or(MetadataDirective::COPY, |d| d.as_str()) {
            MetadataDirective::COPY => {
                put.content_type = source.content_type;
                put.cache_control = source.cache_control;
                put.content_encoding = source.content_encoding;
                put.content_disposition = source.content_disposition;
                put.content_language = source.content_language;
                put.expires = source.expires;
                put.metadata = source.metadata;
            }
            MetadataDirective::REPLACE => {
                put.content_type = input.content_type;
                put.cache_control = input.cache_control;
                put.content_encoding = input.content_encoding;
                put.content_disposition = input.content_disposition;
                put.content_language = input.content_language;
                put.expires = input.expires;
                put.metadata = input.metadata;
            }
            other => {
                return Err(s3_error!(InvalidArgument, "there is no metadata directive {other}"));
            }
        }
        let put = self.put(put, None).await?;
        let result = CopyObjectResult {
            e_tag: put.e_tag,
            last_modified: Some(to_s3_timestamp(Timestamp::now())),
            ..CopyObjectResult::default()
        };
        Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }

    pub(super) async fn delete(&self, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
        let condition = WriteCondition { if_match: input.if_match, if_none_match: None };
        self.remove(&input.bucket, vec![(input.key, condition)]).await?;
        Ok(DeleteObjectOutput::default())
    }

    pub(super) async fn delete_many(
        &self,
        input: DeleteObjectsInput,
    ) -> S3Result<DeleteObjectsOutput> {
        if input.delete.objects.len() > MAX_DELETES {
            return Err(s3_error!(MalformedXML, "a request deletes at most {MAX_DELETES} objects"));
        }
        let is_refused = |object: &ObjectIdentifier| {
            let other_version = object.version_id.as_ref().is_some_and(|version| version != "null");
            let is_conditional = object.e_tag.is_some() || object.size.is_some();
            other_version || is_conditional || object.last_modified_time.is_some()
        };
        if input.delete.objects.iter().any(is_refused) {
            let message = "versions and conditions of single keys are not implemented";
            return Err(s3_error!(NotImplemented, "{message}"));
        }
        let is_quiet = input.delete.quiet.unwrap_or_default();
        let keys: Vec<String> = input.delete.objects.into_iter().map(|object| object.key).collect();
        let unconditionally = |key| (key, WriteCondition::default());
        self.remove(&input.bucket, keys.iter().cloned().map(unconditionally).collect()).await?;
        let deleted = keys
            .into_iter()
            .filter(|_| !is_quiet)
            .map(|key| DeletedObject { key: Some(key), ..DeletedObject::default() })
            .collect();
        Ok(DeleteObjectsOutput { deleted: Some(deleted), ..DeleteObjectsOutput::default() })
    }

    /// Deletes objects if all conditions hold.
    async fn remove(&self, bucket: &str, keys: Vec<(String, WriteCondition)>) -> S3Result<()> {
        self.0.check_bucket(bucket)?;
        let bucket = bucket.to_owned();
        let deleted = self.0.transaction(move |db| {
            keys.iter().try_for_each(|(key, condition)| {
                condition
                    .check(catalog::find(db, &bucket, key).map_err(internal_error)?.as_ref())?;
                catalog::delete(db, &bucket, key).map_err(internal_error)
            })
        });
        deleted.await
    }
}

/// Value of `Content-Range`.
fn content_range(range: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end - 1)
}

/// The bytes that a request asks for. Fails with `InvalidRange`, which tells the size, if there are none.
fn byte_range(range: Option<s3s::dto::Range>, size: u64) -> S3Result<Range<u64>> {
    let Some(range) = range else { return Ok(0..size) };
    match range.check(size) {
        // A suffix of an empty object.
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        Ok(_) | Err(_) => {
            let mut error: S3Error = S3ErrorCode::InvalidRange.into();
            let mut headers = HeaderMap::new();
            headers.extend(
                HeaderValue::from_str(&format!("bytes */{size}"))
                    .map(|value| (CONTENT_RANGE, value)),
            );
            error.set_headers(headers);
            Err(error)
        }
    }
}
