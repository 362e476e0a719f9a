//! Downloads of a video: one MP4 file of a rung and its audio.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::parse_id;
use crate::domain::video::VideoState;
use crate::domain::visibility::Visibility;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job::downloads::Download;
use crate::play;
use crate::store::SignedLinks;

/// Time for which the URL of a private file is valid.
const URL_LIFE: Duration = Duration::from_hours(6);
/// Seconds until a client asks again for a file that is being made.
const ASK_AGAIN_SECS: u64 = 2;

/// The file that is wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct DownloadParams {
    /// Name of a video rendition, such as `720p`.
    rung: String,
}

/// A file that is not there yet.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DownloadState {
    /// Always `making`.
    state: &'static str,
}

/// Redirects to an MP4 file of a video: this rung and its main audio, made of the stream without encoding.
///
/// The file is made when it is asked for first: that answers 202 with `Retry-After`. It can be loaded in ranges. The
/// URL of the file of a private video works for six hours. An encrypted stream has no files.
#[utoipa::path(get, path = "/v1/videos/{id}/download",
    params(("id" = String, Path, description = "Id of the video"), DownloadParams),
    responses((status = 302, description = "`Location` has the URL of the file"),
        (status = 202, body = DownloadState), (status = 400, body = Problem, description = "There is no such rung"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The video is deleted or not ready, its stream is encrypted, or \
         its file cannot be made")))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(params): Query<DownloadParams>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    if super::existing(&state, &id).await?.state == VideoState::Deleting {
        return Err(Error::Conflict("the video is deleted".to_owned()));
    }
    let (key, visibility) = match Box::pin(state.downloads.get(&id, &params.rung)).await? {
        Download::Ready { key, visibility } => (key, visibility),
        Download::Making => {
            let headers = [(header::RETRY_AFTER, HeaderValue::from(ASK_AGAIN_SECS))];
            let body = Json(DownloadState { state: "making" });
            return Ok((StatusCode::ACCEPTED, headers, body).into_response());
        }
        Download::Failed(reason) => {
            return Err(Error::Conflict(format!("the file could not be made: {reason}")));
        }
        Download::NotReady => return Err(Error::Conflict("the video is not ready".to_owned())),
        Download::Encrypted => {
            let detail = "the stream is encrypted: a file of it would play without its key. Play the stream itself";
            return Err(Error::Conflict(detail.to_owned()));
        }
        Download::NoRung(rungs) if rungs.is_empty() => {
            return Err(Error::Conflict("the video has sound alone".to_owned()));
        }
        Download::NoRung(rungs) => {
            return Err(Error::Invalid(format!("rung: must be one of {}", rungs.join(", "))));
        }
    };
    let url = match visibility {
        Visibility::Public => format!("{}/{key}", state.urls.public),
        Visibility::Private => {
            let home = state.homes.of(visibility);
            match home.presign_gets(&[key], Timestamp::now(), URL_LIFE).await? {
                SignedLinks::Valid(links) => links.into_iter().next().unwrap_or_default(),
                SignedLinks::ShortCredentials => {
                    return Err(Error::Play(play::Error::ShortCredentials));
                }
            }
        }
    };
    let location = HeaderValue::try_from(url).map_err(|e| Error::Internal(e.to_string()))?;
    let cache = HeaderValue::from_static("no-store");
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, cache)];
    Ok((StatusCode::FOUND, headers).into_response())
}
