//! Rlimits layer: limits of memory, files and core dumps.

use rustix::process::{Resource, Rlimit, setrlimit};

use super::error::Error;
use super::policy::Policy;

/// Maximum of open files. Libraries are closed once they are mapped, and GPU drivers keep a few dozen
/// files open.
const OPEN_FILES: u64 = 512;

/// Sets the limits of this process. Returns a description of them.
pub(super) fn set(policy: &Policy) -> Result<String, Error> {
    let mut wanted = vec![
        // A core dump would hold a user's video.
        (Resource::Core, "core", 0),
        // No writes to files. The limit does not apply to pipes and sockets.
        (Resource::Fsize, "fsize", 0),
        (Resource::Nofile, "nofile", OPEN_FILES),
    ];
    if policy.memory_bytes > 0 {
        // Private writable memory. Mappings without write permission do not count.
        wanted.push((Resource::Data, "data", policy.memory_bytes));
    }
    let mut refused = Vec::new();
    for (resource, name, most) in &wanted {
        let limit = Rlimit { current: Some(*most), maximum: Some(*most) };
        if let Err(error) = setrlimit(*resource, limit) {
            refused.push(format!("{name}: {error}"));
        }
    }
    if !refused.is_empty() {
        return Err(Error::Limits(refused.join(", ")));
    }
    let set: Vec<_> = wanted.iter().map(|(_, name, most)| format!("{name} {most}")).collect();
    Ok(set.join(", "))
}
