//! Limits of the process (setrlimit).

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Policy;

/// Open files: libraries are mapped and closed again, GPU drivers keep a few dozen.
const OPEN_FILES: u64 = 512;

/// Sets them. Says what was set.
pub(super) fn set(policy: &Policy) -> Result<String, String> {
    let mut wanted = vec![
        // The memory of a crashed worker holds somebody's video.
        (Resource::Core, "core", 0),
        // Not a byte into any file; pipes and sockets are none.
        (Resource::Fsize, "fsize", 0),
        (Resource::Nofile, "nofile", OPEN_FILES),
    ];
    if policy.memory_bytes > 0 {
        // Private memory that can be written: what is reserved and never used does not count.
        wanted.push((Resource::Data, "data", policy.memory_bytes));
    }
    let mut faults = Vec::new();
    for (resource, name, most) in &wanted {
        let limit = Rlimit { current: Some(*most), maximum: Some(*most) };
        if let Err(error) = setrlimit(*resource, limit) {
            faults.push(format!("{name}: {error}"));
        }
    }
    let told: Vec<_> = wanted.iter().map(|(_, name, most)| format!("{name} {most}")).collect();
    if faults.is_empty() { Ok(told.join(", ")) } else { Err(faults.join(", ")) }
}
