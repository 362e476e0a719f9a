//! Authorization: the holder of the access key may do everything, everybody else may read objects
//! of the public bucket.

use std::borrow::Cow;

use hyper::header::{self, HeaderMap};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

use super::parameters;

/// The access key of the store, for `s3s` to verify signatures with.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.id {
            return Ok(self.secret.clone());
        }
        Err(s3_error!(InvalidAccessKeyId, "there is no access key with this id"))
    }
}

/// The authorization rule, called by `s3s` after it has verified the signature.
pub(super) struct Access {
    pub(super) public_bucket: String,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let query: Vec<_> = names_and_values(context.uri().query().unwrap_or_default()).collect();
        let is_public = match context.s3_path() {
            S3Path::Object { bucket, .. } | S3Path::Bucket { bucket } => {
                **bucket == *self.public_bucket
            }
            S3Path::Root => false,
        };
        let operation = context.s3_op().name();
        if context.credentials().is_some() {
            every_amz_header_is_signed(context.headers(), &query)?;
            return parameters::check(operation, context.headers(), &query, is_public);
        }
        let reads = matches!(operation, "GetObject" | "HeadObject");
        if !reads || !is_public {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        // An unsigned link must not turn a text object into a page with scripts on our origin.
        if query.iter().any(|(name, _)| name.starts_with("response-")) {
            return Err(s3_error!(
                InvalidRequest,
                "only signed requests may override response headers"
            ));
        }
        parameters::check(operation, context.headers(), &query, is_public)
    }
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
