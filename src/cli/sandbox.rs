//! `ladderd sandbox-test`: what holds of the walls round a worker.

use std::io::Write;
use std::process::ExitCode;

use crate::app;
use crate::sandbox::probe::{self, Outcome};

/// Tests the walls. Succeeds only if all of them hold.
pub(super) fn test(json: bool) -> anyhow::Result<ExitCode> {
    let outcome = probe::run(app::program("")?.command("sandbox-probe"))?;
    let mut out = std::io::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, &outcome)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", text(&outcome))?;
    }
    Ok(if outcome.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(outcome: &Outcome) -> String {
    let walls = outcome.walls.iter().map(|wall| {
        let state = if wall.holds { "holds" } else { "MISSING" };
        format!("wall     {state:8} {}: {}\n", wall.name, wall.detail)
    });
    let attempts = outcome.attempts.iter().map(|attempt| {
        let state = if attempt.is_right { "as it should be" } else { "WRONG" };
        format!("attempt  {state:16} {}: {}\n", attempt.what, attempt.detail)
    });
    walls.chain(attempts).collect()
}
