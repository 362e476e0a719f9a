//! The systemd unit.

use std::process::Command;

use super::support::{Need, root, skip};

#[test]
fn systemd_analyze_accepts_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return skip(Need::Systemd, "systemd-analyze is not installed");
    }
    let unit = std::fs::read_to_string(root().join("systemd/ladderd.service")).unwrap();
    // systemd-analyze asserts that the program exists, so the one under test takes its place.
    let unit = unit.replace("/usr/bin/ladderd", env!("CARGO_BIN_EXE_ladderd"));
    let unit = unit.replace("file:///usr/share/doc/ladderd/README.md", "https://example.com/");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ladderd.service");
    std::fs::write(&path, unit).unwrap();
    let output = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    assert!(output.status.success());
}
