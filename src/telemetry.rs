//! The log.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use crate::domain::declare::{Any, OneOf, Text, settings};

settings! {
    /// The log, which goes to standard error.
    #[derive(Eq)]
    pub struct Config {
        /// Format of log lines: "text" or "json".
        format: Format = Format::Text, OneOf;
        /// Least severe level that is logged (error, warn, info, debug, trace), or a filter by module
        /// such as `info,ladderd::job=debug`. The variable `RUST_LOG` wins over it.
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

/// Sends the log to standard error. `RUST_LOG` wins over the configured level.
///
/// # Errors
/// If a log was set up before.
pub fn init(config: &Config) -> Result<(), TryInitError> {
    use tracing_subscriber::util::SubscriberInitExt;
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(&config.level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.format {
        Format::Text => lines.with_target(false).finish().try_init(),
        Format::Json => lines.json().finish().try_init(),
    }
}
