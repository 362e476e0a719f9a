//! Videos: pull, get, list, follow, change, add to, retry, delete, restore.

pub mod change;
pub mod delete;
pub mod download;
pub mod encode;
pub mod events;
pub(super) mod external_id;
pub mod list;
pub mod poster;
pub mod pull;
pub mod report;
pub mod retry;
pub mod text_tracks;
pub mod trace;
mod watch;
pub mod watches;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::access::Actor;
use super::error::{Error, Problem};
use super::state::AppState;
use crate::domain::auth::Scope;
use crate::domain::job::VideoId;
use crate::domain::record::{self, UploadRecord};
use crate::domain::video::VideoView;
use crate::domain::view::{Known, view};

/// Returns one video.
#[utoipa::path(get, path = "/v1/videos/{id}",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView,
        headers(("ETag" = String, description = "For `If-Match` of a change: it differs once somebody has changed \
         the metadata or the visibility"))), (status = 404, body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let id = parse_id(&id)?;
    check_visible(&state, &actor, &id).await?;
    show(&state, &id).await
}

/// A video with the `ETag` of what people can change of it.
pub(super) struct Shown {
    video: VideoView,
    etag: String,
}

impl Shown {
    /// The entity tag of what people can change of a video.
    fn etag(upload: Option<&UploadRecord>) -> String {
        let changeable = upload.map(|upload| (&upload.metadata, upload.visibility));
        let text = serde_json::to_vec(&changeable).unwrap_or_default();
        let hash = hex::encode(&Sha256::digest(text)[..8]);
        format!("\"{hash}\"")
    }
}

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        ([(header::ETAG, self.etag)], Json(self.video)).into_response()
    }
}

/// A video that has to exist; fails with [`Error::NotFound`].
pub(super) async fn show(state: &AppState, id: &VideoId) -> Result<Shown, Error> {
    let (known, _) = Box::pin(state.catalog.facts().of(id)).await?;
    let etag = Shown::etag(known.upload.as_ref());
    let known = Known { running: state.board.get(id.as_str()), ..known };
    let video = view(id, &state.urls, known).ok_or_else(|| unknown(id.as_str()))?;
    Ok(Shown { video, etag })
}

/// Fails with [`Error::NotFound`] if the caller may not see this video: it has no `read` and has not uploaded it.
async fn check_visible(state: &AppState, actor: &Actor, id: &VideoId) -> Result<(), Error> {
    if actor.caller.may(Scope::Read) {
        return Ok(());
    }
    let key = record::upload_record_key(id);
    let record = state.private.read_json::<UploadRecord>(&key).await?;
    let is_own = record.is_some_and(|record| actor.may_use(&record, Scope::Read));
    if is_own { Ok(()) } else { Err(unknown(id.as_str())) }
}

/// Looks a video up that has to exist; fails with [`Error::NotFound`].
pub(super) async fn existing(state: &AppState, id: &VideoId) -> Result<VideoView, Error> {
    find(state, id.clone()).await?.ok_or_else(|| unknown(id.as_str()))
}

/// Looks a video up: on the board of this box, else in both buckets. `None` if it is unknown.
async fn find(state: &AppState, id: VideoId) -> Result<Option<VideoView>, Error> {
    let known = match state.board.get(id.as_str()) {
        Some(running) => {
            // Another box may have changed what the board shows of it.
            let key = record::upload_record_key(&id);
            let upload = state.private.read_json::<UploadRecord>(&key).await?;
            Known { running: Some(running), upload, ..Known::default() }
        }
        None => Box::pin(state.catalog.facts().of(&id)).await?.0,
    };
    Ok(view(&id, &state.urls, known))
}

/// Parses a video id from a path; fails with [`Error::NotFound`].
pub(super) fn parse_id(id: &str) -> Result<VideoId, Error> {
    VideoId::parse(id).ok_or_else(|| unknown(id))
}

/// The error for a video that does not exist.
pub(super) fn unknown(id: &str) -> Error {
    Error::NotFound(format!("video {id} does not exist"))
}
