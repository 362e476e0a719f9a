//! Playback of private videos: tokens, and the files that players load by them.

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::error::{Error, Problem};
use super::state::AppState;
use super::videos::{existing, parse_id};
use crate::domain::video::VideoState;
use crate::domain::visibility::Visibility;
use crate::play::Put;

/// Longest validity of a token in seconds: that of the URLs that it opens, by the S3 API reference.
const MAX_TTL_SECS: u64 = 7 * 86_400;
/// Longest text of a viewer in bytes: the token is part of every URL.
const MAX_VIEWER_BYTES: usize = 256;
/// Begin of the paths that pages of all origins may read.
const PREFIXES: [&str; 2] = ["/play/", "/v1/playback/"];

/// Wish for a playback token.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlaybackTokenRequest {
    /// Seconds for which the token is valid, 1 to 604800; the default is `playback.token_ttl_secs` of the settings.
    expires_in: Option<u64>,
    /// The viewer, up to 256 bytes. The token carries it for uses of your own, readable to its holder.
    viewer: Option<String>,
}

/// A playback token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaybackTokenAnswer {
    /// The token, a JWT. It opens `?token=` of this video's `playback_url`, `poster_url`, `storyboard_url` and
    /// `chapters_url`.
    token: String,
    /// Time at which the token expires, in RFC 3339.
    expires_at: String,
    /// URL of the multivariant playlist with the token, for a player.
    url: String,
}

/// Query of the files that players load.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct PlayQuery {
    /// The playback token.
    token: Option<String>,
    /// Put into URLs of event playlists by the gateway itself.
    period: Option<u32>,
    /// Version of the master key, of the URL of a key.
    v: Option<String>,
}

/// Issues a playback token for a private video.
#[utoipa::path(post, path = "/v1/videos/{id}/playback-tokens", request_body = PlaybackTokenRequest,
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 201, body = PlaybackTokenAnswer), (status = 400, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The video is public or deleted")))]
pub async fn issue(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Json(request): Json<PlaybackTokenRequest>,
) -> Result<(StatusCode, Json<PlaybackTokenAnswer>), Error> {
    let id = parse_id(&id)?;
    if request.expires_in.is_some_and(|secs| !(1..=MAX_TTL_SECS).contains(&secs)) {
        return Err(Error::Invalid(format!("expires_in: must be 1 to {MAX_TTL_SECS} seconds")));
    }
    if request.viewer.as_ref().is_some_and(|viewer| viewer.len() > MAX_VIEWER_BYTES) {
        return Err(Error::Invalid(format!("viewer: must have up to {MAX_VIEWER_BYTES} bytes")));
    }
    let video = existing(&state, &id).await?;
    if video.state == VideoState::Deleting {
        return Err(Error::Conflict("the video is deleted".to_owned()));
    }
    if video.visibility == Visibility::Public {
        let detail = "the video is public: its playback_url needs no token";
        return Err(Error::Conflict(detail.to_owned()));
    }
    let issued = state.gateway.issue(&id, request.expires_in, request.viewer).await?;
    let url = format!("{}?token={}", video.playback_url, issued.token);
    let expires_at = issued.expires_at.to_string();
    Ok((StatusCode::CREATED, Json(PlaybackTokenAnswer { token: issued.token, expires_at, url })))
}

/// Returns the multivariant playlist of a private video.
#[utoipa::path(get, path = "/play/{id}/main.m3u8",
    params(("id" = String, Path, description = "Id of the video"), PlayQuery),
    responses((status = 200, content_type = "application/vnd.apple.mpegurl", body = String),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn main(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<PlayQuery>,
) -> Result<Response, Error> {
    serve(&state, &id, "main.m3u8", &query).await
}

/// Returns the poster, the storyboard, the chapters or the key of a private video.
#[utoipa::path(get, path = "/play/{id}/{attempt}/{file}",
    params(("id" = String, Path, description = "Id of the video"),
        ("attempt" = String, Path, description = "Folder of the stream"),
        ("file" = String, Path, description = "`poster.jpg`, `storyboard.vtt`, `chapters.vtt` or `key`"), PlayQuery),
    responses((status = 200, content_type = "text/vtt", body = String),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn stream_file(
    State(state): State<AppState>,
    Path((id, attempt, file)): Path<(String, String, String)>,
    Query(query): Query<PlayQuery>,
) -> Result<Response, Error> {
    serve(&state, &id, &format!("{attempt}/{file}"), &query).await
}

/// Returns a media playlist of a private video. Its segments are presigned URLs of the store.
#[utoipa::path(get, path = "/play/{id}/{attempt}/{rendition}/{file}",
    params(("id" = String, Path, description = "Id of the video"),
        ("attempt" = String, Path, description = "Folder of the stream"),
        ("rendition" = String, Path, description = "Name of the rendition"),
        ("file" = String, Path, description = "`index.m3u8`, `event.m3u8` or `iframes.m3u8`"), PlayQuery),
    responses((status = 200, content_type = "application/vnd.apple.mpegurl", body = String),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn playlist(
    State(state): State<AppState>,
    Path((id, attempt, rendition, file)): Path<(String, String, String, String)>,
    Query(query): Query<PlayQuery>,
) -> Result<Response, Error> {
    serve(&state, &id, &format!("{attempt}/{rendition}/{file}"), &query).await
}

async fn serve(
    state: &AppState,
    id: &str,
    path: &str,
    query: &PlayQuery,
) -> Result<Response, Error> {
    let id = parse_id(id)?;
    let token = query.token.as_deref();
    let put = Put { period: query.period, master_version: query.v.as_deref() };
    let served = Box::pin(state.gateway.serve(&id, path, token, &put)).await?;
    // The files that a token opens are of one viewer, and their URLs end.
    let headers =
        [(header::CONTENT_TYPE, served.content_type), (header::CACHE_CONTROL, "private, no-store")];
    Ok((headers, served.body).into_response())
}

/// Middleware: lets pages of all origins read what players load. The token says who may, and cookies play no
/// part in it.
pub(super) async fn allow_all_origins(request: Request, next: Next) -> Response {
    let is_played = PREFIXES.iter().any(|prefix| request.uri().path().starts_with(prefix));
    let is_preflight = *request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if is_played {
        let headers = response.headers_mut();
        let any = HeaderValue::from_static("*");
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
        if is_preflight {
            let methods = HeaderValue::from_static("GET, HEAD");
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, any);
        }
    }
    response
}
