//! Deletes videos, and undoes that.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};

use super::text_tracks::settle;
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

/// Most videos that one request deletes.
const MOST_AT_ONCE: usize = 100;
/// Deletes of one request at the same time.
const CONCURRENT_DELETES: usize = 8;

/// Videos to delete.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteRequest {
    /// Ids of 1 to 100 videos.
    ids: Vec<String>,
}

/// Result of each delete of a request.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeleteResults {
    /// The results in the order of the ids.
    results: Vec<DeleteResult>,
}

/// Result of one delete.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeleteResult {
    /// Id of the video, as it was sent.
    id: String,
    /// The video, if it is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<VideoView>,
    /// Reason why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// Deletes up to 100 videos, each like `DELETE /v1/videos/{id}`.
///
/// The answer has a result for each id: the video as it is deleted, or the problem that a delete of this video alone
/// answers. One that fails does not stop the others.
#[utoipa::path(post, path = "/v1/videos/delete", request_body = DeleteRequest,
    responses((status = 200, body = DeleteResults), (status = 400, body = Problem)))]
pub async fn delete_many(
    State(state): State<AppState>,
    actor: Actor,
    Json(request): Json<DeleteRequest>,
) -> Result<Json<DeleteResults>, Error> {
    if request.ids.is_empty() || request.ids.len() > MOST_AT_ONCE {
        let detail =
            format!("ids: must have 1 to {MOST_AT_ONCE} entries, has {}", request.ids.len());
        return Err(Error::Invalid(detail));
    }
    let results = stream::iter(request.ids).map(|id| {
        let (state, actor) = (State(state.clone()), actor.clone());
        async move {
            match Box::pin(delete(state, actor, Path(id.clone()))).await {
                Ok((_, Json(video))) => DeleteResult { id, video: Some(video), error: None },
                Err(error) => DeleteResult { id, video: None, error: Some(error.problem()) },
            }
        }
    });
    let results = results.buffered(CONCURRENT_DELETES).collect().await;
    Ok(Json(DeleteResults { results }))
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
    let video = existing(&state, &id).await?;
    // The delete may have ended an edit.
    if let Err(error) = settle(&state, &id, video).await {
        tracing::warn!(%id, ?error, "failed to add what was added before a delete");
    }
    Ok((StatusCode::ACCEPTED, Json(existing(&state, &id).await?)))
}
