//! Follows a video: server-sent events.

use std::convert::Infallible;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use tokio::sync::watch;

use super::watch::follow;
use super::watches::Sight;
use super::{check_visible, parse_id, unknown};
use crate::domain::video::VideoView;
use crate::domain::watching::is_final;
use crate::http::access::Actor;
use crate::http::error::{Error, Problem};
use crate::http::event_stream::Seat;
use crate::http::state::AppState;

/// Streams the video at each change, as server-sent events.
///
/// The stream ends once the video is ready, failed or deleted. 503 if too many event streams are open.
#[utoipa::path(get, path = "/v1/videos/{id}/events",
    params(("id" = String, Path, description = "Id of the video")),
    responses((status = 200, body = VideoView, content_type = "text/event-stream"),
        (status = 404, body = Problem), (status = 503, body = Problem)))]
pub async fn events(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let id = parse_id(&id)?;
    check_visible(&state, &actor, &id).await?;
    let seat = Seat::take(&state, actor)?;
    let mut sights = state.watches.watch(&id, |watched| {
        tokio::spawn(follow(state.clone(), watched));
    });
    let first = sights.wait_for(|sight| *sight != Sight::Unseen).await.map(|sight| sight.clone());
    match first {
        Ok(Sight::Video(_)) => {}
        Ok(Sight::Unknown) => return Err(unknown(id.as_str())),
        Ok(Sight::Failed(reason)) => return Err(Error::NotReady(reason)),
        Ok(Sight::Unseen) | Err(_) => {
            return Err(Error::NotReady("the daemon is stopping".to_owned()));
        }
    }
    // The first event is what was just seen.
    sights.mark_changed();
    let feed = Feed { sights, is_over: false, seat };
    let events = stream::unfold(feed, |mut feed| async {
        let view = feed.next().await?;
        let event = Event::default().json_data(&view);
        let event = event.unwrap_or_else(|_| Event::default().comment("unreadable"));
        Some((Ok::<_, Infallible>(event), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// One event stream.
struct Feed {
    sights: watch::Receiver<Sight>,
    /// The last event was sent.
    is_over: bool,
    seat: Seat,
}

impl Feed {
    /// The video at its next change. `None` once it is ready, failed or deleted, or the daemon stops.
    async fn next(&mut self) -> Option<VideoView> {
        if self.is_over {
            return None;
        }
        loop {
            let changed = tokio::time::timeout_at(self.seat.due(), self.sights.changed()).await;
            if !self.seat.may_go_on().await {
                return None;
            }
            if let Ok(changed) = changed {
                break changed.ok()?;
            }
        }
        match self.sights.borrow_and_update().clone() {
            Sight::Video(view) => {
                self.is_over = is_final(view.state);
                Some(*view)
            }
            Sight::Unseen | Sight::Unknown | Sight::Failed(_) => None,
        }
    }
}
