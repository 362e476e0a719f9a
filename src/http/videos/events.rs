//! Follows a video: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{find, parse_id, unknown};
use crate::domain::job::VideoId;
use crate::domain::video::{VideoState, VideoView};
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;

/// Interval at which the buckets are polled for events of a video that does not run on this box.
const EVENT_POLL: Duration = Duration::from_secs(1);

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
