//! Changes the metadata of a video, and who may watch it.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::{Shown, existing, external_id, parse_id, show, unknown};
use crate::domain::event::EventKind;
use crate::domain::job::VideoId;
use crate::domain::metadata::MetadataChange;
use crate::domain::record::{self, UploadRecord};
use crate::domain::video::{VideoState, VideoView};
use crate::domain::visibility::Visibility;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job::Moved;
use crate::store::{self, Precondition};

/// Time for which a request waits for the end of a change, below the default of `http.request_timeout_secs`.
const WAIT: Duration = Duration::from_secs(20);

/// Time in which the job of a video that is shown as ready or failed gives its claim back.
const JOB_ENDS: Duration = Duration::from_secs(5);
/// Pause between two looks at it.
const JOB_POLL: Duration = Duration::from_millis(200);
/// How often the record is written anew that others change at the same moment.
const TRIES: u32 = 5;

/// Change of a video, as a JSON Merge Patch (RFC 7396): fields that are absent stay, and `null` removes one.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VideoChange {
    /// Who may watch the video from now on.
    #[serde(default)]
    visibility: Option<Visibility>,
    #[serde(flatten)]
    metadata: MetadataChange,
}

/// Changes the metadata of a video, and who may watch it. Fields that are absent stay; `null` removes one.
///
/// With `If-Match`, nothing is changed unless it is the `ETag` of the video: nobody else has changed it since.
///
/// With metadata and `visibility`, both are changed or none is, unless the store fails in between: `detail` then says
/// that `visibility` was changed alone.
///
/// A change of `visibility` copies the stream within the store to where such streams are, under new URLs, and
/// deletes the old one. It answers 202 if that takes longer: `visibility` changes later then.
#[utoipa::path(patch, path = "/v1/videos/{id}", request_body = VideoChange,
    params(("id" = String, Path, description = "Id of the video"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the video that was seen")),
    responses((status = 200, body = VideoView), (status = 202, body = VideoView),
        (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Another video has the external id; or it is deleted; or, for \
         its visibility, it is processed, or encrypted for holders of tokens"),
        (status = 412, body = Problem, description = "Somebody else has changed it")))]
pub async fn change(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(change): Json<VideoChange>,
) -> Result<impl IntoResponse, Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    if video.state == VideoState::Deleting {
        return Err(Error::Conflict("the video is deleted".to_owned()));
    }
    // The change goes on if the client leaves.
    let (own_state, of) = (state.clone(), id.clone());
    let task = tokio::spawn(async move {
        Box::pin(apply(&own_state, &actor, &of, video, headers, change)).await
    });
    let status = task.await.map_err(|error| Error::Internal(error.to_string()))??;
    state.catalog.changed(&id).await;
    Ok((status, show(&state, &id).await?))
}

/// Moves the stream first, because that is what may be refused, and then writes the metadata.
async fn apply(
    state: &AppState,
    actor: &Actor,
    id: &VideoId,
    video: VideoView,
    headers: HeaderMap,
    change: VideoChange,
) -> Result<StatusCode, Error> {
    let key = record::upload_record_key(id);
    let upload = state.private.read_json::<UploadRecord>(&key).await?;
    let upload = upload.ok_or_else(|| unknown(id.as_str()))?;
    check_seen(&headers, &upload)?;
    change.metadata.check().map_err(Error::Invalid)?;
    let Some(visibility) = change.visibility else {
        describe(state, id, &headers, change.metadata).await?;
        actor.audit("describe", id.as_str());
        return Ok(StatusCode::OK);
    };
    let action = match visibility {
        Visibility::Public => "make-public",
        Visibility::Private => "make-private",
    };
    actor.audit(action, id.as_str());
    // An id that another video has refuses all of the change.
    let metadata = change.metadata.clone().applied(&upload.metadata);
    metadata.check().map_err(Error::Invalid)?;
    let reserved =
        metadata.external_id.filter(|wanted| Some(wanted) != upload.metadata.external_id.as_ref());
    if let Some(reserved) = &reserved {
        external_id::take(&state.private, reserved, id).await?;
    }
    let moved = move_to(state, id, video, visibility).await;
    if let (Err(_), Some(reserved)) = (&moved, &reserved) {
        external_id::give_back(&state.private, reserved, id).await;
    }
    let status = moved?;
    if !change.metadata.is_empty() {
        // `If-Match` was checked, and the visibility has changed since.
        let described = describe(state, id, &HeaderMap::new(), change.metadata).await;
        described.map_err(half_done)?;
        actor.audit("describe", id.as_str());
    }
    Ok(status)
}

/// The error of a change whose first part is done.
fn half_done(error: Error) -> Error {
    let detail = format!("visibility was changed, and the rest was not: {error}");
    if matches!(error, Error::Conflict(_)) {
        Error::Conflict(detail)
    } else if matches!(error, Error::NotFound(_)) {
        // It was deleted meanwhile.
        error
    } else {
        Error::NotReady(detail)
    }
}

/// Writes changed metadata into the upload record.
async fn describe(
    state: &AppState,
    id: &VideoId,
    headers: &HeaderMap,
    change: MetadataChange,
) -> Result<(), Error> {
    let key = record::upload_record_key(id);
    for _ in 0..TRIES {
        let found = state.private.read_json_version::<UploadRecord>(&key).await?;
        let (upload, etag) = found.ok_or_else(|| unknown(id.as_str()))?;
        check_seen(headers, &upload)?;
        let metadata = change.clone().applied(&upload.metadata);
        metadata.check().map_err(Error::Invalid)?;
        let (before, after) = (&upload.metadata.external_id, &metadata.external_id);
        let taken = after.as_ref().filter(|after| Some(*after) != before.as_ref());
        if let Some(taken) = taken {
            external_id::take(&state.private, taken, id).await?;
        }
        let given_up = before.clone().filter(|before| Some(before) != after.as_ref());
        let changed = UploadRecord { metadata: metadata.clone(), ..upload };
        // Not `replace_json`: a record that was purged meanwhile must not come back.
        match state.private.put_json(&key, &changed, None, Precondition::Etag(&etag)).await {
            Ok(_) => {
                state.changes.note(id);
                state.board.describe(id.as_str(), &metadata);
                let cause = hex::encode(rand::random::<[u8; 8]>());
                state.events.note(id, EventKind::VideoUpdated, &cause).await;
                if let Some(given_up) = given_up {
                    external_id::give_back(&state.private, &given_up, id).await;
                }
                return Ok(());
            }
            // Somebody else was faster: it is judged anew.
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict("others change the video at this moment: try again".to_owned()))
}

/// Checks `If-Match` (RFC 9110, 13.1.1).
fn check_seen(headers: &HeaderMap, upload: &UploadRecord) -> Result<(), Error> {
    let current = Shown::etag(Some(upload));
    let mut tags = headers.get_all(header::IF_MATCH).iter().peekable();
    if tags.peek().is_none() {
        return Ok(());
    }
    let tags = tags.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    if tags.map(str::trim).any(|tag| tag == "*" || tag == current) {
        return Ok(());
    }
    Err(Error::Changed("somebody else has changed the video: read it again".to_owned()))
}

/// Moves the stream to the home of this visibility.
async fn move_to(
    state: &AppState,
    id: &VideoId,
    video: VideoView,
    visibility: Visibility,
) -> Result<StatusCode, Error> {
    let (moves, catalog, of) = (state.moves.clone(), state.catalog.clone(), id.clone());
    let events = state.events.clone();
    // The change goes on if the client leaves.
    let is_settled = matches!(video.state, VideoState::Ready | VideoState::Failed);
    let task = tokio::spawn(async move {
        let asked = Instant::now();
        loop {
            match moves.change(&of, video.clone(), visibility).await {
                Ok(Moved::Busy) if is_settled && asked.elapsed() < JOB_ENDS => {
                    tokio::time::sleep(JOB_POLL).await;
                }
                ended => {
                    catalog.changed(&of).await;
                    if matches!(ended, Ok(Moved::Done)) {
                        let cause = hex::encode(rand::random::<[u8; 8]>());
                        events.note(&of, EventKind::VideoUpdated, &cause).await;
                    }
                    return ended;
                }
            }
        }
    });
    let Ok(ended) = tokio::time::timeout(WAIT, task).await else {
        return Ok(StatusCode::ACCEPTED);
    };
    match ended.map_err(|error| Error::Internal(error.to_string()))?? {
        Moved::Done => Ok(StatusCode::OK),
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
