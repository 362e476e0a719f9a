//! Conditional requests (RFC 9110, section 13).

use hyper::header::{ETAG, HeaderMap, HeaderValue};
use jiff::Timestamp;
use s3s::dto::ETagCondition;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use super::catalog::Object;
use super::convert::to_s3_timestamp;

/// Precondition of a write, as S3 has it: `If-Match` on a missing object is `NoSuchKey`.
#[derive(Default)]
pub(super) struct WriteCondition {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl WriteCondition {
    /// Checks against the object that the key has now.
    pub(super) fn check(&self, current: Option<&Object>) -> S3Result<()> {
        if let Some(condition) = &self.if_match {
            let Some(current) = current else {
                return Err(s3_error!(NoSuchKey, "If-Match: the key has no object"));
            };
            if !matches(condition, &current.etag) {
                return Err(s3_error!(
                    PreconditionFailed,
                    "If-Match: the object has another entity tag"
                ));
            }
        }
        if let (Some(condition), Some(current)) = (&self.if_none_match, current)
            && matches(condition, &current.etag)
        {
            return Err(s3_error!(
                PreconditionFailed,
                "If-None-Match: the object has this entity tag"
            ));
        }
        Ok(())
    }
}

/// Conditions of a read, in the order of precedence of RFC 9110, section 13.2.2.
#[expect(clippy::struct_field_names, reason = "the fields are named after their headers")]
pub(super) struct ReadCondition {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<s3s::dto::Timestamp>,
    pub(super) if_unmodified_since: Option<s3s::dto::Timestamp>,
}

impl ReadCondition {
    /// Fails with `PreconditionFailed` or `NotModified`.
    pub(super) fn check(&self, object: &Object) -> S3Result<()> {
        // HTTP dates have whole seconds.
        let whole_secs = Timestamp::from_second(object.modified.as_second()).unwrap_or_default();
        let modified = to_s3_timestamp(whole_secs);
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(wanted), _) if !matches(wanted, &object.etag) => {
                return Err(s3_error!(
                    PreconditionFailed,
                    "If-Match: the object has another entity tag"
                ));
            }
            (None, Some(since)) if modified > *since => {
                return Err(s3_error!(
                    PreconditionFailed,
                    "If-Unmodified-Since: the object was modified later"
                ));
            }
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(known), _) if matches(known, &object.etag) => Err(not_modified(object)),
            (None, Some(since)) if modified <= *since => Err(not_modified(object)),
            _ => Ok(()),
        }
    }
}

/// 304 with the entity tag (RFC 9110, section 15.4.5).
fn not_modified(object: &Object) -> S3Error {
    let mut error: S3Error = S3ErrorCode::NotModified.into();
    let mut headers = HeaderMap::new();
    let etag = HeaderValue::from_str(&format!("\"{}\"", object.etag));
    headers.extend(etag.map(|value| (ETAG, value)));
    error.set_headers(headers);
    error
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}
