//! The story of the child: reads its request, enters the sandbox, probes, plans, encodes, reports.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use gstreamer as gst;

use crate::cores;
use crate::domain::encode::threads_per_rung;
use crate::domain::failure_code::FailureCode;
use crate::domain::limits::Limits;
use crate::domain::media::MediaInfo;
use crate::domain::plan::{self, Plan};
use crate::domain::recipe::{self, PipelineSpec};
use crate::domain::sandbox::{Calls, Mode};
use crate::domain::trace::Step;
use crate::domain::warning::WarningCode;
use crate::sandbox;
use crate::worker::choose;
use crate::worker::elements::range_source::{self, Client};
use crate::worker::graph::pipeline;
use crate::worker::output::Output;
use crate::worker::plugins;
use crate::worker::probe::audio_facts;
use crate::worker::probe::discover::{self, Discovered};
use crate::worker::probe::file_kind;
use crate::worker::probe::frame_times;
use crate::worker::protocol::{Event, Failure, WorkerRequest};
use crate::worker::remux;
use crate::worker::source::Source;
use crate::worker::spawn::{self, ProgramFile};
use crate::worker::still;

/// Runs the worker on the standard input and output that the parent gave it.
#[must_use]
pub fn main() -> ExitCode {
    let Ok((socket, output)) = streams() else { return ExitCode::FAILURE };
    match work(socket, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.event(&Event::Failed(failure));
            ExitCode::FAILURE
        }
    }
}

/// Opens the two connections to the parent. Standard output goes to standard error from then on, so that
/// nothing that a library prints damages the protocol.
fn streams() -> rustix::io::Result<(UnixStream, Arc<Output>)> {
    spawn::die_with_parent()?;
    let socket: OwnedFd = rustix::io::dup(rustix::stdio::stdin())?;
    let frames: OwnedFd = rustix::io::dup(rustix::stdio::stdout())?;
    rustix::stdio::dup2_stdout(std::io::stderr().as_fd())?;
    Ok((UnixStream::from(socket), Arc::new(Output::new(frames))))
}

fn work(socket: UnixStream, output: &Arc<Output>) -> Result<(), Failure> {
    let (client, request) = Client::connect(socket, output.read_counts()).map_err(|e| {
        Failure::new(FailureCode::WorkerOrder, format!("failed to read the request: {e}"))
    })?;
    output.reached(Step::Start, None);
    check_program(&request)?;
    check_size(&request)?;
    enter_sandbox(&request, output)?;
    output.reached(Step::Sandbox, None);
    if let Some(remux) = &request.remux {
        return remux::make(&client, remux, output);
    }
    start_gstreamer()?;
    output.reached(Step::Gstreamer, None);
    if let Some(still) = request.still {
        return still::make(&client, still, output);
    }
    let mut source = Source::open(client);
    make_stream(&mut source, &request, output)
        .map_err(|failure| file_kind::explain(&source.client, failure))
}

/// Probes the source, plans its stream and encodes it.
fn make_stream(
    source: &mut Source,
    request: &WorkerRequest,
    output: &Arc<Output>,
) -> Result<(), Failure> {
    let media = probe(source, &request.limits, output)?;
    output.event(&Event::Probed { media: media.clone() });
    request.limits.check(&media).map_err(|error| Failure::of(&error))?;
    let mut plan = plan::plan(&media, &request.ladder, &request.encode, "")
        .map_err(|error| Failure::of(&error))?;
    let (backend, decoded) = choose::choose(&request.backends, &media, &mut plan)?;
    output.reached(Step::Plan, None);
    output.event(&Event::Planned { plan: plan.clone() });
    if request.plan_only {
        return Ok(());
    }
    let threads = threads_per_rung(cores::available(), plan.video.rungs.len());
    let spec = recipe::render(&backend.recipe, &plan, &request.encode, threads, decoded);
    plugins::prefer(&spec.decoders);
    encode(source, request, &plan, &spec, output)
}

/// Refuses to work for a parent that runs another program.
fn check_program(request: &WorkerRequest) -> Result<(), Failure> {
    let own = ProgramFile::running().ok();
    if request.program.is_some_and(|wanted| own != Some(wanted)) {
        let told = "the program was replaced while the daemon runs: restart the daemon";
        return Err(Failure::new(FailureCode::WorkerOrder, told));
    }
    Ok(())
}

/// Refuses sources that are empty or larger than the limit.
fn check_size(request: &WorkerRequest) -> Result<(), Failure> {
    request.limits.check_source(request.source_bytes).map_err(|error| Failure::of(&error))?;
    if request.source_bytes == 0 {
        return Err(Failure::new(
            FailureCode::SourceEmpty,
            "The file is empty (0 bytes). Upload the file again.",
        ));
    }
    Ok(())
}

/// Enters the sandbox. Fails or warns if the kernel does not enforce enough of it, as the request wants.
fn enter_sandbox(request: &WorkerRequest, output: &Output) -> Result<(), Failure> {
    match (sandbox::missing(&sandbox::enter(&policy(request))), request.sandbox) {
        (None, _) => {}
        (Some(missing), Mode::Require) => {
            return Err(Failure::new(FailureCode::SandboxIncomplete, missing));
        }
        (Some(message), Mode::Degrade) => output.warn(message),
    }
    Ok(())
}

/// Initializes GStreamer and registers the elements of this crate.
fn start_gstreamer() -> Result<(), Failure> {
    gst::init()
        .map_err(|error| error.to_string())
        .and_then(|()| range_source::register().map_err(|error| error.to_string()))
        .and_then(|()| plugins::register_own().map_err(|error| error.to_string()))
        .map_err(|e| {
            Failure::new(FailureCode::GstreamerInit, format!("GStreamer does not start: {e}"))
        })?;
    plugins::restrict();
    Ok(())
}

/// Discovers the streams of the source, warns of those that are left out, and measures frame times.
fn probe(source: &mut Source, limits: &Limits, output: &Output) -> Result<MediaInfo, Failure> {
    let Discovered { mut media, dead } = discover::discover(&source.client, limits)?;
    output.reached(Step::Discover, None);
    for stream in dead {
        output.event(&Event::warning(Some(WarningCode::StreamLeftOut), stream.sentence()));
    }
    media.duration_ns = media.duration_ns.map(|ns| ns.saturating_sub(source.edits.start_ns()));
    for chapter in &mut media.chapters {
        chapter.start_ns = chapter.start_ns.saturating_sub(source.edits.start_ns());
    }
    audio_facts::keep_speakers_of_same_edits(&mut media, &source.edits);
    let firsts = frame_times::measure(&source.client, !source.edits.is_empty(), &mut media);
    source.start_with(&firsts);
    output.reached(Step::FrameTimes, None);
    for chapter in &mut media.chapters {
        chapter.start_ns = chapter.start_ns.saturating_sub(source.edits.start_ns());
    }
    Ok(media.with_short_texts())
}

/// Access that the sandbox leaves to this job.
fn policy(request: &WorkerRequest) -> sandbox::Policy {
    sandbox::Policy {
        devices: request
            .backends
            .iter()
            .flat_map(|backend| &backend.recipe.device_files)
            .map(PathBuf::from)
            .collect(),
        memory_bytes: request.memory_bytes,
        calls: Calls::of(request.backends.iter().map(|backend| &backend.recipe)),
        ..sandbox::Policy::default()
    }
}

fn encode(
    source: &Source,
    request: &WorkerRequest,
    plan: &Plan,
    spec: &PipelineSpec,
    output: &Arc<Output>,
) -> Result<(), Failure> {
    match pipeline::run(source, plan, spec, &request.limits, output) {
        // No segment was sent yet, so the pipeline can start again.
        Err(failure) if failure.code == FailureCode::SinkNotReady && !output.has_sent_media() => {
            output.warn(format!("started the pipeline again: {failure}"));
            output.event(&Event::Restarted);
            pipeline::run(source, plan, spec, &request.limits, output)
        }
        ended => ended,
    }
}
