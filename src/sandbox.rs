//! What a worker may not do: the walls that stand between a hostile video and the machine.
//!
//! A worker needs its two pipes, the libraries on the disk and, for a GPU, its devices. Everything
//! else is taken away before the first byte of the source is looked at: files (Landlock), system
//! calls that open connections or start programs (seccomp), memory beyond a cap (rlimits), and any
//! way to get rights back (`no_new_privs`). Where the kernel lacks one of them the others stand, and
//! the job says so in a warning.

mod calls;
mod files;
mod limits;
pub mod probe;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the walls leave open.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Devices that may be read and written, such as `/dev/dri`.
    pub devices: Vec<PathBuf>,
    /// Bytes of memory that the process may fill; 0 for no cap.
    pub memory_bytes: u64,
}

/// One wall and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wall {
    /// `no-new-privs`, `landlock`, `seccomp` or `rlimits`.
    pub name: String,
    /// Whether all of it holds.
    pub holds: bool,
    /// What does not hold and why, or what there is.
    pub detail: String,
}

impl Wall {
    fn new(name: &str, built: Result<String, String>) -> Self {
        let holds = built.is_ok();
        let detail = built.unwrap_or_else(|fault| fault);
        Self { name: name.to_owned(), holds, detail }
    }
}

/// Builds the walls round this process, which has one thread so far: all that it starts later are
/// inside.
#[must_use]
pub fn enter(policy: &Policy) -> Vec<Wall> {
    let no_new_privs = rustix::thread::set_no_new_privs(true);
    let no_new_privs = no_new_privs.map(|()| "on".to_owned()).map_err(|error| error.to_string());
    vec![
        Wall::new("no-new-privs", no_new_privs),
        Wall::new("rlimits", limits::set(policy)),
        Wall::new("landlock", files::restrict(policy)),
        Wall::new("seccomp", calls::restrict()),
    ]
}
