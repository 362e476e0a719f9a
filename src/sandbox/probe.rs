//! `ladderd sandbox-test`: a child process enters the sandbox, then tries to escape from it.

mod attacks;

use std::ffi::{CString, OsString};
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::{CommandExt, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use self::attacks::Victim;
use super::layer::Layer;
use super::policy::Policy;
use crate::domain::sandbox::Calls;

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
    /// Whether enough of every layer is enforced and every attempt has the expected result.
    #[must_use]
    pub fn is_enough(&self) -> bool {
        self.layers.iter().all(|layer| layer.is_enough)
            && self.attempts.iter().all(|attempt| attempt.is_ok)
    }
}

/// The targets that the child attacks.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Address of a listening server.
    pub address: String,
    /// Folder with a file `victim`. Nothing in it must change.
    pub folder: PathBuf,
    /// Number of the one attack of the x32 ABI that is made. `None`: all attacks but these.
    pub x32: Option<usize>,
}

/// The sandbox that the child enters.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// Newest ABI of Landlock that is used, as on an older kernel; `None` for the newest.
    pub landlock_abi: Option<i32>,
    /// One of [`LISTS`], whose calls are allowed; `None` for the first.
    pub calls: Option<String>,
}

/// Names of the lists of system calls: [`Calls::Processor`], [`Calls::Device`] and [`Calls::DenyList`].
pub const LISTS: [&str; 3] = ["processor", "device", "deny-list"];

impl Conditions {
    fn calls(&self) -> Calls {
        let of = LISTS.map(|name| self.calls.as_deref() == Some(name));
        match of {
            [_, true, _] => Calls::Device { also: Vec::new() },
            [_, _, true] => Calls::DenyList,
            _ => Calls::Processor,
        }
    }
}

/// Name of the file that the child attacks, and its content.
const VICTIM: &str = "victim";
const CONTENT: &str = "of the same user";

/// Runs the children that `command` makes under these conditions and returns their report.
///
/// # Errors
/// If a child cannot be started or prints no report.
pub fn run(command: impl Fn() -> Command, conditions: &Conditions) -> std::io::Result<Outcome> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let folder = Folder::new()?;
    let before = folder.state()?;
    let child = || {
        let mut command = command();
        command.arg("--address").arg(&address).arg("--folder").arg(&folder.0);
        if let Some(abi) = conditions.landlock_abi {
            command.arg("--landlock-abi").arg(abi.to_string());
        }
        if let Some(list) = &conditions.calls {
            command.arg("--calls").arg(list);
        }
        command
    };
    let mut outcome = report(child())?;
    for number in 0..attacks::X32.len() {
        outcome.attempts.extend(of_x32(child(), number)?);
    }
    let is_ok = folder.state().is_ok_and(|after| after == before);
    let detail = if is_ok { "none" } else { "files have changed" }.to_owned();
    outcome.attempts.push(Attempt { what: "traces of the attempts".to_owned(), is_ok, detail });
    Ok(outcome)
}

/// Makes an attack of the x32 ABI in a child of its own, which it may end.
fn of_x32(mut command: Command, number: usize) -> std::io::Result<Vec<Attempt>> {
    command.arg("--x32").arg(number.to_string());
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if output.status.signal() == Some(libc::SIGSYS) {
        let detail = "the process was ended (SIGSYS)".to_owned();
        return Ok(vec![Attempt { what: attacks::X32[number].to_owned(), is_ok: true, detail }]);
    }
    let outcome: Outcome = serde_json::from_slice(&output.stdout).map_err(std::io::Error::other)?;
    Ok(outcome.attempts)
}

/// Runs the child with `command` and returns the state of every layer. It tries nothing.
///
/// # Errors
/// If the child cannot be started or prints no report.
pub fn layers(command: Command) -> std::io::Result<Vec<Layer>> {
    Ok(report(command)?.layers)
}

fn report(mut command: Command) -> std::io::Result<Outcome> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    serde_json::from_slice(&output.stdout).map_err(std::io::Error::other)
}

/// A folder with a file, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let name = format!("ladderd-sandbox-{:016x}", rand::random::<u64>());
        let folder = Self(std::env::temp_dir().join(name));
        std::fs::create_dir(&folder.0)?;
        std::fs::write(folder.0.join(VICTIM), CONTENT)?;
        Ok(folder)
    }

    /// Names of its files, and what can be changed of the one.
    fn state(&self) -> std::io::Result<(Vec<OsString>, String, u32, u32, SystemTime)> {
        let entries = std::fs::read_dir(&self.0)?.collect::<std::io::Result<Vec<_>>>()?;
        let names = entries.into_iter().map(|entry| entry.file_name()).collect();
        let file = self.0.join(VICTIM);
        let about = std::fs::metadata(&file)?;
        let content = std::fs::read_to_string(file)?;
        Ok((names, content, about.mode(), about.uid(), about.modified()?))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It lies among temporary files.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Runs in the child: enters the sandbox, tries every operation on the targets and prints an [`Outcome`]
/// as JSON.
#[must_use]
pub fn child(targets: Option<&Targets>, conditions: &Conditions) -> ExitCode {
    let (landlock_abi, calls) = (conditions.landlock_abi, conditions.calls());
    let policy = Policy { memory_bytes: 1 << 30, landlock_abi, calls, ..Policy::default() };
    let layers = super::enter(&policy);
    let attempts = targets.map_or_else(Vec::new, attempts);
    match serde_json::to_writer(std::io::stdout(), &Outcome { layers, attempts }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The result of an attack.
fn judged((what, result): attacks::Attack) -> Attempt {
    let detail = match result {
        Ok(()) => "succeeded".to_owned(),
        Err(errno) => std::io::Error::from_raw_os_error(errno).to_string(),
    };
    Attempt { what: what.to_owned(), is_ok: attacks::is_refused(result), detail }
}

fn attempts(targets: &Targets) -> Vec<Attempt> {
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    let environment = format!("/proc/{parent}/environ");
    let absent = targets.folder.join("absent");
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
    let (file, no_file) = (text(&targets.folder.join(VICTIM)), text(&absent));
    let victim = Victim { parent, file: &file, absent: &no_file, is_lethal: false };
    if let Some(number) = targets.x32 {
        return attacks::x32(&victim, number).map(judged).into_iter().collect();
    }
    let mut attempts = vec![
        refused("read /etc/shadow", std::fs::read("/etc/shadow")),
        refused("read /etc/passwd", std::fs::read("/etc/passwd")),
        refused("read the daemon's environment", visible(std::fs::read(environment))),
        refused("write a file", std::fs::write(&absent, "out")),
        refused("make a folder", std::fs::create_dir(&absent)),
        refused("open a TCP connection", TcpStream::connect(&targets.address)),
        refused("listen for connections", TcpListener::bind("127.0.0.1:0")),
        refused("make a Unix socket", UnixDatagram::unbound()),
        refused("start a process", Command::new("/bin/true").spawn()),
        refused("become a shell", Err::<(), _>(Command::new("/bin/sh").arg("-c").exec())),
        refused("fill 2 GiB of memory", fill(2 << 30)),
        allowed("read a library", std::fs::read_dir("/usr/lib").map(drop)),
        allowed("start a thread", thread()),
    ];
    attempts.extend(attacks::all(&victim, false).into_iter().map(judged));
    attempts
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

/// A process that exists and is not in `/proc` is hidden: `ProtectProc=invisible` of a unit does that.
fn visible<T>(tried: std::io::Result<T>) -> std::io::Result<T> {
    tried.map_err(|error| {
        let is_hidden = error.kind() == std::io::ErrorKind::NotFound;
        if is_hidden { std::io::Error::other("the process is hidden") } else { error }
    })
}

fn allowed(what: &str, tried: std::io::Result<()>) -> Attempt {
    let is_ok = tried.is_ok();
    let detail = tried.map_or_else(|error| error.to_string(), |()| "succeeded".to_owned());
    Attempt { what: what.to_owned(), is_ok, detail }
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
