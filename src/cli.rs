//! The command line: arguments, commands and exit codes.

mod backends;
mod bundle;
mod check;
mod config;
mod doctor;
mod exit;
mod heap;
mod import;
mod memory;
mod output;
mod package;
mod reference;
mod remote;
mod s3_key;
mod sandbox;
mod store;
mod token;
mod transcode;
mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use self::config::{ConfigArgs, refuse};
use self::exit::{Exit, OrExit as _};
use self::output::say;
use crate::sandbox::probe::{self, Conditions, Targets};
use crate::settings::{Loaded, Overrides, Settings};
use crate::tls::{Certificate, Trust};
use crate::{app, backend, telemetry, worker};

/// Turn uploaded videos into HLS streams.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Exit codes of all commands, as the help shows them.
const EXIT_CODES: &str = "\
Exit codes:
  0   success; a checked stream breaks no binding rule (MUST)
  1   failure, or a checked stream breaks a binding rule, or `doctor` finds an error
  2   the stream or a part of it cannot be checked, or the sandbox or the backends cannot be tried
  3   `doctor` finds a warning and no error
  64  wrong arguments or settings
  66  the file or the video does not exist
  69  the appliance cannot be reached or is not ready";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the appliance: store, queue, HTTP API, web page and jobs.
    Serve(ServeArgs),
    /// Encode one local file into a folder with an HLS stream, and check the stream.
    ///
    /// Exits with 0 if the stream is complete and breaks no binding rule (MUST), with 1 if encoding fails
    /// or the stream breaks one, and with 2 if the written stream cannot be read.
    Transcode {
        /// Video file to encode.
        input: PathBuf,
        /// Output folder for `main.m3u8` and the renditions, created if it is missing.
        outdir: PathBuf,
        #[command(flatten)]
        options: transcode::Options,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Print the renditions planned for a file as JSON, without encoding it.
    Plan {
        /// Video file to inspect.
        input: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Check a stream against Apple's HLS authoring specification and RFC 8216.
    ///
    /// Reads every playlist and every segment. Exits with 0 if no binding rule (MUST) is broken, with
    /// 1 if one is, and with 2 if none is, but the stream or a part of it cannot be checked.
    Check {
        /// Folder with `main.m3u8`, path of a multivariant or media playlist, or its URL.
        target: String,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        /// Key of an encrypted stream as 32 hex digits [default: load it from the URI in the
        /// playlists].
        #[arg(long, value_name = "HEX", env = "LADDERD_KEY_HEX", hide_env_values = true)]
        key_hex: Option<String>,
        /// Playback token of a private stream, whose URL is that of the gateway:
        /// `https://…/play/<id>/main.m3u8`.
        #[arg(long, value_name = "TOKEN", env = "LADDERD_PLAYBACK_TOKEN", hide_env_values = true)]
        token: Option<String>,
        /// Id of a rule to leave out, such as `10.1` or `RFC 8216 4.2`. May be given more than once.
        #[arg(long, value_name = "RULE")]
        ignore: Vec<String>,
    },
    /// Check settings, certificates, ladder and recipes, and print every fault.
    ///
    /// Exits with 64 if there is a fault.
    Validate {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Examine the appliance, and print what is wrong, why it matters, and what mends it.
    ///
    /// The running daemon executes the checks; without one, this command does. They write objects of their own into
    /// both buckets and remove them. Exits with 0 if nothing is wrong, with 3 after warnings, and with 1 after errors.
    Doctor(doctor::Args),
    /// Collect facts for those who help, in a tar to be read before it is sent.
    SupportBundle(bundle::Args),
    /// Test the sandbox of the video decoder with a process that tries to escape from it.
    ///
    /// Exits with 0 if enough of every layer is enforced and nothing escapes, else with 1, and with 2 if
    /// the test cannot run.
    SandboxTest {
        #[command(flatten)]
        conditions: ConditionArgs,
        /// Print the outcome as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Process that enters the sandbox and reports its layers. It tries to escape if it is given where to.
    #[command(hide = true)]
    SandboxProbe {
        #[command(flatten)]
        conditions: ConditionArgs,
        /// Address of a listening server.
        #[arg(long, requires = "folder")]
        address: Option<String>,
        /// Folder with a file that must not change.
        #[arg(long, requires = "address")]
        folder: Option<PathBuf>,
        /// Number of the one attack that is made.
        #[arg(long, requires = "address")]
        x32: Option<usize>,
    },
    /// Pipeline of one job, started by the daemon.
    #[command(hide = true)]
    Worker,
    /// Try every backend on every GPU, and print the results with the reason of each failure.
    ///
    /// Exits with 0 if a backend works and all required ones (`jobs.required_backends`) do, else with
    /// 1, and with 2 if they cannot be tried.
    Backends {
        /// Print the results as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Check, repair, back up or restore the files of the embedded store.
    Store {
        /// Folder of the embedded store.
        #[arg(long, value_name = "DIR", global = true)]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: store::StoreCommand,
    },
    /// Make, list and revoke tokens, and make sign-in links. The daemon may run or not.
    Token {
        /// Folder of the embedded store.
        #[arg(long, value_name = "DIR", global = true)]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: token::TokenCommand,
    },
    /// Create, list and revoke access keys of the embedded store that are limited to a part of a bucket.
    #[command(name = "s3-key")]
    S3Key {
        /// Folder of the embedded store.
        #[arg(long, value_name = "DIR", global = true)]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: s3_key::S3KeyCommand,
    },
    /// Receive events of an appliance.
    Webhook {
        #[command(subcommand)]
        command: webhook::WebhookCommand,
    },
    /// Make videos of the objects that are in a bucket already. The daemon may run or not.
    ///
    /// Objects of the private bucket become videos where they are; those of another bucket of the same store are
    /// copied by the store. An import that was interrupted goes on when it is started again. Exits with 1 if an
    /// object could not be imported.
    Import {
        /// Folder of the embedded store.
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        options: import::Options,
    },
    #[command(flatten)]
    Remote(remote::RemoteCommand),
    /// Trial of a recipe, started by the daemon.
    #[command(hide = true)]
    Trial,
    /// Write man pages and completions of shells, for packages.
    #[command(hide = true)]
    PackageFiles {
        /// Output folder, created if it is missing.
        folder: PathBuf,
    },
}

/// Other sandboxes than that of a worker on the processor and this kernel, for tests.
#[derive(Debug, Args)]
struct ConditionArgs {
    /// Use no newer ABI of Landlock than this one, as an older kernel would.
    #[arg(long, value_name = "NUMBER", hide = true)]
    landlock_abi: Option<i32>,
    /// Use this list of system calls.
    #[arg(long, value_name = "LIST", hide = true, value_parser = probe::LISTS)]
    calls: Option<String>,
}

impl From<ConditionArgs> for Conditions {
    fn from(ConditionArgs { landlock_abi, calls }: ConditionArgs) -> Self {
        Self { landlock_abi, calls }
    }
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder of the embedded store, the queue and the credentials.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address of the HTTP API and the web page, such as 127.0.0.1:8080; port 0 takes a free port.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Address of the embedded S3 server [default: address of the API, next port].
    #[arg(long, value_name = "ADDRESS:PORT")]
    s3_listen: Option<String>,
}

/// All commands with their arguments, without values of the environment.
#[must_use]
pub fn command() -> clap::Command {
    reference::without_values(Cli::command())
}

/// The text of `docs/reference/cli.md`.
#[must_use]
pub fn reference() -> String {
    reference::page(command())
}

/// Runs the command that the arguments of the process name.
#[must_use]
pub fn main() -> ExitCode {
    heap::share();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(message) => return no_command(&message).into(),
    };
    let is_child =
        matches!(command, Command::Worker | Command::Trial | Command::SandboxProbe { .. });
    memory::protect(!is_child);
    let result = match command {
        Command::Worker => return worker::main(),
        Command::Trial => return worker::trial::main(),
        Command::SandboxProbe { conditions, address, folder, x32 } => {
            let targets = address.zip(folder);
            let targets = targets.map(|(address, folder)| Targets { address, folder, x32 });
            return probe::child(targets.as_ref(), &conditions.into());
        }
        Command::PackageFiles { folder } => package::write(Cli::command(), &folder),
        Command::SandboxTest { json, conditions } => sandbox::test(json, &conditions.into()),
        Command::Serve(args) => serve(args),
        Command::Transcode { input, outdir, options, config } => {
            heap::give_back_large();
            with_settings(config, |s| transcode::transcode(&s, &input, &outdir, &options))
        }
        Command::Plan { input, config } => with_settings(config, |s| transcode::plan(&s, &input)),
        Command::Check { target, json, key_hex, token, ignore } => {
            check::check(&target, json, key_hex.as_deref(), token.as_deref(), &ignore)
        }
        Command::Validate { config } => validate(config),
        Command::Doctor(args) => doctor::run(args),
        Command::SupportBundle(args) => bundle::run(args),
        Command::Store { data_dir, config, command } => {
            let overrides = Overrides { data_dir, ..Overrides::default() };
            let run = |settings: Settings| store::run(&settings.data_dir, &command);
            with_overrides(config, overrides, run)
        }
        Command::Token { data_dir, config, command } => {
            let overrides = Overrides { data_dir, ..Overrides::default() };
            with_overrides(config, overrides, |settings| token::run(&settings, command))
        }
        Command::S3Key { data_dir, config, command } => {
            let overrides = Overrides { data_dir, ..Overrides::default() };
            with_overrides(config, overrides, |settings| s3_key::run(&settings, command))
        }
        Command::Webhook { command } => webhook::run(command),
        Command::Import { data_dir, config, options } => {
            let overrides = Overrides { data_dir, ..Overrides::default() };
            with_overrides(config, overrides, |settings| import::run(&settings, options))
        }
        Command::Remote(command) => remote::run(command),
        Command::Backends { json, config } => {
            with_settings(config, |settings| backends::backends(&settings, json))
        }
    };
    let exit = result.unwrap_or_else(|error| {
        say(&format!("ladderd: {:#}", error.reason));
        error.exit
    });
    exit.into()
}

/// Prints the help or version that was asked for, or the fault of the arguments.
fn no_command(message: &clap::Error) -> Exit {
    // The exit code stands, even if the terminal is gone.
    drop(message.print());
    if message.use_stderr() { Exit::Usage } else { Exit::Ok }
}

fn serve(args: ServeArgs) -> Result<Exit, exit::Error> {
    let overrides =
        Overrides { data_dir: args.data_dir, listen: args.listen, s3_listen: args.s3_listen };
    let sources = args.config.sources(overrides);
    let loaded = match Loaded::load(&sources) {
        Ok(loaded) => loaded,
        Err(faults) => return Ok(refuse(&faults.0)),
    };
    let log = telemetry::init(&loaded.settings.log).or_exit(Exit::Failed)?;
    heap::give_back_large();
    app::serve(loaded, app::Source { sources, log })?;
    Ok(Exit::Ok)
}

fn with_settings(
    config: ConfigArgs,
    run: impl FnOnce(Settings) -> Result<Exit, exit::Error>,
) -> Result<Exit, exit::Error> {
    with_overrides(config, Overrides::default(), run)
}

fn with_overrides(
    config: ConfigArgs,
    overrides: Overrides,
    run: impl FnOnce(Settings) -> Result<Exit, exit::Error>,
) -> Result<Exit, exit::Error> {
    match config.load(overrides) {
        Ok(settings) => run(settings),
        Err(faults) => Ok(refuse(&faults.0)),
    }
}

fn validate(config: ConfigArgs) -> Result<Exit, exit::Error> {
    let mut faults = Vec::new();
    // If the settings are wrong, the backends are tried with the defaults.
    let settings = config.load(Overrides::default()).unwrap_or_else(|more| {
        faults.extend(more.0);
        Settings::default()
    });
    faults.extend(Certificate::open(&settings.tls).err().map(|error| error.to_string()));
    faults.extend(Trust::open(&settings.tls).err().map(|error| error.to_string()));
    match backend::recipes() {
        Err(more) => faults.extend(more),
        Ok(_) => faults.extend(backends::faults(&settings)?),
    }
    if faults.is_empty() {
        say("ok");
        return Ok(Exit::Ok);
    }
    Ok(refuse(&faults))
}
