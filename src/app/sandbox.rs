//! Whether this machine enforces the sandbox that its workers need.

use anyhow::Context as _;

use crate::domain::sandbox::Mode;
use crate::sandbox::{self, Layer, probe};
use crate::worker::spawn::Program;

/// Lets a child enter the sandbox, and returns its layers. A layer that it misses is an error or a warning, as the mode
/// says.
///
/// # Errors
/// If the child cannot be run, or a layer is missing that the mode requires.
pub(crate) async fn check_sandbox(program: &Program, mode: Mode) -> anyhow::Result<Vec<Layer>> {
    let command = program.command("sandbox-probe");
    let layers = tokio::task::spawn_blocking(move || probe::layers(command)).await?;
    let layers = layers.context("failed to test the sandbox")?;
    match (sandbox::missing(&layers), mode) {
        (None, _) => {}
        (Some(missing), Mode::Require) => anyhow::bail!(missing),
        (Some(missing), Mode::Degrade) => tracing::warn!(missing, "sandbox is incomplete"),
    }
    Ok(layers)
}
