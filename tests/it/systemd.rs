//! The unit file.

use std::process::Command;

use super::support::{Need, root, skip};

#[test]
fn systemd_finds_no_fault_in_the_unit() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return skip(Need::Systemd, "systemd-analyze is not there");
    }
    let unit = std::fs::read_to_string(root().join("systemd/ladderd.service")).unwrap();
    // It looks whether the program is there: here, the one under test stands in for it.
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
