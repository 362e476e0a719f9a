//! Sandbox of the worker process, which parses untrusted video.
//!
//! A worker needs its two pipes, the libraries on the disk and, for a GPU, its devices. Four layers
//! take away everything else before the worker reads the first byte of the source: `no_new_privs`
//! (no way to regain privileges), rlimits (memory, files, core dumps), Landlock (files, connections,
//! signals) and seccomp (system calls that open connections or start programs). If the kernel lacks
//! a layer, the others are enforced and the job reports a warning.

mod calls;
mod error;
mod files;
mod limits;
mod policy;
pub mod probe;

use serde::{Deserialize, Serialize};

use self::error::Error;
pub use self::policy::Policy;

/// State of one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// `no-new-privs`, `landlock`, `seccomp` or `rlimits`.
    pub name: String,
    /// Whether the kernel enforces all of it.
    pub is_enforced: bool,
    /// The rules in force, or the reason why some are not.
    pub detail: String,
}

impl Layer {
    fn new(name: &str, applied: Result<String, Error>) -> Self {
        let is_enforced = applied.is_ok();
        let detail = applied.unwrap_or_else(|error| error.to_string());
        Self { name: name.to_owned(), is_enforced, detail }
    }
}

/// Applies all layers to this process. Call it while the process has one thread: threads that start
/// later inherit the layers.
#[must_use]
pub fn enter(policy: &Policy) -> Vec<Layer> {
    let no_new_privs = rustix::thread::set_no_new_privs(true);
    let no_new_privs = no_new_privs.map(|()| "on".to_owned()).map_err(Error::NoNewPrivs);
    vec![
        Layer::new("no-new-privs", no_new_privs),
        Layer::new("rlimits", limits::set(policy)),
        Layer::new("landlock", files::restrict(policy)),
        Layer::new("seccomp", calls::restrict()),
    ]
}
