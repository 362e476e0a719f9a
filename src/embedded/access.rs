//! Authorization: the holder of the root key may do everything, holders of other keys what their grant allows, and
//! everybody may read objects of the public bucket.

use std::borrow::Cow;

use hyper::header::{self, HeaderMap};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{
    CopyObjectInput, CopySource, DeleteObjectsInput, ListMultipartUploadsInput, ListObjectsInput,
    ListObjectsV2Input,
};
use s3s::path::S3Path;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::error::internal_error;
use super::grant::{self, Grant};
use super::keys::{self, AccessKey};
use super::parameters;
use crate::db::Db;

/// The access keys of the store, for `s3s` to verify signatures with.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) root_id: String,
    pub(super) root_secret: SecretKey,
    pub(super) db: Db,
}

impl Keys {
    /// A key that is valid now, and its secret. It is read at each request, so a revoked key ends at once.
    async fn find(&self, id: &str) -> S3Result<(AccessKey, String)> {
        let owned = id.to_owned();
        let found = self.db.call(move |db| keys::find(db, &owned)).await.map_err(internal_error)?;
        match found {
            Some((key, _)) if key.is_expired(Timestamp::now()) => {
                Err(s3_error!(ExpiredToken, "the access key has expired"))
            }
            Some(found) => Ok(found),
            None => Err(s3_error!(InvalidAccessKeyId, "there is no access key with this id")),
        }
    }
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.root_id {
            return Ok(self.root_secret.clone());
        }
        Ok(self.find(access_key).await?.1.into())
    }
}

/// The authorization rules, called by `s3s` after it has verified the signature.
pub(super) struct Access {
    pub(super) public_bucket: String,
    pub(super) keys: Keys,
}

#[async_trait::async_trait]
impl S3Access for Access {
    /// Checks everything that the head of a request tells. The methods below check the rest, with the same values that
    /// the operation gets.
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let query: Vec<_> = names_and_values(context.uri().query().unwrap_or_default()).collect();
        let (bucket, key) = match context.s3_path() {
            S3Path::Object { bucket, key } => (&**bucket, Some(&**key)),
            S3Path::Bucket { bucket } => (&**bucket, None),
            S3Path::Root => ("", None),
        };
        let is_public = bucket == self.public_bucket;
        let operation = context.s3_op().name();
        let id = context.credentials().map(|credentials| credentials.access_key.clone());
        if id.is_some() {
            every_amz_header_is_signed(context.headers(), &query)?;
        }
        let client = match id {
            Some(id) if id == self.keys.root_id => Client::Root,
            Some(id) => Client::Limited(self.keys.find(&id).await?.0.grant),
            None => Client::Anybody,
        };
        let is_granted = match &client {
            Client::Root => true,
            Client::Limited(grant) => grant.allows(grant::needs(operation), bucket, key),
            Client::Anybody => false,
        };
        if !is_granted {
            everybody_may(operation, is_public, &query)?;
        }
        parameters::check(operation, context.headers(), &query, is_public)?;
        context.extensions_mut().insert(client);
        Ok(())
    }

    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        allow(request, |grant, input| match &input.copy_source {
            CopySource::Bucket { bucket, key, .. } => {
                **bucket == *self.public_bucket || (grant.reads && grant.covers(bucket, key))
            }
            CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => false,
        })
    }

    async fn delete_objects(&self, request: &mut S3Request<DeleteObjectsInput>) -> S3Result<()> {
        allow(request, |grant, input| {
            input.delete.objects.iter().all(|object| grant.covers(&input.bucket, &object.key))
        })
    }

    async fn list_objects(&self, request: &mut S3Request<ListObjectsInput>) -> S3Result<()> {
        allow(request, |grant, input| covers_listing(grant, &input.bucket, input.prefix.as_deref()))
    }

    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        allow(request, |grant, input| covers_listing(grant, &input.bucket, input.prefix.as_deref()))
    }

    async fn list_multipart_uploads(
        &self,
        request: &mut S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<()> {
        allow(request, |grant, input| covers_listing(grant, &input.bucket, input.prefix.as_deref()))
    }
}

/// The sender of a request.
#[derive(Clone)]
enum Client {
    /// The holder of the root key.
    Root,
    /// The holder of another key.
    Limited(Grant),
    /// Somebody without a key.
    Anybody,
}

/// Refuses a request whose input is beyond the limits of its sender.
fn allow<T>(request: &S3Request<T>, is_covered: impl FnOnce(&Grant, &T) -> bool) -> S3Result<()> {
    let is_allowed = match request.extensions.get() {
        Some(Client::Root) => true,
        Some(Client::Limited(grant)) => is_covered(grant, &request.input),
        Some(Client::Anybody) | None => false,
    };
    is_allowed.then_some(()).ok_or_else(denied)
}

/// Whether a listing with this prefix shows keys within the limits only.
fn covers_listing(grant: &Grant, bucket: &str, prefix: Option<&str>) -> bool {
    grant.covers(bucket, prefix.unwrap_or_default())
}

/// Refuses an operation that needs an access key.
fn everybody_may(
    operation: &str,
    is_public: bool,
    query: &[(Cow<'_, str>, Cow<'_, str>)],
) -> S3Result<()> {
    let reads = matches!(operation, "GetObject" | "HeadObject");
    if !reads || !is_public {
        return Err(denied());
    }
    // An unsigned link must not turn a text object into a page with scripts on our origin.
    if query.iter().any(|(name, _)| name.starts_with("response-")) {
        return Err(s3_error!(
            InvalidRequest,
            "only signed requests may override response headers"
        ));
    }
    Ok(())
}

fn denied() -> S3Error {
    s3_error!(AccessDenied, "Access Denied")
}

/// Refuses a request with an `x-amz-` header that its signature does not cover, as AWS does: an
/// added `x-amz-copy-source` would turn a presigned PUT into a copy of any object. `s3s` verifies
/// only the headers that the signature lists. Signatures of version 2 list none and are refused.
fn every_amz_header_is_signed(
    headers: &HeaderMap,
    query: &[(Cow<'_, str>, Cow<'_, str>)],
) -> S3Result<()> {
    let mut in_query = query.iter().filter(|(name, _)| name == "X-Amz-SignedHeaders");
    let in_header = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or(""));
    let signed = match (in_query.next(), in_query.next(), in_header) {
        (Some((_, names)), None, None) => names,
        (None, None, Some(value)) if value.starts_with("AWS4-HMAC-SHA256") => value
            .split(['\u{20}', ','])
            .find_map(|field| field.trim().strip_prefix("SignedHeaders="))
            .unwrap_or_default(),
        _ => return Err(s3_error!(AccessDenied, "exactly one signature of version 4 is required")),
    };
    let is_signed = |name: &str| signed.split(';').any(|signed| signed.eq_ignore_ascii_case(name));
    for name in headers.keys().map(header::HeaderName::as_str) {
        // A wrong hash of the body is refused anyway.
        let must_be_signed = name.starts_with("x-amz-") && name != "x-amz-content-sha256";
        if must_be_signed && !is_signed(name) {
            return Err(s3_error!(AccessDenied, "the header {name} is not signed"));
        }
    }
    Ok(())
}

/// Splits a query string into decoded pairs of name and value.
fn names_and_values(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text| percent_decode_str(text).decode_utf8_lossy();
        (decode(name), decode(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(authorization: Option<&str>, query: &str, extra: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        headers.insert(extra, "1".parse().unwrap());
        let query: Vec<_> = names_and_values(query).collect();
        every_amz_header_is_signed(&headers, &query).is_ok()
    }

    #[test]
    fn amz_headers_must_be_signed_by_one_signature_of_version_4() {
        let v4 = "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=c";
        let without_spaces =
            "AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=host;x-amz-date,Signature=c";
        assert!(check(Some(v4), "", "x-amz-date"));
        assert!(check(Some(without_spaces), "", "x-amz-date"));
        assert!(check(Some(v4), "", "range"));
        assert!(check(Some(v4), "", "x-amz-content-sha256"));
        assert!(!check(Some(v4), "", "x-amz-copy-source"));
        assert!(check(None, "X-Amz-SignedHeaders=host%3Bx-amz-acl&a=b", "x-amz-acl"));
        assert!(!check(None, "X-Amz-SignedHeaders=host", "x-amz-acl"));
        assert!(!check(None, "X-Amz-SignedHeaders=a&X-Amz-%53ignedHeaders=x-amz-acl", "x-amz-acl"));
        assert!(!check(Some(v4), "X-Amz-SignedHeaders=host;x-amz-acl", "x-amz-acl"));
        assert!(!check(Some("AWS id:signature"), "", "date"));
        assert!(!check(None, "Signature=a", "date"));
    }
}
