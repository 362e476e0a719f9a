//! Videos: one, all, as they change, and their end.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::AppState;
use super::error::{Error, Problem};
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::record::{self, JobRecord, UploadRecord};
use crate::domain::video::{VideoState, VideoView};
use crate::domain::view::{Known, view};
use crate::{job, store};

/// How many videos are looked up at once for a list.
const LOOKUPS: usize = 8;
/// How often a video that does not run here is looked at for its events.
const POLL: Duration = Duration::from_secs(1);
/// How long a deletion waits for the video's job to end.
const CANCEL_WAIT: Duration = Duration::from_secs(20);
/// How often a deletion looks whether a job on another box has ended.
const CLAIM_POLL: Duration = Duration::from_millis(500);

/// Which part of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Paging {
    /// How many videos, 1 to 200; 50 unless said otherwise.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Videos, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VideoList {
    /// The videos.
    videos: Vec<VideoView>,
    /// Give it as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// All videos, the newest first.
#[utoipa::path(get, path = "/v1/videos", params(Paging), responses((status = 200, body = VideoList)))]
pub async fn list(
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
) -> Result<Json<VideoList>, Error> {
    let limit = paging.limit.unwrap_or(50).clamp(1, 200);
    let mut entries = state.private.list(record::RECORDS_PREFIX).await?;
    entries.sort_by(|a, b| b.last_modified.cmp(&a.last_modified).then_with(|| b.key.cmp(&a.key)));
    let ids: Vec<VideoId> = entries.iter().filter_map(|entry| id_of_record(&entry.key)).collect();
    let start = match &paging.after {
        Some(after) => {
            ids.iter().position(|id| id.as_str() == after).map_or(ids.len(), |at| at + 1)
        }
        None => 0,
    };
    let page = &ids[start.min(ids.len())..(start + limit).min(ids.len())];
    let next = (start + limit < ids.len()).then(|| page.last().map(ToString::to_string)).flatten();
    let videos: Vec<Result<Option<VideoView>, Error>> =
        stream::iter(page.to_vec()).map(|id| find(&state, id)).buffered(LOOKUPS).collect().await;
    let mut found = Vec::with_capacity(videos.len());
    for video in videos {
        found.extend(video?);
    }
    Ok(Json(VideoList { videos: found, next }))
}

fn id_of_record(key: &str) -> Option<VideoId> {
    VideoId::parse(key.strip_prefix(record::RECORDS_PREFIX)?.strip_suffix(".json")?)
}

/// One video.
#[utoipa::path(get, path = "/v1/videos/{id}", params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView), (status = 404, body = Problem)))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<VideoView>, Error> {
    let id = parse(&id)?;
    let found = find(&state, id.clone()).await?;
    found.map(Json).ok_or_else(|| unknown(id.as_str()))
}

/// The video at each change, as server-sent events; the stream ends once it is ready or failed.
#[utoipa::path(get, path = "/v1/videos/{id}/events", params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView, content_type = "text/event-stream"), (status = 404, body = Problem)))]
pub async fn events(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let id = parse(&id)?;
    let first = find(&state, id.clone()).await?.ok_or_else(|| unknown(id.as_str()))?;
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(follow(state, id, first, sender));
    let events = ReceiverStream::new(receiver).map(|view: VideoView| {
        let event = Event::default().json_data(&view);
        Ok::<_, Infallible>(event.unwrap_or_else(|_| Event::default().comment("unreadable")))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn follow(state: AppState, id: VideoId, first: VideoView, sender: mpsc::Sender<VideoView>) {
    let mut sent = first.clone();
    if sender.send(first).await.is_err() {
        return;
    }
    let mut draining = state.draining.clone();
    let mut beginnings = state.board.beginnings();
    while !matches!(sent.state, VideoState::Ready | VideoState::Failed) && !*draining.borrow() {
        if let Some(mut changes) = state.board.subscribe(id.as_str()) {
            let view = changes.borrow_and_update().clone();
            sent.clone_from(&view);
            if sender.send(view).await.is_err() {
                return;
            }
            // Changes of a job here, until it has left the board.
            while changes.changed().await.is_ok() {
                let view = changes.borrow_and_update().clone();
                sent.clone_from(&view);
                if sender.send(view).await.is_err() {
                    return;
                }
            }
        } else {
            tokio::select! {
                _ = draining.changed() => return,
                () = sender.closed() => return,
                _ = beginnings.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
        match find(&state, id.clone()).await {
            Ok(Some(view)) if view != sent => {
                sent.clone_from(&view);
                if sender.send(view).await.is_err() {
                    return;
                }
            }
            Ok(Some(_)) => {}
            // Deleted: the stream ends.
            Ok(None) => return,
            Err(error) => tracing::warn!(%error, "a video cannot be looked up"),
        }
    }
}

/// Stops the video's job and removes the video: source, stream and records.
#[utoipa::path(delete, path = "/v1/videos/{id}", params(("id" = String, Path, description = "Id of the video")),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = parse(&id)?;
    if find(&state, id.clone()).await?.is_none() {
        return Err(unknown(id.as_str()));
    }
    // The source first: no attempt can begin any more, and a message that is left is done.
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

/// Ends the video's job, wherever it runs, and waits until it has.
async fn cancel(state: &AppState, id: &VideoId) -> Result<(), Error> {
    let claim = job::cancel(&state.private, id, state.claim_renewal).await?;
    if state.board.cancel(id.as_str())
        && let Some(mut changes) = state.board.subscribe(id.as_str())
    {
        let gone = async { while changes.changed().await.is_ok() {} };
        if tokio::time::timeout(CANCEL_WAIT, gone).await.is_err() {
            return Err(Error::NotReady("the video's job does not end; try again".to_owned()));
        }
    }
    // The box that it runs on finds out at the next renewal of its claim, and removes it at last.
    let deadline = Instant::now() + CANCEL_WAIT;
    while claim.was_alive && Instant::now() < deadline {
        if job::claim_is_gone(&state.private, id).await? {
            break;
        }
        tokio::time::sleep(CLAIM_POLL).await;
    }
    Ok(())
}

/// What is known of a video, looked up where it is.
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
                job::running_elsewhere(&state.private, &id, state.claim_renewal),
            )
        };
        let (upload, job, elsewhere) = Box::pin(lookups).await?;
        known.elsewhere = elsewhere;
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

pub(super) fn parse(id: &str) -> Result<VideoId, Error> {
    VideoId::parse(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("there is no video {id}"))
}
