//! The two buckets, always reached through `aws-sdk-s3`: on AWS, on another S3 server or on the
//! embedded one.
//!
//! The SDK retries single requests. Only [`Bucket::read_range`] retries by itself, because the SDK
//! does not retry a body that breaks off.

mod bucket;
mod clock;
mod conditions;
mod copies;
mod deletions;
mod downloads;
mod error;
mod expiry;
mod home;
mod listing;
mod multipart;
mod object_types;
mod objects;
mod records;
mod setup;
mod sigv4;
mod tags;
mod uploads;

use serde::{Deserialize, Serialize};

use crate::domain::declare::{Any, BASE_URL, OneOf, Text, Violation, settings};

pub use bucket::Bucket;
pub use clock::StoreClock;
pub use deletions::{Removal, Version};
pub use downloads::{SHORT_CREDENTIALS, SignedLinks};
pub use error::Error;
pub use expiry::{ExpiringCredentials, LatestCredentials};
pub use home::{Home, Homes};
pub use multipart::PartsOptions;
pub use object_types::{Body, Entry, Head, Precondition, PutOptions, StoredObject};
pub use setup::ObjectFacts;
pub use tags::Tagged;
pub use uploads::{CompletedPart, PresignedPart, PresignedPut, StoredPart};

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
        /// Bucket of uploads, records and private streams. Reading needs credentials.
        private_bucket: String = "uploads".to_owned(), BUCKET_NAME;
        /// Bucket of public streams, from which players read.
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
