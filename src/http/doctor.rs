//! The examination of this box.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::access::Actor;
use super::state::AppState;
use crate::doctor::Latest;
use crate::domain::doctor::Report;

/// The latest examination.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Examination {
    /// Whether an examination runs. It takes up to some minutes, if something does not answer.
    running: bool,
    /// Report of the latest examination that has ended; absent if there was none since the start of the daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
}

impl From<Latest> for Examination {
    fn from(Latest { is_running, report }: Latest) -> Self {
        Self { running: is_running, report }
    }
}

/// Returns the latest examination of this box.
#[utoipa::path(get, path = "/v1/doctor", responses((status = 200, body = Examination)))]
pub async fn latest(State(state): State<AppState>) -> Json<Examination> {
    Json(state.doctor.latest().into())
}

/// Starts an examination of this box, unless one runs: what `ladderd doctor` shows. It writes objects of its own into
/// both buckets and removes them.
#[utoipa::path(post, path = "/v1/doctor",
    responses((status = 202, description = "It runs", body = Examination)))]
pub async fn start(State(state): State<AppState>, actor: Actor) -> (StatusCode, Json<Examination>) {
    state.doctor.start();
    actor.audit("doctor", "");
    (StatusCode::ACCEPTED, Json(state.doctor.latest().into()))
}
