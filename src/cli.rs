//! The command line.

mod backends;
mod check;
mod heap;
mod sandbox;
mod transcode;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app;
use crate::settings::{Faults, Overrides, Settings, Sources};
use crate::{backend, telemetry, worker};

/// Exit code for settings that are wrong (`EX_USAGE` of sysexits.h).
const EXIT_SETTINGS: u8 = 64;

/// Turns uploaded video into HLS streams: decoded once, every rung encoded at the same time.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the appliance: store, queue, API, page and jobs.
    Serve(ServeArgs),
    /// Turn one local file into a folder with an HLS stream.
    ///
    /// Exits with 0 only if every rung is whole.
    Transcode {
        /// The video.
        input: PathBuf,
        /// The folder for `main.m3u8` and the renditions; it is made if it is missing.
        outdir: PathBuf,
        #[command(flatten)]
        options: transcode::Options,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Print what would be made of a file, as JSON, and encode nothing.
    Plan {
        /// The video.
        input: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Hold a stream against Apple's HLS rules and RFC 8216, by its real bytes.
    ///
    /// Exits with 0 only if no binding rule (MUST) is broken.
    Check {
        /// Folder with `main.m3u8`, a playlist, or the URL of one.
        target: String,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        /// The key of an encrypted stream, as 32 hex digits, where the URI in its playlists does
        /// not give it to everybody.
        #[arg(long, value_name = "HEX", env = "LADDERD_KEY_HEX", hide_env_values = true)]
        key_hex: Option<String>,
    },
    /// Check settings, ladder and recipes, and print every fault. Exits with 64 if there is one.
    Validate {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Show what holds of the walls round the process that reads videos: it tries to get out.
    ///
    /// Exits with 0 only if all of them hold.
    SandboxTest {
        /// Print the outcome as JSON.
        #[arg(long)]
        json: bool,
    },
    /// The process that tries to get out.
    #[command(hide = true)]
    SandboxProbe {
        /// Where a server listens.
        address: String,
        /// A file that must not come to be.
        outside: PathBuf,
    },
    /// One job's pipeline, started by the daemon.
    #[command(hide = true)]
    Worker,
    /// Try every backend on every GPU, and print which work, and why others do not.
    ///
    /// Exits with 0 only if one works and none that is required (`jobs.required_backends`) is missing.
    Backends {
        /// Print the outcome as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// The trial of a recipe, started by the daemon.
    #[command(hide = true)]
    Trial,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// Settings file [default: /etc/ladderd/ladderd.toml, where there is one].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where the embedded store, the queue and the credentials live.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of the API and the page, such as 127.0.0.1:8080; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Address of the embedded S3 server [default: the API's address, next port].
    #[arg(long, value_name = "ADDRESS:PORT")]
    s3_listen: Option<String>,
}

impl ConfigArgs {
    fn load(self, overrides: Overrides) -> Result<Settings, Faults> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Settings::load(&Sources { file: self.config, environment, overrides })
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    heap::share();
    let ended = match Cli::parse().command {
        Command::Worker => return worker::main(),
        Command::Trial => return worker::trial::main(),
        Command::SandboxProbe { address, outside } => {
            return crate::sandbox::probe::child(&address, &outside);
        }
        Command::SandboxTest { json } => sandbox::test(json),
        Command::Serve(args) => serve(args),
        Command::Transcode { input, outdir, options, config } => {
            heap::give_back_large();
            with_settings(config, |s| transcode::transcode(&s, &input, &outdir, &options))
        }
        Command::Plan { input, config } => with_settings(config, |s| transcode::plan(&s, &input)),
        Command::Check { target, json, key_hex } => check::check(&target, json, key_hex.as_deref()),
        Command::Validate { config } => validate(config),
        Command::Backends { json, config } => {
            with_settings(config, |settings| backends::backends(&settings, json))
        }
    };
    match ended {
        Ok(code) => code,
        Err(error) => {
            say(&format!("ladderd: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let overrides =
        Overrides { data_dir: args.data_dir, listen: args.listen, s3_listen: args.s3_listen };
    let settings = match args.config.load(overrides) {
        Ok(settings) => settings,
        Err(faults) => return Ok(refuse(&faults.0)),
    };
    telemetry::init(&settings.log)?;
    heap::give_back_large();
    app::serve(settings)?;
    Ok(ExitCode::SUCCESS)
}

fn with_settings(
    config: ConfigArgs,
    run: impl FnOnce(Settings) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    match config.load(Overrides::default()) {
        Ok(settings) => run(settings),
        Err(faults) => Ok(refuse(&faults.0)),
    }
}

fn validate(config: ConfigArgs) -> anyhow::Result<ExitCode> {
    let mut faults = Vec::new();
    // A backend is tried with the defaults where the settings are wrong.
    let settings = config.load(Overrides::default()).unwrap_or_else(|more| {
        faults.extend(more.0);
        Settings::default()
    });
    match backend::recipes() {
        Err(more) => faults.extend(more),
        Ok(_) => faults.extend(backends::faults(&settings)?),
    }
    if faults.is_empty() {
        say("all is well");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(refuse(&faults))
}

fn refuse(faults: &[String]) -> ExitCode {
    for fault in faults {
        say(&format!("ladderd: {fault}"));
    }
    ExitCode::from(EXIT_SETTINGS)
}

/// A line for the person at the terminal.
#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
fn say(line: &str) {
    eprintln!("{line}");
}
