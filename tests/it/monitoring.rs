//! Metrics of a box that works, and the alerts, runbooks and panels that are made of them.

mod files;
mod runbooks;
mod scrapes;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use ladderd::metrics::list::{self, Kind};

use super::support::{Need, root, skip};

/// promtool; nothing (reported as a skip) where it is not installed.
fn promtool() -> Option<PathBuf> {
    let unpacked = root().join("target/tools/prometheus/usr/bin/promtool");
    let program = if unpacked.is_file() { unpacked } else { "promtool".into() };
    if Command::new(&program).arg("--version").output().is_err() {
        skip(Need::Promtool, "promtool is not installed (make test-deps)");
        return None;
    }
    Some(program)
}

/// Runs promtool with this input. Panics with what it printed if it fails.
fn check(program: &PathBuf, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that reads no input may have ended.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let printed = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy);
    assert!(output.status.success(), "promtool {arguments:?}: {}", printed.join("\n"));
    output
}

/// Names that a series of the list can have, with the labels of each.
fn known_series() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut known = BTreeMap::new();
    for metric in list::all() {
        let labels: BTreeSet<&str> = metric.labels.split_whitespace().collect();
        if metric.kind == Kind::Histogram {
            for end in ["_sum", "_count"] {
                known.insert(format!("{}{end}", metric.name), labels.clone());
            }
            let with_le = labels.iter().copied().chain(["le"]).collect();
            known.insert(format!("{}_bucket", metric.name), with_le);
        } else {
            known.insert(metric.name.to_owned(), labels);
        }
    }
    known
}
