//! Multipart uploads. Completing one copies no bytes: the object takes over the files of its parts.

use jiff::Timestamp;
use md5::{Digest, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Result, TrailingHeaders, s3_error};

use super::blobs::Destination;
use super::catalog::{self, NewObject, PartRow, UploadRow};
use super::conditions::WriteCondition;
use super::convert::to_i64;
use super::digest::content;
use super::error::internal_error;
use super::footer::{Footer, Holds};
use super::headers::headers;
use super::names;
use super::store::Store;

/// Minimum size of a part except the last, the same as in S3.
const MIN_PART_BYTES: u64 = 5 << 20;
/// Valid part numbers, the same as in S3.
const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

impl Store {
    pub(super) async fn begin_multipart(
        &self,
        input: CreateMultipartUploadInput,
    ) -> S3Result<CreateMultipartUploadOutput> {
        self.0.check_bucket(&input.bucket)?;
        names::check_key(&input.key)?;
        let id = hex::encode(rand::random::<[u8; 16]>());
        let headers = headers!(input);
        let (upload_id, bucket, key) = (id.clone(), input.bucket.clone(), input.key.clone());
        self.0
            .transaction(move |db| {
                catalog::begin_upload(db, &upload_id, &bucket, &key, &headers)
                    .map_err(internal_error)
            })
            .await?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    pub(super) async fn put_part(
        &self,
        input: UploadPartInput,
        trailers: Option<TrailingHeaders>,
    ) -> S3Result<UploadPartOutput> {
        if !PART_NUMBERS.contains(&input.part_number) {
            return Err(s3_error!(InvalidArgument, "part numbers range from 1 to 10000"));
        }
        self.upload(&input.upload_id, &input.bucket, &input.key).await?;
        let content = content!(input, trailers);
        let destination = Destination {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            holds: Holds::Part { upload: input.upload_id.clone(), number: input.part_number },
        };
        let written = self.receive(destination, content).await?;
        let etag = hex::encode(written.md5);
        let part = PartRow {
            number: input.part_number,
            blob: written.blob.name().to_owned(),
            size: written.size,
            md5: etag.clone(),
            modified: Timestamp::now(),
        };
        let (id, bucket, key) = (input.upload_id, input.bucket, input.key);
        let store_row = move |db: &rusqlite::Transaction<'_>| {
            // The upload may have been completed or aborted while the part came in.
            check_open(catalog::upload(db, &id, &bucket, &key).map_err(internal_error)?.as_ref())?;
            catalog::put_part(db, &id, &part).map_err(internal_error)
        };
        self.0.commit(Some(written.blob), store_row, || {}).await?;
        Ok(UploadPartOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: written.checksums.checksum_crc32,
            checksum_crc32c: written.checksums.checksum_crc32c,
            checksum_crc64nvme: written.checksums.checksum_crc64nvme,
            checksum_sha1: written.checksums.checksum_sha1,
            checksum_sha256: written.checksums.checksum_sha256,
            ..UploadPartOutput::default()
        })
    }

    pub(super) async fn complete_multipart(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let upload = self.upload(&input.upload_id, &input.bucket, &input.key).await?;
        let completed = |etag: String| CompleteMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            e_tag: Some(ETag::Strong(etag)),
            ..CompleteMultipartUploadOutput::default()
        };
        if let Some(etag) = upload.completed_etag {
            return Ok(completed(etag));
        }
        let requested = input.multipart_upload.clone().and_then(|u| u.parts).unwrap_or_default();
        let id = input.upload_id.clone();
        let stored =
            self.0.db.call(move |db| catalog::parts(db, &id)).await.map_err(internal_error)?;
        let chosen = choose(&requested, &stored)?;
        let size: u64 = chosen.iter().map(|part| part.size).sum();
        if input.mpu_object_size.is_some_and(|stated| stated != to_i64(size)) {
            return Err(s3_error!(InvalidRequest, "the parts have {size} bytes"));
        }
        let etag = etag_of(&chosen)?;
        let new = NewObject {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            etag: etag.clone(),
            headers: upload.headers,
            blobs: chosen.iter().map(|part| (part.blob.clone(), part.size)).collect(),
        };
        self.describe_first_part(&new, &chosen).await?;
        let precondition = WriteCondition {
            if_match: input.if_match.clone(),
            if_none_match: input.if_none_match.clone(),
        };
        let (id, bucket, key) = (input.upload_id.clone(), input.bucket.clone(), input.key.clone());
        let object_etag = etag.clone();
        let blobs: Vec<String> = stored.iter().map(|part| part.blob.clone()).collect();
        let end_upload = move |db: &rusqlite::Transaction<'_>| {
            check_open(catalog::upload(db, &id, &bucket, &key).map_err(internal_error)?.as_ref())?;
            let now: Vec<String> = catalog::parts(db, &id)
                .map_err(internal_error)?
                .into_iter()
                .map(|p| p.blob)
                .collect();
            if now != blobs {
                return Err(s3_error!(InvalidPart, "a part was replaced in the meantime"));
            }
            catalog::complete_upload(db, &id, &object_etag).map_err(internal_error)
        };
        let event = "ObjectCreated:CompleteMultipartUpload";
        self.commit_object(new, None, precondition, event, end_upload).await?;
        Ok(completed(etag))
    }

    /// Writes down in the first part's blob which blobs make up the object.
    async fn describe_first_part(&self, new: &NewObject, parts: &[&PartRow]) -> S3Result<()> {
        let Some(first) = parts.first() else { return Ok(()) };
        let footer = Footer {
            bucket: new.bucket.clone(),
            key: new.key.clone(),
            size: first.size,
            md5: first.md5.clone(),
            written_ms: Timestamp::now().as_millisecond(),
            holds: Holds::FirstPart {
                etag: new.etag.clone(),
                headers: new.headers.clone(),
                blobs: new.blobs.clone(),
            },
        };
        self.0.blobs.append(&first.blob, &footer).await.map_err(internal_error)
    }

    pub(super) async fn abort_multipart(
        &self,
        input: AbortMultipartUploadInput,
    ) -> S3Result<AbortMultipartUploadOutput> {
        self.upload(&input.upload_id, &input.bucket, &input.key).await?;
        let id = input.upload_id;
        let aborted = move |db: &rusqlite::Transaction<'_>| {
            catalog::delete_upload(db, &id).map_err(internal_error)
        };
        self.0.transaction(aborted).await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    /// Looks up an upload by id and key. Fails with `NoSuchUpload`.
    pub(super) async fn upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<UploadRow> {
        self.0.check_bucket(bucket)?;
        let (id, bucket, key) = (id.to_owned(), bucket.to_owned(), key.to_owned());
        let found = self.0.db.call(move |db| catalog::upload(db, &id, &bucket, &key)).await;
        found
            .map_err(internal_error)?
            .ok_or_else(|| s3_error!(NoSuchUpload, "the upload does not exist"))
    }
}

/// Fails with `NoSuchUpload` unless the upload still accepts parts.
pub(super) fn check_open(upload: Option<&UploadRow>) -> S3Result<()> {
    match upload {
        Some(UploadRow { completed_etag: None, .. }) => Ok(()),
        Some(_) | None => Err(s3_error!(NoSuchUpload, "the upload has ended")),
    }
}

/// Picks the parts that the request names from the stored ones. Fails if one is missing, out of
/// order or too small.
fn choose<'a>(requested: &[CompletedPart], stored: &'a [PartRow]) -> S3Result<Vec<&'a PartRow>> {
    if requested.is_empty() {
        return Err(s3_error!(MalformedXML, "the request lists no parts"));
    }
    let mut chosen: Vec<&PartRow> = Vec::with_capacity(requested.len());
    for part in requested {
        let number = part.part_number.unwrap_or_default();
        if chosen.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(InvalidPartOrder, "part {number} is out of order"));
        }
        let is_match = |row: &&PartRow| {
            row.number == number && part.e_tag.as_ref().is_some_and(|tag| tag.value() == row.md5)
        };
        let row = stored.iter().find(is_match).ok_or_else(|| {
            s3_error!(InvalidPart, "part {number} was not uploaded with this entity tag")
        })?;
        chosen.push(row);
    }
    let small = chosen[..chosen.len() - 1].iter().find(|part| part.size < MIN_PART_BYTES);
    if let Some(part) = small {
        return Err(s3_error!(EntityTooSmall, "part {} has {} bytes", part.number, part.size));
    }
    Ok(chosen)
}

/// Entity tag of a multipart object, as S3 computes it: MD5 of the MD5s of the parts, a dash and
/// the number of parts.
fn etag_of(parts: &[&PartRow]) -> S3Result<String> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(hex::decode(&part.md5).map_err(internal_error)?);
    }
    Ok(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}
