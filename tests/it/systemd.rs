//! The systemd unit.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::support::appliance::TIMEOUT;
use super::support::fleet::Fleet;
use super::support::servers::ServerKind;
use super::support::{Need, program, root, skip};

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

/// The service manager's end of the notifications.
struct Notifications {
    dir: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Notifications {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(TIMEOUT)).unwrap();
        Self { dir, socket }
    }

    /// Environment of a service with a watchdog of 4 s.
    fn environment(&self) -> [(String, String); 2] {
        let path = self.dir.path().join("notify").display().to_string();
        [("NOTIFY_SOCKET".to_owned(), path), ("WATCHDOG_USEC".to_owned(), "4000000".to_owned())]
    }

    /// Waits until this line came so many times.
    fn wait_for(&self, line: &str, times: u32) {
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
