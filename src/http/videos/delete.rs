//! Deletes a video, and undoes that.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::{existing, parse_id};
use crate::domain::video::VideoView;
use crate::domain::view::deleting;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job::Restore;

/// Deletes a video: stops its job and hides its stream at once, then removes all its objects.
///
/// The video is `deleting` until its objects are gone; a box that dies does not stop that. Until
/// `purge_after` the delete can be undone.
#[utoipa::path(delete, path = "/v1/videos/{id}",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 202, body = VideoView), (status = 404, body = Problem)))]
pub async fn delete(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    existing(&state, &id).await?;
    let tombstone = state.deletions.begin(&id).await?;
    actor.audit("delete", id.as_str());
    state.catalog.changed(&id).await;
    Ok((StatusCode::ACCEPTED, Json(deleting(&state.urls, &tombstone))))
}

/// Undoes the delete of a video, until its `purge_after`.
#[utoipa::path(post, path = "/v1/videos/{id}/restore",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 202, body = VideoView), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is not deleted, or its objects are being removed")))]
pub async fn restore(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    existing(&state, &id).await?;
    match state.deletions.restore(&id).await? {
        Restore::Done => actor.audit("restore", id.as_str()),
        Restore::NotDeleted => return Err(Error::Conflict("the video is not deleted".to_owned())),
        Restore::TooLate => {
            let detail = "the objects of the video are being removed already";
            return Err(Error::Conflict(detail.to_owned()));
        }
    }
    state.catalog.changed(&id).await;
    Ok((StatusCode::ACCEPTED, Json(existing(&state, &id).await?)))
}
