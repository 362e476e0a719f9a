//! Incoming bytes: stored, and checked against the length and the checksums of the request.

use std::collections::HashMap;

use base64::Engine;
use futures_util::TryStreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::Checksum as _;
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use super::blobs::{Destination, Written};
use super::error::internal_error;
use super::space;
use super::store::Store;

/// Checksums that a request states, by header name.
pub(super) type Expected = HashMap<&'static str, String>;

/// Headers, or trailers, that carry checksums.
pub(super) const CHECKSUMS: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

/// The [`Content`] of a PUT. A macro, because the inputs for objects and for parts have the same
/// fields but no trait.
macro_rules! content {
    ($input:ident, $trailers:ident) => {
        $crate::embedded::digest::Content {
            body: $input.body,
            length: $input.content_length,
            md5: $input.content_md5,
            expected: $crate::embedded::digest::expected_checksums([
                $input.checksum_crc32,
                $input.checksum_crc32c,
                $input.checksum_crc64nvme,
                $input.checksum_sha1,
                $input.checksum_sha256,
            ]),
            trailers: $trailers,
        }
    };
}
pub(super) use content;

/// The body of a PUT, and what the request states about it.
pub(super) struct Content {
    pub(super) body: Option<StreamingBlob>,
    pub(super) length: Option<i64>,
    pub(super) md5: Option<String>,
    pub(super) expected: Expected,
    pub(super) trailers: Option<TrailingHeaders>,
}

impl Store {
    /// Stores a body in a new blob. Fails with `IncompleteBody` or `BadDigest` if length or checksums differ
    /// from those that the request states.
    pub(super) async fn receive(
        &self,
        destination: Destination,
        content: Content,
    ) -> S3Result<Written> {
        let body = content.body.unwrap_or_else(|| {
            StreamingBlob::wrap(
                futures_util::stream::empty::<Result<bytes::Bytes, std::io::Error>>(),
            )
        });
        // The client waits with the body for an answer, if it asked for one.
        let length = content.length.and_then(|length| u64::try_from(length).ok());
        self.0.space.check(length.unwrap_or(0))?;
        let hasher = hasher(&content.expected, content.trailers.is_some());
        let body = body.map_err(|error| Box::new(BodyFailed(error)).into());
        let written = self.0.blobs.write(destination, body, hasher).await.map_err(not_stored)?;
        let mut expected = content.expected;
        if let Some(headers) = content.trailers.and_then(|trailers| trailers.take()) {
            for name in CHECKSUMS {
                if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
                    expected.insert(name, value.to_owned());
                }
            }
        }
        let fault = if content.length.is_some_and(|len| u64::try_from(len) != Ok(written.size)) {
            Some(s3_error!(IncompleteBody, "the body does not have the length of the request"))
        } else if content.md5.as_ref().is_some_and(|md5| !is_md5(md5)) {
            Some(s3_error!(InvalidDigest, "Content-MD5 is no MD5"))
        } else if content.md5.is_some_and(|md5| md5 != base64_of(&written.md5)) {
            Some(s3_error!(BadDigest, "Content-MD5 differs from that of the body"))
        } else {
            wrong_checksum(&expected, &written)
        };
        fault.map_or(Ok(written), Err)
    }
}

/// The checksums that a request states, in the order of [`CHECKSUMS`].
pub(super) fn expected_checksums(stated: [Option<String>; CHECKSUMS.len()]) -> Expected {
    let [crc32, crc32c, crc64nvme, sha1, sha256] = stated;
    CHECKSUMS
        .into_iter()
        .zip([crc32, crc32c, crc64nvme, sha1, sha256])
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Computes the checksums that the request states, or all if trailers may state them after the
/// body.
fn hasher(expected: &Expected, has_trailers: bool) -> ChecksumHasher {
    let wanted = |name: &str| has_trailers || expected.contains_key(name);
    ChecksumHasher {
        crc32: wanted(CHECKSUMS[0]).then(s3s::crypto::Crc32::new),
        crc32c: wanted(CHECKSUMS[1]).then(s3s::crypto::Crc32c::new),
        crc64nvme: wanted(CHECKSUMS[2]).then(s3s::crypto::Crc64Nvme::new),
        sha1: wanted(CHECKSUMS[3]).then(s3s::crypto::Sha1::new),
        sha256: wanted(CHECKSUMS[4]).then(s3s::crypto::Sha256::new),
    }
}

fn wrong_checksum(expected: &Expected, written: &Written) -> Option<S3Error> {
    let sums = &written.checksums;
    let computed = [
        &sums.checksum_crc32,
        &sums.checksum_crc32c,
        &sums.checksum_crc64nvme,
        &sums.checksum_sha1,
        &sums.checksum_sha256,
    ];
    CHECKSUMS.into_iter().zip(computed).find_map(|(name, computed)| {
        let stated = expected.get(name)?;
        (computed.as_ref() != Some(stated))
            .then(|| s3_error!(BadDigest, "{name} differs from that of the body"))
    })
}

fn is_md5(text: &str) -> bool {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    bytes.is_ok_and(|bytes| bytes.len() == 16)
}

fn base64_of(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The body broke off, or is not encoded as its headers say: the client's fault, not the disk's.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the body: {0}")]
struct BodyFailed(s3s::StdError);

/// Turns a failed write of a body into an S3 error: only a body that broke off is the client's fault.
fn not_stored(error: s3s::StdError) -> S3Error {
    let error = match error.downcast::<BodyFailed>() {
        Ok(error) => return S3Error::with_source(S3ErrorCode::IncompleteBody, error),
        Err(error) => error,
    };
    match error.downcast::<std::io::Error>() {
        Ok(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            tracing::error!(%error, "failed to store object: disk is full");
            space::full()
        }
        Ok(error) => internal_error(*error),
        // Nothing came for too long.
        Err(error) => S3Error::with_source(S3ErrorCode::RequestTimeout, error),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn only_a_body_that_broke_off_is_the_fault_of_the_client() {
        let body: s3s::StdError = Box::new(BodyFailed(io::Error::other("reset").into()));
        assert_eq!(not_stored(body).status_code().unwrap(), 400);
        for (kind, status) in [
            (io::ErrorKind::StorageFull, 507),
            (io::ErrorKind::ReadOnlyFilesystem, 500),
            (io::ErrorKind::PermissionDenied, 500),
            (io::ErrorKind::Other, 500),
        ] {
            let disk: s3s::StdError = io::Error::from(kind).into();
            assert_eq!(not_stored(disk).status_code().unwrap(), status, "{kind}");
        }
    }
}
