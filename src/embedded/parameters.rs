//! Headers and query parameters: an operation honours those of its row and refuses all others, so that
//! no client believes in a lock, a key or a version that does not exist here.
//!
//! `docs/reference/s3-operations.md` shows the table as clients see it.

use std::borrow::Cow;

use hyper::header::HeaderMap;
use s3s::{S3Result, s3_error};

/// The parameters of one operation.
struct Row {
    operation: &'static str,
    query: &'static [&'static str],
    headers: &'static [&'static [&'static str]],
}

/// Conditions of a read.
const READ_CONDITIONS: &[&str] =
    &["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
/// Conditions of a write.
const WRITE_CONDITIONS: &[&str] = &["if-match", "if-none-match"];
/// Conditions on the source of a copy.
const SOURCE_CONDITIONS: &[&str] = &[
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-if-none-match",
    "x-amz-copy-source-if-modified-since",
    "x-amz-copy-source-if-unmodified-since",
];
/// Checksums of the body, which are compared.
const CHECKSUMS: &[&str] = &super::digest::CHECKSUMS;
/// Properties of a new object. `x-amz-meta-*` stands for all user metadata.
const PROPERTIES: &[&str] =
    &["x-amz-meta-*", "content-language", "expires", "x-amz-acl", "x-amz-storage-class"];
/// `x-amz-checksum-mode` asks for stored checksums, of which there are none.
const READ: &[&str] = &["range", "x-amz-checksum-mode"];
/// It asks for the state of archived objects, of which there are none.
const LISTED: &[&str] = &["x-amz-optional-object-attributes"];

/// Every operation that is implemented.
const ROWS: &[Row] = &[
    Row {
        operation: "ListBuckets",
        query: &["prefix", "max-buckets", "continuation-token"],
        headers: &[],
    },
    Row { operation: "HeadBucket", query: &[], headers: &[] },
    Row { operation: "GetBucketLocation", query: &["location"], headers: &[] },
    Row {
        operation: "ListObjects",
        query: &["prefix", "delimiter", "max-keys", "marker", "encoding-type"],
        headers: &[LISTED],
    },
    Row {
        operation: "ListObjectsV2",
        query: &[
            "list-type",
            "prefix",
            "delimiter",
            "max-keys",
            "continuation-token",
            "start-after",
            "encoding-type",
            "fetch-owner",
        ],
        headers: &[LISTED],
    },
    Row {
        operation: "GetObject",
        query: &[
            "versionId",
            "response-content-type",
            "response-content-language",
            "response-expires",
            "response-cache-control",
            "response-content-disposition",
            "response-content-encoding",
        ],
        headers: &[READ, READ_CONDITIONS],
    },
    Row { operation: "HeadObject", query: &["versionId"], headers: &[READ, READ_CONDITIONS] },
    Row { operation: "PutObject", query: &[], headers: &[WRITE_CONDITIONS, CHECKSUMS, PROPERTIES] },
    Row {
        operation: "CopyObject",
        query: &[],
        headers: &[
            &["x-amz-copy-source", "x-amz-metadata-directive", "x-amz-tagging-directive"],
            SOURCE_CONDITIONS,
            PROPERTIES,
        ],
    },
    Row { operation: "DeleteObject", query: &["versionId"], headers: &[&["if-match"]] },
    Row { operation: "DeleteObjects", query: &["delete"], headers: &[CHECKSUMS] },
    Row {
        operation: "CreateMultipartUpload",
        query: &["uploads"],
        // The checksum of each part is compared when the part comes.
        headers: &[PROPERTIES, &["x-amz-checksum-algorithm", "x-amz-checksum-type"]],
    },
    Row { operation: "UploadPart", query: &["partNumber", "uploadId"], headers: &[CHECKSUMS] },
    Row {
        operation: "CompleteMultipartUpload",
        query: &["uploadId"],
        headers: &[WRITE_CONDITIONS, &["x-amz-mp-object-size", "x-amz-checksum-type"]],
    },
    Row { operation: "AbortMultipartUpload", query: &["uploadId"], headers: &[] },
    Row {
        operation: "ListParts",
        query: &["uploadId", "max-parts", "part-number-marker"],
        headers: &[],
    },
    Row {
        operation: "ListMultipartUploads",
        query: &[
            "uploads",
            "prefix",
            "max-uploads",
            "key-marker",
            "upload-id-marker",
            "encoding-type",
        ],
        headers: &[],
    },
];

/// Parameters of every operation: those of the protocol itself. `x-amz-request-payer` has no effect on a
/// bucket whose owner pays, on AWS neither.
const PROTOCOL: &[&str] = &[
    "x-id",
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expires",
    "x-amz-request-payer",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
    "x-amz-te",
    "x-amz-trailer",
    "x-amz-user-agent",
];

/// Headers that change the meaning of a request, although their names do not begin with `x-amz-`.
const STANDARD: &[&str] = &[
    "content-language",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// The only values that some parameters may have: what holds here anyway.
const VALUES: &[(&str, &[&str])] = &[
    ("versionid", &["null"]),
    ("x-amz-storage-class", &["STANDARD"]),
    ("x-amz-tagging-directive", &["COPY"]),
    ("x-amz-checksum-type", &["COMPOSITE"]),
];

/// Names of the operations that are implemented.
#[cfg(test)]
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.operation)
}

/// Refuses a request with a parameter that its operation does not honour. `is_public` is whether
/// everybody may read the bucket.
pub(super) fn check(
    operation: &str,
    headers: &HeaderMap,
    query: &[(Cow<'_, str>, Cow<'_, str>)],
    is_public: bool,
) -> S3Result<()> {
    let Some(row) = ROWS.iter().find(|row| row.operation == operation) else {
        return Err(s3_error!(NotImplemented, "{operation} is not implemented"));
    };
    for (name, value) in query.iter().filter(|(name, _)| !name.is_empty()) {
        // S3 takes signatures and properties of new objects from the query, too.
        let lower = name.to_ascii_lowercase();
        let is_honoured = PROTOCOL.contains(&lower.as_str())
            || row.query.contains(&&**name)
            || (lower.starts_with("x-amz-") && is_header_of(row, &lower));
        check_parameter(is_honoured, name, &lower, value, is_public)?;
    }
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with("x-amz-") && !STANDARD.contains(&name) {
            continue;
        }
        let is_honoured = PROTOCOL.contains(&name) || is_header_of(row, name);
        let value = String::from_utf8_lossy(value.as_bytes());
        check_parameter(is_honoured, name, name, &value, is_public)?;
    }
    Ok(())
}

fn is_header_of(row: &Row, name: &str) -> bool {
    row.headers.iter().any(|group| {
        group.contains(&name)
            || (name.starts_with("x-amz-meta-") && group.contains(&"x-amz-meta-*"))
    })
}

fn check_parameter(
    is_honoured: bool,
    name: &str,
    lower: &str,
    value: &str,
    is_public: bool,
) -> S3Result<()> {
    if !is_honoured {
        return Err(s3_error!(NotImplemented, "the parameter {name} is not implemented"));
    }
    let acl: &[&str] =
        if is_public { &["public-read"] } else { &["private", "bucket-owner-full-control"] };
    let only = match lower {
        "x-amz-acl" => Some(acl),
        _ => VALUES.iter().find(|(name, _)| *name == lower).map(|(_, values)| *values),
    };
    match only {
        Some(values) if !values.contains(&value) => {
            Err(s3_error!(NotImplemented, "{name} can only be {}", values.join(" or ")))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(&'static str, &'static str)];

    fn accepts(operation: &str, headers: &[(&'static str, &str)], query: &[(&str, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), value.parse().unwrap())
        });
        let query: Vec<_> =
            query.iter().map(|(name, value)| (Cow::from(*name), Cow::from(*value))).collect();
        check(operation, &headers.collect(), &query, false).is_ok()
    }

    #[test]
    fn every_parameter_is_honoured_or_refused() {
        assert!(accepts("PutObject", &[("x-amz-meta-a", "1"), ("if-none-match", "*")], &[]));
        assert!(accepts("PutObject", &[], &[("X-Amz-Signature", "1"), ("x-id", "PutObject")]));
        assert!(accepts("PutObject", &[("x-amz-acl", "private"), ("content-type", "a/b")], &[]));
        assert!(accepts("GetObject", &[("range", "bytes=0-1")], &[("versionId", "null")]));
        let refused: &[(&str, Pairs, Pairs)] = &[
            ("PutObject", &[("x-amz-acl", "public-read")], &[]),
            ("PutObject", &[("x-amz-server-side-encryption", "aws:kms")], &[]),
            ("PutObject", &[("x-amz-object-lock-mode", "COMPLIANCE")], &[]),
            ("PutObject", &[("x-amz-storage-class", "GLACIER")], &[]),
            ("PutObject", &[("x-amz-tagging", "a=b")], &[]),
            ("PutObject", &[("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT")], &[]),
            ("PutObject", &[], &[("renameObject", "")]),
            ("PutObject", &[], &[("X-Amz-Tagging", "a=b")]),
            ("GetObject", &[], &[("versionId", "3")]),
            ("GetObject", &[], &[("partNumber", "1")]),
            ("DeleteObject", &[("x-amz-mfa", "1")], &[]),
            ("ListObjects", &[], &[("inventory", "")]),
            ("PutBucketAcl", &[], &[]),
        ];
        for (operation, headers, query) in refused {
            assert!(!accepts(operation, headers, query), "{operation} {headers:?} {query:?}");
        }
    }
}
