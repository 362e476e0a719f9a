//! Sandbox of the worker process, which parses untrusted video.
//!
//! A worker needs its two pipes, the libraries on the disk and, for a GPU, its devices. Four layers
//! take away everything else before the worker reads the first byte of the source: `no_new_privs`
//! (no way to regain privileges), rlimits (memory, files, core dumps), Landlock (files, connections,
//! signals) and seccomp (a list of the system calls that decoders and encoders need). No job runs
//! without one of them, unless `sandbox.mode` says so.

mod calls;
mod error;
mod files;
mod layer;
mod limits;
mod policy;
pub mod probe;
mod rights;

pub use self::calls::{REFUSED_CALL, Refusals, unfit};
use self::error::Error;
pub use self::layer::Layer;
use self::layer::{Applied, Part};
pub use self::policy::Policy;
use crate::domain::declare::{OneOf, settings};
use crate::domain::sandbox::Mode;

settings! {
    /// The sandbox of the processes that decode and encode.
    #[derive(Copy, Eq)]
    pub struct Config {
        /// Effect of a sandbox layer that the kernel does not enforce: "require" (the daemon does not
        /// start, and no job runs) or "degrade" (a warning). `ladderd sandbox-test` shows the layers.
        mode: Mode = Mode::Require, OneOf;
    }
}

/// Applies all layers to this process. Call it while the process has one thread: threads that start
/// later inherit the layers.
#[must_use]
pub fn enter(policy: &Policy) -> Vec<Layer> {
    let whole = |rules| Applied { part: Part::Whole, rules };
    let no_new_privs = rustix::thread::set_no_new_privs(true);
    let no_new_privs = no_new_privs.map(|()| "on".to_owned()).map_err(Error::NoNewPrivs);
    vec![
        Layer::new("no-new-privs", no_new_privs.map(whole)),
        Layer::new("rlimits", limits::set(policy).map(whole)),
        Layer::new("landlock", files::restrict(policy)),
        Layer::new("seccomp", calls::restrict(&policy.calls, policy.refusals).map(whole)),
    ]
}

/// Why a job must not run, and what to do; `None` if enough of every layer is enforced.
#[must_use]
pub fn missing(layers: &[Layer]) -> Option<String> {
    let missing = layers.iter().filter(|layer| !layer.is_enough);
    let missing: Vec<_> =
        missing.map(|layer| format!("{}: {}", layer.name, layer.detail)).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "the sandbox is incomplete: {}. Enable what is missing, or set sandbox.mode = \
             \"degrade\" to decode without it; `ladderd sandbox-test` shows the layers",
            missing.join("; ")
        )
    })
}
