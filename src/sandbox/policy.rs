//! The rights that a sandboxed process keeps.

use std::path::PathBuf;

use super::calls::Refusals;
use crate::domain::sandbox::Calls;

/// Exceptions to the sandbox and its memory limit.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Devices that the process may read and write, such as `/dev/dri`.
    pub devices: Vec<PathBuf>,
    /// Limit of private writable memory in bytes; 0 sets no limit.
    pub memory_bytes: u64,
    /// System calls that the process may make.
    pub calls: Calls,
    /// Effect of the calls that it may not make.
    pub refusals: Refusals,
    /// Newest ABI of Landlock that is used, to see what an older kernel enforces; `None` for the newest.
    pub landlock_abi: Option<i32>,
}
