//! Workers that were taken over: `tests/doubles/hostile_worker.rs` with a script, started in the same way as
//! `ladderd worker`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ladderd::worker::protocol::{EVENT, Event};

/// The program of hostile workers.
pub fn program() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_ladderd")).parent().unwrap();
    folder.join("examples/hostile_worker")
}

/// A frame of the protocol.
pub fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], payload].concat()
}

/// A frame with this event.
pub fn event(event: &Event) -> Vec<u8> {
    frame(EVENT, &serde_json::to_vec(event).unwrap())
}

/// A frame with an event of this text.
pub fn event_text(text: &str) -> Vec<u8> {
    frame(EVENT, text.as_bytes())
}

/// A hostile worker under construction: its script, command by command.
pub struct Hostile {
    dir: PathBuf,
    script: String,
    files: u32,
}

impl Hostile {
    /// A worker in this folder that reads its request.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), script: "request\n".to_owned(), files: 0 }
    }

    /// A worker that does not even read its request.
    pub fn deaf(dir: &Path) -> Self {
        Self { script: String::new(), ..Self::new(dir) }
    }

    /// Writes these bytes to its output so many times; 0 for ever.
    pub fn sends(self, bytes: &[u8], times: u64) -> Self {
        self.writes("stdout", bytes, times)
    }

    /// Writes these bytes to its standard error so many times; 0 for ever.
    pub fn prints(self, bytes: &[u8], times: u64) -> Self {
        self.writes("stderr", bytes, times)
    }

    fn writes(mut self, pipe: &str, bytes: &[u8], times: u64) -> Self {
        // Small frames are written many at a time, to be as fast as the pipe.
        let together = if times == 0 { (64 << 10) / bytes.len().max(1) } else { 1 };
        self.files += 1;
        let file = self.dir.join(format!("{}.bytes", self.files));
        std::fs::write(&file, bytes.repeat(together.max(1))).unwrap();
        let file = file.display().to_string();
        self.does(&format!("{pipe} {file} {times}"))
    }

    /// Adds a command.
    pub fn does(mut self, command: &str) -> Self {
        writeln!(self.script, "{command}").unwrap();
        self
    }

    /// Writes the script for the program of this name in its folder.
    pub fn write_script(&self, name: &str) {
        std::fs::write(self.dir.join(name).with_extension("script"), &self.script).unwrap();
    }

    /// The program, ready to be started.
    pub fn install(self) -> PathBuf {
        self.write_script("worker");
        let path = self.dir.join("worker");
        std::os::unix::fs::symlink(program(), &path).unwrap();
        path
    }
}
