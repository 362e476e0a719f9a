//! Listings of multipart uploads and of their parts, page by page.

use s3s::S3Result;
use s3s::dto::{
    ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, Part,
};

use super::catalog;
use super::convert::{to_i64, to_s3_timestamp};
use super::error::internal_error;
use super::listing::Names;
use super::multipart::check_open;
use super::store::Store;

/// Maximum of parts or uploads on one page, the same as in S3.
const MAX_ITEMS: usize = 1000;

impl Store {
    pub(super) async fn list_parts_of_upload(
        &self,
        input: ListPartsInput,
    ) -> S3Result<ListPartsOutput> {
        let upload = self.upload(&input.upload_id, &input.bucket, &input.key).await?;
        check_open(Some(&upload))?;
        let id = input.upload_id.clone();
        let mut parts =
            self.0.db.call(move |db| catalog::parts(db, &id)).await.map_err(internal_error)?;
        let after = input.part_number_marker.unwrap_or_default();
        parts.retain(|part| part.number > after);
        let limit = limit(input.max_parts);
        let is_truncated = parts.len() > limit;
        parts.truncate(limit);
        let last = parts.last().map(|part| part.number);
        let parts = parts
            .into_iter()
            .map(|part| Part {
                part_number: Some(part.number),
                size: Some(to_i64(part.size)),
                e_tag: Some(ETag::Strong(part.md5)),
                last_modified: Some(to_s3_timestamp(part.modified)),
                ..Part::default()
            })
            .collect();
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            parts: Some(parts),
            part_number_marker: Some(after),
            next_part_number_marker: last,
            max_parts: i32::try_from(limit).ok(),
            is_truncated: Some(is_truncated),
            ..ListPartsOutput::default()
        })
    }

    pub(super) async fn list_uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> S3Result<ListMultipartUploadsOutput> {
        self.0.check_bucket(&input.bucket)?;
        let names = Names::new(input.encoding_type.as_ref())?;
        let bucket = input.bucket.clone();
        let open = self.0.db.call(move |db| catalog::open_uploads(db, &bucket)).await;
        let mut open = open.map_err(internal_error)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        open.retain(|(_, key, _)| key.starts_with(&prefix));
        if let Some(marker) = &input.key_marker {
            // Uploads of one key are in the order of their beginning.
            let of_marker = |(id, key, _): &(String, String, _)| {
                key == marker && input.upload_id_marker.as_ref() == Some(id)
            };
            let from = open.iter().position(of_marker).map(|at| at + 1);
            let from = from.unwrap_or_else(|| open.partition_point(|(_, key, _)| key <= marker));
            open.drain(..from);
        }
        let limit = limit(input.max_uploads);
        let is_truncated = open.len() > limit;
        open.truncate(limit);
        let last = open.last().filter(|_| is_truncated).cloned();
        let uploads = open.into_iter().map(|(id, key, began)| MultipartUpload {
            upload_id: Some(id),
            key: Some(names.shown(key)),
            initiated: Some(to_s3_timestamp(began)),
            ..MultipartUpload::default()
        });
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            uploads: Some(uploads.collect()),
            prefix: names.echoed(input.prefix),
            key_marker: names.echoed(input.key_marker),
            upload_id_marker: input.upload_id_marker,
            next_key_marker: last.as_ref().map(|(_, key, _)| names.shown(key.clone())),
            next_upload_id_marker: last.map(|(id, _, _)| id),
            max_uploads: i32::try_from(limit).ok(),
            is_truncated: Some(is_truncated),
            encoding_type: input.encoding_type,
            ..ListMultipartUploadsOutput::default()
        })
    }
}

fn limit(wanted: Option<i32>) -> usize {
    wanted.and_then(|wanted| usize::try_from(wanted).ok()).map_or(MAX_ITEMS, |n| n.min(MAX_ITEMS))
}
