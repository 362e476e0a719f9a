//! The child's life: take the order, probe, plan, encode, say how it went.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use gstreamer as gst;

use crate::domain::encode::threads_per_rung;
use crate::domain::failure_code::FailureCode;
use crate::domain::plan::{self, Plan};
use crate::domain::recipe::{self, PipelineSpec};
use crate::sandbox;
use crate::worker::choose;
use crate::worker::elements::range_source::{self, Client};
use crate::worker::graph::pipeline;
use crate::worker::output::Output;
use crate::worker::plugins;
use crate::worker::probe::discover;
use crate::worker::probe::frame_times;
use crate::worker::protocol::{Event, Failure, Order};
use crate::worker::spawn;

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

/// The two connections to the parent. Whatever a library prints goes to standard error from now
/// on, so that it cannot damage the frames.
fn streams() -> rustix::io::Result<(UnixStream, Arc<Output>)> {
    // The parent's death ends the worker, whatever it is doing.
    spawn::die_with_parent()?;
    let socket: OwnedFd = rustix::io::dup(rustix::stdio::stdin())?;
    let frames: OwnedFd = rustix::io::dup(rustix::stdio::stdout())?;
    rustix::stdio::dup2_stdout(std::io::stderr().as_fd())?;
    Ok((UnixStream::from(socket), Arc::new(Output::new(frames))))
}

fn work(socket: UnixStream, output: &Arc<Output>) -> Result<(), Failure> {
    let (client, order) = Client::connect(socket).map_err(|e| {
        Failure::new(FailureCode::WorkerOrder, format!("the order is unreadable: {e}"))
    })?;
    order.limits.check_source(order.source_bytes).map_err(|error| Failure::of(&error))?;
    if order.source_bytes == 0 {
        return Err(Failure::new(
            FailureCode::SourceEmpty,
            "The file is empty (0 bytes). Upload the file again.",
        ));
    }
    for layer in sandbox::enter(&policy(&order)).iter().filter(|layer| !layer.is_enforced) {
        let message = format!("the sandbox is incomplete: {}: {}", layer.name, layer.detail);
        output.event(&Event::Warning { message });
    }
    gst::init()
        .map_err(|error| error.to_string())
        .and_then(|()| range_source::register().map_err(|error| error.to_string()))
        .and_then(|()| plugins::register_own().map_err(|error| error.to_string()))
        .map_err(|e| {
            Failure::new(FailureCode::GstreamerInit, format!("GStreamer does not start: {e}"))
        })?;
    plugins::restrict();
    let mut media = discover::discover(&client)?;
    frame_times::measure(&client, &mut media);
    output.event(&Event::Probed { media: media.clone() });
    order.limits.check(&media).map_err(|error| Failure::of(&error))?;
    let mut plan = plan::plan(&media, &order.ladder, &order.encode, "")
        .map_err(|error| Failure::of(&error))?;
    let (backend, source) = choose::choose(&order.backends, &media, &mut plan)?;
    output.event(&Event::Planned { plan: plan.clone() });
    if order.plan_only {
        return Ok(());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads_per_rung(cores, plan.video.rungs.len());
    let spec = recipe::render(&backend.recipe, &plan, &order.encode, threads, source);
    plugins::prefer(&spec.decoders);
    encode(&client, &order, &plan, &spec, output)
}

/// What this job needs beside its pipes.
fn policy(order: &Order) -> sandbox::Policy {
    sandbox::Policy {
        devices: order
            .backends
            .iter()
            .flat_map(|backend| &backend.recipe.device_files)
            .map(PathBuf::from)
            .collect(),
        memory_bytes: order.memory_bytes,
    }
}

fn encode(
    client: &Client,
    order: &Order,
    plan: &Plan,
    spec: &PipelineSpec,
    output: &Arc<Output>,
) -> Result<(), Failure> {
    match pipeline::run(client, plan, spec, &order.limits, output) {
        // Nothing has left yet: it is as if it had not been begun.
        Err(failure) if failure.code == FailureCode::SinkNotReady && !output.has_sent_media() => {
            output.event(&Event::Warning { message: format!("begun anew: {failure}") });
            pipeline::run(client, plan, spec, &order.limits, output)
        }
        ended => ended,
    }
}
