//! The machine and the limits of the unit.

use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::data_dir;
use super::subject::Subject;
use crate::domain::doctor::{Check, Finding, Severity, judge};
use crate::domain::machine::memory_total_bytes;

pub(super) async fn examine(subject: &Subject) -> Vec<Finding> {
    let (config, caller) = (subject.config.clone(), subject.caller());
    let examined = tokio::task::spawn_blocking(move || {
        let mut found = data_dir::examine(&config, caller);
        let files = getrlimit(Resource::Nofile).maximum;
        found.push(judge::open_files(files, config.files_needed));
        let groups = cgroups();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        found.push(match memory_total_bytes(&meminfo) {
            Some(total) => {
                judge::memory(lowest(&groups, "memory.max"), total, config.worker_memory_bytes)
            }
            None => Finding::new(Check::Memory, Severity::Skipped, "Linux does not tell it"),
        });
        found.push(judge::tasks(lowest(&groups, "pids.max")));
        found
    });
    // A thread that panicked has examined nothing.
    examined.await.unwrap_or_default()
}

/// The folders of the control groups of this process, the innermost first. Control groups of version 1 have none.
fn cgroups() -> Vec<PathBuf> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::/")) else {
        return Vec::new();
    };
    let root = Path::new("/sys/fs/cgroup");
    let own = root.join(path);
    own.ancestors().take_while(|folder| folder.starts_with(root)).map(Path::to_owned).collect()
}

/// The lowest limit of all these groups; `None` if none of them has one.
fn lowest(groups: &[PathBuf], file: &str) -> Option<u64> {
    let limit = |folder: &PathBuf| std::fs::read_to_string(folder.join(file)).ok();
    groups.iter().filter_map(limit).filter_map(|text| text.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_of_all_groups_holds() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("unit");
        std::fs::create_dir(&inner).unwrap();
        let groups = [inner.clone(), dir.path().to_owned()];
        assert_eq!(lowest(&groups, "memory.max"), None);
        std::fs::write(inner.join("memory.max"), "max\n").unwrap();
        std::fs::write(dir.path().join("memory.max"), "4096\n").unwrap();
        assert_eq!(lowest(&groups, "memory.max"), Some(4096));
        std::fs::write(inner.join("memory.max"), "1024\n").unwrap();
        assert_eq!(lowest(&groups, "memory.max"), Some(1024));
    }
}
