//! Uploads in parts. Completing one copies no bytes: the object is made of its parts' files.

use jiff::Timestamp;
use md5::{Digest, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListPartsInput, ListPartsOutput, MultipartUpload, Part, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Result, TrailingHeaders, s3_error};

use super::Store;
use super::backend::{internal, modified};
use super::catalog::{self, Headers, NewObject, PartRow, UploadRow};
use super::conditions::Conditions;
use super::digest::content;

/// The smallest part that S3 takes, but for the last one.
const MIN_PART_BYTES: u64 = 5 << 20;
/// The numbers that S3 takes.
const PART_NUMBERS: std::ops::RangeInclusive<i32> = 1..=10_000;

impl Store {
    pub(super) async fn begin_multipart(
        &self,
        input: CreateMultipartUploadInput,
    ) -> S3Result<CreateMultipartUploadOutput> {
        self.0.check_bucket(&input.bucket)?;
        let id = hex::encode(rand::random::<[u8; 16]>());
        let headers = Headers {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_encoding: input.content_encoding,
            content_disposition: input.content_disposition,
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
        };
        let (upload_id, bucket, key) = (id.clone(), input.bucket.clone(), input.key.clone());
        self.0
            .transaction(move |db| {
                catalog::begin_upload(db, &upload_id, &bucket, &key, &headers).map_err(internal)
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
            return Err(s3_error!(InvalidArgument, "part numbers are 1 to 10000"));
        }
        self.upload(&input.upload_id, &input.bucket, &input.key).await?;
        let content = content!(input, trailers);
        let written = self.receive(content).await?;
        let etag = hex::encode(written.md5);
        let part = PartRow {
            number: input.part_number,
            blob: written.name.clone(),
            size: written.size,
            md5: etag.clone(),
            modified: Timestamp::now(),
        };
        let (id, bucket, key) = (input.upload_id, input.bucket, input.key);
        let noted = self.0.transaction(move |db| {
            // The upload may have ended while the part came in.
            open_upload(catalog::upload(db, &id, &bucket, &key).map_err(internal)?.as_ref())?;
            catalog::put_part(db, &id, &part).map_err(internal)
        });
        match noted.await {
            Ok(replaced) => self.0.blobs.remove(replaced).await,
            Err(error) => {
                self.0.blobs.remove([written.name]).await;
                return Err(error);
            }
        }
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
        let done = |etag: String| CompleteMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            e_tag: Some(ETag::Strong(etag)),
            ..CompleteMultipartUploadOutput::default()
        };
        if let Some(etag) = upload.completed_etag {
            return Ok(done(etag));
        }
        let wanted = input.multipart_upload.clone().and_then(|u| u.parts).unwrap_or_default();
        let id = input.upload_id.clone();
        let there = self.0.db.call(move |db| catalog::parts(db, &id)).await.map_err(internal)?;
        let chosen = choose(&wanted, &there)?;
        let etag = etag_of(&chosen)?;
        let left_out: Vec<String> = there
            .iter()
            .filter(|part| !chosen.iter().any(|chosen| chosen.number == part.number))
            .map(|part| part.blob.clone())
            .collect();
        let new = NewObject {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            etag: etag.clone(),
            headers: upload.headers,
            blobs: chosen.iter().map(|part| (part.blob.clone(), part.size)).collect(),
        };
        let conditions =
            Conditions { matches: input.if_match.clone(), differs: input.if_none_match.clone() };
        let (id, bucket, key) = (input.upload_id.clone(), input.bucket.clone(), input.key.clone());
        let became = etag.clone();
        let blobs: Vec<String> = there.iter().map(|part| part.blob.clone()).collect();
        let end_upload = move |db: &rusqlite::Transaction<'_>| {
            open_upload(catalog::upload(db, &id, &bucket, &key).map_err(internal)?.as_ref())?;
            let now: Vec<String> =
                catalog::parts(db, &id).map_err(internal)?.into_iter().map(|p| p.blob).collect();
            if now != blobs {
                return Err(s3_error!(InvalidPart, "a part was replaced in the meantime"));
            }
            catalog::complete_upload(db, &id, &became).map_err(internal)
        };
        let event = "ObjectCreated:CompleteMultipartUpload";
        self.publish(new, conditions, event, end_upload).await?;
        self.0.blobs.remove(left_out).await;
        Ok(done(etag))
    }

    pub(super) async fn abort_multipart(
        &self,
        input: AbortMultipartUploadInput,
    ) -> S3Result<AbortMultipartUploadOutput> {
        self.upload(&input.upload_id, &input.bucket, &input.key).await?;
        let id = input.upload_id;
        let orphans =
            self.0.transaction(move |db| catalog::forget_upload(db, &id).map_err(internal)).await?;
        self.0.blobs.remove(orphans).await;
        Ok(AbortMultipartUploadOutput::default())
    }

    pub(super) async fn list_parts_of(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        self.upload(&input.upload_id, &input.bucket, &input.key).await?;
        let id = input.upload_id.clone();
        let parts = self.0.db.call(move |db| catalog::parts(db, &id)).await.map_err(internal)?;
        let parts = parts
            .into_iter()
            .map(|part| Part {
                part_number: Some(part.number),
                size: i64::try_from(part.size).ok(),
                e_tag: Some(ETag::Strong(part.md5)),
                last_modified: Some(modified(part.modified)),
                ..Part::default()
            })
            .collect();
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            parts: Some(parts),
            is_truncated: Some(false),
            ..ListPartsOutput::default()
        })
    }

    pub(super) async fn list_uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> S3Result<ListMultipartUploadsOutput> {
        self.0.check_bucket(&input.bucket)?;
        let bucket = input.bucket.clone();
        let open = self.0.db.call(move |db| catalog::open_uploads(db, &bucket)).await;
        let prefix = input.prefix.unwrap_or_default();
        let uploads = open
            .map_err(internal)?
            .into_iter()
            .filter(|(_, key, _)| key.starts_with(&prefix))
            .map(|(id, key, began)| MultipartUpload {
                upload_id: Some(id),
                key: Some(key),
                initiated: Some(modified(began)),
                ..MultipartUpload::default()
            })
            .collect();
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            uploads: Some(uploads),
            is_truncated: Some(false),
            ..ListMultipartUploadsOutput::default()
        })
    }

    async fn upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<UploadRow> {
        self.0.check_bucket(bucket)?;
        let (id, bucket, key) = (id.to_owned(), bucket.to_owned(), key.to_owned());
        let found = self.0.db.call(move |db| catalog::upload(db, &id, &bucket, &key)).await;
        found.map_err(internal)?.ok_or_else(|| s3_error!(NoSuchUpload, "there is no such upload"))
    }
}

/// An upload that still takes parts.
fn open_upload(upload: Option<&UploadRow>) -> S3Result<()> {
    match upload {
        Some(UploadRow { completed_etag: None, .. }) => Ok(()),
        Some(_) | None => Err(s3_error!(NoSuchUpload, "the upload has ended")),
    }
}

/// The parts that the request names, checked against those that are there.
fn choose<'a>(wanted: &[CompletedPart], there: &'a [PartRow]) -> S3Result<Vec<&'a PartRow>> {
    if wanted.is_empty() {
        return Err(s3_error!(MalformedXML, "the request names no part"));
    }
    let mut chosen: Vec<&PartRow> = Vec::with_capacity(wanted.len());
    for part in wanted {
        let number = part.part_number.unwrap_or_default();
        if chosen.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(InvalidPartOrder, "part {number} is out of order"));
        }
        let is_it = |row: &&PartRow| {
            row.number == number && part.e_tag.as_ref().is_some_and(|tag| tag.value() == row.md5)
        };
        let row = there
            .iter()
            .find(is_it)
            .ok_or_else(|| s3_error!(InvalidPart, "part {number} is not there like this"))?;
        chosen.push(row);
    }
    let small = chosen[..chosen.len() - 1].iter().find(|part| part.size < MIN_PART_BYTES);
    if let Some(part) = small {
        return Err(s3_error!(EntityTooSmall, "part {} has {} bytes", part.number, part.size));
    }
    Ok(chosen)
}

/// Entity tag of an object made of parts: MD5 of their MD5s, and how many there are.
fn etag_of(parts: &[&PartRow]) -> S3Result<String> {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(hex::decode(&part.md5).map_err(internal)?);
    }
    Ok(format!("{}-{}", hex::encode(md5.finalize()), parts.len()))
}
