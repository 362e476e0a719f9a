//! `ladderd drain`.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::api::Api;
use crate::cli::exit::{self, Exit};
use crate::cli::output::{print, say};

/// Pause between two looks at what still runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Options of `ladderd drain`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DrainOptions {
    /// Wait until nothing runs any more.
    #[arg(long)]
    wait: bool,
    /// Longest wait in seconds. Exits with 1 if something still runs then.
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    timeout: Option<u64>,
    /// Seconds for which running jobs may continue, up to a day [default: the setting
    /// `jobs.shutdown_grace_secs`].
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u64>,
    /// Take jobs again.
    #[arg(long, conflicts_with_all = ["wait", "grace"])]
    undo: bool,
}

/// Drains the appliance, or ends that.
pub(super) async fn drain(api: &Api, options: &DrainOptions) -> Result<Exit, exit::Error> {
    if options.undo {
        let state = api.send(Method::DELETE, "/v1/drain", None).await?;
        print(&line(&state))?;
        return Ok(Exit::Ok);
    }
    let body = json!({ "grace_secs": options.grace });
    let state = api.send(Method::POST, "/v1/drain", Some(&body)).await?;
    if !options.wait {
        print(&line(&state))?;
        return Ok(Exit::Ok);
    }
    let waited = wait(api, state);
    let Some(timeout) = options.timeout else { return waited.await };
    let waited = tokio::time::timeout(Duration::from_secs(timeout), waited).await;
    waited.unwrap_or_else(|_| {
        say(&format!("ladderd: something still runs after {timeout} s"));
        Ok(Exit::Failed)
    })
}

/// Waits until nothing runs, and says what does.
async fn wait(api: &Api, mut state: Value) -> Result<Exit, exit::Error> {
    let mut said = String::new();
    loop {
        let line = line(&state);
        match state["state"].as_str() {
            Some("drained") => {
                print(&line)?;
                return Ok(Exit::Ok);
            }
            Some("off") => {
                say("ladderd: somebody has ended the drain");
                return Ok(Exit::Failed);
            }
            _ => {}
        }
        if line != said {
            say(line.trim_end());
            said = line;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        state = api.get("/v1/drain").await?;
    }
}

/// The state of a box in a line.
fn line(state: &Value) -> String {
    let text = |name: &str| state[name].as_str().unwrap_or_default();
    let (id, jobs, pulls) = (text("box_id"), &state["running_jobs"], &state["running_pulls"]);
    match text("state") {
        "off" => format!("{id}: takes jobs\n"),
        "drained" => format!("{id}: drained, nothing runs\n"),
        _ => {
            let until = text("hand_over_at");
            format!("{id}: draining, {jobs} jobs and {pulls} pulls run, handed over at {until}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_box_is_one_line() {
        let state = |state: &str| {
            line(&json!({
                "box_id": "b1", "state": state, "running_jobs": 2, "running_pulls": 0,
                "hand_over_at": "2026-12-01T00:00:30Z",
            }))
        };
        let draining =
            "b1: draining, 2 jobs and 0 pulls run, handed over at 2026-12-01T00:00:30Z\n";
        assert_eq!(state("draining"), draining);
        assert_eq!(state("drained"), "b1: drained, nothing runs\n");
        assert_eq!(state("off"), "b1: takes jobs\n");
    }
}
