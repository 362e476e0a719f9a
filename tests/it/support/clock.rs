//! The wall clock of a daemon, moved by a library that it preloads. Its workers inherit no such
//! variable.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

/// The clock of one daemon.
pub struct Clock {
    folder: tempfile::TempDir,
    offset: std::fs::File,
}

impl Clock {
    /// Compiles the library. The clock is right at first.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/clock.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-o"])
            .arg(folder.path().join("clock.so"))
            .arg(source)
            .status()
            .unwrap();
        assert!(compiled.success(), "cc fails");
        let offset = std::fs::File::create(folder.path().join("offset")).unwrap();
        let clock = Self { folder, offset };
        clock.set(0);
        clock
    }

    /// Environment of the daemon.
    pub fn environment(&self) -> [(String, String); 2] {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        [("LD_PRELOAD".to_owned(), path("clock.so")), ("CHAOS_CLOCK".to_owned(), path("offset"))]
    }

    /// Sets by how many seconds the clock is fast; negative: slow.
    pub fn set(&self, offset_secs: i64) {
        self.offset.write_all_at(&offset_secs.to_ne_bytes(), 0).unwrap();
    }
}
