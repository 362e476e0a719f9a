//! The life of one job.

pub mod board;

use serde::{Deserialize, Serialize};

/// How jobs run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Jobs at the same time.
    pub max_running: u64,
    /// A worker without progress for this long is killed.
    pub stall_timeout_secs: u64,
    /// How long running jobs may go on after SIGTERM.
    pub shutdown_grace_secs: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_running: 1, stall_timeout_secs: 120, shutdown_grace_secs: 30 }
    }
}
