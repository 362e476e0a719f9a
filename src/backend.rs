//! Which recipes there are and which of them work here.
//!
//! GStreamer never runs in the daemon: child processes look for the recipes' elements and let each
//! encode a little.

pub mod pool;
mod trials;

use crate::domain::backend::{
    self, Backend, BackendState, BackendStatus, Driver, Explanation, Found, explain,
};
use crate::domain::recipe::Recipe;
use crate::domain::untrusted::{SENTENCE_CHARS, one_line};
use crate::sandbox;

pub use pool::{Pool, Slot};
pub use trials::{Passed, TrialError, Trials};

/// The recipes that are built in: name of the file and its text.
const BUILT_IN: &[(&str, &str)] = &[
    ("pipelines/nvenc.toml", include_str!("../pipelines/nvenc.toml")),
    ("pipelines/vaapi.toml", include_str!("../pipelines/vaapi.toml")),
    ("pipelines/qsv.toml", include_str!("../pipelines/qsv.toml")),
    ("pipelines/vaapi-legacy.toml", include_str!("../pipelines/vaapi-legacy.toml")),
    ("pipelines/nvdec.toml", include_str!("../pipelines/nvdec.toml")),
    ("pipelines/cpu.toml", include_str!("../pipelines/cpu.toml")),
];

/// Longest name of a device, such as `renderD129`.
const MAX_DEVICE_BYTES: usize = 32;

/// Why the backends could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The recipes are wrong.
    #[error("{}", .0.join("\n"))]
    Recipes(Vec<String>),
    /// The survey of the elements failed.
    #[error("failed to survey the backends: {0}")]
    Survey(#[from] TrialError),
}

/// Backends that work on this machine.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Every recipe on every device.
    pub statuses: Vec<BackendStatus>,
    /// Those that work.
    pub backends: Vec<Backend>,
    /// Findings of the look at this machine.
    pub facts: backend::Facts,
}

/// The recipes.
///
/// # Errors
/// All faults of all recipes.
pub fn recipes() -> Result<Vec<Recipe>, Vec<String>> {
    let recipes = Recipe::parse_all(BUILT_IN)?;
    let faults: Vec<String> = recipes.iter().flat_map(unfit_calls).collect();
    if faults.is_empty() { Ok(recipes) } else { Err(faults) }
}

/// Faults of the system calls that a recipe names.
fn unfit_calls(recipe: &Recipe) -> Vec<String> {
    let unfit = sandbox::unfit(&recipe.calls).into_iter();
    unfit
        .map(|call| {
            let name = &recipe.name;
            format!("{name}: calls: {call} is no system call, or one that no worker may make")
        })
        .collect()
}

/// Tries every recipe on every device, one after the other. `driver` is what NVML reports.
///
/// # Errors
/// If the recipes are wrong or no child can be started. A recipe that fails is a status, not an error.
pub async fn try_all(trials: &Trials, driver: Driver) -> Result<Tried, Error> {
    let recipes = recipes().map_err(Error::Recipes)?;
    let survey = trials.survey(&recipes).await?;
    let facts = backend::Facts { driver, ..survey.facts };
    let mut tried = Tried { facts, ..Tried::default() };
    for found in survey.found {
        // A child says which device it found, by a short name.
        let is_device = found.device.len() <= MAX_DEVICE_BYTES
            && found.device.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let recipe = recipes.iter().find(|recipe| recipe.name == found.name);
        let Some(recipe) = recipe.filter(|_| is_device) else { continue };
        let (status, backend) = match try_found(trials, &found).await {
            Ok((backend, passed)) => (available(&found, recipe, &backend, &passed), Some(backend)),
            Err(reasons) => {
                let reason = reasons.join("; ");
                let (reason, remedy) = match explain(recipe, &tried.facts) {
                    Some(Explanation { why, remedy }) if found.recipes.is_empty() => (why, remedy),
                    Some(Explanation { why, remedy }) => (format!("{why} ({reason})"), remedy),
                    None => (reason, None),
                };
                let reason = Some(reason);
                (BackendStatus { reason, remedy, ..status(&found, recipe) }, None)
            }
        };
        tried.statuses.push(status);
        tried.backends.extend(backend);
    }
    Ok(tried)
}

/// Tries the installed encoders of a recipe one after the other until one works. Returns the backend
/// and its trial, or the reason of each failure.
async fn try_found(trials: &Trials, found: &Found) -> Result<(Backend, Passed), Vec<String>> {
    let faults = found.faults.iter().map(|fault| one_line(fault, SENTENCE_CHARS));
    let mut reasons: Vec<String> = faults.collect();
    for recipe in &found.recipes {
        match trials.encode_with_either_list(recipe).await {
            Ok(passed) => {
                let backend = Backend {
                    recipe: passed.trial.recipe.clone(),
                    device: found.device.clone(),
                    sizes: found.sizes,
                    pixels_per_sec: passed.trial.pixels_per_sec,
                };
                return Ok((backend, passed));
            }
            Err(reason) => {
                let encoder = recipe.encode.first().map_or("", |step| &step.element);
                reasons.push(format!("{encoder}: {reason}"));
            }
        }
    }
    Err(reasons)
}

fn status(found: &Found, recipe: &Recipe) -> BackendStatus {
    BackendStatus {
        name: found.name.clone(),
        device: found.device.clone(),
        priority: recipe.priority,
        state: BackendState::Unavailable,
        reason: None,
        remedy: None,
        encoder: None,
        cannot: Vec::new(),
        warnings: Vec::new(),
        trial_fps: None,
        trial_pixels_per_sec: None,
    }
}

fn available(found: &Found, recipe: &Recipe, backend: &Backend, passed: &Passed) -> BackendStatus {
    BackendStatus {
        state: BackendState::Available,
        encoder: backend.recipe.encode.first().map(|step| step.element.clone()),
        cannot: backend.recipe.cannot.iter().map(ToString::to_string).collect(),
        warnings: weaker_sandbox(&passed.unlisted_calls).into_iter().collect(),
        trial_fps: Some(passed.trial.fps),
        trial_pixels_per_sec: Some(backend.pixels_per_sec),
        ..status(found, recipe)
    }
}

/// The warning of a backend that works with the deny list only.
fn weaker_sandbox(unlisted_calls: &[String]) -> Option<String> {
    (!unlisted_calls.is_empty()).then(|| {
        format!(
            "its driver does not work with the sandbox's list of system calls, so that its workers may \
             make all except the harmful ones; the list refused {}",
            unlisted_calls.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_cannot_name_harmful_calls() {
        let calls = ["ptrace", "flock"].map(str::to_owned).to_vec();
        let recipe = Recipe { name: "foo".to_owned(), calls, ..Recipe::default() };
        let expected = "foo: calls: ptrace is no system call, or one that no worker may make";
        assert_eq!(unfit_calls(&recipe), [expected]);
    }
}
