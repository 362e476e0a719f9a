//! The two buckets, always reached through `aws-sdk-s3`: on AWS, on another S3 server or on the
//! embedded one.
//!
//! The SDK retries single requests. Only [`Bucket::read_range`] retries by itself, because the SDK
//! does not retry a body that breaks off.

mod bucket;
mod conditions;
mod error;
mod object_types;
mod objects;
mod records;
mod uploads;

use serde::{Deserialize, Serialize};

pub use bucket::Bucket;
pub use error::Error;
pub use object_types::{Body, Entry, Head, Precondition, PutOptions, StoredObject};
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
    /// Amazon S3, or a server that speaks its protocol.
    S3,
}

/// Handling of a source after its stream is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterSuccess {
    /// Keep it.
    #[default]
    Keep,
    /// Delete it.
    Delete,
    /// Tag it `ladderd=done`, so that a lifecycle rule can delete or archive it.
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
