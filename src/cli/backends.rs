//! Which backends work here.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use super::say;
use crate::backend::{self, Trials, Tried};
use crate::domain::backend::{self as facts, BackendStatus};
use crate::settings::Settings;
use crate::{app, gpu};

/// Tries all of them.
pub(super) async fn tried(settings: &Settings) -> anyhow::Result<Tried> {
    let driver: Arc<dyn gpu::Driver> = Arc::new(gpu::Nvml::default());
    let facts = app::gpu_facts(&driver).await?;
    let program = app::program(&settings.log.gstreamer)?;
    let trials = Trials { program, encode: settings.encode.clone() };
    Ok(backend::try_all(&trials, facts).await?)
}

/// Tries all of them and prints a table.
pub(super) fn backends(settings: &Settings, json: bool) -> anyhow::Result<ExitCode> {
    let statuses = app::runtime()?.block_on(tried(settings))?.statuses;
    let missing = facts::missing(&settings.jobs.required_backends, &statuses);
    let text = if json {
        serde_json::to_string_pretty(&json!({ "backends": statuses, "missing": missing }))? + "\n"
    } else {
        table(&statuses)
    };
    std::io::stdout().write_all(text.as_bytes())?;
    for fault in &missing {
        say(&format!("ladderd: {fault}"));
    }
    let well = missing.is_empty() && statuses.iter().any(BackendStatus::is_available);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints how each fares. It is a fault if none works.
pub(super) fn faults(settings: &Settings) -> anyhow::Result<Option<String>> {
    let statuses = app::runtime()?.block_on(tried(settings))?.statuses;
    say(table(&statuses).trim_end());
    let none = !statuses.iter().any(BackendStatus::is_available);
    let plugins = "install the GStreamer plugins (base, good, bad, ugly, libav)";
    Ok(none.then(|| format!("none of {} backends is available: {plugins}", statuses.len())))
}

fn table(statuses: &[BackendStatus]) -> String {
    let mut lines = vec![row("BACKEND", "DEVICE", "STATE", "TRIAL FPS", "ENCODER, OR REASON")];
    for status in statuses {
        let fps = status.trial_fps.map_or_else(|| "-".to_owned(), |fps| format!("{fps:.0}"));
        let device = if status.device.is_empty() { "first" } else { &status.device };
        let what = status.reason.as_ref().or(status.encoder.as_ref()).map_or("", String::as_str);
        lines.push(row(&status.name, device, status.state.as_str(), &fps, what));
        let cannot = status.cannot.iter().map(|lack| row("", "", "", "", &format!("not: {lack}")));
        lines.extend(cannot);
    }
    lines.concat()
}

fn row(name: &str, device: &str, state: &str, fps: &str, what: &str) -> String {
    format!("{name:<13} {device:<11} {state:<12} {fps:>9}  {what}\n")
}
