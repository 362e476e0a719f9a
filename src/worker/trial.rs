//! Tries recipes: are their elements installed, do these take the properties, does an encode succeed?
//!
//! Each question gets a child process of its own, so a driver that crashes or hangs loses only its own
//! answer.

mod clip;
mod encode;
mod error;
mod measure;
mod play;
mod survey;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use gstreamer as gst;

use self::error::Error;
use crate::domain::backend::TrialRequest;
use crate::domain::recipe::Recipe;
use crate::domain::sandbox::{Calls, Mode};
use crate::sandbox;
use crate::worker::{plugins, spawn};

/// Answers the request on standard input, as JSON: the result, or `Err` with the reason in words.
#[must_use]
pub fn main() -> ExitCode {
    if spawn::die_with_parent().is_err() {
        return ExitCode::FAILURE;
    }
    let request = serde_json::from_reader(std::io::stdin()).map_err(Error::from);
    let answer = request.and_then(|request| answer(&request)).map_err(|error| error.to_string());
    match serde_json::to_writer(std::io::stdout(), &answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(request: &TrialRequest) -> Result<serde_json::Value, Error> {
    if let TrialRequest::Encode { recipe, sandbox, .. } = request {
        enter_sandbox(recipe, *sandbox)?;
    }
    gst::init().map_err(Error::Init)?;
    plugins::register_own().map_err(Error::Register)?;
    plugins::restrict();
    Ok(match request {
        TrialRequest::Survey(recipes) => serde_json::to_value(survey::survey(recipes))?,
        TrialRequest::Encode { recipe, encode, .. } => {
            serde_json::to_value(encode::trial(recipe, encode)?)?
        }
    })
}

/// Enters the sandbox of a worker with this recipe. Its memory is not limited, as the clip is ours.
fn enter_sandbox(recipe: &Recipe, mode: Mode) -> Result<(), Error> {
    let policy = sandbox::Policy {
        devices: recipe.device_files.iter().map(PathBuf::from).collect(),
        calls: Calls::of([recipe]),
        refusals: sandbox::Refusals::Reported,
        ..sandbox::Policy::default()
    };
    match sandbox::missing(&sandbox::enter(&policy)) {
        Some(missing) if mode == Mode::Require => Err(Error::Sandbox(missing)),
        Some(_) | None => Ok(()),
    }
}
