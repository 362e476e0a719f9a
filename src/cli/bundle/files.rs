//! The files of a support bundle.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::remote::Api;
use crate::domain::doctor::{Report, Style, text};
use crate::domain::setting_view::SettingView;
use crate::private_file;

/// Lines of the log.
const LOG_LINES: &str = "3000";
/// Longest text of one file in bytes; of a log, the last ones count.
const MAX_BYTES: usize = 8 << 20;
/// Answers of the API: file, path, meaning.
const ANSWERS: [(&str, &str, &str); 7] = [
    ("settings.json", "/v1/system/settings", "settings with their origins, without secrets"),
    ("system.json", "/v1/system", "backends, GPUs, queue, running jobs, disk"),
    ("history.json", "/v1/system/history", "load of the last hour"),
    ("failures.json", "/v1/failures", "failures of all videos, by code"),
    ("failed-videos.json", "/v1/videos?state=failed&limit=50", "the latest videos that failed"),
    ("dead-letters.json", "/v1/dead-letters", "messages that were given up"),
    ("metrics.txt", "/metrics", "counters and gauges"),
];
/// Files of the system: file of the bundle, path, meaning.
const SYSTEM: [(&str, &str, &str); 6] = [
    ("os-release.txt", "/etc/os-release", "release of the system"),
    ("kernel.txt", "/proc/version", "version of Linux"),
    ("memory.txt", "/proc/meminfo", "memory of the machine"),
    ("nvidia-driver.txt", "/proc/driver/nvidia/version", "version of NVIDIA's kernel module"),
    ("pressure-io.txt", "/proc/pressure/io", "waits for disks"),
    ("pressure-memory.txt", "/proc/pressure/memory", "waits for memory"),
];
/// Variables of the environment whose values are secrets.
const SECRET_VARIABLES: [&str; 5] = [
    "LADDERD_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "LADDERD_PLAYBACK_TOKEN",
];

/// A file of a bundle.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) text: String,
    /// Its meaning, for people.
    pub(super) about: &'static str,
}

impl File {
    fn new(name: &'static str, text: impl Into<String>, about: &'static str) -> Self {
        Self { name, text: text.into(), about }
    }
}

/// The report, for people and for programs.
pub(super) fn of_report(report: &Report) -> Vec<File> {
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    vec![
        File::new("doctor.txt", text(report, Style::Plain), "report of ladderd doctor"),
        File::new("doctor.json", json, "the same as JSON"),
    ]
}

/// The answers of a running appliance. One that fails says why.
pub(super) async fn of_api(api: &Api) -> Vec<File> {
    let mut files = Vec::new();
    for (name, path, about) in ANSWERS {
        let text = match api.get_text(path).await {
            Ok(text) => indented(&text),
            Err(error) => format!("{path}: {:#}\n", error.reason),
        };
        files.push(File::new(name, text, about));
    }
    files
}

/// JSON with line breaks; other texts as they are.
fn indented(text: &str) -> String {
    let json = serde_json::from_str::<serde_json::Value>(text);
    json.map_or_else(|_| text.to_owned(), |json| format!("{json:#}\n"))
}

/// The settings of this command.
pub(super) fn settings(shown: &[SettingView]) -> File {
    let json = serde_json::to_string_pretty(shown).unwrap_or_default();
    File::new("settings.json", json, "settings with their origins, without secrets")
}

/// Versions and the log of this machine.
pub(super) fn of_machine() -> Vec<File> {
    let mut files = vec![log()];
    for (name, path, about) in SYSTEM {
        if let Ok(text) = std::fs::read_to_string(path) {
            files.push(File::new(name, text, about));
        }
    }
    files
}

/// The last lines of the journal. The daemon logs to standard error and keeps no file.
fn log() -> File {
    let about = "last lines of the log";
    let mut command = Command::new("journalctl");
    command.args([
        "--unit",
        "ladderd",
        "--lines",
        LOG_LINES,
        "--no-pager",
        "--output",
        "short-iso",
    ]);
    let said = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let text = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    if text.lines().count() < 2 {
        let none = "The journal has no lines of the unit ladderd, or cannot be read. The daemon logs to standard error: \
                    add what has kept it.\n";
        return File::new("log.txt", none, about);
    }
    let begin = text.ceil_char_boundary(text.len().saturating_sub(MAX_BYTES));
    File::new("log.txt", &text[begin..], about)
}

/// Secret of the root key of the embedded store, if there is one.
pub(super) fn store_secret(data_dir: &Path) -> Option<String> {
    let text = private_file::read(&data_dir.join("credentials.json")).ok()?;
    let credentials: serde_json::Value = serde_json::from_slice(&text).ok()?;
    credentials["secret_access_key"].as_str().map(str::to_owned)
}

/// Secrets in the environment of this command.
pub(super) fn environment_secrets() -> impl Iterator<Item = String> {
    SECRET_VARIABLES.into_iter().filter_map(|name| std::env::var(name).ok())
}
