//! The drain of this box: it takes no new jobs, and gives back those that run.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::state::AppState;

/// Longest grace in seconds: a day.
const MAX_GRACE_SECS: u64 = 86_400;

/// Begin of a drain.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// Seconds for which running jobs and pulls may continue, 0 to 86400. After that they go back to the queue, and
    /// other boxes go on with them. The default is `jobs.shutdown_grace_secs`.
    grace_secs: Option<u64>,
}

/// Whether a box takes jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrainState {
    /// The box takes jobs.
    Off,
    /// The box takes no jobs, and some still run, or a poll of the queue that has begun before waits for its answer
    /// (`queue.wait_secs`).
    Draining,
    /// The box takes no jobs, and none runs.
    Drained,
}

/// The drain of a box.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DrainView {
    /// Name of this box.
    box_id: String,
    /// Whether the box takes jobs.
    state: DrainState,
    /// When the drain began, RFC 3339; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// When work that still runs goes back to the queue, RFC 3339; absent without a drain.
    #[serde(skip_serializing_if = "Option::is_none")]
    hand_over_at: Option<String>,
    /// Number of jobs that run.
    running_jobs: usize,
    /// Number of sources that are being pulled.
    running_pulls: usize,
    /// Ids of the videos that are processed.
    video_ids: Vec<String>,
}

fn view(state: &AppState) -> Json<DrainView> {
    let drain = &state.drain;
    let (running_jobs, running_pulls) = (drain.jobs().len(), drain.pulls().len());
    let now = drain.now();
    // The last poll of the queue may still get a message, which goes back.
    let is_idle = running_jobs + running_pulls + drain.polls().len() == 0;
    Json(DrainView {
        box_id: state.machine.box_id.clone(),
        state: match now {
            None => DrainState::Off,
            Some(_) if is_idle => DrainState::Drained,
            Some(_) => DrainState::Draining,
        },
        since: now.map(|draining| draining.since.to_string()),
        hand_over_at: now.map(|draining| draining.hand_over_at.to_string()),
        running_jobs,
        running_pulls,
        video_ids: state.board.list().into_iter().map(|job| job.id).collect(),
    })
}

/// Tells whether this box takes jobs, and what still runs.
#[utoipa::path(get, path = "/v1/drain", responses((status = 200, body = DrainView)))]
pub async fn get(State(state): State<AppState>) -> Json<DrainView> {
    view(&state)
}

/// Drains this box: it takes no new jobs and pulls, and gives back those that run when the grace is over. It goes on
/// serving, but `/readyz` answers 503.
///
/// A drain that runs already gets the new grace. A restart of the daemon ends it.
#[utoipa::path(post, path = "/v1/drain", request_body = DrainRequest,
    responses((status = 200, body = DrainView)))]
pub async fn begin(
    State(state): State<AppState>,
    Json(request): Json<DrainRequest>,
) -> Result<Json<DrainView>, Error> {
    let default = || state.job_settings.read().config.shutdown_grace_secs;
    let grace_secs = request.grace_secs.unwrap_or_else(default);
    if grace_secs > MAX_GRACE_SECS {
        return Err(Error::Invalid(format!("grace_secs: must be 0 to {MAX_GRACE_SECS}")));
    }
    let draining = state.drain.begin(Duration::from_secs(grace_secs));
    let hand_over_at = draining.hand_over_at.to_string();
    tracing::info!(hand_over_at, "the box is drained, no new jobs start");
    Ok(view(&state))
}

/// Ends the drain: the box takes jobs again.
#[utoipa::path(delete, path = "/v1/drain", responses((status = 200, body = DrainView)))]
pub async fn end(State(state): State<AppState>) -> Json<DrainView> {
    if state.drain.now().is_some() {
        state.drain.end();
        tracing::info!("the drain has ended, new jobs start");
    }
    view(&state)
}
