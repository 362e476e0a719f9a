//! The log.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

/// How the log looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Text for people or JSON for machines.
    pub format: Format,
    /// The least severe level that is shown, or a filter with levels by module.
    pub level: String,
    /// `GST_DEBUG` of the child processes that run GStreamer, such as `2,ladderd*:5`; empty for none.
    pub gstreamer: String,
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

impl Default for Config {
    fn default() -> Self {
        Self { format: Format::Text, level: "info".to_owned(), gstreamer: String::new() }
    }
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
