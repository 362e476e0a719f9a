//! The daemon's side of a worker: starts it, serves its reads, decodes its output, ends it.

mod error;
mod feeder;
mod frames;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::{ChildStderr, ChildStdout};
use tokio::task::JoinHandle;
use tokio_util::codec::FramedRead;

use self::feeder::{SourceState, feed};
use self::frames::{Frame, Frames};
use crate::domain::failure_code::FailureCode;
use crate::domain::segment::Segment;
use crate::domain::thumbnail::Thumbnail;
use crate::source::{self, Source};
use crate::worker::protocol::{Event, WorkerRequest};
use crate::worker::spawn::{self, Process, Program};

pub use self::error::Error;

/// Last bytes of the worker's standard error that are kept.
const KEPT_STDERR_BYTES: usize = 8 << 10;
/// Grace period between the worker's final event and SIGKILL.
const EXIT_GRACE: Duration = Duration::from_secs(5);

/// Messages of a process that got no memory: `GLib`'s, Rust's, the C++ library's, and that of programs
/// which print the C library's.
const OUT_OF_MEMORY: [&str; 4] =
    ["failed to allocate", "memory allocation of", "std::bad_alloc", "Cannot allocate memory"];

/// Message of a process that got no thread: the C library's text for `EAGAIN`.
const OUT_OF_THREADS: &str = "Resource temporarily unavailable";

/// One output of a worker.
#[derive(Clone, Debug)]
pub enum Output {
    /// An event other than a segment or a failure.
    Event(Event),
    /// A segment.
    Segment(Segment),
    /// A thumbnail and its JPEG.
    Thumbnail(Thumbnail, Bytes),
}

/// A running worker. Dropping it kills the process group.
pub struct Worker {
    process: Process,
    frames: FramedRead<ChildStdout, Frames>,
    segments: HashMap<(u16, u32), BytesMut>,
    inits: HashMap<u16, Bytes>,
    feeder: JoinHandle<()>,
    stderr: Option<JoinHandle<()>>,
    stderr_tail: Arc<Mutex<Vec<u8>>>,
    source_state: Arc<Mutex<SourceState>>,
    stall_timeout: Duration,
    finished: bool,
}

impl Worker {
    /// Starts `program worker` and sends it the request.
    ///
    /// # Errors
    /// [`Error::Spawn`].
    pub fn spawn(
        program: &Program,
        request: &WorkerRequest,
        source: Arc<dyn Source>,
        stall_timeout: Duration,
    ) -> Result<Self, Error> {
        let request = serde_json::to_vec(request).map_err(|e| Error::Spawn(e.into()))?;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(Error::Spawn)?;
        ours.set_nonblocking(true).map_err(Error::Spawn)?;
        let socket = UnixStream::from_std(ours).map_err(Error::Spawn)?;
        let mut command = program.command("worker");
        command
            // The trial at the start made the plugin registry; a worker may start no process.
            .envs([("GST_REGISTRY_FORK", "no"), ("GST_REGISTRY_UPDATE", "no")])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = spawn::start(command).map_err(Error::Spawn)?;
        let pipe = |name| std::io::Error::other(format!("the worker has no {name}"));
        let stdout = process.child.stdout.take().ok_or_else(|| Error::Spawn(pipe("stdout")))?;
        let stderr = process.child.stderr.take().ok_or_else(|| Error::Spawn(pipe("stderr")))?;
        let source_state = Arc::<Mutex<SourceState>>::default();
        let stderr_tail = Arc::<Mutex<Vec<u8>>>::default();
        Ok(Self {
            process,
            frames: FramedRead::new(stdout, Frames),
            segments: HashMap::new(),
            inits: HashMap::new(),
            feeder: tokio::spawn(feed(socket, request, source, Arc::clone(&source_state))),
            stderr: Some(tokio::spawn(keep_tail(stderr, Arc::clone(&stderr_tail)))),
            stderr_tail,
            source_state,
            stall_timeout,
            finished: false,
        })
    }

    /// Id of the process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.child.id()
    }

    /// Returns the next output, or `None` once the worker has succeeded. Cancel safe.
    ///
    /// # Errors
    /// Why the encode cannot continue. The process is being ended by then.
    pub async fn next(&mut self) -> Result<Option<Output>, Error> {
        if self.finished {
            return Ok(None);
        }
        loop {
            let Some(frame) = self.frame().await? else { return Err(self.death().await) };
            match frame {
                Frame::Data { rendition, number, bytes } => {
                    self.segments.entry((rendition, number)).or_default().unsplit(bytes);
                }
                Frame::Thumbnail(thumbnail, jpeg) => {
                    return Ok(Some(Output::Thumbnail(thumbnail, jpeg.freeze())));
                }
                Frame::Init { rendition, bytes } => {
                    self.inits.insert(rendition, bytes.freeze());
                }
                Frame::Event(event) => return self.output(*event).await,
            }
        }
    }

    async fn output(&mut self, event: Event) -> Result<Option<Output>, Error> {
        match event {
            Event::Segment { rendition, number, start_ns, duration_ns } => {
                let bytes = self.segments.remove(&(rendition, number)).ok_or_else(|| {
                    Error::Protocol(format!("segment {number} of rendition {rendition} is empty"))
                })?;
                let (bytes, init) = (bytes.freeze(), self.inits.remove(&rendition));
                Ok(Some(Output::Segment(Segment {
                    rendition,
                    number,
                    start_ns,
                    duration_ns,
                    bytes,
                    init,
                })))
            }
            Event::Failed(failure) => {
                let own = if failure.code == FailureCode::MemoryLimit {
                    Error::Memory
                } else {
                    Error::Failed(failure)
                };
                let error = self.source_error().map_or(own, Error::Source);
                self.kill().await;
                Err(error)
            }
            Event::Done { .. } => {
                self.finished = true;
                self.end().await;
                Ok(Some(Output::Event(event)))
            }
            Event::Probed { .. }
            | Event::Planned { .. }
            | Event::Rendition { .. }
            | Event::Progress { .. }
            | Event::Cue { .. }
            | Event::Warning { .. } => Ok(Some(Output::Event(event))),
        }
    }

    /// Returns the next protocol frame; `None` at the end of the pipe.
    async fn frame(&mut self) -> Result<Option<Frame>, Error> {
        let mut waiting_since = Instant::now();
        loop {
            let limit = self.stall_timeout.saturating_sub(waiting_since.elapsed());
            match tokio::time::timeout(limit, self.frames.next()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => return Ok(Some(frame)),
                Ok(Some(Err(error))) => {
                    self.kill().await;
                    return Err(Error::Protocol(error.to_string()));
                }
                Err(_) => match self.last_sign(waiting_since) {
                    Some(sign) => waiting_since = sign,
                    None => return Err(self.stalled().await),
                },
            }
        }
    }

    /// Time of the last read of the source, if it is later than `waiting_since`.
    fn last_sign(&self, waiting_since: Instant) -> Option<Instant> {
        let state = self.source_state.lock();
        let read = if state.reading { Some(Instant::now()) } else { state.last_read };
        read.filter(|read| *read > waiting_since)
    }

    async fn stalled(&mut self) -> Error {
        self.kill().await;
        let has_read = self.has_read();
        Error::Stalled { has_read, after: self.stall_timeout, stderr: self.last_words() }
    }

    async fn death(&mut self) -> Error {
        let status = match self.process.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        self.kill().await;
        let stderr = self.last_words();
        match self.source_error() {
            Some(error) => Error::Source(error),
            None if OUT_OF_MEMORY.iter().any(|words| stderr.contains(words)) => Error::Memory,
            None if stderr.contains(OUT_OF_THREADS) => Error::NoThread { stderr },
            None => Error::Died { has_read: self.has_read(), status, stderr },
        }
    }

    /// Waits for the process to end by itself, at most [`EXIT_GRACE`].
    async fn end(&mut self) {
        if tokio::time::timeout(EXIT_GRACE, self.process.child.wait()).await.is_err() {
            tracing::warn!(pid = self.pid(), "killing a finished worker that hangs");
        }
        self.kill().await;
    }

    /// Kills the process group and waits until the process is gone.
    pub async fn kill(&mut self) {
        self.finished = true;
        if let Err(error) = self.process.kill().await {
            tracing::warn!(%error, "failed to wait for a killed worker");
        }
        self.feeder.abort();
        // Its standard error has ended with it, unless a grandchild escaped the group.
        if let Some(mut stderr) = self.stderr.take()
            && tokio::time::timeout(EXIT_GRACE, &mut stderr).await.is_err()
        {
            stderr.abort();
        }
    }

    fn last_words(&self) -> String {
        let tail = self.stderr_tail.lock();
        let text = String::from_utf8_lossy(&tail).trim().to_owned();
        if text.is_empty() { "none".to_owned() } else { text }
    }

    /// Whether the worker has read of the source.
    fn has_read(&self) -> bool {
        self.source_state.lock().last_read.is_some()
    }

    fn source_error(&self) -> Option<source::Error> {
        self.source_state.lock().error.clone()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.feeder.abort();
    }
}

/// Keeps the last bytes of the worker's standard error.
async fn keep_tail(mut stderr: ChildStderr, tail: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 4096];
    while let Ok(len @ 1..) = stderr.read(&mut piece).await {
        let mut tail = tail.lock();
        tail.extend_from_slice(&piece[..len]);
        let excess = tail.len().saturating_sub(KEPT_STDERR_BYTES);
        tail.drain(..excess);
    }
}
