//! The two buckets, through `aws-sdk-s3`, whoever serves them.
//!
//! The SDK owns the retries of single requests; nothing here retries.

mod conditions;
mod objects;
mod records;
mod uploads;

use aws_sdk_s3::Client;
use serde::{Deserialize, Serialize};

use crate::domain::declare::{Any, BASE_URL, OneOf, Text, Violation, settings};
use crate::domain::outcome::{Fault, FaultClass};

pub use objects::{Body, Entry, Head, Precondition, PutOptions, Whole};
pub use uploads::{CompletedPart, PresignedPart, PresignedPut};

settings! {
    /// Names and addresses of the buckets.
    #[derive(Eq)]
    pub struct Config {
        /// Server of the buckets: "embedded" (this process, below `data_dir`) or "s3" (Amazon S3 or a
        /// server with the same protocol).
        kind: Kind = Kind::Embedded, OneOf;
        /// AWS region of the buckets, for "s3". Empty: the AWS environment decides (`AWS_REGION`,
        /// profile, instance). Credentials always come from the AWS environment.
        region: String = String::new(), Any;
        /// Base URL of the S3 server, for "s3", such as `https://minio.example.com`. Empty: the
        /// endpoint of AWS.
        endpoint_url: String = String::new(), BASE_URL;
        /// Whether URLs have the form `https://host/bucket/key` instead of `https://bucket.host/key`.
        path_style: bool = false, Any;
        /// Treatment of a source after its stream is complete: "keep", "delete", or "tag" with
        /// `ladderd=done`, for a lifecycle rule of the bucket. The embedded store has no tags.
        after_success: AfterSuccess = AfterSuccess::Keep, OneOf;
        /// Bucket of uploads and records. Reading needs credentials.
        private_bucket: String = "uploads".to_owned(), BUCKET_NAME;
        /// Bucket of streams, from which players read.
        public_bucket: String = "public".to_owned(), BUCKET_NAME;
        /// Base URL of the public bucket for players, such as `https://cdn.example.com`. Empty: the
        /// address of the store.
        public_base_url: String = String::new(), BASE_URL;
        /// Base URL of the store for uploaders; presigned URLs start with it. Empty: the address of the
        /// store.
        upload_base_url: String = String::new(), BASE_URL;
    }
    also check_store;
}

/// Names of buckets by the rules of S3.
const BUCKET_NAME: Text = Text {
    allowed: "3 to 63 lowercase letters, digits, dots and dashes",
    accepts: |name| {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        (3..=63).contains(&name.len())
            && name.bytes().all(is_allowed)
            && name.as_bytes()[0].is_ascii_alphanumeric()
    },
};

/// Rules between the keys of the section.
fn check_store(config: &Config) -> Vec<Violation> {
    let mut found = Vec::new();
    if config.private_bucket == config.public_bucket {
        found.push(Violation::new("public_bucket", "another one than the private bucket"));
    }
    if config.kind == Kind::Embedded && config.after_success == AfterSuccess::Tag {
        let allowed = "keep, delete; the embedded store has no tags";
        found.push(Violation::new("after_success", allowed));
    }
    found
}

/// Who serves the buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// This process, from `data_dir`.
    #[default]
    Embedded,
    /// Amazon S3, or what speaks its protocol.
    S3,
}

/// What becomes of a source once its stream is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterSuccess {
    /// It stays.
    #[default]
    Keep,
    /// It is deleted.
    Delete,
    /// It gets the tag `ladderd=done`, for a lifecycle rule to act on.
    Tag,
}

/// Why a call to the store failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object (or upload).
    #[error("{operation} {key}: no such object")]
    NotFound {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
    },
    /// The object is not what the precondition wants: somebody wrote it in between.
    #[error("{operation} {key}: the object has changed")]
    PreconditionFailed {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
    },
    /// The credentials do not allow it.
    #[error("{operation} {key}: access denied: {reason}")]
    Denied {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
        /// What the store said.
        reason: String,
    },
    /// The request can never succeed as it is.
    #[error("{operation} {key}: {reason}")]
    Rejected {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
        /// What the store said.
        reason: String,
    },
    /// The store could not be reached, or failed after the SDK's own retries.
    #[error("{operation} {key}: {reason}")]
    Unavailable {
        /// The call that failed.
        operation: &'static str,
        /// Key of the object.
        key: String,
        /// What went wrong, the whole chain.
        reason: String,
    },
}

impl Fault for Error {
    fn class(&self) -> FaultClass {
        match self {
            Self::NotFound { .. } | Self::Rejected { .. } => FaultClass::Permanent,
            // Wrong credentials are mended by the operator; the upload must survive until then.
            Self::PreconditionFailed { .. } | Self::Denied { .. } | Self::Unavailable { .. } => {
                FaultClass::Retryable
            }
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NotFound { .. } => "source-missing",
            Self::PreconditionFailed { .. } => "source-changed",
            Self::Denied { .. } => "store-denied",
            Self::Rejected { .. } => "store-rejected",
            Self::Unavailable { .. } => "store-unavailable",
        }
    }
}

/// A bucket's client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bucket {
    client: Client,
    /// Client whose endpoint is the one that uploaders reach: a signature covers the host.
    presigner: Client,
    name: String,
    conditional_writes: bool,
}

impl Bucket {
    /// A bucket behind `client`; URLs for others are signed for the endpoint of `presigner`.
    #[must_use]
    pub fn new(client: Client, presigner: Client, name: &str) -> Self {
        Self { client, presigner, name: name.to_owned(), conditional_writes: true }
    }

    /// The same bucket, if its store does not keep the conditions of writes.
    #[must_use]
    pub fn without_conditional_writes(self) -> Self {
        Self { conditional_writes: false, ..self }
    }

    /// Whether the store keeps the conditions of writes.
    #[must_use]
    pub fn has_conditional_writes(&self) -> bool {
        self.conditional_writes
    }

    /// Name of the bucket.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
