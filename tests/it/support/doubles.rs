//! Machines with simulated GPUs: a GStreamer plugin in a folder of its own has doubles of their
//! elements.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A machine that has the doubles of one set of elements.
pub struct Doubles {
    dir: tempfile::TempDir,
}

impl Doubles {
    /// `set` names elements and release, such as `nvcodec 1.26.11+`.
    pub fn new(set: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_BIN_EXE_ladderd")).parent().unwrap().join("examples");
        let plugin = examples.join("libgpu_doubles.so");
        std::fs::copy(&plugin, dir.path().join("libgpu_doubles.so"))
            .unwrap_or_else(|error| panic!("{error}: cargo build --example gpu_doubles makes it"));
        let doubles = Self { dir };
        doubles.write("set", set);
        // A copy of the registry saves the scan of all other plugins.
        if let Some(known) = registry_of_user() {
            std::fs::copy(known, doubles.registry()).unwrap();
        }
        doubles
    }

    /// Gives the machine this many GPUs.
    pub fn with_devices(self, count: u32) -> Self {
        self.write("devices", &count.to_string());
        self
    }

    /// Makes the encoders of all later processes fail in this way (`tests/doubles/faults.rs` has the
    /// names; the empty one ends it).
    pub fn fault(&self, fault: &str) {
        self.write("fault", fault);
    }

    /// Names the file that the set `hostile` attacks.
    pub fn victim(&self, file: &Path) {
        self.write("victim", file.to_str().unwrap());
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn registry(&self) -> PathBuf {
        self.dir.path().join("registry.bin")
    }

    /// The environment variables that put a process on this machine.
    pub fn environment(&self) -> [(String, String); 2] {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("GST_PLUGIN_PATH".to_owned(), text(self.dir.path())),
            ("GST_REGISTRY".to_owned(), text(&self.registry())),
        ]
    }

    /// The program under test on this machine.
    pub fn program(&self) -> Command {
        let mut program = super::program();
        program.envs(self.environment());
        program
    }

    /// The entry of a backend's first device in `ladderd backends --json`.
    pub fn backend(&self, name: &str) -> Value {
        let output = self.program().args(["backends", "--json"]).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let mut backends = said["backends"].as_array().unwrap().iter();
        backends.find(|backend| backend["name"] == name).unwrap().clone()
    }
}

/// GStreamer's plugin registry, if there is one already.
fn registry_of_user() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home)?;
    let files = std::fs::read_dir(cache.join("gstreamer-1.0")).ok()?;
    let mut paths = files.flatten().map(|file| file.path());
    paths.find(|path| path.extension().is_some_and(|extension| extension == "bin"))
}
