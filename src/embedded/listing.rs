//! `ListObjectsV2`, page by page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Connection;
use s3s::dto::{CommonPrefix, ETag, ListObjectsV2Input, ListObjectsV2Output};
use s3s::{S3Result, s3_error};

use super::catalog::{self, Object};
use super::convert::{to_i64, to_s3_timestamp};
use super::error::internal_error;
use super::store::Store;

/// Maximum of keys and common prefixes on one page, the same as in S3.
const MAX_KEYS: i32 = 1000;

impl Store {
    pub(super) async fn list(&self, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
        self.0.check_bucket(&input.bucket)?;
        let max_keys = input.max_keys.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS);
        let after = match &input.continuation_token {
            Some(token) => decode_token(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let (bucket, prefix) = (input.bucket.clone(), input.prefix.clone().unwrap_or_default());
        let delimiter = input.delimiter.clone().unwrap_or_default();
        let limit = usize::try_from(max_keys).unwrap_or_default();
        let page = self
            .0
            .db
            .call(move |db| list_page(db, &bucket, &prefix, &delimiter, after, limit))
            .await
            .map_err(internal_error)?;
        let count = page.objects.len() + page.prefixes.len();
        let prefixes =
            page.prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) }).collect();
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            max_keys: Some(max_keys),
            key_count: i32::try_from(count).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(|key| URL_SAFE_NO_PAD.encode(key)),
            contents: Some(page.objects.into_iter().map(listed).collect()),
            common_prefixes: Some(prefixes),
            ..ListObjectsV2Output::default()
        })
    }
}

/// One page of a listing.
struct Page {
    objects: Vec<Object>,
    prefixes: Vec<String>,
    /// Key after which the next page begins; `None` on the last page.
    next: Option<String>,
}

/// Collects up to `limit` keys and common prefixes that come after the key `after`.
fn list_page(
    db: &Connection,
    bucket: &str,
    prefix: &str,
    delimiter: &str,
    mut after: String,
    limit: usize,
) -> rusqlite::Result<Page> {
    let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
    while let Some(object) = catalog::next(db, bucket, &after, prefix)? {
        let Some(rest) = object.key.strip_prefix(prefix) else { break };
        if page.objects.len() + page.prefixes.len() == limit {
            page.next = Some(after).filter(|_| limit > 0);
            break;
        }
        if let Some(at) = rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
            let common = object.key[..prefix.len() + at + delimiter.len()].to_owned();
            // The next key to look at lies behind all keys with this common prefix.
            after = format!("{common}{}", char::MAX);
            page.prefixes.push(common);
        } else {
            after.clone_from(&object.key);
            page.objects.push(object);
        }
    }
    Ok(page)
}

fn listed(object: Object) -> s3s::dto::Object {
    s3s::dto::Object {
        key: Some(object.key),
        size: Some(to_i64(object.size)),
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(to_s3_timestamp(object.modified)),
        ..s3s::dto::Object::default()
    }
}

fn decode_token(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not valid"))
}
