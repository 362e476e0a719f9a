//! Dead letters: messages of the queue that are not delivered any more.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::access::Actor;
use super::error::{Error, Problem};
use super::state::AppState;
use crate::domain::failure_code::FailureCode;
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::message;
use crate::domain::record::{self, UploadRecord};
use crate::job::{self, Retry};
use crate::queue::{DeadLetter, DeadLetterCursor};

/// Longest text of a message that is shown, in bytes.
const SHOWN_BYTES: usize = 2048;

/// The dead letters of a page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Number of dead letters, 1 to 200; the default is 50.
    limit: Option<usize>,
    /// `next_cursor` of the previous page.
    cursor: Option<String>,
}

/// A message that is not delivered any more.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeadLetterView {
    /// Id of the dead letter.
    id: String,
    /// Id of the first video that the message asks for; absent if the message is not understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    video_id: Option<String>,
    /// Key of the source of this video.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Why the message is not delivered any more; absent if SQS moved it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Failure code of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Number of its deliveries.
    receive_count: u32,
    /// When it was given up, RFC 3339. For a message that SQS moved by itself: when it was sent.
    died_at: String,
    /// Text of the message, its first 2048 bytes.
    body: String,
}

/// One page of dead letters.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeadLetterList {
    /// Dead letters of this page, the latest first.
    dead_letters: Vec<DeadLetterView>,
    /// Value of `cursor` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists the dead letters, page by page. On SQS, these are the first 1000 that it hands out.
#[utoipa::path(get, path = "/v1/dead-letters", params(Paging),
    responses((status = 200, body = DeadLetterList)))]
pub async fn list(
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
) -> Result<Json<DeadLetterList>, Error> {
    let limit = paging.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::Invalid("limit: must be 1 to 200".to_owned()));
    }
    let after = paging.cursor.as_deref().map(|text| {
        let invalid = || Error::Invalid("cursor: must be `next_cursor` of a page".to_owned());
        DeadLetterCursor::parse(text).ok_or_else(invalid)
    });
    let page = state.queue.dead_letters(limit, after.transpose()?.as_ref()).await?;
    Ok(Json(DeadLetterList {
        dead_letters: page.letters.into_iter().map(|letter| view(&state, letter)).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_text()),
    }))
}

/// Puts the message of a dead letter back into the queue, with its deliveries and the attempts at its videos counted
/// anew.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/retry",
    params(("id" = String, Path, description = "Id of the dead letter")),
    responses((status = 202, description = "The message waits in the queue"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "An attempt at its video runs, or the video is deleted")))]
pub async fn retry(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let letter = state.queue.find_dead_letter(&id).await?.ok_or_else(|| unknown(&id))?;
    let requests = requests(&state, &letter.body);
    for request in &requests {
        reset(&state, request).await?;
    }
    if !state.queue.requeue_dead_letter(&id).await? {
        return Err(unknown(&id));
    }
    actor.audit("retry-dead-letter", &id);
    for request in &requests {
        state.catalog.changed(&request.video_id()).await;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Removes a dead letter for good. Its video stays as it is.
#[utoipa::path(delete, path = "/v1/dead-letters/{id}",
    params(("id" = String, Path, description = "Id of the dead letter")),
    responses((status = 204, description = "It is removed"), (status = 404, body = Problem)))]
pub async fn delete(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    if !state.queue.remove_dead_letter(&id).await? {
        return Err(unknown(&id));
    }
    actor.audit("delete-dead-letter", &id);
    Ok(StatusCode::NO_CONTENT)
}

/// Lets the attempts at a video count from 0 again: its record says that no further one follows.
async fn reset(state: &AppState, request: &JobRequest) -> Result<(), Error> {
    let id: VideoId = request.video_id();
    let running = || Error::Conflict(format!("an attempt at the video {id} is running"));
    // Without a source, the message asks for nothing.
    let Some(head) = state.private.find(&request.key).await? else { return Ok(()) };
    let tombstone = state.deletions.tombstone(&id).await?;
    if tombstone.is_some_and(|tombstone| tombstone.is_in_progress()) {
        return Err(Error::Conflict(format!("the video {id} is deleted")));
    }
    if state.board.get(id.as_str()).is_some() {
        return Err(running());
    }
    let upload_key = record::upload_record_key(&id);
    let upload = state.private.read_json::<UploadRecord>(&upload_key).await?;
    let home = state.homes.of(upload.map(|upload| upload.visibility).unwrap_or_default());
    match job::reset(&state.private, home, &id, &head.etag, state.claim_renewal).await? {
        Retry::Running => Err(running()),
        // The message of a published video is acknowledged.
        Retry::Ready | Retry::Reset => Ok(()),
    }
}

/// The jobs that a message asks for; none if it is not understood.
fn requests(state: &AppState, body: &str) -> Vec<JobRequest> {
    let parsed = message::parse(body, state.private.name(), &state.sources);
    parsed.map(|parsed| parsed.jobs).unwrap_or_default()
}

fn view(state: &AppState, letter: DeadLetter) -> DeadLetterView {
    let request = requests(state, &letter.body).into_iter().next();
    let code = letter.reason.as_deref().and_then(code_of);
    DeadLetterView {
        id: letter.id,
        video_id: request.as_ref().map(|request| request.video_id().to_string()),
        key: request.map(|request| request.key),
        reason: letter.reason,
        code: code.map(|code| code.as_str().to_owned()),
        receive_count: letter.receive_count,
        died_at: letter.died_at.to_string(),
        body: beginning(letter.body),
    }
}

/// The failure code at the beginning of a reason.
fn code_of(reason: &str) -> Option<FailureCode> {
    reason.split(':').next()?.parse().ok()
}

/// The text up to [`SHOWN_BYTES`].
fn beginning(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(SHOWN_BYTES));
    text
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("dead letter {id} does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_begin_with_their_code() {
        assert_eq!(code_of("worker-died: it was killed"), Some(FailureCode::WorkerDied));
        assert_eq!(code_of("it is poison: really"), None);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(beginning("ab".to_owned()), "ab");
        let cut = beginning(format!("a{}", "ä".repeat(SHOWN_BYTES)));
        assert_eq!(cut.len(), SHOWN_BYTES - 1);
    }
}
