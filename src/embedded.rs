//! The S3 server that stands in for AWS.

use serde::{Deserialize, Serialize};

/// How the embedded store is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port; empty: the API's address with the next port.
    pub s3_listen: String,
    /// Multipart uploads that were begun this long ago and never completed are removed.
    pub multipart_ttl_secs: u64,
    /// Connections at the same time.
    pub max_connections: u64,
    /// Origins whose pages may upload and play (CORS).
    pub cors_origins: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            s3_listen: String::new(),
            multipart_ttl_secs: 604_800,
            max_connections: 512,
            cors_origins: vec!["*".to_owned()],
        }
    }
}
