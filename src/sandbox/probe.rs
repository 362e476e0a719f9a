//! `ladderd sandbox-test`: a child process enters the sandbox, then tries to escape from it.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::{Deserialize, Serialize};

use super::Layer;
use super::policy::Policy;

/// Result of a sandbox test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// State of every layer.
    pub layers: Vec<Layer>,
    /// Results of the child's operations.
    pub attempts: Vec<Attempt>,
}

/// One operation that the child tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Description of the operation, such as `write a file`.
    pub what: String,
    /// Whether the result is the expected one: forbidden operations fail, and those that a worker
    /// needs succeed.
    pub is_ok: bool,
    /// The system's error, or `succeeded`.
    pub detail: String,
}

impl Outcome {
    /// Whether every layer is enforced and every attempt has the expected result.
    #[must_use]
    pub fn is_enforced(&self) -> bool {
        self.layers.iter().all(|layer| layer.is_enforced)
            && self.attempts.iter().all(|attempt| attempt.is_ok)
    }
}

/// Runs the child with `command` and returns its report.
///
/// # Errors
/// If the child cannot be started or prints no report.
pub fn run(mut command: Command) -> std::io::Result<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let outside = tempfile_path();
    let output = command
        .arg(listener.local_addr()?.to_string())
        .arg(&outside)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    // The file exists only if the sandbox let the child write it.
    if let Err(error) = std::fs::remove_file(&outside)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    serde_json::from_slice(&output.stdout).map_err(std::io::Error::other)
}

/// Path of a file that does not exist, in a folder that everybody may write to.
fn tempfile_path() -> PathBuf {
    std::env::temp_dir().join(format!("ladderd-sandbox-{:016x}", rand::random::<u64>()))
}

/// Runs in the child: enters the sandbox, tries every operation and prints an [`Outcome`] as JSON.
/// `address` is that of a listening server, `outside` the path of a file to write.
#[must_use]
pub fn child(address: &str, outside: &Path) -> ExitCode {
    let layers = super::enter(&Policy { devices: Vec::new(), memory_bytes: 1 << 30 });
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
        allowed("read a library", std::fs::read_dir("/usr/lib").map(drop)),
        allowed("start a thread", thread()),
    ];
    match serde_json::to_writer(std::io::stdout(), &Outcome { layers, attempts }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn refused<T>(what: &str, tried: std::io::Result<T>) -> Attempt {
    let (is_ok, detail) = match tried {
        Ok(_) => (false, "succeeded".to_owned()),
        // A missing file or a peer that refuses the connection does not prove a sandbox.
        Err(error) => (
            !matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused
            ),
            error.to_string(),
        ),
    };
    Attempt { what: what.to_owned(), is_ok, detail }
}

fn allowed(what: &str, tried: std::io::Result<()>) -> Attempt {
    let is_ok = tried.is_ok();
    let detail = tried.map_or_else(|error| error.to_string(), |()| "succeeded".to_owned());
    Attempt { what: what.to_owned(), is_ok, detail }
}

fn signal(parent: Option<rustix::process::Pid>) -> std::io::Result<()> {
    let parent = parent.ok_or(std::io::ErrorKind::PermissionDenied)?;
    Ok(rustix::process::test_kill_process(parent)?)
}

/// Reserves memory with the allocator, as a decoder does.
fn fill(bytes: usize) -> std::io::Result<()> {
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(bytes).map_err(std::io::Error::other)
}

fn thread() -> std::io::Result<()> {
    let thread = std::thread::Builder::new().spawn(|| ())?;
    thread.join().map_err(|_| std::io::Error::other("the thread panicked"))
}
