//! Settings of pulls.

use crate::domain::declare::{Any, settings};

settings! {
    /// Sources that the daemon pulls from URLs (`POST /v1/videos`).
    #[derive(Copy, Eq)]
    pub struct Config {
        /// Files that one box pulls at the same time. Others wait. Each needs memory for two parts.
        max_running: u64 = 4, 1..=64;
        /// Whether URLs may lead to private, loopback and link-local addresses. Then everybody who may upload
        /// can reach what this machine can reach.
        allow_private: bool = false, Any;
        /// Bytes of a part: the unit in which a pull goes on after a crash. Parts of very large files grow
        /// accordingly.
        part_size_bytes: u64 = 8 << 20, 5 << 20..=512 << 20;
        /// Tries in a row that bring no further part, after which a pull fails. The pauses between them grow to 30 s.
        max_attempts: u32 = 6, 1..=1000;
        /// Seconds without a byte after which the server of a URL counts as stuck.
        stall_secs: u64 = 60, 1..=3600;
        /// Seconds that a whole pull may take, its pauses included.
        max_secs: u64 = 86_400, 10..=604_800;
        /// Seconds between two looks for pulls that a box has left unfinished. Each look lists the open pulls once.
        look_secs: u64 = 30, 1..=3600;
    }
}
