//! Processes a video once more.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::{existing, parse_id, unknown};
use crate::domain::job::VideoId;
use crate::domain::message;
use crate::domain::record::{self, UploadRecord};
use crate::domain::turns::Place;
use crate::domain::video::{VideoState, VideoView};
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job;
use crate::job::Retry;
use crate::pull;

/// Processes a video once more that failed or waits in vain. Its attempts count from 0 again. A source that could
/// not be pulled from its URL is pulled from the start.
#[utoipa::path(post, path = "/v1/videos/{id}/retry",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 202, body = VideoView), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is running, ready or not uploaded yet")))]
pub async fn retry(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    if video.state == VideoState::Deleting {
        return Err(Error::Conflict("the video is deleted".to_owned()));
    }
    let upload_key = record::upload_record_key(&id);
    let upload = state.private.read_json::<UploadRecord>(&upload_key).await?;
    let upload = upload.ok_or_else(|| unknown(id.as_str()))?;
    let Some(head) = state.private.find(&upload.key).await? else {
        return retry_pull(&state, &actor, &id).await;
    };
    let (private, home) = (&state.private, state.homes.of(upload.visibility));
    if state.board.get(id.as_str()).is_some() {
        return Err(running());
    }
    match job::reset(private, home, &id, &head.etag, state.claim_renewal).await? {
        Retry::Running => return Err(running()),
        Retry::Ready => return Err(Error::Conflict("the video is ready already".to_owned())),
        Retry::Reset => {}
    }
    actor.audit("retry", id.as_str());
    let place = private.read_json::<Place>(&upload_key).await?.unwrap_or_default();
    state.enqueue.send_to(&message::own(private.name(), &upload.key), &place).await?;
    state.catalog.changed(&id).await;
    Ok((StatusCode::ACCEPTED, Json(existing(&state, &id).await?)))
}

/// Pulls the source of a video once more.
async fn retry_pull(
    state: &AppState,
    actor: &Actor,
    id: &VideoId,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    match state.pulls.retry(id).await? {
        pull::Retry::Begun => {
            actor.audit("retry", id.as_str());
            state.catalog.changed(id).await;
            Ok((StatusCode::ACCEPTED, Json(existing(state, id).await?)))
        }
        pull::Retry::Running => Err(Error::Conflict("the source is being pulled".to_owned())),
        pull::Retry::NotPulled => {
            let detail =
                "the video has no source: it is not uploaded yet, or was removed after success";
            Err(Error::Conflict(detail.to_owned()))
        }
    }
}

fn running() -> Error {
    Error::Conflict("the video is being processed".to_owned())
}
