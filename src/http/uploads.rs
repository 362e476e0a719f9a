//! Uploads: a client asks for presigned URLs, then sends the file to the store itself.

pub mod body;
mod file_name;
pub mod handlers;

use serde::{Deserialize, Serialize};

/// What may be uploaded, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Files up to this size are uploaded by one PUT, larger ones in parts.
    pub single_put_max_bytes: u64,
    /// Size of a part in bytes.
    pub part_size_bytes: u64,
    /// How long a presigned URL is valid, in seconds.
    pub url_ttl_secs: u64,
    /// The largest file in bytes.
    pub max_size_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            single_put_max_bytes: 100 << 20,
            part_size_bytes: 64 << 20,
            url_ttl_secs: 3600,
            max_size_bytes: 100 << 30,
        }
    }
}
