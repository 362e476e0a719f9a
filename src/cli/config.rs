//! The settings of a command.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::output::say;
use crate::settings::{Faults, Overrides, Settings, Sources};

/// Which settings a command uses.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// Settings file [default: /etc/ladderd/ladderd.toml if it exists].
    #[arg(long, value_name = "FILE", global = true, env = "LADDERD_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// Reads the settings.
    pub(super) fn load(self, overrides: Overrides) -> Result<Settings, Faults> {
        Settings::load(&self.sources(overrides))
    }

    /// The layers of the settings: file, environment and these flags.
    pub(super) fn sources(self, overrides: Overrides) -> Sources {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Sources { file: self.config, environment, overrides }
    }
}

/// Prints the faults of the settings.
pub(super) fn refuse(faults: &[String]) -> Exit {
    for fault in faults {
        say(&format!("ladderd: {fault}"));
    }
    Exit::Usage
}
