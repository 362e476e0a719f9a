//! The log.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, reload};

use crate::domain::declare::{Any, OneOf, Text, settings};

/// Modules whose details hold no secrets. `tower_http` logs status and duration of requests.
const OWN: [&str; 2] = ["ladderd", "tower_http"];

settings! {
    /// The log, which goes to standard error.
    #[derive(Eq)]
    pub struct Config {
        /// Format of log lines: "text" or "json".
        format: Format = Format::Text, OneOf;
        /// Least severe level that is logged (error, warn, info, debug, trace), or a filter by module
        /// such as `info,ladderd::job=debug`. The variable `RUST_LOG` wins over it. Libraries log at `info` at
        /// most: their details hold signatures and tokens.
        level: String = "info".to_owned(), Text {
            allowed: "error, warn, info, debug, trace or a filter",
            accepts: |filter| EnvFilter::try_new(filter).is_ok(),
        };
        /// Debug log of GStreamer in the child processes, as in `GST_DEBUG`: `2`, or `2,ladderd*:5`.
        /// Empty: none.
        gstreamer: String = String::new(), Any;
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The level of the log, which can be changed.
#[derive(Clone)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Takes the level of these settings.
    ///
    /// # Errors
    /// If there is no log any more.
    pub fn set(&self, config: &Config) -> Result<(), reload::Error> {
        self.0.reload(filter(config))
    }
}

/// The configured level. `RUST_LOG` wins over it.
fn filter(config: &Config) -> EnvFilter {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&config.level));
    // The audit log stays, whatever the level; a level of its own (`audit=off`) wins.
    match (filter.to_string().contains("audit"), "audit=info".parse()) {
        (false, Ok(audit)) => filter.add_directive(audit),
        _ => filter,
    }
}

/// Sends the log to standard error.
///
/// # Errors
/// If a log was set up before.
pub fn init(config: &Config) -> Result<LogLevel, TryInitError> {
    let (filter, level) = reload::Layer::new(filter(config));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let log = tracing_subscriber::registry().with(filter).with(FilterFn::new(is_wanted));
    match config.format {
        Format::Text => log.with(lines.with_target(false)).try_init(),
        Format::Json => log.with(lines.json()).try_init(),
    }?;
    Ok(LogLevel(level))
}

/// Whether lines of this kind are wanted: all of ours, and those of libraries up to `info`. Below that are secrets: the
/// SDK of AWS logs what it signs, and `hyper` headers. `s3s` logs three errors for each answer that is one, also for a
/// client that asks for an unknown operation; `embedded` logs those that are faults of ours.
fn is_wanted(metadata: &Metadata<'_>) -> bool {
    let is_of = |name: &&str| {
        let rest = metadata.target().strip_prefix(*name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    OWN.iter().any(is_of) || (*metadata.level() <= Level::INFO && !is_of(&"s3s"))
}
