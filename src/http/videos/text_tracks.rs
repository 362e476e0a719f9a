//! Text tracks of a video: added, listed and removed after it was uploaded.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{check_visible, existing, parse_id, unknown};
use crate::domain::job::VideoId;
use crate::domain::record;
use crate::domain::text_track::{
    KeptTrack, MAX_TRACKS, TextTrackView, TrackKind, label, language, parse,
};
use crate::domain::video::{VideoState, VideoView};
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;
use crate::job::additions::{Kept, Settled};
use crate::store::{Precondition, Removal};

/// Time for which a request waits for the end of an edit, below the default of `http.request_timeout_secs`.
const WAIT: Duration = Duration::from_secs(20);
/// Time in which an edit, or the job of a video that is shown as ready, gives its claim back.
const OTHERS_END: Duration = Duration::from_secs(5);
/// Pause between two looks at it.
const POLL: Duration = Duration::from_millis(200);

/// Facts of a text track.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct TrackFacts {
    /// Kind; the default is `subtitles`.
    kind: Option<TrackKind>,
    /// Name in the menu of players, at most 60 characters; the default is the language.
    label: Option<String>,
    /// Whether players show it if the viewer states no preference. One track of a video is the default: the first
    /// in the order of the languages.
    default: Option<bool>,
}

/// Text tracks of a video.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TextTrackList {
    /// The tracks, in the order of their languages.
    text_tracks: Vec<TextTrackView>,
}

/// Adds a text track to a video, or replaces the one in the same language.
///
/// The body is a `WebVTT` or `SubRip` file in UTF-8. Its rendition appears in the stream in one change of `main.m3u8`,
/// and each later stream of the video gets it, too. Answers 200 once players find the track, or 202 with the state
/// `pending` if the video is being processed: its stream gets the track then. Subtitles of the source stay beside
/// it.
#[utoipa::path(put, path = "/v1/videos/{id}/text-tracks/{lang}",
    params(("id" = String, Path, description = "Id of the video"),
        ("lang" = String, Path, description = "Language tag (BCP 47), such as `en` or `pt-BR`"), TrackFacts),
    request_body(content = String, content_type = "text/vtt"),
    responses((status = 200, body = TextTrackView), (status = 202, body = TextTrackView),
        (status = 400, body = Problem, description = "The tag or the text is not valid; the problem has the line"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The video is deleted, has too many tracks, or no picture")))]
pub async fn put(
    State(state): State<AppState>,
    actor: Actor,
    Path((id, lang)): Path<(String, String)>,
    Query(facts): Query<TrackFacts>,
    body: Bytes,
) -> Result<(StatusCode, Json<TextTrackView>), Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    let language = language::parse(&lang).map_err(|reason| invalid("lang", &reason))?;
    let label = label(facts.label.as_deref(), &language).map_err(Error::Invalid)?;
    let text = parse::decode(&body).map_err(|error| invalid("body", &error.to_string()))?;
    let cues = parse::cues(text).map_err(|error| invalid("body", &error.to_string()))?;
    check_video(&video)?;
    let lasts = video.duration_secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
    if let Some(lasts) = lasts {
        parse::check_expected(&cues, lasts).map_err(|reason| invalid("body", reason))?;
    }
    let kept = Kept::list(&state.private, &id).await?;
    if kept.tracks() >= MAX_TRACKS && !kept.has_track(&language) {
        let detail =
            format!("the video has {MAX_TRACKS} text tracks, which is the limit: delete one");
        return Err(Error::Conflict(detail));
    }
    let track = KeptTrack {
        language: language.clone(),
        kind: facts.kind.unwrap_or_default(),
        label,
        is_default: facts.default.unwrap_or_default(),
        text: text.to_owned(),
    };
    let key = record::track_key(&id, &language);
    let etag = state.private.put_json(&key, &track, None, Precondition::None).await?;
    if !Kept::may_stay(&state.private, &id).await? {
        let (Removal::Gone | Removal::Changed) = state.private.delete_version(&key, &etag).await?;
        return Err(unknown(id.as_str()));
    }
    actor.audit("put-text-track", &format!("{id}/{language}"));
    let settled = settle(&state, &id, video).await?;
    let video = existing(&state, &id).await?;
    let shown = video.text_tracks.into_iter().find(|shown| shown.language == language);
    Ok(match shown.filter(|_| settled == Settled::Published) {
        Some(shown) => (StatusCode::OK, Json(shown)),
        None => (StatusCode::ACCEPTED, Json(track.pending())),
    })
}

/// Lists the text tracks that were added to a video.
#[utoipa::path(get, path = "/v1/videos/{id}/text-tracks",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = TextTrackList), (status = 404, body = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<TextTrackList>, Error> {
    let id = parse_id(&id)?;
    check_visible(&state, &actor, &id).await?;
    let video = existing(&state, &id).await?;
    let mut text_tracks = Vec::new();
    for kept in Kept::read_tracks(&state.private, &id).await? {
        let pending = kept.pending();
        // A track that is being replaced is pending.
        let is_same = |shown: &&TextTrackView| {
            let facts =
                |t: &TextTrackView| (t.language.clone(), t.kind, t.label.clone(), t.default);
            facts(shown) == facts(&pending)
        };
        let shown = video.text_tracks.iter().find(is_same).cloned();
        text_tracks.push(shown.unwrap_or(pending));
    }
    Ok(Json(TextTrackList { text_tracks }))
}

/// Removes a text track that was added to a video. Its rendition leaves `main.m3u8` first.
///
/// Answers 204 once it is gone, or 202 if the video is being processed: its stream is without the track then.
#[utoipa::path(delete, path = "/v1/videos/{id}/text-tracks/{lang}",
    params(("id" = String, Path, description = "Id of the video"),
        ("lang" = String, Path, description = "Language tag (BCP 47)")),
    responses((status = 204), (status = 202), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "The video is deleted")))]
pub async fn delete(
    State(state): State<AppState>,
    actor: Actor,
    Path((id, lang)): Path<(String, String)>,
) -> Result<StatusCode, Error> {
    let id = parse_id(&id)?;
    let video = existing(&state, &id).await?;
    if video.state == VideoState::Deleting {
        return Err(deleted());
    }
    let language = language::parse(&lang).map_err(|reason| invalid("lang", &reason))?;
    let key = record::track_key(&id, &language);
    let kept = state.private.find(&key).await?;
    if kept.is_none() && !video.text_tracks.iter().any(|track| track.language == language) {
        return Err(Error::NotFound(format!("video {id} has no text track in {language}")));
    }
    if let Some(kept) = kept {
        let removed = state.private.delete_version(&key, &kept.etag).await?;
        if removed == Removal::Changed {
            let detail = "the text track is being replaced by somebody else: try again";
            return Err(Error::Conflict(detail.to_owned()));
        }
    }
    actor.audit("delete-text-track", &format!("{id}/{language}"));
    Ok(match settle(&state, &id, video).await? {
        Settled::Published => StatusCode::NO_CONTENT,
        Settled::Pending => StatusCode::ACCEPTED,
    })
}

/// Puts what is kept of a video into its stream. The edit goes on if the client leaves.
pub(super) async fn settle(
    state: &AppState,
    id: &VideoId,
    video: VideoView,
) -> Result<Settled, Error> {
    let is_settled = video.state == VideoState::Ready;
    let (additions, id) = (state.additions.clone(), id.clone());
    let task = tokio::spawn(async move {
        let asked = std::time::Instant::now();
        loop {
            match additions.settle(&id, &video).await {
                Ok(Settled::Pending) if is_settled && asked.elapsed() < OTHERS_END => {
                    tokio::time::sleep(POLL).await;
                }
                ended => return ended,
            }
        }
    });
    let Ok(ended) = tokio::time::timeout(WAIT, task).await else { return Ok(Settled::Pending) };
    Ok(ended.map_err(|error| Error::Internal(error.to_string()))??)
}

/// Fails for a video that cannot have text tracks.
fn check_video(video: &VideoView) -> Result<(), Error> {
    if video.state == VideoState::Deleting {
        return Err(deleted());
    }
    let has_picture = video.renditions.iter().any(|rendition| rendition.width.is_some());
    if video.state == VideoState::Ready && !has_picture {
        let detail = "the video has sound alone: players show text tracks on a picture";
        return Err(Error::Conflict(detail.to_owned()));
    }
    Ok(())
}

pub(super) fn deleted() -> Error {
    Error::Conflict("the video is deleted".to_owned())
}

pub(super) fn invalid(field: &str, reason: &str) -> Error {
    Error::Invalid(format!("{field}: {reason}"))
}
