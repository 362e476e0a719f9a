//! The two buckets, through `aws-sdk-s3`, whoever serves them.
//!
//! The SDK owns the retries of single requests; nothing here retries.

mod conditions;
mod objects;
mod records;
mod uploads;

use aws_sdk_s3::Client;
use serde::{Deserialize, Serialize};

use crate::domain::outcome::{Fault, FaultClass};

pub use objects::{Body, Entry, Head, Precondition, PutOptions, Whole};
pub use uploads::{CompletedPart, PresignedPart, PresignedPut};

/// Which buckets, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who serves the buckets.
    pub kind: Kind,
    /// Region of the buckets. Empty: as the AWS environment says.
    pub region: String,
    /// Where S3 is reached, if it is not AWS's own endpoint.
    pub endpoint_url: String,
    /// `https://host/bucket/key` instead of `https://bucket.host/key`.
    pub path_style: bool,
    /// What becomes of a source once its stream is ready.
    pub after_success: AfterSuccess,
    /// Bucket that uploads land in. Nobody may read it without credentials.
    pub private_bucket: String,
    /// Bucket that players read.
    pub public_bucket: String,
    /// Base URL under which players reach the public bucket, without a slash at the end, such as
    /// `https://cdn.example.com`. Empty: the embedded server's own address.
    pub public_base_url: String,
    /// Base URL under which uploaders reach the store, for presigned URLs. Empty: the embedded
    /// server's own address.
    pub upload_base_url: String,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            kind: Kind::Embedded,
            region: String::new(),
            endpoint_url: String::new(),
            path_style: false,
            after_success: AfterSuccess::Keep,
            private_bucket: "uploads".to_owned(),
            public_bucket: "public".to_owned(),
            public_base_url: String::new(),
            upload_base_url: String::new(),
        }
    }
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
