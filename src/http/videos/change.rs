//! Changes who may watch a video.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::{existing, parse_id, unknown};
use crate::domain::video::{VideoState, VideoView};
use crate::domain::visibility::Visibility;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job::Moved;

/// Time for which a request waits for the end of a change, below the default of `http.request_timeout_secs`.
const WAIT: Duration = Duration::from_secs(20);

/// Time in which the job of a video that is shown as ready or failed gives its claim back.
const JOB_ENDS: Duration = Duration::from_secs(5);
/// Pause between two looks at it.
const JOB_POLL: Duration = Duration::from_millis(200);

/// Change of a video.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoChange {
    /// Who may watch the video from now on.
    visibility: Visibility,
}

/// Changes who may watch a video. Its stream is copied within the store to where such streams are, under new URLs,
/// and the old one is deleted.
///
/// Answers 200 with the changed video, or 202 if that takes longer: its `visibility` changes later then.
#[utoipa::path(patch, path = "/v1/videos/{id}", request_body = VideoChange,
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView), (status = 202, body = VideoView),
        (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is processed, deleted, or encrypted for holders of tokens")))]
pub async fn change(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(change): Json<VideoChange>,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    if video.state == VideoState::Deleting {
        return Err(Error::Conflict("the video is deleted".to_owned()));
    }
    actor.audit(
        match change.visibility {
            Visibility::Public => "make-public",
            Visibility::Private => "make-private",
        },
        id.as_str(),
    );
    let (moves, visibility, of) = (state.moves.clone(), change.visibility, id.clone());
    // The change goes on if the client leaves.
    let is_settled = matches!(video.state, VideoState::Ready | VideoState::Failed);
    let task = tokio::spawn(async move {
        let asked = Instant::now();
        loop {
            match moves.change(&of, video.clone(), visibility).await {
                Ok(Moved::Busy) if is_settled && asked.elapsed() < JOB_ENDS => {
                    tokio::time::sleep(JOB_POLL).await;
                }
                ended => return ended,
            }
        }
    });
    let Ok(ended) = tokio::time::timeout(WAIT, task).await else {
        return Ok((StatusCode::ACCEPTED, Json(existing(&state, &id).await?)));
    };
    match ended.map_err(|error| Error::Internal(error.to_string()))?? {
        Moved::Done => Ok((StatusCode::OK, Json(existing(&state, &id).await?))),
        Moved::Busy => {
            let detail = "the video is being processed: change it once it is ready or has failed";
            Err(Error::Conflict(detail.to_owned()))
        }
        Moved::KeysArePrivate => {
            let detail = "the stream is encrypted with keys for holders of playback tokens: upload the video \
                          anew to make it public";
            Err(Error::Conflict(detail.to_owned()))
        }
        Moved::Unknown => Err(unknown(id.as_str())),
    }
}
