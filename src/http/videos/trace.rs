//! The trace of the attempt that made a video.

use axum::Json;
use axum::extract::{Path, State};

use super::{parse_id, unknown};
use crate::domain::tombstone::Tombstone;
use crate::domain::trace::Trace;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;

/// Returns the steps of the attempt that made a video, with their times.
///
/// They begin when the last byte of the source was stored, and end with the flip. A running attempt shows the steps so far,
/// on the box that it runs on. 404 before that, and for videos of earlier releases.
#[utoipa::path(get, path = "/v1/videos/{id}/trace",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = Trace), (status = 404, body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Trace>, Error> {
    let id = parse_id(&id)?;
    if let Some(trace) = state.board.trace(id.as_str()) {
        return Ok(Json(trace));
    }
    let (known, _) = Box::pin(state.catalog.facts().of(&id)).await?;
    if known.tombstone.as_ref().is_some_and(Tombstone::is_in_progress) {
        return Err(unknown(id.as_str()));
    }
    let none = || Error::NotFound(format!("video {id} has no trace: no attempt has ended"));
    known.job.and_then(|job| job.trace).map(Json).ok_or_else(none)
}
