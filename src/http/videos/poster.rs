//! Posters that users choose: an image of their own, or a frame of the video.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::text_tracks::{deleted, invalid, settle};
use super::{existing, parse_id, unknown};
use crate::domain::job::VideoId;
use crate::domain::record;
use crate::domain::still::is_image;
use crate::domain::video::{VideoState, VideoView};
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job::additions::{Kept, Settled};
use crate::job::{self, Blame};
use crate::store::{PutOptions, Removal};

/// The frame of a video that becomes its poster.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PosterFrame {
    /// Time of the frame in seconds from the beginning of the video.
    at_secs: f64,
}

/// Replaces the poster of a video: by an image (JPEG, PNG or `WebP`), or by the frame at a time (JSON).
///
/// The poster is a JPEG of at most 1280 x 1280 pixels. It stays when the video is encoded anew. Answers 200 with the
/// video, or 202 if the video is being processed: its stream gets the poster then.
#[utoipa::path(put, path = "/v1/videos/{id}/poster",
    params(("id" = String, Path, description = "Id of the video")),
    request_body(content(
        (PosterFrame = "application/json"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/webp"))),
    responses((status = 200, body = VideoView), (status = 202, body = VideoView),
        (status = 400, body = Problem, description = "It is no image of these formats, or is damaged or too large"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The video is deleted, or has no frame at this time")))]
pub async fn put(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    if video.state == VideoState::Deleting {
        return Err(deleted());
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json = kind.is_some_and(|kind| kind.starts_with("application/json"));
    let jpeg = if is_json {
        let frame: PosterFrame =
            serde_json::from_slice(&body).map_err(|error| invalid("body", &error.to_string()))?;
        let at = Duration::try_from_secs_f64(frame.at_secs);
        let at = at.map_err(|_| invalid("at_secs", "must be a time of the video in seconds"))?;
        if video.state != VideoState::Ready {
            let detail = "the video is not ready: choose a frame once it is, or upload an image";
            return Err(Error::Conflict(detail.to_owned()));
        }
        let jpeg = state.additions.frame(&id, at).await.map_err(worker_error)?;
        jpeg.ok_or_else(|| invalid("at_secs", "the video has no frame at this time"))?
    } else {
        if !is_image(&body) {
            let reason = "send a JPEG, PNG or WebP image, or JSON such as {\"at_secs\": 12.5}";
            return Err(invalid("body", reason));
        }
        state.additions.image(body).await.map_err(worker_error)?
    };
    let key = record::poster_key(&id);
    let options = PutOptions { content_type: "image/jpeg", ..PutOptions::default() };
    let etag = state.private.put(&key, jpeg, options).await?;
    if !Kept::may_stay(&state.private, &id).await? {
        let (Removal::Gone | Removal::Changed) = state.private.delete_version(&key, &etag).await?;
        return Err(unknown(id.as_str()));
    }
    actor.audit("put-poster", id.as_str());
    answer(&state, &id, video).await
}

/// Returns a video to the poster that was chosen from its beginning.
#[utoipa::path(delete, path = "/v1/videos/{id}/poster",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView), (status = 202, body = VideoView), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The video is deleted")))]
pub async fn delete(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    if video.state == VideoState::Deleting {
        return Err(deleted());
    }
    let key = record::poster_key(&id);
    if let Some(kept) = state.private.find(&key).await? {
        let (Removal::Gone | Removal::Changed) =
            state.private.delete_version(&key, &kept.etag).await?;
        actor.audit("delete-poster", id.as_str());
    }
    answer(&state, &id, video).await
}

/// Puts the poster into the stream and answers with the video.
async fn answer(
    state: &AppState,
    id: &VideoId,
    video: VideoView,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let status = match settle(state, id, video).await? {
        Settled::Published => StatusCode::OK,
        Settled::Pending => StatusCode::ACCEPTED,
    };
    Ok((status, Json(existing(state, id).await?)))
}

/// The fault of an image is one of the request.
fn worker_error(error: job::Error) -> Error {
    match error.blame() {
        Blame::Video => Error::Invalid(format!("body: {error}")),
        Blame::Surroundings { .. } | Blame::Nobody => error.into(),
    }
}
