//! Videos: get, list, follow, delete.

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

use super::error::{Error, Problem};
use super::state::AppState;
use crate::domain::hls::names;
use crate::domain::job::VideoId;
use crate::domain::message;
use crate::domain::record::{self, JobRecord, UploadRecord};
use crate::domain::video::{VideoState, VideoView};
use crate::domain::view::{Known, view};
use crate::job::Retry;
use crate::{job, store};

/// Videos of a list that are looked up concurrently.
const CONCURRENT_LOOKUPS: usize = 8;
/// Interval at which the buckets are polled for events of a video that does not run on this box.
const EVENT_POLL: Duration = Duration::from_secs(1);
/// How long a deletion waits for the video's job to end.
const CANCEL_WAIT: Duration = Duration::from_secs(20);
/// Interval at which a deletion checks whether a job on another box has ended.
const CLAIM_POLL: Duration = Duration::from_millis(500);

/// One page of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Paging {
    /// Number of videos, 1 to 200; the default is 50.
    limit: Option<usize>,
    /// `next` of the previous page.
    after: Option<String>,
}

/// One page of videos, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VideoList {
    /// Videos of this page.
    videos: Vec<VideoView>,
    /// Value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists videos, newest first, page by page.
#[utoipa::path(get, path = "/v1/videos", params(Paging),
    responses((status = 200, body = VideoList)))]
pub async fn list(
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
) -> Result<Json<VideoList>, Error> {
    let limit = paging.limit.unwrap_or(50).clamp(1, 200);
    let mut entries = state.private.list(record::RECORDS_PREFIX).await?;
    entries.sort_by(|a, b| b.last_modified.cmp(&a.last_modified).then_with(|| b.key.cmp(&a.key)));
    let ids: Vec<VideoId> = entries.iter().filter_map(|entry| id_of_record(&entry.key)).collect();
    let (page, next) = page_of(&ids, paging.after.as_deref(), limit);
    let videos: Vec<Result<Option<VideoView>, Error>> = stream::iter(page.to_vec())
        .map(|id| find(&state, id))
        .buffered(CONCURRENT_LOOKUPS)
        .collect()
        .await;
    let mut found = Vec::with_capacity(videos.len());
    for video in videos {
        found.extend(video?);
    }
    Ok(Json(VideoList { videos: found, next }))
}

/// The ids that follow `after` (all, if `None`; none, if it is unknown), at most `limit`, and the
/// `after` of the next page unless this is the last one.
fn page_of<'a>(
    ids: &'a [VideoId],
    after: Option<&str>,
    limit: usize,
) -> (&'a [VideoId], Option<String>) {
    let position = |after| ids.iter().position(|id| id.as_str() == after);
    let start = after.map_or(0, |after| position(after).map_or(ids.len(), |at| at + 1));
    let end = (start + limit).min(ids.len());
    let page = &ids[start..end];
    let next = page.last().filter(|_| end < ids.len()).map(ToString::to_string);
    (page, next)
}

/// Id of the video of an upload record, from the key of the record.
fn id_of_record(key: &str) -> Option<VideoId> {
    VideoId::parse(key.strip_prefix(record::RECORDS_PREFIX)?.strip_suffix(".json")?)
}

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

/// Streams the video at each change, as server-sent events.
///
/// The stream ends once the video is ready, failed or deleted.
#[utoipa::path(get, path = "/v1/videos/{id}/events",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView, content_type = "text/event-stream"),
        (status = 404, body = Problem)))]
pub async fn events(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let id = parse_id(&id)?;
    let first = find(&state, id.clone()).await?.ok_or_else(|| unknown(id.as_str()))?;
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(send_changes(state, id, first, sender));
    let events = ReceiverStream::new(receiver).map(|view: VideoView| {
        let event = Event::default().json_data(&view);
        Ok::<_, Infallible>(event.unwrap_or_else(|_| Event::default().comment("unreadable")))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// The receiving end of one event stream.
struct Feed {
    sender: mpsc::Sender<VideoView>,
    /// The last view that was sent.
    last: VideoView,
}

impl Feed {
    /// Sends a view. Returns false once the client is gone.
    async fn send(&mut self, view: VideoView) -> bool {
        self.last.clone_from(&view);
        self.sender.send(view).await.is_ok()
    }
}

/// Sends `first`, then the video at each change, until it is ready, failed or deleted, the client
/// is gone or the daemon stops.
async fn send_changes(
    state: AppState,
    id: VideoId,
    first: VideoView,
    sender: mpsc::Sender<VideoView>,
) {
    let mut feed = Feed { sender, last: first.clone() };
    if !feed.send(first).await {
        return;
    }
    let mut draining = state.draining.clone();
    let mut beginnings = state.board.beginnings();
    while !matches!(feed.last.state, VideoState::Ready | VideoState::Failed) && !*draining.borrow()
    {
        if let Some(mut changes) = state.board.subscribe(id.as_str()) {
            // The job runs on this box: its changes arrive until it leaves the board.
            loop {
                let view = changes.borrow_and_update().clone();
                if !feed.send(view).await {
                    return;
                }
                if changes.changed().await.is_err() {
                    break;
                }
            }
        } else {
            tokio::select! {
                _ = draining.changed() => return,
                () = feed.sender.closed() => return,
                _ = beginnings.changed() => {}
                () = tokio::time::sleep(EVENT_POLL) => {}
            }
        }
        match find(&state, id.clone()).await {
            Ok(Some(view)) if view != feed.last => {
                if !feed.send(view).await {
                    return;
                }
            }
            Ok(Some(_)) => {}
            // Deleted.
            Ok(None) => return,
            Err(error) => tracing::warn!(video.id = %id, %error, "failed to look up video"),
        }
    }
}

/// Processes a video once more that failed or waits in vain. Its attempts count from 0 again.
#[utoipa::path(post, path = "/v1/videos/{id}/retry",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 202, body = VideoView), (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is running, ready or not uploaded yet")))]
pub async fn retry(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<VideoView>), Error> {
    let id = parse_id(&id)?;
    if find(&state, id.clone()).await?.is_none() {
        return Err(unknown(id.as_str()));
    }
    let upload_key = record::upload_record_key(&id);
    let upload = state.private.read_json::<UploadRecord>(&upload_key).await?;
    let upload = upload.ok_or_else(|| unknown(id.as_str()))?;
    let head = match state.private.head(&upload.key).await {
        Ok(head) => head,
        Err(store::Error::NotFound { .. }) => {
            let detail =
                "the video has no source: it is not uploaded yet, or was removed after success";
            return Err(Error::Conflict(detail.to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    let (private, public) = (&state.private, &state.public);
    if state.board.get(id.as_str()).is_some() {
        return Err(running());
    }
    match job::reset(private, public, &id, &head.etag, state.claim_renewal).await? {
        Retry::Running => return Err(running()),
        Retry::Ready => return Err(Error::Conflict("the video is ready already".to_owned())),
        Retry::Reset => {}
    }
    state.enqueue.send(&message::own(private.name(), &upload.key)).await?;
    let view = find(&state, id.clone()).await?.ok_or_else(|| unknown(id.as_str()))?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

fn running() -> Error {
    Error::Conflict("the video is being processed".to_owned())
}

/// Stops the job of the video, then deletes source, stream and records.
#[utoipa::path(delete, path = "/v1/videos/{id}",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = parse_id(&id)?;
    if find(&state, id.clone()).await?.is_none() {
        return Err(unknown(id.as_str()));
    }
    // The source goes first: without it no new attempt begins, and a message that is still in the
    // queue leads to nothing.
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

/// Cancels the job of the video, on any box, and waits up to [`CANCEL_WAIT`] for its end.
async fn cancel(state: &AppState, id: &VideoId) -> Result<(), Error> {
    let claim = job::cancel(&state.private, id, state.claim_renewal).await?;
    if state.board.cancel(id.as_str())
        && let Some(mut changes) = state.board.subscribe(id.as_str())
    {
        let gone = async { while changes.changed().await.is_ok() {} };
        if tokio::time::timeout(CANCEL_WAIT, gone).await.is_err() {
            return Err(Error::NotReady(
                "the job of the video has not ended yet; try again".to_owned(),
            ));
        }
    }
    // Another box notices at the next renewal of its claim, and removes the claim as its last step.
    let deadline = Instant::now() + CANCEL_WAIT;
    while claim.was_alive && Instant::now() < deadline {
        if job::claim_is_gone(&state.private, id).await? {
            break;
        }
        tokio::time::sleep(CLAIM_POLL).await;
    }
    Ok(())
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

/// Parses a video id from a path; fails with [`Error::NotFound`].
pub(super) fn parse_id(id: &str) -> Result<VideoId, Error> {
    VideoId::parse(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("video {id} does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_and_end() {
        let ids: Vec<VideoId> =
            (0..5).map(|n| VideoId::of_source("uploads", &n.to_string())).collect();
        let after = |n: usize| Some(ids[n].as_str());
        let table = [
            (None, 2, 0..2, after(1)),
            (after(1), 2, 2..4, after(3)),
            (after(3), 2, 4..5, None),
            (after(2), 2, 3..5, None),
            (after(4), 2, 5..5, None),
            (None, 200, 0..5, None),
            (Some("unknown"), 2, 5..5, None),
        ];
        for (from, limit, expected, next) in table {
            let (page, found) = page_of(&ids, from, limit);
            assert_eq!(page, &ids[expected], "{from:?}");
            assert_eq!(found.as_deref(), next, "{from:?}");
        }
    }
}
