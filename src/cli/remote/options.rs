//! Options of the commands that use the API.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The appliance. Its token is in the variable `LADDERD_TOKEN`: others could read an argument.
#[derive(Debug, Args)]
#[command(after_help = "Shows the token in the variable LADDERD_TOKEN, if it is set.")]
pub(in crate::cli) struct ServerArgs {
    /// URL of the appliance [default: the daemon of this machine].
    #[arg(long, value_name = "URL", env = "LADDERD_URL")]
    pub(in crate::cli) url: Option<String>,
}

/// Options of `ladderd upload`.
#[derive(Debug, Args)]
pub(in crate::cli) struct UploadOptions {
    /// Files to upload.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Wait until the videos are ready or have failed.
    #[arg(long)]
    pub(super) wait: bool,
    /// Title, for a single file.
    #[arg(long)]
    pub(super) title: Option<String>,
    /// Tag. Can be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    pub(super) tags: Vec<String>,
    /// Who may watch the videos [default: the appliance's setting].
    #[arg(long, value_enum)]
    pub(super) visibility: Option<Visibility>,
    /// Turn of the videos among those that wait.
    #[arg(long, value_enum)]
    pub(super) priority: Option<Priority>,
    /// Print each video as JSON, one object per line.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Visibility {
    Public,
    Private,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Priority {
    High,
    Normal,
    Low,
}

/// The text of an argument's value.
pub(super) fn text(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
