//! `ladderd sandbox-test`: a child builds the walls round itself, then tries to get out.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::{Deserialize, Serialize};

use super::{Policy, Wall};

/// How a test of the walls went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The walls.
    pub walls: Vec<Wall>,
    /// What was tried.
    pub attempts: Vec<Attempt>,
}

/// Something that the child tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What it is.
    pub what: String,
    /// Whether it was as it should be: refused, or possible for what a worker needs.
    pub is_right: bool,
    /// What the system said.
    pub detail: String,
}

impl Outcome {
    /// Whether every wall holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.walls.iter().all(|wall| wall.holds) && self.attempts.iter().all(|a| a.is_right)
    }
}

/// Runs the child, which `command` starts, and returns its report.
///
/// # Errors
/// If the child cannot be started or says nothing.
pub fn run(mut command: Command) -> std::io::Result<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let outside = tempfile_path();
    let output = command
        .arg(listener.local_addr()?.to_string())
        .arg(&outside)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    // Nothing is there unless the wall failed.
    if let Err(error) = std::fs::remove_file(&outside)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    serde_json::from_slice(&output.stdout).map_err(std::io::Error::other)
}

/// A file that does not exist, in a folder that anybody may write to.
fn tempfile_path() -> PathBuf {
    std::env::temp_dir().join(format!("ladderd-sandbox-{:016x}", rand::random::<u64>()))
}

/// The child's life. Prints an [`Outcome`].
#[must_use]
pub fn child(address: &str, outside: &Path) -> ExitCode {
    let walls = super::enter(&Policy { devices: Vec::new(), memory_bytes: 1 << 30 });
    let parent = rustix::process::getppid();
    let environment = parent.map_or(0, |pid| pid.as_raw_nonzero().get());
    let environment = format!("/proc/{environment}/environ");
    let attempts = vec![
        refused("read /etc/shadow", std::fs::read("/etc/shadow")),
        refused("read /etc/passwd", std::fs::read("/etc/passwd")),
        refused("read the daemon's environment", std::fs::read(environment)),
        refused("write a file", std::fs::write(outside, "out")),
        refused("make a folder", std::fs::create_dir(outside)),
        refused("open a TCP connection", TcpStream::connect(address)),
        refused("listen for connections", TcpListener::bind("127.0.0.1:0")),
        refused("make a Unix socket", UnixDatagram::unbound()),
        refused("signal the daemon", signal(parent)),
        refused("start a process", Command::new("/bin/true").spawn()),
        refused("become a shell", Err::<(), _>(Command::new("/bin/sh").arg("-c").exec())),
        refused("fill 2 GiB of memory", fill(2 << 30)),
        possible("read a library", std::fs::read_dir("/usr/lib").map(drop)),
        possible("start a thread", thread()),
    ];
    match serde_json::to_writer(std::io::stdout(), &Outcome { walls, attempts }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refused<T>(what: &str, tried: std::io::Result<T>) -> Attempt {
    let (is_right, detail) = match tried {
        Ok(_) => (false, "it worked".to_owned()),
        // "Not there" and "refused by its peer" are no refusals of ours.
        Err(error) => (
            !matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ),
            error.to_string(),
        ),
    };
    Attempt { what: what.to_owned(), is_right, detail }
}

fn possible(what: &str, tried: std::io::Result<()>) -> Attempt {
    let is_right = tried.is_ok();
    let detail = tried.map_or_else(|error| error.to_string(), |()| "possible".to_owned());
    Attempt { what: what.to_owned(), is_right, detail }
}

fn signal(parent: Option<rustix::process::Pid>) -> std::io::Result<()> {
    let parent = parent.ok_or(std::io::ErrorKind::PermissionDenied)?;
    Ok(rustix::process::test_kill_process(parent)?)
}

/// Asks for memory as a decoder would.
fn fill(bytes: usize) -> std::io::Result<()> {
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(bytes).map_err(std::io::Error::other)
}

fn thread() -> std::io::Result<()> {
    let thread = std::thread::Builder::new().spawn(|| ())?;
    thread.join().map_err(|_| std::io::Error::other("it ended badly"))
}
