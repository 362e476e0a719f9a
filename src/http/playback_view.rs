//! Facts that a page needs to play a video, for viewers who have no account.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::error::{Error, Problem};
use super::state::AppState;
use super::videos::{existing, parse_id, unknown};
use crate::domain::video::{VideoState, VideoView};
use crate::domain::visibility::Visibility;

/// A video as its viewers see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlaybackView {
    /// Id of the video.
    id: String,
    /// Title of the video, or the name of its file.
    title: String,
    /// Where it stands.
    state: VideoState,
    /// Whether `playback_url` plays now.
    playable: bool,
    /// Whether it is playable and not ready: its stream may still grow.
    is_growing: bool,
    /// Duration of the video in seconds, once probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_secs: Option<f64>,
    /// Who may watch it.
    visibility: Visibility,
    /// URL of `main.m3u8`. This URL and the others of a private video have the token of the request.
    playback_url: String,
    /// URL of the poster (JPEG), once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    poster_url: Option<String>,
    /// URL of the storyboard (`WebVTT`), once the video is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    storyboard_url: Option<String>,
    /// URL of the chapters (`WebVTT`), once the video is ready, if its source has chapters.
    #[serde(skip_serializing_if = "Option::is_none")]
    chapters_url: Option<String>,
    /// Whether players may report how playback went (`POST /v1/beacons`).
    beacons: bool,
}

/// Query of a viewer.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ViewerQuery {
    /// The playback token; a public video needs none.
    token: Option<String>,
}

/// Returns what a page needs to play a video.
///
/// Pages of all origins may read it. A private video needs a playback token. 404 for a video that does not exist, was
/// deleted, or whose file was not uploaded yet.
#[utoipa::path(get, path = "/v1/playback/{id}",
    params(("id" = String, Path, description = "Id of the video"), ViewerQuery),
    responses((status = 200, body = PlaybackView), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<ViewerQuery>,
) -> Result<Response, Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    match video.state {
        VideoState::Uploading | VideoState::Deleting => return Err(unknown(id.as_str())),
        VideoState::Queued
        | VideoState::Waiting
        | VideoState::Running
        | VideoState::Ready
        | VideoState::Failed => {}
    }
    let token = match video.visibility {
        Visibility::Public => None,
        Visibility::Private => {
            state.gateway.admit(&id, query.token.as_deref()).await?;
            query.token
        }
    };
    let view = PlaybackView::of(video, token.as_deref(), state.has_beacons);
    // It changes while the stream grows, and the URLs of a private video are of one viewer.
    let headers = [(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))];
    Ok((headers, Json(view)).into_response())
}

impl PlaybackView {
    fn of(video: VideoView, token: Option<&str>, beacons: bool) -> Self {
        let with_token = |url: String| match token {
            Some(token) => format!("{url}?token={token}"),
            None => url,
        };
        Self {
            id: video.id,
            title: video.metadata.title.unwrap_or(video.filename),
            state: video.state,
            playable: video.playable,
            is_growing: video.playable && video.state != VideoState::Ready,
            duration_secs: video.duration_secs,
            visibility: video.visibility,
            playback_url: with_token(video.playback_url),
            poster_url: video.poster_url.map(with_token),
            storyboard_url: video.storyboard_url.map(with_token),
            chapters_url: video.chapters_url.map(with_token),
            beacons,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::metadata::Metadata;

    fn video(state: VideoState, playable: bool) -> VideoView {
        let url = "https://h.example/play/v/main.m3u8".to_owned();
        VideoView { playable, ..VideoView::new("v", "film.mp4".to_owned(), state, url) }
    }

    #[test]
    fn a_stream_grows_while_it_plays_and_is_not_ready() {
        let table = [
            (VideoState::Running, true, true),
            (VideoState::Running, false, false),
            (VideoState::Queued, true, true),
            (VideoState::Ready, true, false),
            (VideoState::Failed, false, false),
        ];
        for (state, playable, expected) in table {
            let view = PlaybackView::of(video(state, playable), None, true);
            assert_eq!(view.is_growing, expected, "{state:?} {playable}");
        }
    }

    #[test]
    fn a_title_counts_before_the_file_name_and_all_urls_have_the_token() {
        let metadata = Metadata { title: Some("A film".to_owned()), ..Metadata::default() };
        let poster_url = Some("https://h.example/play/v/a1/poster.jpg".to_owned());
        let video = VideoView { metadata, poster_url, ..video(VideoState::Ready, true) };
        let view = PlaybackView::of(video, Some("t"), false);
        assert_eq!(view.title, "A film");
        assert_eq!(view.playback_url, "https://h.example/play/v/main.m3u8?token=t");
        let poster_url = view.poster_url.as_deref();
        assert_eq!(poster_url, Some("https://h.example/play/v/a1/poster.jpg?token=t"));
        assert_eq!(view.storyboard_url, None);
    }
}
