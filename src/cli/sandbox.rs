//! `ladderd sandbox-test`: whether the sandbox layers of a worker are enforced.

use anyhow::Context as _;

use super::exit::{self, Exit, OrExit as _};
use super::output;
use crate::app;
use crate::sandbox::probe::{self, Conditions, Outcome};

/// Runs the probe and prints its outcome. [`Exit::Failed`] if not enough of a layer is enforced.
pub(super) fn test(json: bool, conditions: &Conditions) -> Result<Exit, exit::Error> {
    let program = app::program("").or_exit(Exit::Unchecked)?;
    let outcome = probe::run(|| program.command("sandbox-probe"), conditions)
        .context("failed to run the sandbox probe")
        .or_exit(Exit::Unchecked)?;
    if json {
        output::print_json(&outcome)?;
    } else {
        output::print(&text(&outcome))?;
    }
    Ok(if outcome.is_enough() { Exit::Ok } else { Exit::Failed })
}

fn text(outcome: &Outcome) -> String {
    let layers = outcome.layers.iter().map(|layer| {
        let state = match (layer.is_enforced, layer.is_enough) {
            (true, _) => "enforced",
            (false, true) => "enough",
            (false, false) => "not enforced",
        };
        format!("layer    {state:12}  {}: {}\n", layer.name, layer.detail)
    });
    let attempts = outcome.attempts.iter().map(|attempt| {
        let state = if attempt.is_ok { "ok" } else { "FAILED" };
        format!("attempt  {state:12}  {}: {}\n", attempt.what, attempt.detail)
    });
    layers.chain(attempts).collect()
}
