//! A run of the program on one file, with deadlines and a look at its workers from outside.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A run that takes longer counts as hung.
const DEADLINE: Duration = Duration::from_mins(1);
/// On a busy machine a run may take this long while it prints something every [`SILENCE`].
const LAST_DEADLINE: Duration = Duration::from_mins(3);
const SILENCE: Duration = Duration::from_secs(20);

/// Two small rungs, so that decoding takes most of the time and not the encoders.
const SMALL_LADDER: &str = "[[ladder]]\nheight = 240\nmax_bitrate_kbps = 500\n\
                            [[ladder]]\nheight = 360\nmax_bitrate_kbps = 900\n";

/// The end of a run, and what it printed.
#[derive(Debug)]
pub struct Run {
    /// Exit code; `None` after a signal.
    pub exit: Option<i32>,
    /// The lines of standard output that are JSON.
    pub events: Vec<Value>,
    /// All of standard output.
    pub stdout: String,
    pub stderr: String,
    /// Peak memory of the largest worker in bytes, sampled every 50 ms.
    pub peak_bytes: u64,
    pub took: Duration,
}

impl Run {
    /// The last event of this name.
    pub fn event(&self, name: &str) -> Option<&Value> {
        self.events.iter().rev().find(|event| event["event"] == name)
    }

    /// `ready`, or the failure code of `transcode` or `plan`.
    pub fn outcome(&self) -> String {
        if let Some(failed) = self.event("failed") {
            return failed["code"].as_str().unwrap().to_owned();
        }
        // `plan` prints its failure to standard error: `ladderd: sentence [code]`.
        let code = self.stderr.trim_end().strip_suffix(']').and_then(|said| said.rsplit_once('['));
        match (self.exit, code) {
            (Some(0), _) => "ready".to_owned(),
            (Some(1), Some((_, code))) => code.to_owned(),
            _ => panic!("no outcome: {self:?}"),
        }
    }
}

/// `transcode --json` with the small ladder and these settings.
pub fn transcode(input: &Path, out: &Path, settings: &[(&str, &str)]) -> Run {
    let flags = ["transcode", "--json", "--no-check"].map(std::ffi::OsStr::new);
    watched(&[&flags[..], &[input.as_os_str(), out.as_os_str()]].concat(), settings)
}

/// `plan` with the small ladder.
pub fn plan(input: &Path) -> Run {
    watched(&["plan".as_ref(), input.as_os_str()], &[])
}

/// Runs the program to its end and asserts that no worker outlives it.
fn watched(arguments: &[&std::ffi::OsStr], settings: &[(&str, &str)]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let (config, stdout, stderr) =
        (dir.path().join("small.toml"), dir.path().join("stdout"), dir.path().join("stderr"));
    std::fs::write(&config, SMALL_LADDER).unwrap();
    let began = Instant::now();
    let mut child = super::program()
        .args(arguments)
        .arg("--config")
        .arg(&config)
        // Shorter than the deadline here: the program itself ends what hangs in GStreamer.
        .env("LADDERD__JOBS__STALL_TIMEOUT_SECS", "30")
        .envs(settings.iter().map(|(key, value)| (super::environment_variable(key), value)))
        .stdout(Stdio::from(std::fs::File::create(&stdout).unwrap()))
        .stderr(Stdio::from(std::fs::File::create(&stderr).unwrap()))
        .spawn()
        .unwrap();
    let printed_bytes = || std::fs::metadata(&stdout).unwrap().len();
    let (exit, workers, peak_bytes) = follow(&mut child, printed_bytes, arguments);
    let left: Vec<i32> = workers.into_iter().filter(|pid| is_worker(*pid)).collect();
    assert!(left.is_empty(), "workers are left of {arguments:?}: {left:?}");
    let stdout = String::from_utf8_lossy(&std::fs::read(&stdout).unwrap()).into_owned();
    let events = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let stderr = String::from_utf8_lossy(&std::fs::read(&stderr).unwrap()).into_owned();
    assert!(!stderr.contains("panicked at"), "{arguments:?}: {stderr}");
    Run { exit, events, stdout, stderr, peak_bytes, took: began.elapsed() }
}

/// Waits for the end. Returns the exit code, the workers seen and the peak memory of one in bytes.
fn follow(
    child: &mut Child,
    printed_bytes: impl Fn() -> u64,
    arguments: &[&std::ffi::OsStr],
) -> (Option<i32>, Vec<i32>, u64) {
    let (mut workers, mut peak_bytes) = (Vec::new(), 0);
    let began = Instant::now();
    let (mut printed, mut printed_at) = (0, began);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), workers, peak_bytes);
        }
        for pid in workers_of(child.id()) {
            peak_bytes = peak_bytes.max(peak_of(pid));
            if !workers.contains(&pid) {
                workers.push(pid);
            }
        }
        if printed_bytes() > printed {
            (printed, printed_at) = (printed_bytes(), Instant::now());
        }
        let is_alive = printed_at.elapsed() < SILENCE && began.elapsed() < LAST_DEADLINE;
        if began.elapsed() > DEADLINE && !is_alive {
            // Its worker dies with it.
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{arguments:?} hangs; workers so far: {workers:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Process ids of the workers of this process.
pub fn workers_of(parent: u32) -> Vec<i32> {
    let parent = parent.to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.split_whitespace().eq(["PPid:", parent.as_str()]))
    };
    pids.filter(is_child).filter(|pid| is_worker(*pid)).collect()
}

fn is_worker(pid: i32) -> bool {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.ends_with(b"ladderd\0worker\0")
}

/// Peak memory of a process in bytes.
fn peak_of(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Temporary files left below a folder.
pub fn unfinished(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(unfinished(&path));
        } else if path.extension().is_some_and(|ending| ending == "part" || ending == "tmp") {
            found.push(path);
        }
    }
    found
}
