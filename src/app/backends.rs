//! The backends as the settings choose them, tried while the API serves already.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{self, Pool, Trials, pool};
use crate::domain::admission::Cost;
use crate::domain::backend::{self as backends, Driver};
use crate::settings::Settings;
use crate::worker::spawn::Program;
use crate::{cores, gpu};

/// The pool of the backends. None of them is tried yet.
pub(super) fn pool(program: &Program, driver: &Arc<dyn gpu::Driver>, settings: &Settings) -> Pool {
    let trials = Trials {
        program: program.clone(),
        encode: settings.encode.clone(),
        sandbox: settings.sandbox.mode,
    };
    Pool::new(trials, Arc::clone(driver), limits(settings))
}

/// The limits of the number of jobs.
pub(super) fn limits(settings: &Settings) -> pool::Limits {
    pool::Limits {
        max_running: settings.jobs.max_running,
        max_encoder_sessions: settings.jobs.max_encoder_sessions,
        cost: Cost::of(&settings.ladder),
        cores: u32::try_from(cores::available()).unwrap_or(u32::MAX),
        retrial: Duration::from_secs(settings.jobs.backend_retrial_secs),
    }
}

/// Tries every backend and gives those that work to the pool. Returns their labels, best first.
///
/// # Errors
/// If none is available, or a required one is not.
pub(super) async fn try_all(
    pool: &Pool,
    driver: &Arc<dyn gpu::Driver>,
    required: &[String],
) -> anyhow::Result<Vec<String>> {
    let tried = backend::try_all(pool.trials(), gpu_facts(driver).await?).await?;
    for status in &tried.statuses {
        let (backend, reason) = (status.label(), status.reason_and_remedy());
        if status.is_available() {
            tracing::info!(backend, trial_fps = status.trial_fps, "backend available");
            for warning in &status.warnings {
                tracing::warn!(backend, warning, "backend lacks a protection");
            }
        } else {
            tracing::warn!(backend, reason, "backend unavailable");
        }
    }
    let missing = backends::missing(required, &tried.statuses);
    anyhow::ensure!(missing.is_empty(), missing.join("\n"));
    anyhow::ensure!(
        !tried.backends.is_empty(),
        "no backend is available; `ladderd backends` prints the reasons"
    );
    Ok(pool.open(tried))
}

/// Version and cards of the NVIDIA driver.
///
/// # Errors
/// If the query panicked.
pub async fn gpu_facts(driver: &Arc<dyn gpu::Driver>) -> anyhow::Result<Driver> {
    let driver = Arc::clone(driver);
    let status = tokio::task::spawn_blocking(move || driver.status()).await?;
    let names: Vec<String> = status.devices.iter().map(|device| device.name.clone()).collect();
    Ok(if names.is_empty() {
        let why = status.why().unwrap_or("the driver reports no card").to_owned();
        Driver::Absent { why, remedy: status.remedy }
    } else {
        Driver::Present { version: status.driver_version.unwrap_or_default(), names }
    })
}
