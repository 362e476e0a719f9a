//! The memory of a worker, as its parent measures it.
//!
//! `RLIMIT_DATA` bounds the private writable memory of a worker and ends most videos that need too much, but
//! it does not know shared memory (`MAP_SHARED`). So the parent measures what cannot be dropped or written
//! back: anonymous pages, shared memory, and both of them in swap.
//!
//! Pages of files are left out: libraries and plugins, which the kernel drops under pressure. Mapped memory
//! of a GPU is none of ours either. Drivers map it by page frame numbers, which `smaps` does not count, or as
//! pages of a device file.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use tokio::sync::mpsc;

use super::error::Error;
use super::misbehaviour::Misbehaviour;

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_secs(1);
/// Measurements that may fail one after the other while the process runs.
const MOST_FAILURES: u32 = 3;

/// A process that is measured. The descriptor stays that of the process when its id is used again.
pub(super) struct Watched {
    pid: u32,
    process: OwnedFd,
    most_bytes: u64,
}

impl Watched {
    /// Watches a child that was not waited for.
    pub(super) fn new(pid: u32, most_bytes: u64) -> std::io::Result<Self> {
        let id = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let id = id.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(Self { pid, process: pidfd_open(id, PidfdFlags::empty())?, most_bytes })
    }

    /// Measures the process until it ends. Kills it and says why if it takes more than its limit, or if it
    /// makes itself unmeasurable.
    pub(super) async fn watch(self, verdicts: mpsc::Sender<Error>) {
        let mut failures = 0;
        let mut was_measured = false;
        let error = loop {
            match measure(self.pid).await {
                Some(bytes) if bytes > self.most_bytes => break Error::Memory,
                Some(_) => (failures, was_measured) = (0, true),
                None if !self.is_running() => return,
                // A machine without /proc. A worker of ours has not read its source by now.
                None if !was_measured => {
                    tracing::warn!(pid = self.pid, "failed to measure the memory of a worker");
                    return;
                }
                None => failures += 1,
            }
            if failures == MOST_FAILURES {
                break Error::Misbehaved(Misbehaviour::Unmeasurable);
            }
            tokio::time::sleep(INTERVAL).await;
        };
        // The verdict first: the reader of the pipe asks for it when the pipe ends. It may have another, or
        // be gone.
        drop(verdicts.try_send(error));
        if let Err(error) = pidfd_send_signal(&self.process, Signal::KILL) {
            tracing::warn!(%error, pid = self.pid, "failed to kill a worker");
        }
    }

    /// Whether the process has not ended. Does not wait for it.
    fn is_running(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::PidFd(self.process.as_fd()), options), Ok(None))
    }
}

/// Memory of a process in bytes; `None` if the kernel does not say. A process that is not dumpable
/// (`PR_SET_DUMPABLE`) hides its `smaps_rollup`, but not its `status`, whose numbers lack shared memory in
/// swap.
async fn measure(pid: u32) -> Option<u64> {
    let sources = [
        ("smaps_rollup", ["Anonymous", "Pss_Shmem", "Swap"]),
        ("status", ["RssAnon", "RssShmem", "VmSwap"]),
    ];
    for (file, lines) in sources {
        if let Ok(text) = tokio::fs::read_to_string(format!("/proc/{pid}/{file}")).await
            && let Some(bytes) = sum(&text, &lines)
        {
            return Some(bytes);
        }
    }
    None
}

/// Sum of these lines of `/proc/<pid>/smaps_rollup` or `status`, in bytes; `None` if one is missing.
fn sum(text: &str, names: &[&str]) -> Option<u64> {
    let value = |name: &&str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(found, _)| found == name)?;
        value.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    names.iter().map(value).sum::<Option<u64>>().map(|kib| kib.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_memory_counts_and_pages_of_files_do_not() {
        let rollup = "5581 7ffd ---p 00000000 00:00 0 [rollup]\nRss:   9000 kB\nPss:   8000 kB\n\
                      Pss_Anon:  1 kB\nPss_File:  5000 kB\nPss_Shmem:   700 kB\nAnonymous:   1000 kB\n\
                      Swap:   30 kB\nSwapPss:   3 kB\n";
        assert_eq!(sum(rollup, &["Anonymous", "Pss_Shmem", "Swap"]), Some(1730 * 1024));
        let zombie = "Name:\tladderd\nState:\tZ (zombie)\n";
        assert_eq!(sum(zombie, &["RssAnon", "RssShmem", "VmSwap"]), None);
    }

    #[tokio::test]
    async fn both_sources_measure_this_process() {
        let bytes = measure(std::process::id()).await.unwrap();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let of_status = sum(&status, &["RssAnon", "RssShmem", "VmSwap"]).unwrap();
        assert!(bytes > 0 && of_status > 0, "{bytes} and {of_status}");
        assert_eq!(measure(u32::MAX - 1).await, None);
    }
}
