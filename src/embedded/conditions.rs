//! Conditional requests (RFC 9110, 13).

use jiff::Timestamp;
use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use super::backend::modified;
use super::catalog::Object;

/// What must hold of the object that is there, for a write.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) matches: Option<ETagCondition>,
    pub(super) differs: Option<ETagCondition>,
}

impl Conditions {
    pub(super) fn check(&self, current: Option<&Object>) -> S3Result<()> {
        if let Some(condition) = &self.matches {
            let Some(current) = current else {
                return Err(s3_error!(NoSuchKey, "If-Match: there is no such object"));
            };
            if !is_etag(condition, &current.etag) {
                return Err(s3_error!(PreconditionFailed, "If-Match: the object is another one"));
            }
        }
        if let (Some(condition), Some(current)) = (&self.differs, current)
            && is_etag(condition, &current.etag)
        {
            return Err(s3_error!(PreconditionFailed, "If-None-Match: there is such an object"));
        }
        Ok(())
    }
}

/// What must hold of the object, for a read (RFC 9110, 13.2.2).
pub(super) struct Reads {
    pub(super) same: Option<ETagCondition>,
    pub(super) none_match: Option<ETagCondition>,
    pub(super) modified_since: Option<s3s::dto::Timestamp>,
    pub(super) unmodified_since: Option<s3s::dto::Timestamp>,
}

impl Reads {
    pub(super) fn check(&self, object: &Object) -> S3Result<()> {
        // HTTP dates have no fractions.
        let modified =
            modified(Timestamp::from_second(object.modified.as_second()).unwrap_or_default());
        match (&self.same, &self.unmodified_since) {
            (Some(wanted), _) if !is_etag(wanted, &object.etag) => {
                return Err(s3_error!(PreconditionFailed, "If-Match: the object is another one"));
            }
            (None, Some(since)) if modified > *since => {
                return Err(s3_error!(PreconditionFailed, "the object was modified since"));
            }
            _ => {}
        }
        match (&self.none_match, &self.modified_since) {
            (Some(known), _) if is_etag(known, &object.etag) => Err(s3_error!(NotModified)),
            (None, Some(since)) if modified <= *since => Err(s3_error!(NotModified)),
            _ => Ok(()),
        }
    }
}

fn is_etag(condition: &ETagCondition, etag: &str) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(wanted) => wanted.value() == etag,
    }
}
