//! Who may do what: the owner of the keys everything, everybody else read public objects.

use std::borrow::Cow;

use hyper::header::{self, HeaderMap};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};

/// The rule.
pub(super) struct Access {
    pub(super) public_bucket: String,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let query: Vec<_> = names_and_values(context.uri().query().unwrap_or_default()).collect();
        if context.credentials().is_some() {
            return every_amz_header_is_signed(context.headers(), &query);
        }
        let reads = matches!(context.s3_op().name(), "GetObject" | "HeadObject");
        let is_public = match context.s3_path() {
            S3Path::Object { bucket, .. } => **bucket == *self.public_bucket,
            S3Path::Root | S3Path::Bucket { .. } => false,
        };
        if !reads || !is_public {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        // A link of a stranger's making must not turn our text into a page with scripts.
        if query.iter().any(|(name, _)| name.starts_with("response-")) {
            return Err(s3_error!(InvalidRequest, "only signed requests choose response headers"));
        }
        Ok(())
    }
}

/// Refuses a request with an `x-amz-` header that its signature does not cover, as AWS does: one
/// more header would make a presigned PUT a copy of any object. `s3s` has verified the signature
/// over the headers that are named in it, no more. Signatures of version 2 name none.
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
        _ => return Err(s3_error!(AccessDenied, "one signature of version 4 is wanted")),
    };
    let is_signed = |name: &str| signed.split(';').any(|signed| signed.eq_ignore_ascii_case(name));
    for name in headers.keys().map(header::HeaderName::as_str) {
        // The hash of the body binds itself: a wrong one is refused.
        let binds = name.starts_with("x-amz-") && name != "x-amz-content-sha256";
        if binds && !is_signed(name) {
            return Err(s3_error!(AccessDenied, "the header {name} is not signed"));
        }
    }
    Ok(())
}

fn names_and_values(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text| percent_decode_str(text).decode_utf8_lossy();
        (plain(name), plain(value))
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
        let tight = "AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=host;x-amz-date,Signature=c";
        assert!(check(Some(v4), "", "x-amz-date"));
        assert!(check(Some(tight), "", "x-amz-date"));
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
