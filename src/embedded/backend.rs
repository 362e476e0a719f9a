//! The S3 operations on whole objects.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETag,
    GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, PutObjectInput,
    PutObjectOutput, StreamingBlob,
};
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use super::blobs::Piece;
use super::catalog::{self, Headers, NewObject, Object};
use super::conditions::{Conditions, Reads};
use super::digest::content;
use super::event::ObjectCreated;
use super::{Inner, Store};

/// The conditions of a GET or HEAD: both inputs have the same fields.
macro_rules! reads {
    ($input:ident) => {
        Reads {
            same: $input.if_match,
            none_match: $input.if_none_match,
            modified_since: $input.if_modified_since,
            unmodified_since: $input.if_unmodified_since,
        }
    };
}

/// What a GET and a HEAD both answer of an object.
macro_rules! described {
    ($output:ident, $object:ident, $content_length:ident) => {
        $output {
            $content_length,
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(ETag::Strong($object.etag)),
            last_modified: Some(modified($object.modified)),
            content_type: $object.headers.content_type.and_then(|text| text.parse().ok()),
            cache_control: $object.headers.cache_control,
            content_encoding: $object.headers.content_encoding,
            content_disposition: $object.headers.content_disposition,
            metadata: Some($object.headers.metadata.into_iter().collect()),
            ..$output::default()
        }
    };
}

impl Inner {
    /// Whether there is such a bucket.
    pub(super) fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if bucket == self.buckets.private || bucket == self.buckets.public {
            return Ok(());
        }
        Err(s3_error!(NoSuchBucket, "there is no bucket {bucket}"))
    }

    /// Runs `work` in a transaction that is taken for writing at once.
    pub(super) async fn transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let run = move |connection: &mut Connection| -> Result<S3Result<T>, rusqlite::Error> {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction);
            if result.is_ok() {
                transaction.commit()?;
            }
            Ok(result)
        };
        self.db.call(run).await.map_err(internal)?
    }

    pub(super) async fn object(&self, bucket: &str, key: &str) -> S3Result<Object> {
        self.check_bucket(bucket)?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let found = self.db.call(move |db| catalog::find(db, &bucket, &key)).await;
        found.map_err(internal)?.ok_or_else(|| s3_error!(NoSuchKey, "there is no such object"))
    }
}

impl Store {
    /// Puts an object into the place of its key, if the conditions allow, with its event.
    /// `before` runs first in the same transaction.
    pub(super) async fn publish(
        &self,
        new: NewObject,
        conditions: Conditions,
        event_name: &'static str,
        before: impl FnOnce(&Transaction<'_>) -> S3Result<()> + Send + 'static,
    ) -> S3Result<()> {
        let inner = std::sync::Arc::clone(&self.0);
        let makes_event = new.bucket == inner.buckets.private
            && !crate::domain::record::is_internal_key(&new.key);
        let hook = std::sync::Arc::clone(&inner);
        let orphans = inner
            .transaction(move |db| {
                before(db)?;
                let current = catalog::find(db, &new.bucket, &new.key).map_err(internal)?;
                conditions.check(current.as_ref())?;
                let now = Timestamp::now();
                let (id, orphans) = catalog::replace(db, &new, now).map_err(internal)?;
                if makes_event {
                    let event = ObjectCreated {
                        size_bytes: new.blobs.iter().map(|(_, size)| size).sum(),
                        bucket: new.bucket,
                        key: new.key,
                        etag: new.etag,
                        sequencer: format!("{id:016X}"),
                        event_name,
                        time: now,
                    };
                    (hook.on_created.in_transaction)(db, &event).map_err(internal)?;
                }
                Ok(orphans)
            })
            .await?;
        if makes_event {
            (self.0.on_created.after_commit)();
        }
        self.0.blobs.remove(orphans).await;
        Ok(())
    }

    pub(super) async fn put(
        &self,
        input: PutObjectInput,
        trailers: Option<TrailingHeaders>,
    ) -> S3Result<PutObjectOutput> {
        self.0.check_bucket(&input.bucket)?;
        let content = content!(input, trailers);
        let written = self.receive(content).await?;
        let etag = hex::encode(written.md5);
        let new = NewObject {
            bucket: input.bucket,
            key: input.key,
            etag: etag.clone(),
            headers: Headers {
                content_type: input.content_type,
                cache_control: input.cache_control,
                content_encoding: input.content_encoding,
                content_disposition: input.content_disposition,
                metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            },
            blobs: vec![(written.name.clone(), written.size)],
        };
        let conditions = Conditions { matches: input.if_match, differs: input.if_none_match };
        if let Err(error) = self.publish(new, conditions, "ObjectCreated:Put", |_| Ok(())).await {
            self.0.blobs.remove([written.name]).await;
            return Err(error);
        }
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
        let object = self.0.object(&input.bucket, &input.key).await?;
        reads!(input).check(&object)?;
        let range = match input.range {
            Some(range) => range.check(object.size).map_err(S3Error::from)?,
            None => 0..object.size,
        };
        let id = object.id;
        let blobs = self.0.db.call(move |db| catalog::blobs(db, id)).await.map_err(internal)?;
        let body = self.0.blobs.read(cut(&blobs, &range));
        let content_range =
            input.range.map(|_| format!("bytes {}-{}/{}", range.start, range.end - 1, object.size));
        let content_length = Some(signed(range.end - range.start));
        let described = described!(GetObjectOutput, object, content_length);
        Ok(GetObjectOutput { body: Some(StreamingBlob::wrap(body)), content_range, ..described })
    }

    pub(super) async fn head(&self, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let object = self.0.object(&input.bucket, &input.key).await?;
        reads!(input).check(&object)?;
        let content_length = Some(signed(object.size));
        Ok(described!(HeadObjectOutput, object, content_length))
    }

    pub(super) async fn copy(&self, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented, "only a bucket and a key can be copied from"));
        };
        let source = self.0.object(bucket, key).await?;
        let get = GetObjectInput::builder().bucket(bucket.to_string()).key(key.to_string()).build();
        let get = get.map_err(|error| s3_error!(error, InvalidRequest))?;
        let body = self.get(get).await?.body;
        let put = PutObjectInput {
            bucket: input.bucket,
            key: input.key,
            body,
            content_type: source.headers.content_type.and_then(|text| text.parse().ok()),
            cache_control: source.headers.cache_control,
            content_encoding: source.headers.content_encoding,
            content_disposition: source.headers.content_disposition,
            metadata: Some(source.headers.metadata.into_iter().collect()),
            ..PutObjectInput::default()
        };
        let put = self.put(put, None).await?;
        let result = CopyObjectResult {
            e_tag: put.e_tag,
            last_modified: Some(modified(Timestamp::now())),
            ..CopyObjectResult::default()
        };
        Ok(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() })
    }

    pub(super) async fn delete(&self, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
        self.remove(&input.bucket, vec![input.key]).await?;
        Ok(DeleteObjectOutput::default())
    }

    pub(super) async fn delete_many(
        &self,
        input: DeleteObjectsInput,
    ) -> S3Result<DeleteObjectsOutput> {
        let keys: Vec<String> = input.delete.objects.into_iter().map(|object| object.key).collect();
        self.remove(&input.bucket, keys.clone()).await?;
        let deleted = keys
            .into_iter()
            .map(|key| DeletedObject { key: Some(key), ..DeletedObject::default() })
            .collect();
        Ok(DeleteObjectsOutput { deleted: Some(deleted), ..DeleteObjectsOutput::default() })
    }

    async fn remove(&self, bucket: &str, keys: Vec<String>) -> S3Result<()> {
        self.0.check_bucket(bucket)?;
        let bucket = bucket.to_owned();
        let orphans = self.0.transaction(move |db| {
            let mut orphans = Vec::new();
            for key in &keys {
                orphans.extend(catalog::delete(db, &bucket, key).map_err(internal)?);
            }
            Ok(orphans)
        });
        let orphans = orphans.await?;
        self.0.blobs.remove(orphans).await;
        Ok(())
    }
}

pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub(super) fn modified(time: Timestamp) -> s3s::dto::Timestamp {
    let since = u64::try_from(time.as_millisecond()).unwrap_or_default();
    (SystemTime::UNIX_EPOCH + Duration::from_millis(since)).into()
}

/// The pieces of these files that make up the range.
fn cut(blobs: &[(String, u64)], range: &std::ops::Range<u64>) -> Vec<Piece> {
    let mut start = 0;
    let mut pieces = Vec::new();
    for (name, size) in blobs {
        let end = start + size;
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            pieces.push(Piece { name: name.clone(), skip: from - start, len: to - from });
        }
        start = end;
    }
    pieces
}

/// A fault of ours.
pub(super) fn internal(error: impl std::error::Error + Send + Sync + 'static) -> S3Error {
    tracing::error!(%error, "the store failed");
    S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))
}
