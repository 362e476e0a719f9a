//! The rights that a sandboxed process keeps.

use std::path::PathBuf;

/// Exceptions to the sandbox and its memory limit.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Devices that the process may read and write, such as `/dev/dri`.
    pub devices: Vec<PathBuf>,
    /// Limit of private writable memory in bytes; 0 sets no limit.
    pub memory_bytes: u64,
}
