//! Which recipes there are and which of them work here.
//!
//! GStreamer never runs in the daemon: child processes look for the recipes' elements and let each
//! encode a little.

pub mod pool;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::domain::backend::{
    self, Backend, BackendState, BackendStatus, Driver, Found, Survey, Trial, TrialRequest, explain,
};
use crate::domain::gpu::DEVICE_ORDER;
use crate::domain::recipe::Recipe;

pub use pool::{Pool, Slot};

/// The recipes that are built in: name of the file and its text.
const BUILT_IN: [(&str, &str); 6] = [
    ("pipelines/nvenc.toml", include_str!("../pipelines/nvenc.toml")),
    ("pipelines/vaapi.toml", include_str!("../pipelines/vaapi.toml")),
    ("pipelines/qsv.toml", include_str!("../pipelines/qsv.toml")),
    ("pipelines/vaapi-legacy.toml", include_str!("../pipelines/vaapi-legacy.toml")),
    ("pipelines/nvdec.toml", include_str!("../pipelines/nvdec.toml")),
    ("pipelines/cpu.toml", include_str!("../pipelines/cpu.toml")),
];
/// How long the look for the elements may take. A first start scans every plugin.
const SURVEY_TIMEOUT: Duration = Duration::from_mins(2);
/// How long one trial may take: its own limits are shorter, unless a driver hangs.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(1);

/// Why the backends could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recipes are wrong.
    #[error("{}", .0.join("\n"))]
    Recipes(Vec<String>),
    /// The child process failed.
    #[error("the backends cannot be tried: {0}")]
    Trial(String),
}

/// What works on this machine.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Every recipe on every device.
    pub statuses: Vec<BackendStatus>,
    /// Those that work.
    pub backends: Vec<Backend>,
}

/// The recipes.
///
/// # Errors
/// All faults of all recipes.
pub fn recipes() -> Result<Vec<Recipe>, Vec<String>> {
    Recipe::parse_all(&BUILT_IN)
}

/// Lets child processes (`program trial`) try every recipe on every device, one after the other.
///
/// # Errors
/// If the recipes are wrong or the children cannot be started. A recipe that fails is a status, not
/// an error.
pub async fn try_all(program: &Path, driver: Driver) -> Result<Tried, Error> {
    let recipes = recipes().map_err(Error::Recipes)?;
    let request = TrialRequest::Survey(recipes.clone());
    let survey: Survey = ask(program, &request, SURVEY_TIMEOUT).await.map_err(Error::Trial)?;
    let facts = backend::Facts { driver, ..survey.facts };
    let mut tried = Tried::default();
    for found in survey.found {
        let Some(recipe) = recipes.iter().find(|recipe| recipe.name == found.name) else {
            continue;
        };
        let (status, backend) = match try_found(program, &found).await {
            Ok((backend, fps)) => (available(&found, recipe, &backend, fps), Some(backend)),
            Err(reason) => {
                let reason = match explain(recipe, &facts) {
                    Some(why) if found.recipes.is_empty() => why,
                    Some(why) => format!("{why} ({reason})"),
                    None => reason,
                };
                (unavailable(&found, recipe, reason), None)
            }
        };
        tried.statuses.push(status);
        tried.backends.extend(backend);
    }
    Ok(tried)
}

/// Tries what is here of a recipe, encoder by encoder, until one works.
async fn try_found(program: &Path, found: &Found) -> Result<(Backend, f64), String> {
    let mut reasons = found.faults.clone();
    for recipe in &found.recipes {
        match try_recipe(program, recipe).await {
            Ok(trial) => {
                let backend = Backend {
                    recipe: trial.recipe,
                    device: found.device.clone(),
                    sizes: found.sizes,
                    pixels_per_sec: trial.pixels_per_sec,
                };
                return Ok((backend, trial.fps));
            }
            Err(reason) => {
                let encoder = recipe.encode.first().map_or("", |step| &step.element);
                reasons.push(format!("{encoder}: {reason}"));
            }
        }
    }
    Err(reasons.join("; "))
}

/// Lets a child process encode by a recipe that was resolved.
///
/// # Errors
/// Why it does not work, in words.
pub async fn try_recipe(program: &Path, recipe: &Recipe) -> Result<Trial, String> {
    ask(program, &TrialRequest::Encode(Box::new(recipe.clone())), TRIAL_TIMEOUT).await
}

fn status(found: &Found, recipe: &Recipe) -> BackendStatus {
    BackendStatus {
        name: found.name.clone(),
        device: found.device.clone(),
        priority: recipe.priority,
        state: BackendState::Unavailable,
        reason: None,
        encoder: None,
        cannot: Vec::new(),
        trial_fps: None,
        trial_pixels_per_sec: None,
    }
}

fn unavailable(found: &Found, recipe: &Recipe, reason: String) -> BackendStatus {
    BackendStatus { reason: Some(reason), ..status(found, recipe) }
}

fn available(found: &Found, recipe: &Recipe, backend: &Backend, fps: f64) -> BackendStatus {
    BackendStatus {
        state: BackendState::Available,
        encoder: backend.recipe.encode.first().map(|step| step.element.clone()),
        cannot: backend.recipe.cannot.iter().map(ToString::to_string).collect(),
        trial_fps: Some(fps),
        trial_pixels_per_sec: Some(backend.pixels_per_sec),
        ..status(found, recipe)
    }
}

/// Asks a child process, which answers in time or is killed.
async fn ask<T: DeserializeOwned>(
    program: &Path,
    request: &TrialRequest,
    timeout: Duration,
) -> Result<T, String> {
    let request = serde_json::to_vec(request).map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    let pipe = Stdio::piped;
    command.arg("trial").stdin(pipe()).stdout(pipe()).stderr(pipe());
    let (name, value) = DEVICE_ORDER;
    command.env(name, value).kill_on_drop(true).process_group(0);
    let answered = async {
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(&request).await?;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(timeout, answered)
        .await
        .map_err(|_| format!("it hangs: no answer came within {} s", timeout.as_secs()))?
        .map_err(|error: std::io::Error| error.to_string())?;
    let answer: Result<Result<T, String>, _> = serde_json::from_slice(&output.stdout);
    answer.unwrap_or_else(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.trim().lines().rev().take(3).collect();
        Err(format!("its trial ended without an answer ({}): {}", output.status, last.join(" | ")))
    })
}
