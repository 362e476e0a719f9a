//! Videos: get, list, follow, change, add to, retry, delete, restore.

pub mod change;
pub mod delete;
pub mod download;
pub mod encode;
pub mod events;
pub mod list;
pub mod poster;
pub mod retry;
pub mod text_tracks;
mod watch;
pub mod watches;

use axum::Json;
use axum::extract::{Path, State};

use super::access::Actor;
use super::error::{Error, Problem};
use super::state::AppState;
use crate::domain::auth::Scope;
use crate::domain::job::VideoId;
use crate::domain::record::{self, JobRecord, UploadRecord};
use crate::domain::video::VideoView;
use crate::domain::view::{Known, view};
use crate::job::ClaimView;
use crate::{job, store};

/// Returns one video.
#[utoipa::path(get, path = "/v1/videos/{id}",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView), (status = 404, body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<VideoView>, Error> {
    let id = parse_id(&id)?;
    check_visible(&state, &actor, &id).await?;
    Ok(Json(existing(&state, &id).await?))
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
        Some(running) => Known { running: Some(running), ..Known::default() },
        None => Box::pin(known(state, &id)).await?.0,
    };
    Ok(view(&id, &state.urls, known))
}

/// Records of a video in both buckets, and the version of its claim.
async fn known(state: &AppState, id: &VideoId) -> Result<(Known, Option<String>), Error> {
    let upload_key = record::upload_record_key(id);
    let job_key = record::job_record_key(id);
    let tombstone = state.deletions.tombstone(id);
    let found = async {
        let upload = state.private.read_json::<UploadRecord>(&upload_key).await?;
        let home = state.homes.of(upload.as_ref().map(|u| u.visibility).unwrap_or_default());
        let source = async {
            match &upload {
                Some(upload) => source_etag(state, &upload.key).await,
                None => Ok(None),
            }
        };
        // The record of a job is written before its claim says so.
        let worked_on = async {
            let claim = job::claim_view(&state.private, id, state.claim_renewal).await?;
            Ok((claim, home.read_json::<JobRecord>(&job_key).await?))
        };
        let (source_etag, (claim, job)) = tokio::try_join!(source, worked_on)?;
        Ok::<_, store::Error>((upload, source_etag, claim, job))
    };
    let ((upload, source_etag, claim, job), tombstone) = tokio::try_join!(found, tombstone)?;
    let mut known = Known { job, source_etag, upload, tombstone, ..Known::default() };
    let Some(ClaimView { version, source_etag, running, waiting }) = claim else {
        return Ok((known, None));
    };
    known.elsewhere = running.map(|view| (view, source_etag.clone()));
    known.waiting = waiting.map(|waiting| (waiting.error(), source_etag));
    Ok((known, Some(version)))
}

/// Entity tag of the source with this key, if there is one.
async fn source_etag(state: &AppState, key: &str) -> Result<Option<String>, store::Error> {
    Ok(state.private.find(key).await?.map(|head| head.etag))
}

/// Parses a video id from a path; fails with [`Error::NotFound`].
pub(super) fn parse_id(id: &str) -> Result<VideoId, Error> {
    VideoId::parse(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("video {id} does not exist"))
}
