//! Child processes: the environment that each kind of child gets.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use ladderd::worker::spawn::INHERITED;

use crate::support::root;

/// Variables that a child gets beside the inherited ones.
const SET: [&str; 3] = ["CUDA_DEVICE_ORDER", "GST_REGISTRY_FORK", "GST_REGISTRY_UPDATE"];

/// The names in `/proc/<pid>/environ`.
fn environ(pid: &str) -> BTreeSet<String> {
    let bytes = std::fs::read(Path::new("/proc").join(pid).join("environ")).unwrap_or_default();
    let entries = bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    let name = |entry: &[u8]| String::from_utf8_lossy(entry).split('=').next().unwrap().to_owned();
    entries.map(name).collect()
}

/// The children of this process: id and subcommand.
fn children(parent: u32) -> Vec<(String, String)> {
    let list = format!("/proc/{parent}/task");
    let mut found = Vec::new();
    for task in std::fs::read_dir(list).into_iter().flatten().flatten() {
        let ids = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for id in ids.split_whitespace() {
            let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let words: Vec<_> = line.split(|byte| *byte == 0).collect();
            let command = words.get(1).map(|word| String::from_utf8_lossy(word).into_owned());
            found.push((id.to_owned(), command.unwrap_or_default()));
        }
    }
    found
}

/// Runs the binary with secrets in its environment and returns the variables that its children of
/// this subcommand had, by looking into `/proc` until the command ends.
fn observe(arguments: &[&str], subcommand: &str) -> BTreeSet<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ladderd"))
        .args(arguments)
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("LADDERD__ENCRYPTION__KEY_ENDPOINT_TOKEN", "secret")
        .env("GST_DEBUG", "9")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = BTreeSet::new();
    while child.try_wait().unwrap().is_none() {
        for (id, command) in children(child.id()) {
            if command == subcommand {
                seen.extend(environ(&id));
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    if seen.is_empty() {
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        panic!("no child {subcommand} was seen: {text}");
    }
    seen
}

fn assert_only_named(seen: &BTreeSet<String>) {
    let is_named =
        |name: &&String| !INHERITED.contains(&name.as_str()) && !SET.contains(&name.as_str());
    let others: Vec<_> = seen.iter().filter(is_named).collect();
    assert!(others.is_empty(), "a child has {others:?}");
    assert!(seen.contains("PATH"), "{seen:?}");
}

#[test]
fn a_trial_gets_named_variables_only() {
    assert_only_named(&observe(&["backends"], "trial"));
}

#[test]
fn a_sandbox_probe_gets_named_variables_only() {
    assert_only_named(&observe(&["sandbox-test"], "sandbox-probe"));
}

#[test]
fn a_worker_gets_named_variables_only() {
    let source = root().join("Cargo.toml");
    let source = source.to_str().unwrap();
    assert_only_named(&observe(&["plan", source], "worker"));
}
