//! The data directory: rights, space and speed of its disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use super::subject::Config;
use crate::domain::doctor::mend::{Caller, Unwritable};
use crate::domain::doctor::{Check, Finding, Severity, judge, mend};

/// Writes that are timed.
const WRITES: usize = 5;
/// Bytes of each: a page of the database.
const WRITE_BYTES: usize = 4096;

pub(super) fn examine(config: &Config, caller: Caller) -> Vec<Finding> {
    let dir = &config.data_dir;
    let shown = dir.display().to_string();
    let mut found = Vec::new();
    match latency(dir) {
        Ok(median) => {
            found.push(open_to_others(dir));
            let median = u64::try_from(median.as_millis()).unwrap_or(u64::MAX);
            found.push(judge::disk_latency(median));
        }
        Err(error) => {
            let mend = mend::data_dir(reason(error.kind()), &shown, caller);
            let what = format!("a file in it cannot be written: {error}");
            found.push(Finding::new(Check::DataDir, Severity::Error, what).mend(mend));
            let skipped = "the data directory cannot be written";
            found.push(Finding::new(Check::DiskLatency, Severity::Skipped, skipped));
        }
    }
    found.push(match rustix::fs::statvfs(dir) {
        Ok(disk) => judge::disk_space(
            disk.f_bavail.saturating_mul(disk.f_frsize),
            disk.f_blocks.saturating_mul(disk.f_frsize),
            config.reserve_bytes,
            &shown,
        ),
        Err(error) => Finding::new(Check::DiskSpace, Severity::Skipped, error.to_string()),
    });
    found
}

/// Reason of a failure to write.
#[expect(clippy::wildcard_enum_match_arm, reason = "an enum of the standard library, which grows")]
fn reason(kind: io::ErrorKind) -> Unwritable {
    match kind {
        io::ErrorKind::NotFound => Unwritable::Absent,
        io::ErrorKind::ReadOnlyFilesystem => Unwritable::ReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Unwritable::Full,
        _ => Unwritable::Refused,
    }
}

fn open_to_others(dir: &Path) -> Finding {
    let mode = std::fs::metadata(dir).map_or(0o700, |found| found.permissions().mode() & 0o777);
    if mode.trailing_zeros() >= 6 {
        return Finding::ok(
            Check::DataDir,
            "it can be written, and other users cannot look into it",
        );
    }
    let what =
        format!("other users can look into it (mode {mode:04o}); its files are closed to them");
    Finding::new(Check::DataDir, Severity::Warning, what)
        .mend(mend::private_folder(&dir.display().to_string()))
}

/// Median time until a small write is durable.
fn latency(dir: &Path) -> io::Result<Duration> {
    let path = dir.join(format!("doctor-{}", hex::encode(rand::random::<[u8; 8]>())));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let result = file.and_then(|file| timed(&file));
    // It was made here, if it is there.
    std::fs::remove_file(&path).ok();
    result
}

fn timed(mut file: &File) -> io::Result<Duration> {
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let began = Instant::now();
        file.write_all(&[0; WRITE_BYTES])?;
        file.sync_all()?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times[WRITES / 2])
}
