//! Deletes a video.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::{find, parse_id, unknown};
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::record::{self, UploadRecord};
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job;

/// How long a deletion waits for the video's job to end.
const CANCEL_WAIT: Duration = Duration::from_secs(20);
/// Interval at which a deletion checks whether a job on another box has ended.
const CLAIM_POLL: Duration = Duration::from_millis(500);

/// Stops the job of the video, then deletes source, stream and records.
#[utoipa::path(delete, path = "/v1/videos/{id}",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = parse_id(&id)?;
    if find(&state, id.clone()).await?.is_none() {
        return Err(unknown(id.as_str()));
    }
    // The source goes first: without it no new attempt begins, and a message that is still in the
    // queue leads to nothing.
    let upload_key = record::upload_record_key(&id);
    if let Some(upload) = state.private.read_json::<UploadRecord>(&upload_key).await? {
        state.private.delete(&upload.key).await?;
    }
    cancel(&state, &id).await?;
    state.public.delete(&names::main_key(&id)).await?;
    for entry in state.public.list(&format!("{id}/")).await? {
        state.public.delete(&entry.key).await?;
    }
    state.private.delete(&record::claim_key(&id)).await?;
    state.private.delete(&upload_key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancels the job of the video, on any box, and waits up to [`CANCEL_WAIT`] for its end.
async fn cancel(state: &AppState, id: &VideoId) -> Result<(), Error> {
    let claim = job::cancel(&state.private, id, state.claim_renewal).await?;
    if state.board.cancel(id.as_str())
        && let Some(mut changes) = state.board.subscribe(id.as_str())
    {
        let gone = async { while changes.changed().await.is_ok() {} };
        if tokio::time::timeout(CANCEL_WAIT, gone).await.is_err() {
            return Err(Error::NotReady(
                "the job of the video has not ended yet; try again".to_owned(),
            ));
        }
    }
    // Another box notices at the next renewal of its claim, and removes the claim as its last step.
    let deadline = Instant::now() + CANCEL_WAIT;
    while claim.was_alive && Instant::now() < deadline {
        if job::claim_is_gone(&state.private, id).await? {
            break;
        }
        tokio::time::sleep(CLAIM_POLL).await;
    }
    Ok(())
}
