//! `ladderd backends`: which backends work on this machine.

use std::sync::Arc;

use serde_json::json;

use super::exit::{self, Exit, OrExit as _};
use super::output::{self, say};
use crate::backend::{self, Trials, Tried};
use crate::domain::backend::{self as facts, BackendStatus};
use crate::settings::Settings;
use crate::{app, gpu};

/// Tries every backend on every GPU.
pub(super) async fn tried(settings: &Settings) -> anyhow::Result<Tried> {
    let driver: Arc<dyn gpu::Driver> = Arc::new(gpu::Nvml::default());
    let facts = app::gpu_facts(&driver).await?;
    let program = app::program(&settings.log.gstreamer)?;
    let sandbox = settings.sandbox.mode;
    let trials = Trials { program, encode: settings.encode.clone(), sandbox };
    Ok(backend::try_all(&trials, facts).await?)
}

/// The same, for a job: fails if the sandbox is incomplete.
pub(super) async fn tried_in_sandbox(settings: &Settings) -> anyhow::Result<Tried> {
    let program = app::program(&settings.log.gstreamer)?;
    app::check_sandbox(&program, settings.sandbox.mode).await?;
    tried(settings).await
}

/// Tries every backend and prints the results. [`Exit::Failed`] if none is available or a required
/// one is not, [`Exit::Unchecked`] if they cannot be tried.
pub(super) fn backends(settings: &Settings, json: bool) -> Result<Exit, exit::Error> {
    let statuses = statuses(settings)?;
    let missing = facts::missing(&settings.jobs.required_backends, &statuses);
    if json {
        output::print_json(&json!({ "backends": statuses, "missing": missing }))?;
    } else {
        output::print(&table(&statuses))?;
    }
    for fault in &missing {
        say(&format!("ladderd: {fault}"));
    }
    let is_usable = missing.is_empty() && statuses.iter().any(BackendStatus::is_available);
    Ok(if is_usable { Exit::Ok } else { Exit::Failed })
}

/// Prints the state of every backend to standard error. Returns a fault if none is available.
pub(super) fn faults(settings: &Settings) -> Result<Option<String>, exit::Error> {
    let statuses = statuses(settings)?;
    say(table(&statuses).trim_end());
    let none = !statuses.iter().any(BackendStatus::is_available);
    let plugins = "install the GStreamer plugins (base, good, bad, ugly, libav)";
    Ok(none.then(|| format!("none of {} backends is available: {plugins}", statuses.len())))
}

fn statuses(settings: &Settings) -> Result<Vec<BackendStatus>, exit::Error> {
    let runtime = app::runtime().or_exit(Exit::Unchecked)?;
    let tried = runtime.block_on(tried(settings));
    Ok(tried.or_exit(Exit::Unchecked)?.statuses)
}

fn table(statuses: &[BackendStatus]) -> String {
    let mut lines = vec![row("BACKEND", "DEVICE", "STATE", "TRIAL FPS", "ENCODER OR REASON")];
    for status in statuses {
        let fps = status.trial_fps.map_or_else(|| "-".to_owned(), |fps| format!("{fps:.0}"));
        let device = if status.device.is_empty() { "first" } else { &status.device };
        let what =
            status.reason_and_remedy().or_else(|| status.encoder.clone()).unwrap_or_default();
        lines.push(row(&status.name, device, status.state.as_str(), &fps, &what));
        let cannot =
            status.cannot.iter().map(|lack| row("", "", "", "", &format!("limit: {lack}")));
        lines.extend(cannot);
        let warnings = status.warnings.iter();
        lines.extend(warnings.map(|warning| row("", "", "", "", &format!("warning: {warning}"))));
    }
    lines.concat()
}

fn row(name: &str, device: &str, state: &str, fps: &str, what: &str) -> String {
    format!("{name:<13} {device:<11} {state:<12} {fps:>9}  {what}\n")
}
