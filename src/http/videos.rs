//! Videos: get, list, follow, retry, delete.

pub mod delete;
pub mod events;
pub mod list;
pub mod retry;

use axum::Json;
use axum::extract::{Path, State};

use super::error::{Error, Problem};
use super::state::AppState;
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
    Path(id): Path<String>,
) -> Result<Json<VideoView>, Error> {
    let id = parse_id(&id)?;
    let found = find(&state, id.clone()).await?;
    found.map(Json).ok_or_else(|| unknown(id.as_str()))
}

/// Looks a video up: on the board of this box, else in both buckets. `None` if it is unknown.
async fn find(state: &AppState, id: VideoId) -> Result<Option<VideoView>, Error> {
    let running = state.board.get(id.as_str());
    let mut known = Known { running, ..Known::default() };
    if known.running.is_none() {
        let upload_key = record::upload_record_key(&id);
        let job_key = record::job_record_key(&id);
        let lookups = async {
            tokio::try_join!(
                state.private.read_json::<UploadRecord>(&upload_key),
                state.public.read_json::<JobRecord>(&job_key),
                job::claim_view(&state.private, &id, state.claim_renewal),
            )
        };
        let (upload, job, claim) = Box::pin(lookups).await?;
        if let Some(ClaimView { source_etag, running, waiting }) = claim {
            known.elsewhere = running.map(|view| (view, source_etag.clone()));
            known.waiting = waiting.map(|waiting| (waiting.error(), source_etag));
        }
        if let Some(upload) = &upload {
            known.source_etag = match state.private.head(&upload.key).await {
                Ok(head) => Some(head.etag),
                Err(store::Error::NotFound { .. }) => None,
                Err(error) => return Err(error.into()),
            };
        }
        known.upload = upload;
        known.job = job;
    }
    Ok(view(id.as_str(), &state.playback_url(&id), known))
}

/// Parses a video id from a path; fails with [`Error::NotFound`].
pub(super) fn parse_id(id: &str) -> Result<VideoId, Error> {
    VideoId::parse(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("video {id} does not exist"))
}
