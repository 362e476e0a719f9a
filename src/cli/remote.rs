//! Commands that use the API of an appliance, as every other client does: `upload`, `videos`, `show`, `trace`,
//! `retry`, `rm`, `drain`.

mod api;
mod drain;
mod options;
mod send;
mod state;
mod upload;
mod videos;

use clap::Subcommand;

pub(super) use self::api::Api;
use self::drain::DrainOptions;
pub(super) use self::options::ServerArgs;
use self::options::UploadOptions;
use super::exit::{self, Exit};
use crate::app;

/// Commands that use the API of an appliance.
#[derive(Debug, Subcommand)]
pub(super) enum RemoteCommand {
    /// Upload files to an appliance. Run it again to continue where it was interrupted.
    ///
    /// Prints the id of each video. Exits with 0 if all are uploaded, with --wait if all are ready.
    Upload {
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        options: UploadOptions,
    },
    /// List the videos of an appliance, newest first.
    Videos {
        #[command(flatten)]
        server: ServerArgs,
        /// Only videos in this state, such as failed.
        #[arg(long)]
        state: Option<String>,
        /// Only videos with these words in title, description, file name or tags.
        #[arg(long, value_name = "WORDS")]
        q: Option<String>,
        /// Only videos with this tag.
        #[arg(long)]
        tag: Option<String>,
        /// Largest number of videos.
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
        /// Print the videos as a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Show one video of an appliance.
    Show {
        #[command(flatten)]
        server: ServerArgs,
        /// Id of the video.
        id: String,
        /// Print the video as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show where the time went from the last byte of a video to its first segments.
    ///
    /// Prints a waterfall: one line per step with its begin and its duration in milliseconds.
    Trace {
        #[command(flatten)]
        server: ServerArgs,
        /// Id of the video.
        id: String,
        /// Print the trace as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Process videos once more that failed.
    Retry {
        #[command(flatten)]
        server: ServerArgs,
        /// Ids of the videos.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Delete videos. `POST /v1/videos/{id}/restore` undoes that for a while.
    Rm {
        #[command(flatten)]
        server: ServerArgs,
        /// Ids of the videos.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Keep new jobs away from an appliance before it is shut down, and hand over those that run.
    ///
    /// The appliance goes on serving. With --wait, exits with 0 once nothing runs, and with 1 if that takes too long
    /// or the drain is ended meanwhile.
    Drain {
        #[command(flatten)]
        server: ServerArgs,
        #[command(flatten)]
        options: DrainOptions,
    },
}

/// Runs a command.
pub(super) fn run(command: RemoteCommand) -> Result<Exit, exit::Error> {
    let runtime = app::runtime()?;
    match command {
        RemoteCommand::Upload { server, options } => {
            let api = Api::open(server.url)?;
            runtime.block_on(upload::upload(&api, &options))
        }
        RemoteCommand::Videos { server, state, q, tag, limit, json } => {
            let api = Api::open(server.url)?;
            let filter = [("state", state), ("q", q), ("tag", tag)];
            runtime.block_on(videos::list(&api, &filter, limit, json))
        }
        RemoteCommand::Show { server, id, json } => {
            let api = Api::open(server.url)?;
            runtime.block_on(videos::show(&api, &id, json))
        }
        RemoteCommand::Trace { server, id, json } => {
            let api = Api::open(server.url)?;
            runtime.block_on(videos::trace(&api, &id, json))
        }
        RemoteCommand::Retry { server, ids } => {
            let api = Api::open(server.url)?;
            runtime.block_on(videos::retry(&api, &ids))
        }
        RemoteCommand::Rm { server, ids } => {
            let api = Api::open(server.url)?;
            runtime.block_on(videos::remove(&api, &ids))
        }
        RemoteCommand::Drain { server, options } => {
            let api = Api::open(server.url)?;
            runtime.block_on(drain::drain(&api, &options))
        }
    }
}
