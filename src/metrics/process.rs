//! Samples of the daemon's process and of its children, read below `/proc`.

use rustix::param::clock_ticks_per_second;
use rustix::process::{Resource, getrlimit};

use super::sample::Sample;
use crate::domain::machine::{ProcessStat, boot_time_secs, resident_bytes, threads, virtual_bytes};

/// The samples now. Files that cannot be read have none.
#[must_use]
pub fn samples() -> Vec<Sample> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (status, stat) = (read("/proc/self/status"), ProcessStat::parse(&read("/proc/self/stat")));
    let whole = |name, value: Option<u64>| value.map(|value| Sample::whole(name, value));
    let secs = |name, value: Option<f64>| value.map(|value| Sample::float(name, value));
    let ticks = ticks_per_sec();
    let started = stat.zip(boot_time_secs(&read("/proc/stat")));
    let started = started.map(|(stat, boot)| seconds(boot) + seconds(stat.started) / ticks);
    let children = Children::read();
    [
        secs("process_cpu_seconds_total", stat.map(|stat| seconds(stat.own) / ticks)),
        whole("process_resident_memory_bytes", resident_bytes(&status)),
        whole("process_virtual_memory_bytes", virtual_bytes(&status)),
        whole("process_open_fds", open_files()),
        whole("process_max_fds", getrlimit(Resource::Nofile).current),
        whole("process_threads", threads(&status)),
        secs("process_start_time_seconds", started),
        whole("ladderd_workers", Some(children.count)),
        whole("ladderd_workers_resident_memory_bytes", Some(children.resident_bytes)),
        secs("ladderd_workers_cpu_seconds_total", stat.map(|stat| seconds(stat.children) / ticks)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The descriptor of the folder that is read is not counted.
fn open_files() -> Option<u64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(u64::try_from(count).unwrap_or(u64::MAX).saturating_sub(1))
}

#[derive(Default)]
struct Children {
    count: u64,
    resident_bytes: u64,
}

impl Children {
    fn read() -> Self {
        let mut found = Self::default();
        // A child belongs to the thread that started it.
        for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            // The thread may have ended.
            let children =
                std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            for pid in children.split_whitespace() {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
                // A child that has ended has no memory.
                if let Some(bytes) = status.ok().and_then(|status| resident_bytes(&status)) {
                    found.count += 1;
                    found.resident_bytes += bytes;
                }
            }
        }
        found
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds, for people")]
fn seconds(whole: u64) -> f64 {
    whole as f64
}

fn ticks_per_sec() -> f64 {
    seconds(clock_ticks_per_second()).max(1.0)
}
