//! Tries recipes: are the elements here, do they take the values, does an encode come out?
//!
//! It is a child process of its own for each question, so that a driver that crashes or hangs takes
//! nothing with it but the answer.

mod clip;
mod encode;
mod judge;
mod survey;

use std::process::ExitCode;

use gstreamer as gst;

use crate::domain::backend::TrialRequest;
use crate::worker::{plugins, spawn};

/// Answers the request on the standard input, as JSON: what is asked for, or `Err` with why not.
#[must_use]
pub fn main() -> ExitCode {
    if spawn::die_with_parent().is_err() {
        return ExitCode::FAILURE;
    }
    let answer = match serde_json::from_reader(std::io::stdin()) {
        Ok(request) => answer(&request),
        Err(error) => Err(format!("the request cannot be read: {error}")),
    };
    match serde_json::to_writer(std::io::stdout(), &answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn answer(request: &TrialRequest) -> Result<serde_json::Value, String> {
    let no_start = |error: String| format!("GStreamer does not start: {error}");
    gst::init().map_err(|error| no_start(error.to_string()))?;
    plugins::register_own().map_err(|error| no_start(error.to_string()))?;
    plugins::restrict();
    let answer = match request {
        TrialRequest::Survey(recipes) => serde_json::to_value(survey::survey(recipes)),
        TrialRequest::Encode { recipe, encode } => {
            serde_json::to_value(encode::trial(recipe, encode)?)
        }
    };
    answer.map_err(|error| error.to_string())
}
