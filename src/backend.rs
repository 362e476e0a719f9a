//! Which recipes there are and which of them work here.
//!
//! GStreamer never runs in the daemon: a child process checks the recipes against the elements
//! that are installed and lets each encode a little.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::domain::backend::BackendStatus;
use crate::domain::recipe::Recipe;

/// The recipes that are built in: name of the file and its text.
const BUILT_IN: [(&str, &str); 1] = [("pipelines/cpu.toml", include_str!("../pipelines/cpu.toml"))];
/// How long all trials together may take. A first start scans every plugin.
const TRIAL_TIMEOUT: Duration = Duration::from_mins(2);

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

/// The recipes.
///
/// # Errors
/// All faults of all recipes.
pub fn recipes() -> Result<Vec<Recipe>, Vec<String>> {
    let mut faults = Vec::new();
    let mut recipes = Vec::new();
    for (file, text) in BUILT_IN {
        match Recipe::parse(file, text) {
            Ok(recipe) => recipes.push(recipe),
            Err(more) => faults.extend(more),
        }
    }
    if faults.is_empty() { Ok(recipes) } else { Err(faults) }
}

/// Lets a child process (`program trial`) try every recipe.
///
/// # Errors
/// If the child fails as a whole. A recipe that fails is a status, not an error.
pub async fn try_all(program: &Path) -> Result<Vec<BackendStatus>, Error> {
    let mut child = Command::new(program);
    child.arg("trial").stdin(Stdio::null()).kill_on_drop(true).process_group(0);
    let output = tokio::time::timeout(TRIAL_TIMEOUT, child.output())
        .await
        .map_err(|_| Error::Trial(format!("no answer within {} s", TRIAL_TIMEOUT.as_secs())))?
        .map_err(|error| Error::Trial(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        Error::Trial(format!("{}: {}", output.status, said.trim()))
    })
}
