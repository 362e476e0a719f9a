//! Listings of a bucket, page by page.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rusqlite::Connection;
use s3s::dto::{
    Bucket, CommonPrefix, ETag, EncodingType, ListBucketsInput, ListBucketsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Owner,
};
use s3s::{S3Result, s3_error};

use super::catalog::{self, Object};
use super::convert::{to_i64, to_s3_timestamp};
use super::error::internal_error;
use super::names;
use super::store::Store;

/// Maximum of keys and common prefixes on one page, the same as in S3.
const MAX_KEYS: i32 = 1000;

impl Store {
    pub(super) async fn list(&self, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
        let max_keys = most_keys(input.max_keys);
        let after = match &input.continuation_token {
            Some(token) => decode_token(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let names = Names::new(input.encoding_type.as_ref())?;
        let page = self
            .page(
                &input.bucket,
                input.prefix.as_deref(),
                input.delimiter.as_deref(),
                after,
                max_keys,
            )
            .await?;
        let (mut contents, common_prefixes) = names.listed(page.objects, page.prefixes);
        if input.fetch_owner.unwrap_or_default() {
            let id = Some("ladderd".to_owned());
            for object in &mut contents {
                object.owner = Some(Owner { id: id.clone(), ..Owner::default() });
            }
        }
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: names.echoed(input.prefix),
            delimiter: names.echoed(input.delimiter.filter(|text| !text.is_empty())),
            start_after: names.echoed(input.start_after),
            continuation_token: input.continuation_token,
            max_keys: Some(max_keys),
            key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.map(|key| URL_SAFE_NO_PAD.encode(key)),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }

    /// The two buckets.
    pub(super) fn list_buckets_page(
        &self,
        input: &ListBucketsInput,
    ) -> S3Result<ListBucketsOutput> {
        let after = input.continuation_token.as_deref().map(decode_token).transpose()?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let mut names = vec![self.0.buckets.private.clone(), self.0.buckets.public.clone()];
        names.retain(|name| name.starts_with(&prefix) && Some(name) > after.as_ref());
        names.sort();
        let limit =
            input.max_buckets.and_then(|max| usize::try_from(max).ok()).unwrap_or(names.len());
        let is_truncated = names.len() > limit;
        names.truncate(limit);
        let last = names.last().filter(|_| is_truncated).map(|name| URL_SAFE_NO_PAD.encode(name));
        // The buckets have no date of creation, but clients require one.
        let creation_date = Some(to_s3_timestamp(Timestamp::UNIX_EPOCH));
        let bucket = |name| Bucket {
            name: Some(name),
            creation_date: creation_date.clone(),
            ..Bucket::default()
        };
        Ok(ListBucketsOutput {
            buckets: Some(names.into_iter().map(bucket).collect()),
            continuation_token: last,
            prefix: input.prefix.clone(),
            ..ListBucketsOutput::default()
        })
    }

    /// The first version of the operation, which old clients use.
    pub(super) async fn list_v1(&self, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
        let max_keys = most_keys(input.max_keys);
        let after = input.marker.clone().unwrap_or_default();
        let names = Names::new(input.encoding_type.as_ref())?;
        let page = self
            .page(
                &input.bucket,
                input.prefix.as_deref(),
                input.delimiter.as_deref(),
                after,
                max_keys,
            )
            .await?;
        let next = page.next;
        let (contents, common_prefixes) = names.listed(page.objects, page.prefixes);
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: names.echoed(input.prefix),
            delimiter: names.echoed(input.delimiter.filter(|text| !text.is_empty())),
            marker: names.echoed(Some(input.marker.unwrap_or_default())),
            max_keys: Some(max_keys),
            is_truncated: Some(next.is_some()),
            next_marker: names.echoed(next),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        })
    }

    async fn page(
        &self,
        bucket: &str,
        prefix: Option<&str>,
        delimiter: Option<&str>,
        after: String,
        max_keys: i32,
    ) -> S3Result<Page> {
        self.0.check_bucket(bucket)?;
        let [bucket, prefix, delimiter] =
            [Some(bucket), prefix, delimiter].map(|text| text.unwrap_or_default().to_owned());
        let limit = usize::try_from(max_keys).unwrap_or_default();
        let page = self
            .0
            .db
            .call(move |db| list_page(db, &bucket, &prefix, &delimiter, after, limit))
            .await;
        page.map_err(internal_error)
    }
}

/// Keys and common prefixes on a page, at most as many as in S3.
fn most_keys(wanted: Option<i32>) -> i32 {
    wanted.unwrap_or(MAX_KEYS).clamp(0, MAX_KEYS)
}

/// How a listing shows keys.
pub(super) struct Names {
    is_url_encoded: bool,
}

impl Names {
    pub(super) fn new(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self { is_url_encoded: false }),
            Some(EncodingType::URL) => Ok(Self { is_url_encoded: true }),
            Some(other) => Err(s3_error!(InvalidArgument, "there is no encoding type {other}")),
        }
    }

    pub(super) fn shown(&self, key: String) -> String {
        if self.is_url_encoded { names::url_encoded(&key) } else { key }
    }

    /// A value of the request in the answer; left out if the listing cannot show it.
    pub(super) fn echoed(&self, value: Option<String>) -> Option<String> {
        value.filter(|value| self.is_url_encoded || names::fits_xml(value)).map(|v| self.shown(v))
    }

    /// Whether the listing can show the key. Older versions stored some that XML cannot carry, and one of
    /// them would break the whole listing.
    fn can_show(&self, key: &str) -> bool {
        let can_show = self.is_url_encoded || names::fits_xml(key);
        if !can_show {
            tracing::warn!(key, "a key was left out of a listing: XML cannot carry it");
        }
        can_show
    }

    fn listed(
        &self,
        objects: Vec<Object>,
        prefixes: Vec<String>,
    ) -> (Vec<s3s::dto::Object>, Vec<CommonPrefix>) {
        let objects = objects.into_iter().filter(|object| self.can_show(&object.key));
        let objects = objects.map(|object| s3s::dto::Object {
            key: Some(self.shown(object.key)),
            size: Some(to_i64(object.size)),
            e_tag: Some(ETag::Strong(object.etag)),
            last_modified: Some(to_s3_timestamp(object.modified)),
            ..s3s::dto::Object::default()
        });
        let prefixes = prefixes.into_iter().filter(|prefix| self.can_show(prefix));
        let prefixes = prefixes.map(|prefix| CommonPrefix { prefix: Some(self.shown(prefix)) });
        (objects.collect(), prefixes.collect())
    }
}

/// One page of a listing.
struct Page {
    objects: Vec<Object>,
    prefixes: Vec<String>,
    /// Key or common prefix after which the next page begins; `None` on the last page.
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
    // The last page ended with a common prefix.
    let ends_with = |rest: &str| rest.find(delimiter) == Some(rest.len() - delimiter.len());
    let rest = after.strip_prefix(prefix).filter(|rest| rest.ends_with(delimiter));
    if !delimiter.is_empty() && rest.is_some_and(ends_with) {
        after.push(char::MAX);
    }
    let mut last = String::new();
    while let Some(object) = catalog::next(db, bucket, &after, prefix)? {
        let Some(rest) = object.key.strip_prefix(prefix) else { break };
        if page.objects.len() + page.prefixes.len() == limit {
            page.next = Some(last).filter(|_| limit > 0);
            break;
        }
        if let Some(at) = rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
            let common = object.key[..prefix.len() + at + delimiter.len()].to_owned();
            // The next key to look at lies behind all keys with this common prefix.
            after = format!("{common}{}", char::MAX);
            last.clone_from(&common);
            page.prefixes.push(common);
        } else {
            after.clone_from(&object.key);
            last.clone_from(&object.key);
            page.objects.push(object);
        }
    }
    Ok(page)
}

fn decode_token(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not valid"))
}
