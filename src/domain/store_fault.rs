//! Meaning of the error answers of S3 for a job.
//!
//! No answer of a store is a fault of the video: all of them are retried for as long as they last. The kind
//! decides what happens meanwhile. The codes are those of the S3 API reference, section "Error responses",
//! and of its KMS errors.

/// Meaning of an error answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// The object or the upload does not exist.
    NotFound,
    /// A condition of the request does not hold, or another write came first.
    PreconditionFailed,
    /// An operator has to act: credentials, policy, keys, archive, bucket name or region.
    Denied,
    /// The store does not take such a request.
    Rejected,
    /// The store is overloaded or broken, or the request was damaged on its way.
    Unavailable,
}

/// Codes that decide by themselves, whatever the status.
const CODES: &[(StoreFault, &[&str])] = &[
    (StoreFault::NotFound, &["NoSuchKey", "NoSuchUpload", "NoSuchVersion"]),
    (StoreFault::PreconditionFailed, &["PreconditionFailed", "ConditionalRequestConflict"]),
    (
        StoreFault::Denied,
        &[
            "AccessDenied",
            "AccountProblem",
            "AllAccessDisabled",
            "AuthorizationHeaderMalformed",
            "AuthorizationQueryParametersError",
            "ExpiredToken",
            "IllegalLocationConstraintException",
            "InvalidAccessKeyId",
            "InvalidBucketName",
            "InvalidObjectState",
            "InvalidSecurity",
            "InvalidToken",
            "KMS.DisabledException",
            "KMS.InvalidKeyUsageException",
            "KMS.InvalidStateException",
            "KMS.KMSInvalidStateException",
            "KMS.NotFoundException",
            "MissingSecurityHeader",
            "NoSuchBucket",
            "NotSignedUp",
            "PermanentRedirect",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
        ],
    ),
    (
        StoreFault::Unavailable,
        &[
            "BadDigest",
            "IncompleteBody",
            "InternalError",
            "OperationAborted",
            "RequestTimeout",
            "ServiceUnavailable",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "XAmzContentSHA256Mismatch",
        ],
    ),
];

/// Classifies an answer by its HTTP status and, if the body has one, its code.
#[must_use]
pub fn classify(status: u16, code: Option<&str>) -> StoreFault {
    let known = CODES.iter().find(|(_, codes)| code.is_some_and(|code| codes.contains(&code)));
    if let Some((fault, _)) = known {
        return *fault;
    }
    match status {
        404 => StoreFault::NotFound,
        409 | 412 => StoreFault::PreconditionFailed,
        401 | 403 => StoreFault::Denied,
        400 | 405 | 411 | 416 | 422 | 501 => StoreFault::Rejected,
        _ => StoreFault::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_the_s3_reference_says() {
        use StoreFault::{Denied, NotFound, PreconditionFailed, Rejected, Unavailable};
        let table = [
            (404, Some("NoSuchKey"), NotFound),
            (404, Some("NoSuchUpload"), NotFound),
            // Answers to HEAD have no body.
            (404, None, NotFound),
            (404, Some("NoSuchBucket"), Denied),
            (412, Some("PreconditionFailed"), PreconditionFailed),
            (409, Some("ConditionalRequestConflict"), PreconditionFailed),
            (409, None, PreconditionFailed),
            (409, Some("OperationAborted"), Unavailable),
            (403, Some("AccessDenied"), Denied),
            (403, Some("InvalidObjectState"), Denied),
            (403, Some("RequestTimeTooSkewed"), Denied),
            (403, None, Denied),
            (400, Some("ExpiredToken"), Denied),
            (400, Some("InvalidToken"), Denied),
            (400, Some("KMS.DisabledException"), Denied),
            (400, Some("RequestTimeout"), Unavailable),
            (400, Some("BadDigest"), Unavailable),
            (400, Some("KeyTooLongError"), Rejected),
            (400, Some("InvalidPart"), Rejected),
            (400, None, Rejected),
            (301, Some("PermanentRedirect"), Denied),
            (405, Some("MethodNotAllowed"), Rejected),
            (411, Some("MissingContentLength"), Rejected),
            (416, Some("InvalidRange"), Rejected),
            (501, Some("NotImplemented"), Rejected),
            (500, Some("InternalError"), Unavailable),
            (503, Some("SlowDown"), Unavailable),
            (507, None, Unavailable),
            (429, None, Unavailable),
        ];
        for (status, code, fault) in table {
            assert_eq!(classify(status, code), fault, "{status} {code:?}");
        }
    }

    #[test]
    fn no_code_stands_twice() {
        let mut codes: Vec<_> = CODES.iter().flat_map(|(_, codes)| *codes).collect();
        let count = codes.len();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
