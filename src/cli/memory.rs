//! Protection of the memory of this process, which holds secrets and videos.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Score of a process that the kernel ends before all others.
const FIRST: &str = "1000";

/// Switches core dumps off, here and in all children. A process that `holds_secrets` is closed to other processes of its
/// user, too. Workers and trials hold none, and their parent has to read how much memory they share. Where memory ends,
/// the kernel ends them first, however small they are: a job is tried again, a daemon has all of them.
pub(super) fn protect(holds_secrets: bool) {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Lowering a limit and closing one's own process need no rights.
    setrlimit(Resource::Core, none).ok();
    if holds_secrets {
        set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
    } else {
        // Raising one's own score needs no rights. Where there is no `/proc`, the kernel ends the largest process.
        std::fs::write("/proc/self/oom_score_adj", FIRST).ok();
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{dumpable_behavior, getrlimit};

    use super::*;

    #[test]
    fn a_process_with_secrets_is_closed_and_its_children_dump_no_core() {
        protect(true);
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        let child = std::process::Command::new("sh").args(["-c", "ulimit -c"]).output().unwrap();
        assert_eq!(child.stdout, b"0\n");
    }
}
