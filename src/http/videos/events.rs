//! Follows a video: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::watch::follow;
use super::watches::{OwnPlace, Sight};
use super::{check_visible, parse_id, unknown};
use crate::domain::auth::Means;
use crate::domain::video::VideoView;
use crate::domain::watching::is_final;
use crate::http::access::{Access, Actor};
use crate::http::error::{Error, Problem};
use crate::http::state::AppState;

/// Interval at which an event stream makes sure that its caller may still follow the video.
const RECHECK: Duration = Duration::from_secs(10);

/// Event streams that a caller may have open: those without an account are on this machine.
fn most_streams(actor: &Actor) -> usize {
    match actor.caller.means {
        Means::None | Means::Loopback | Means::Proxy => usize::MAX,
        Means::Token | Means::Session => 512,
        Means::Grant => 4,
    }
}

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
    let place = state.watches.place();
    let place = place.ok_or_else(|| Error::NotReady("too many event streams are open".into()))?;
    let own_place = state.watches.place_of(&actor.sender(), most_streams(&actor));
    let own_place = own_place.ok_or(Error::TooMany(RECHECK))?;
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
    let access = state.access.clone();
    let checked = Instant::now();
    let places = (place, own_place);
    let feed = Feed { sights, is_over: false, access, actor, checked, _places: places };
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
    access: Access,
    actor: Actor,
    /// When the caller was looked up last.
    checked: Instant,
    _places: (OwnedSemaphorePermit, OwnPlace),
}

impl Feed {
    /// The video at its next change. `None` once it is ready, failed or deleted, or the daemon stops.
    async fn next(&mut self) -> Option<VideoView> {
        if self.is_over {
            return None;
        }
        loop {
            let due = self.checked + RECHECK;
            let changed = tokio::time::timeout_at(due, self.sights.changed()).await;
            if Instant::now() >= due {
                // A revoked token sees no more.
                if !self.access.still_counts(&self.actor).await {
                    return None;
                }
                self.checked = Instant::now();
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
