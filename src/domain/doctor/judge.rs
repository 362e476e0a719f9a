//! Decisions on facts of the machine: what is fine, what is not, and what mends it.

mod cors;
mod gpus;
mod versions;

use jiff::{SignedDuration, Timestamp};

use super::{Check, Finding, Severity, mend};

pub use self::cors::{Cors, cors_answer, preflight};
pub use self::gpus::{Node, backend, device_node, devices, nvidia_driver};
pub use self::versions::gstreamer;

/// A clock that is off by more is worth a look: answers tell whole seconds.
const CLOCK_OFF_SECS: u64 = 5;
/// S3 refuses requests whose time is off by 15 minutes; a third of it needs somebody to act.
const CLOCK_WRONG_SECS: u64 = 300;
/// A small write that takes longer slows the start of jobs.
const SLOW_DISK_MS: u64 = 100;
/// A disk that takes longer is broken or shared with too many.
const BROKEN_DISK_MS: u64 = 2_000;
/// Memory that the daemon itself needs beside a worker, in bytes.
const DAEMON_BYTES: u64 = 512 << 20;
/// Processes and threads of the daemon and one worker with 1080p on many cores.
const FEW_TASKS: u64 = 512;
/// A certificate that ends sooner should have been renewed: authorities with 90 days renew after 60.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(21 * 24);

/// The clock of this machine, which is `ahead` of that of the store.
#[must_use]
pub fn clock(ahead: SignedDuration) -> Finding {
    let secs = ahead.as_secs().unsigned_abs();
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    let what = format!("the clock is {secs} s {side} that of the store");
    let severity = match secs {
        0..=CLOCK_OFF_SECS => return Finding::ok(Check::Clock, "as that of the store, to 5 s"),
        secs if secs < CLOCK_WRONG_SECS => Severity::Warning,
        _ => Severity::Error,
    };
    Finding::new(Check::Clock, severity, what).mend(mend::clock())
}

/// Time until a small write was durable, in milliseconds.
#[must_use]
pub fn disk_latency(median_ms: u64) -> Finding {
    let what = format!("a small write is durable after {median_ms} ms");
    let severity = match median_ms {
        ..SLOW_DISK_MS => return Finding::ok(Check::DiskLatency, what),
        median_ms if median_ms < BROKEN_DISK_MS => Severity::Warning,
        _ => Severity::Error,
    };
    Finding::new(Check::DiskLatency, severity, what).mend(mend::slow_disk())
}

/// Free space, of which `reserve_bytes` are never given to uploads.
#[must_use]
pub fn disk_space(
    free_bytes: u64,
    total_bytes: u64,
    reserve_bytes: u64,
    data_dir: &str,
) -> Finding {
    let what = format!("{} of {} are free", size(free_bytes), size(total_bytes));
    let step = mend::full_disk(data_dir);
    let is_low = free_bytes < total_bytes / 20 || free_bytes < reserve_bytes.saturating_mul(4);
    if free_bytes < reserve_bytes {
        let what = format!("{what}, less than embedded.min_free_bytes ({})", size(reserve_bytes));
        return Finding::new(Check::DiskSpace, Severity::Error, what).mend(step);
    }
    if is_low {
        return Finding::new(Check::DiskSpace, Severity::Warning, what).mend(step);
    }
    Finding::ok(Check::DiskSpace, what)
}

/// The limit of open files (`None`: there is none), and the files that the settings allow.
#[must_use]
pub fn open_files(limit: Option<u64>, needed: u64) -> Finding {
    match limit {
        None => Finding::ok(Check::OpenFiles, format!("no limit; {needed} may be needed")),
        Some(limit) if limit >= needed => Finding::ok(
            Check::OpenFiles,
            format!("{limit} are allowed, and {needed} may be needed"),
        ),
        Some(limit) => {
            let what = format!("{limit} are allowed, and {needed} may be needed");
            Finding::new(Check::OpenFiles, Severity::Warning, what).mend(mend::open_files(needed))
        }
    }
}

/// Memory that the process and its workers may have: the limit of the unit, if there is one, and the memory of the
/// machine. `worker_bytes` is that of one worker, 0 for no limit.
#[must_use]
pub fn memory(limit_bytes: Option<u64>, total_bytes: u64, worker_bytes: u64) -> Finding {
    let have = limit_bytes.map_or(total_bytes, |limit| limit.min(total_bytes));
    let whose = if have < total_bytes { "the unit may have" } else { "the machine has" };
    let what = format!("{whose} {}", size(have));
    if worker_bytes == 0 {
        let what = format!("{what}, and workers have no limit (jobs.worker_memory_bytes = 0)");
        return Finding::new(Check::Memory, Severity::Note, what);
    }
    if have >= worker_bytes.saturating_add(DAEMON_BYTES) {
        return Finding::ok(
            Check::Memory,
            format!("{what}; one worker may have {}", size(worker_bytes)),
        );
    }
    let what = format!(
        "{what}, less than one worker may have ({}) and the daemon needs",
        size(worker_bytes)
    );
    let less = have.saturating_sub(DAEMON_BYTES).max(DAEMON_BYTES);
    let needed = worker_bytes.saturating_add(DAEMON_BYTES);
    let step = if have < total_bytes && needed <= total_bytes {
        mend::memory_of_unit(needed, less)
    } else {
        mend::memory_of_machine(less)
    };
    Finding::new(Check::Memory, Severity::Warning, what).mend(step)
}

/// The limit of processes and threads of the unit.
#[must_use]
pub fn tasks(limit: Option<u64>) -> Finding {
    match limit {
        None => Finding::ok(Check::Tasks, "no limit"),
        Some(limit) if limit >= FEW_TASKS => {
            Finding::ok(Check::Tasks, format!("{limit} are allowed"))
        }
        Some(limit) => {
            Finding::new(Check::Tasks, Severity::Warning, format!("{limit} are allowed"))
                .mend(mend::tasks())
        }
    }
}

/// The end of a certificate.
#[must_use]
pub fn certificate_end(not_after: Timestamp, now: Timestamp) -> Finding {
    let left = not_after.duration_since(now);
    let days = left.as_hours() / 24;
    if left.is_negative() {
        let what = format!("it ended at {not_after:.0}");
        return Finding::new(Check::Certificate, Severity::Error, what)
            .mend(mend::old_certificate());
    }
    let what = format!("it is valid for {days} days, until {not_after:.0}");
    if left < ENDS_SOON {
        return Finding::new(Check::Certificate, Severity::Warning, what)
            .mend(mend::old_certificate());
    }
    Finding::ok(Check::Certificate, what)
}

/// A number of bytes for people.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut at = 0;
    while at + 1 < UNITS.len() && bytes >> (10 * (at + 1)) > 0 {
        at += 1;
    }
    let whole = bytes >> (10 * at);
    if at == 0 || whole >= 10 {
        return format!("{whole} {}", UNITS[at]);
    }
    let tenths = (bytes >> (10 * (at - 1))) * 10 / 1024;
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_long_before_the_store_refuses_it() {
        let table = [
            (0, Severity::Ok),
            (-5, Severity::Ok),
            (6, Severity::Warning),
            (-299, Severity::Warning),
            (300, Severity::Error),
            (-86_400, Severity::Error),
        ];
        for (secs, severity) in table {
            let found = clock(SignedDuration::from_secs(secs));
            assert_eq!(found.severity, severity, "{secs}");
            assert_eq!(found.mend.is_some(), severity > Severity::Ok);
        }
        assert!(clock(SignedDuration::from_secs(-400)).what.contains("400 s behind"));
    }

    #[test]
    fn limits_of_the_machine_are_compared_with_what_is_needed() {
        const GIB: u64 = 1 << 30;
        let table = [
            (memory(None, 16 * GIB, 4 * GIB), Severity::Ok),
            (memory(Some(2 * GIB), 16 * GIB, 4 * GIB), Severity::Warning),
            (memory(Some(64 * GIB), 16 * GIB, 4 * GIB), Severity::Ok),
            (memory(None, 4 * GIB, 4 * GIB), Severity::Warning),
            (memory(None, 4 * GIB, 0), Severity::Note),
            (tasks(None), Severity::Ok),
            (tasks(Some(64)), Severity::Warning),
            (tasks(Some(4096)), Severity::Ok),
            (open_files(Some(1024), 20_000), Severity::Warning),
            (open_files(Some(524_288), 20_000), Severity::Ok),
            (open_files(None, 20_000), Severity::Ok),
            (disk_latency(3), Severity::Ok),
            (disk_latency(250), Severity::Warning),
            (disk_latency(9000), Severity::Error),
            (disk_space(50 * GIB, 100 * GIB, GIB, "/d"), Severity::Ok),
            (disk_space(4 * GIB, 100 * GIB, GIB, "/d"), Severity::Warning),
            (disk_space(GIB - 1, 100 * GIB, GIB, "/d"), Severity::Error),
        ];
        for (found, severity) in table {
            assert_eq!(found.severity, severity, "{}", found.what);
        }
        let of_unit = memory(Some(2 * GIB), 16 * GIB, 4 * GIB).mend.unwrap();
        assert!(of_unit.contains("MemoryMax") && of_unit.contains("= 1610612736"), "{of_unit}");
    }

    #[test]
    fn certificates_are_to_be_renewed_in_time() {
        let now: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let table = [(90 * 24, Severity::Ok), (20 * 24, Severity::Warning), (-1, Severity::Error)];
        for (hours, severity) in table {
            let end = now + SignedDuration::from_hours(hours);
            assert_eq!(certificate_end(end, now).severity, severity, "{hours}");
        }
    }

    #[test]
    fn sizes_have_two_digits_at_least() {
        let table = [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1 << 29, "512 MiB"),
            (3 << 29, "1.5 GiB"),
            (16 << 30, "16 GiB"),
            (u64::MAX, "16777215 TiB"),
        ];
        for (bytes, text) in table {
            assert_eq!(size(bytes), text);
        }
    }
}
