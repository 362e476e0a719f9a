//! The daemon's side of a worker: starts it, serves its reads, checks its output, ends it.
//!
//! A worker parses what strangers upload, so nothing that it says is believed. Frames become checked types
//! in `checked`; a worker that sends anything else is killed ([`Misbehaviour`]).

mod checked;
mod error;
mod feeder;
mod frames;
mod marks;
mod memory;
mod misbehaviour;
mod report;

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::process::ChildStdout;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::codec::FramedRead;

use self::checked::{Checked, Checker};
use self::feeder::{SourceState, feed};
use self::frames::{Frame, Frames};
use self::marks::Marks;
use self::memory::Watched;
use crate::domain::failure_code::FailureCode;
use crate::domain::standstill::Standstill;
use crate::source::{self, Source};
use crate::tracer::Tracer;
use crate::worker::protocol::{Failure, WorkerRequest};
use crate::worker::spawn::{self, Process, Program};
use crate::worker::stderr::Tail;

pub use self::error::Error;
pub use self::misbehaviour::Misbehaviour;
pub use self::report::{Output, Report};

/// Grace period between the worker's final event and SIGKILL.
const EXIT_GRACE: Duration = Duration::from_secs(5);
/// Stall timeouts for which reads of the source alone keep a worker alive.
const STALLS_OF_READING: u32 = 30;

/// Messages of a process that got no memory: `GLib`'s, Rust's, the C++ library's, and that of programs
/// which print the C library's.
const OUT_OF_MEMORY: [&str; 4] =
    ["failed to allocate", "memory allocation of", "std::bad_alloc", "Cannot allocate memory"];

/// Message of a process that got no thread: the C library's text for `EAGAIN`.
const OUT_OF_THREADS: &str = "Resource temporarily unavailable";

/// Signal by which a process ends itself.
const SIGABRT: i32 = rustix::process::Signal::ABORT.as_raw();

/// Whether a process wrote that an assertion of GLib failed: `ERROR:file.c:123:function: assertion failed`.
fn is_assertion(stderr: &str) -> bool {
    let mut lines = stderr.lines().filter(|line| line.contains("ERROR:"));
    lines.any(|line| line.contains("assertion failed") || line.contains("should not be reached"))
}

/// A running worker. Dropping it kills the process group.
pub struct Worker {
    process: Process,
    frames: FramedRead<ChildStdout, Frames>,
    checker: Checker,
    started: Instant,
    /// Reasons to end the worker that do not come through its pipe.
    verdicts: mpsc::Receiver<Error>,
    /// Tasks that serve and measure the process.
    tasks: Vec<JoinHandle<()>>,
    stderr: Option<JoinHandle<()>>,
    stderr_tail: Tail,
    source_state: Arc<Mutex<SourceState>>,
    stall_timeout: Duration,
    /// The stream at which the worker says that it stands still.
    standstill: Option<Standstill>,
    /// Notes its steps.
    marks: Option<Marks>,
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
        let text = serde_json::to_vec(request).map_err(|e| Error::Spawn(e.into()))?;
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
        let (sender, verdicts) = mpsc::channel(1);
        let mut tasks = Vec::new();
        if let Some(pid) = process.child.id().filter(|_| request.memory_bytes > 0) {
            let watched = Watched::new(pid, request.memory_bytes).map_err(Error::Spawn)?;
            tasks.push(tokio::spawn(watched.watch(sender.clone())));
        }
        let source_state = Arc::<Mutex<SourceState>>::default();
        tasks.push(tokio::spawn(feed(socket, text, source, Arc::clone(&source_state), sender)));
        let stderr_tail = Tail::default();
        Ok(Self {
            process,
            frames: FramedRead::new(stdout, Frames),
            checker: Checker::new(request.clone()),
            started: Instant::now(),
            verdicts,
            tasks,
            stderr: Some(tokio::spawn(stderr_tail.clone().keep(stderr))),
            stderr_tail,
            source_state,
            stall_timeout,
            standstill: None,
            marks: None,
            finished: false,
        })
    }

    /// Notes the steps of this worker, which was just started.
    pub fn trace_to(&mut self, tracer: &Tracer) {
        self.marks = Some(Marks::new(tracer.clone()));
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
        let mut quiet_since = Instant::now();
        loop {
            let Some(frame) = self.frame(quiet_since).await? else {
                return Err(self.death().await);
            };
            let checked = self.checker.frame(frame, self.started.elapsed());
            let is_still = matches!(checked, Ok(Some(Checked::StandsStill(_))));
            if !is_still {
                (quiet_since, self.standstill) = (Instant::now(), None);
            }
            match checked {
                Ok(None) => {}
                Ok(Some(Checked::StandsStill(standstill))) => self.standstill = Some(standstill),
                Ok(Some(Checked::Reached(reached))) => {
                    if let Some(marks) = &mut self.marks {
                        marks.reached(reached);
                    }
                }
                Ok(Some(Checked::Output(output))) => {
                    self.note(&output);
                    return Ok(Some(output));
                }
                Ok(Some(Checked::Done { duration_ns })) => {
                    self.end().await?;
                    return Ok(Some(Output::Report(Report::Done { duration_ns })));
                }
                Ok(Some(Checked::Failed(failure))) => return Err(self.failed(failure).await),
                Err(misbehaviour) => return Err(self.misbehaved(misbehaviour).await),
            }
        }
    }

    fn note(&mut self, output: &Output) {
        match output {
            Output::Segment(segment) => {
                self.source_state.lock().made_progress();
                if let (0, Some(marks)) = (segment.number, &self.marks) {
                    marks.first_segment(segment.rendition);
                }
            }
            Output::Report(Report::Planned { plan }) => {
                if let Some(marks) = &mut self.marks {
                    marks.planned(plan.rendition_names().map(str::to_owned));
                }
            }
            Output::Report(_) | Output::Thumbnail(..) | Output::Piece(_) => {}
        }
    }

    async fn failed(&mut self, failure: Failure) -> Error {
        self.kill().await;
        match self.source_error() {
            Some(error) => Error::Source(error),
            None if failure.code == FailureCode::MemoryLimit => Error::Memory,
            None => Error::Failed(failure),
        }
    }

    async fn misbehaved(&mut self, misbehaviour: Misbehaviour) -> Error {
        self.kill().await;
        misbehaviour.into()
    }

    /// Returns the next protocol frame; `None` at the end of the pipe. There was no sign of progress since `began`.
    async fn frame(&mut self, began: Instant) -> Result<Option<Frame>, Error> {
        let mut waiting_since = began;
        loop {
            let limit = self.stall_timeout.saturating_sub(waiting_since.elapsed());
            let next = tokio::select! {
                biased;
                Some(verdict) = self.verdicts.recv() => {
                    self.kill().await;
                    return Err(verdict);
                }
                next = tokio::time::timeout(limit, self.frames.next()) => next,
            };
            match next {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => return Ok(Some(frame)),
                Ok(Some(Err(error))) => {
                    return Err(self.misbehaved(Misbehaviour::NoFrame(error.to_string())).await);
                }
                Err(_) => {
                    let most = self.stall_timeout.saturating_mul(STALLS_OF_READING);
                    let sign = self.last_sign(waiting_since);
                    match sign.filter(|_| began.elapsed() < most) {
                        Some(sign) => waiting_since = sign,
                        None => return Err(self.stalled().await),
                    }
                }
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
        let (at, after) = (self.standstill.take(), self.stall_timeout);
        Error::Stalled { has_read, after, at, stderr: self.stderr_tail.text() }
    }

    /// Why the pipe ended without a last event. A process that closes it has nothing left to do, so it ends
    /// within [`EXIT_GRACE`].
    async fn death(&mut self) -> Error {
        let ended = tokio::time::timeout(EXIT_GRACE, self.process.child.wait()).await;
        let verdict = self.verdicts.try_recv().ok();
        self.kill().await;
        let has_aborted = matches!(ended, Ok(Ok(status)) if status.signal() == Some(SIGABRT));
        let status = match ended {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => return verdict.unwrap_or(Misbehaviour::Stays.into()),
        };
        let stderr = self.stderr_tail.text();
        match verdict.or(self.source_error().map(Error::Source)) {
            Some(error) => error,
            None if OUT_OF_MEMORY.iter().any(|words| stderr.contains(words)) => Error::Memory,
            None if stderr.contains(OUT_OF_THREADS) => Error::NoThread { stderr },
            None if has_aborted && self.checker.is_probing() && is_assertion(&stderr) => {
                Error::Unreadable { stderr }
            }
            None => Error::Died { has_read: self.has_read(), status, stderr },
        }
    }

    /// Waits for the end of a worker that is done, at most [`EXIT_GRACE`].
    ///
    /// # Errors
    /// If anything follows the last event.
    async fn end(&mut self) -> Result<(), Error> {
        let ended = tokio::time::timeout(EXIT_GRACE, async {
            let rest = self.frames.next().await;
            if rest.is_none() {
                drop(self.process.child.wait().await);
            }
            rest
        });
        match ended.await {
            Ok(None) => {}
            Ok(Some(Ok(frame))) => {
                let refused = self.checker.frame(frame, self.started.elapsed());
                let misbehaviour = refused.err().unwrap_or(Misbehaviour::TooMuch("frames"));
                return Err(self.misbehaved(misbehaviour).await);
            }
            Ok(Some(Err(error))) => {
                return Err(self.misbehaved(Misbehaviour::NoFrame(error.to_string())).await);
            }
            Err(_) => tracing::warn!(pid = self.pid(), "killing a finished worker that hangs"),
        }
        self.kill().await;
        Ok(())
    }

    /// Kills the process group and waits until the process is gone.
    pub async fn kill(&mut self) {
        self.finished = true;
        if let Err(error) = self.process.kill().await {
            tracing::warn!(%error, "failed to wait for a killed worker");
        }
        self.tasks.iter().for_each(JoinHandle::abort);
        // Its standard error has ended with it, unless a grandchild escaped the group.
        if let Some(mut stderr) = self.stderr.take()
            && tokio::time::timeout(EXIT_GRACE, &mut stderr).await.is_err()
        {
            stderr.abort();
        }
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
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
