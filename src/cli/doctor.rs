//! `ladderd doctor`: examines the appliance.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use super::config::{ConfigArgs, refuse};
use super::exit::{self, Exit, OrExit as _};
use super::output;
use super::remote::{Api, ServerArgs};
use crate::app;
use crate::domain::doctor::{Report, Severity, Style, text};
use crate::settings::{Loaded, Overrides};

/// Pause between two looks for the report.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// The appliance, and the settings of one that does not run.
#[derive(Debug, clap::Args)]
pub(super) struct ApplianceArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Folder of the embedded store, in which a running daemon has its socket.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Arguments of `ladderd doctor`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    appliance: ApplianceArgs,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// An appliance that is examined.
pub(super) enum Subject {
    /// At a URL.
    Remote(Api),
    /// On this machine, with the settings of this command.
    Local {
        /// The daemon; `None` if none runs.
        api: Option<Api>,
        /// The settings, which should be those of the daemon.
        loaded: Box<Loaded>,
    },
}

impl ApplianceArgs {
    /// The appliance; `Err` with the exit code after faults of the settings were printed.
    pub(super) fn subject(self) -> Result<Result<Subject, Exit>, exit::Error> {
        if self.server.url.is_some() {
            return Ok(Ok(Subject::Remote(Api::open(self.server.url)?)));
        }
        let overrides = Overrides { data_dir: self.data_dir, ..Overrides::default() };
        let loaded = match Loaded::load(&self.config.sources(overrides)) {
            Ok(loaded) => Box::new(loaded),
            Err(faults) => return Ok(Err(refuse(&faults.0))),
        };
        let api = Api::of_data_dir(&loaded.settings.data_dir)?;
        Ok(Ok(Subject::Local { api, loaded }))
    }
}

/// Examines the appliance and prints the report.
pub(super) fn run(args: Args) -> Result<Exit, exit::Error> {
    let subject = match args.appliance.subject()? {
        Ok(subject) => subject,
        Err(exit) => return Ok(exit),
    };
    let report = app::runtime()?.block_on(examine(&subject))?;
    if args.json {
        output::print_json(&report)?;
    } else {
        let is_coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        output::print(&text(&report, if is_coloured { Style::Coloured } else { Style::Plain }))?;
    }
    Ok(match report.worst {
        Severity::Ok | Severity::Skipped | Severity::Note => Exit::Ok,
        Severity::Warning => Exit::Warnings,
        Severity::Error => Exit::Failed,
    })
}

/// Lets the daemon examine itself, or does it where none runs.
pub(super) async fn examine(subject: &Subject) -> Result<Report, exit::Error> {
    match subject {
        Subject::Remote(api) | Subject::Local { api: Some(api), .. } => ask(api).await,
        Subject::Local { api: None, loaded } => {
            Ok(Box::pin(app::examine_without_daemon(&loaded.settings)).await?)
        }
    }
}

async fn ask(api: &Api) -> Result<Report, exit::Error> {
    api.send(Method::POST, "/v1/doctor", None).await?;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let mut state = api.get("/v1/doctor").await?;
        if state["running"] == Value::Bool(false) {
            let report = serde_json::from_value(state["report"].take());
            let report =
                report.context("the report cannot be read: this command is of another release");
            return report.or_exit(Exit::Unchecked);
        }
    }
}
