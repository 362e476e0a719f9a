//! A library that was taken over and runs in a worker, after the sandbox stands.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::support::appliance::Appliance;
use super::support::doubles::Doubles;
use super::support::media;

/// A machine with a hostile plugin, and the file of the daemon's user that it attacks.
struct Attacked {
    doubles: Doubles,
    folder: tempfile::TempDir,
}

impl Attacked {
    fn new() -> Self {
        let (doubles, folder) = (Doubles::new("hostile"), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("victim"), "of the same user").unwrap();
        doubles.victim(&folder.path().join("victim"));
        Self { doubles, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("victim")
    }

    /// State of the file and its folder that an attack could change.
    fn state(&self) -> String {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        let (about, text) = (self.file().metadata().unwrap(), std::fs::read(self.file()).unwrap());
        let times = (about.mtime(), about.mtime_nsec());
        format!("{names:?} {text:?} {:o} {} {times:?}", about.mode(), about.uid())
    }
}

#[test]
fn none_of_its_attacks_succeeds() {
    let Some(clip) = media::silent_clip(320, 240, "25", 1) else { return };
    let (attacked, out) = (Attacked::new(), tempfile::tempdir().unwrap());
    let before = attacked.state();
    let mut program = attacked.doubles.program();
    let output = program.arg("transcode").arg(clip).arg(out.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let report = said.lines().find(|line| line.starts_with("hostile: "));
    let report = report.unwrap_or_else(|| panic!("no worker was taken over: {said}"));
    assert!(report.starts_with("hostile: 0 of "), "{report}");
    assert_eq!(attacked.state(), before);
}

/// Limits and priority of a process, as other processes could change them.
fn rights(pid: u32) -> String {
    let of = |name| std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join(name));
    let stat = of("stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let nice = fields.split(' ').nth(16).unwrap().to_owned();
    let status = of("status").unwrap();
    let processors = status.lines().find(|line| line.starts_with("Cpus_allowed:")).unwrap();
    format!("{}{nice} {processors}", of("limits").unwrap())
}

#[tokio::test]
async fn the_daemon_outlives_it_unharmed() {
    let Some(clip) = media::silent_clip(320, 240, "25", 1) else { return };
    let attacked = Attacked::new();
    let before = attacked.state();
    let appliance = Appliance::builder()
        .environment(attacked.doubles.environment())
        .setting("queue.max_attempts", 1)
        .start();
    let daemon = rights(appliance.pid());
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["error"]["code"], "worker-died", "{video:#}");
    assert_eq!(rights(appliance.pid()), daemon);
    assert_eq!(attacked.state(), before);
    assert_eq!(appliance.get("/v1/system").await.0, 200);
}
