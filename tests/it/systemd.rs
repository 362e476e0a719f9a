//! The systemd unit.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::appliance::TIMEOUT;
use super::support::fleet::Fleet;
use super::support::servers::ServerKind;
use super::support::{Need, program, root, skip};

/// The units of the package, as files that `systemd-analyze` can read without the package. `None` (reported as a
/// skip) where there is no `systemd-analyze`.
fn units() -> Option<(tempfile::TempDir, Vec<PathBuf>)> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        skip(Need::Systemd, "systemd-analyze is not installed");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let paths = ["ladderd-gpu-nodes.service", "ladderd.service"].map(|name| {
        let unit = std::fs::read_to_string(root().join("systemd").join(name)).unwrap();
        // systemd-analyze asserts that programs and manuals exist, so those of this machine take their place.
        let unit = unit.replace("/usr/bin/ladderd", env!("CARGO_BIN_EXE_ladderd"));
        let lines = unit.lines().filter(|line| !line.starts_with("Documentation="));
        let path = dir.path().join(name);
        std::fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
        path
    });
    Some((dir, paths.into()))
}

fn analyze(arguments: &[&str], units: &[PathBuf]) -> Output {
    Command::new("systemd-analyze").args(arguments).args(units).output().unwrap()
}

#[test]
fn systemd_analyze_accepts_the_units() {
    let Some((_dir, units)) = units() else { return };
    let output = analyze(&["verify", "--man=no"], &units);
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    assert!(output.status.success());
}

#[test]
fn the_unit_is_exposed_by_nothing_but_what_it_explains() {
    let Some((_dir, units)) = units() else { return };
    let service = &units[1..];
    // The threshold is in tenths.
    let output = analyze(&["security", "--offline=true", "--threshold=16"], service);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let output = analyze(&["security", "--offline=true", "--json=short"], service);
    let facts: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let exposed = facts
        .iter()
        .filter(|fact| fact["exposure"].as_str().is_some_and(|exposure| exposure != "0.0"));
    let exposed: Vec<&str> = exposed.filter_map(|fact| fact["name"].as_str()).collect();
    let text = std::fs::read_to_string(&service[0]).unwrap();
    let reasons: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# Stays, ")).collect();
    let reasons = reasons.join("\n");
    let missing: Vec<_> = exposed.iter().filter(|name| !reasons.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?} have no reason in the unit");
    assert!(!exposed.is_empty() && facts.len() > 50, "{exposed:?}");
}

/// The service manager's end of the notifications.
pub(super) struct Notifications {
    dir: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Notifications {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self { dir, socket }
    }

    /// Environment of a service with a watchdog of 4 s.
    pub(super) fn environment(&self) -> [(String, String); 2] {
        let path = self.dir.path().join("notify").display().to_string();
        [("NOTIFY_SOCKET".to_owned(), path), ("WATCHDOG_USEC".to_owned(), "4000000".to_owned())]
    }

    /// Waits until this line came so many times.
    pub(super) fn wait_for(&self, line: &str, times: u32) {
        let (mut seen, mut buffer) = (0, [0; 1024]);
        while seen < times {
            let len = self.socket.recv(&mut buffer).expect("no notification comes any more");
            let text = std::str::from_utf8(&buffer[..len]).unwrap();
            seen += u32::from(text.lines().any(|said| said == line));
        }
    }

    /// Forgets what has come so far.
    fn clear(&self) {
        self.socket.set_nonblocking(true).unwrap();
        while self.socket.recv(&mut [0; 1024]).is_ok() {}
        self.socket.set_nonblocking(false).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_pinged_through_an_outage_of_store_and_queue() {
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    let systemd = Notifications::new();
    let appliance = fleet.appliance().environment(systemd.environment()).start();
    systemd.wait_for("READY=1", 1);
    systemd.wait_for("WATCHDOG=1", 2);
    let Fleet { servers, proxy: _proxy } = fleet;
    drop(servers);
    let unready = async {
        loop {
            let (status, problem) = appliance.get("/readyz").await;
            if status == 503 {
                return problem;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let problem = tokio::time::timeout(TIMEOUT, unready).await.expect("it stays ready");
    assert_eq!(problem["code"], "not-ready");
    let faulty: Vec<&str> = problem["components"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|part| part["ok"] == false)
        .map(|part| part["name"].as_str().unwrap())
        .collect();
    assert_eq!(faulty, ["private-bucket", "public-bucket", "queue"], "{problem:#}");
    // A part counts as hung after 5 s. Pings come every second.
    systemd.clear();
    systemd.wait_for("WATCHDOG=1", 8);
    assert_eq!(appliance.get("/healthz").await.0, 200);
}

#[test]
fn a_limit_of_open_files_that_is_too_low_is_named_at_start() {
    let systemd = Notifications::new();
    let dir = tempfile::tempdir().unwrap();
    let ladderd = program();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 2000 && exec \"$0\" \"$@\""]).arg(ladderd.get_program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir"]);
    let command = command.arg(dir.path()).envs(systemd.environment()).env("RUST_LOG", "warn");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    systemd.wait_for("READY=1", 1);
    child.kill().unwrap();
    let said = child.wait_with_output().unwrap().stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("LimitNOFILE") && said.contains("limit=2000"), "{said}");
}
