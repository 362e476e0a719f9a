//! The S3 server of an appliance without AWS. The crate `s3s` speaks the protocol; this module
//! stores.
//!
//! Bytes of objects are immutable files with random names; keys exist only in the database. So no
//! key can escape from its bucket, and one transaction checks the precondition, writes the object
//! and enqueues its event.

mod access;
mod blobs;
mod catalog;
mod conditions;
mod convert;
mod cors;
pub mod credentials;
mod digest;
mod error;
mod event;
mod listing;
mod multipart;
mod objects;
mod operations;
mod server;
mod store;

use serde::{Deserialize, Serialize};

pub use error::Error;
pub use event::{ObjectCreated, body as event_body};
pub use server::serve;
pub use store::{Buckets, OnCreated, Store};

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
