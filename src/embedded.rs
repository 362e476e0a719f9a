//! The S3 server of an appliance without AWS. The crate `s3s` speaks the protocol; this module
//! stores.
//!
//! Bytes of objects are immutable files with random names; keys exist only in the database. So no
//! key can escape from its bucket, and one transaction checks the precondition, writes the object
//! and enqueues its event.

mod access;
mod backup;
mod blobs;
mod catalog;
mod conditions;
mod convert;
mod cors;
pub mod credentials;
mod digest;
mod error;
mod event;
mod footer;
mod garbage;
mod generation;
mod grant;
mod headers;
pub mod keys;
mod listing;
mod multipart;
mod multipart_listing;
mod names;
mod objects;
mod operations;
mod parameters;
mod place;
mod quarantine;
mod readers;
mod repair;
mod scrub;
mod server;
mod space;
mod store;

pub use backup::{Copied, backup, restore};
pub use error::Error;
pub use event::{ObjectCreated, body as event_body};
pub use grant::Grant;
pub use repair::{Repaired, repair};
pub use scrub::{Scrubbed, scrub};
pub use server::serve;
pub use space::FreeSpace;
pub use store::{Buckets, OnCreated, Store};

use crate::domain::declare::{Any, AtLeast, Text, settings};

settings! {
    /// The S3 server in this process.
    #[derive(Eq)]
    pub struct Config {
        /// Address and port of the embedded S3 server. Empty: the address of the API with the next
        /// port.
        s3_listen: String = String::new(), Text {
            allowed: "address and port, such as 127.0.0.1:8081, or nothing",
            accepts: |address| address.is_empty() || crate::server::is_address(address),
        };
        /// Seconds after which an incomplete multipart upload is removed.
        multipart_ttl_secs: u64 = 604_800, 60..=90 * 86_400;
        /// Seconds for which files are kept in `quarantine` that the database does not know.
        quarantine_ttl_secs: u64 = 30 * 86_400, 60..=3650 * 86_400;
        /// Bytes of the disk that uploads leave free; an upload that would not is answered with 507.
        /// Deletes need some of it.
        min_free_bytes: u64 = 256 << 20, AtLeast(0);
        /// Bytes per second that a slow check of all stored objects reads. 0: no such check.
        scrub_bytes_per_sec: u64 = 4 << 20, AtLeast(0);
        /// Seconds before the first and between two such checks.
        scrub_pause_secs: u64 = 3600, 1..=30 * 86_400;
        /// Open connections at the same time.
        max_connections: u64 = 512, 1..=65_536;
        /// Origins whose web pages may upload and play (CORS).
        cors_origins: Vec<String> = vec!["*".to_owned()], Any;
    }
}
