//! Uploads: a client asks for presigned URLs, then sends the file to the store itself.

pub mod body;
pub(super) mod file_name;
pub mod grants;
pub mod handlers;
pub mod in_flight;
pub mod resume;

use crate::domain::declare::settings;

settings! {
    /// Size and transfer of uploads.
    #[derive(Eq)]
    pub struct Config {
        /// Largest file in bytes that one PUT request uploads. Larger files are uploaded in parts. S3
        /// accepts up to 5 GiB in one PUT.
        single_put_max_bytes: u64 = 100 << 20, 0..=5 << 30;
        /// Bytes of a part. S3 accepts parts of 5 MiB to 5 GiB, and 10,000 of them; parts of very large
        /// files grow accordingly.
        part_size_bytes: u64 = 64 << 20, 5 << 20..=5 << 30;
        /// Seconds for which a presigned URL is valid. S3 accepts 7 days at most.
        url_ttl_secs: u64 = 3600, 60..=604_800;
        /// Uploads that one token, or one address without a token, may have begun on one box and not ended. An
        /// upload ends when its file is there, when it is aborted, or when its URLs expire.
        max_in_flight: u32 = 200, 1..=100_000;
        /// Largest file in bytes that the API accepts.
        max_size_bytes: u64 = 100 << 30, 1..=5 << 40;
    }
}
