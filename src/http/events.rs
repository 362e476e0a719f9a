//! Follows the events of all videos: server-sent events.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::TryStreamExt;
use futures_util::stream::{self, BoxStream};
use jiff::SignedDuration;
use serde::Deserialize;
use tokio::sync::{broadcast, watch};

use super::access::Actor;
use super::error::{Error, Problem};
use super::event_stream::Seat;
use super::progress::{Progress, ProgressView};
use super::state::AppState;
use crate::domain::auth::Scope;
use crate::domain::event::{Event, EventId, Position, StoredEvent};
use crate::events::{Events, OVERLAP, Recent, SKEW};
use crate::store;

/// How long ago the last event may be that a client has seen, to get those after it.
const REPLAYED: SignedDuration = SignedDuration::from_hours(1);
/// Header of a client that comes back.
const LAST_EVENT_ID: &str = "last-event-id";
/// Events that are remembered, so that none comes twice.
const REMEMBERED: usize = 4096;

/// Query of an event stream.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Whether to tell the progress of jobs, too; the default is false.
    #[serde(default)]
    #[param(required = false)]
    progress: bool,
}

/// Streams the events of all videos that the caller may see, as server-sent events.
///
/// A caller without `read` gets those of its own uploads. The `id` of each server-sent event is its place: a client
/// that comes back with it in `Last-Event-ID` gets what it has missed, up to an hour. An event may come twice.
///
/// With `progress=true`, messages of the type `progress` (`ProgressView`) tell beside the events how far the jobs of
/// this box are: each at most once a second, without an `id`.
#[utoipa::path(get, path = "/v1/events",
    params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "`id` of the last event that was seen")),
    responses((status = 200, body = Event, content_type = "text/event-stream"),
        (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn events(
    State(state): State<AppState>,
    actor: Actor,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Error> {
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    let last = last.filter(|last| !last.is_empty());
    let wrong = || Error::Invalid("Last-Event-ID: must be the id of an event".to_owned());
    let last = last.map(|last| Position::parse(last).ok_or_else(wrong)).transpose()?;
    let seat = Seat::take(&state, actor)?;
    let began = Position::before(state.events.now()).earlier(SKEW);
    // Those that come during the replay are in both.
    let latest = state.events.subscribe();
    // Those of the minute before the last one count as seen, so that none comes twice.
    let oldest = Position::before(state.events.now()).earlier(REPLAYED);
    let missed = last.as_ref().map(|last| state.events.after(&last.earlier(OVERLAP).max(oldest)));
    let feed = Feed {
        seat,
        latest,
        progress: query.progress.then(|| Progress::new(&state)),
        events: state.events.clone(),
        stopping: state.stopping.clone(),
        began: last.is_none().then_some(began),
        missed: missed.zip(last),
        seen: HashSet::new(),
        order: VecDeque::new(),
    };
    let events = stream::unfold(feed, |mut feed| async {
        let sent = match feed.next().await? {
            News::Event(stored) => {
                let sent = Sent::default().id(stored.position.as_str());
                sent.event(stored.event.r#type.name()).json_data(&stored.event)
            }
            News::Progress(view) => Sent::default().event("progress").json_data(&view),
        };
        let sent = sent.unwrap_or_else(|_| Sent::default().comment("unreadable"));
        Some((Ok::<_, Infallible>(sent), feed))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Events that are read one after the other.
type Stored = BoxStream<'static, Result<Arc<StoredEvent>, store::Error>>;

/// One message.
enum News {
    Event(Arc<StoredEvent>),
    Progress(ProgressView),
}

/// The place of an event, or the progress of a job.
enum Came {
    Place(Arc<Recent>),
    Progress(ProgressView),
}

/// One event stream.
struct Feed {
    seat: Seat,
    /// The progress of jobs, if the client wants it.
    progress: Option<Progress>,
    latest: broadcast::Receiver<Arc<Recent>>,
    events: Events,
    stopping: watch::Receiver<bool>,
    /// Events before this were there when the stream began. `None` for a client that comes back.
    began: Option<Position>,
    /// Events that a client that comes back has missed, read as it takes them, and the last event that it has seen.
    missed: Option<(Stored, Position)>,
    seen: HashSet<EventId>,
    /// Those that were seen, the oldest first.
    order: VecDeque<EventId>,
}

impl Feed {
    /// The next message. `None` once the caller may see no more, the daemon stops, or the client is too slow: it comes
    /// back, and gets the rest.
    async fn next(&mut self) -> Option<News> {
        loop {
            let event = if self.missed.is_some() {
                let Some(event) = self.next_missed().await? else { continue };
                event
            } else {
                match self.wait().await? {
                    News::Event(event) => event,
                    progress @ News::Progress(_) => return Some(progress),
                }
            };
            if self.is_visible(&event) && self.see(&event.event.id) {
                return Some(News::Event(event));
            }
        }
    }

    /// The next event that was missed; `Some(None)` if there is none, or if it was seen.
    async fn next_missed(&mut self) -> Option<Option<Arc<StoredEvent>>> {
        let Some((missed, last)) = &mut self.missed else { return Some(None) };
        let read = tokio::select! {
            read = missed.try_next() => read,
            // An error means that the daemon is gone.
            _ = self.stopping.wait_for(|stopping| *stopping) => return None,
        };
        if !self.seat.may_go_on().await {
            return None;
        }
        match read {
            Ok(Some(event)) if event.position <= *last => {
                self.see(&event.event.id);
                Some(None)
            }
            Ok(Some(event)) => Some(Some(event)),
            Ok(None) => {
                self.missed = None;
                Some(None)
            }
            Err(error) => {
                tracing::warn!(%error, "failed to read an event, its stream ends");
                None
            }
        }
    }

    /// The next message that comes, but for events that were there before.
    async fn wait(&mut self) -> Option<News> {
        loop {
            let recent = match self.wait_for_place().await? {
                Came::Place(recent) => recent,
                Came::Progress(view) => return Some(News::Progress(view)),
            };
            let is_old = self.began.as_ref().is_some_and(|began| recent.position < *began);
            let is_seen = recent.position.event_id().is_some_and(|id| self.seen.contains(&id));
            if is_old || is_seen {
                continue;
            }
            match self.events.read(&recent).await {
                Ok(Some(event)) => return Some(News::Event(event)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to read an event, its stream ends");
                    return None;
                }
            }
        }
    }

    async fn wait_for_place(&mut self) -> Option<Came> {
        loop {
            if let Some(view) = self.progress.as_mut().and_then(Progress::next) {
                return Some(Came::Progress(view));
            }
            let came = tokio::select! {
                came = tokio::time::timeout_at(self.seat.due(), self.latest.recv()) => came.ok(),
                () = tick(self.progress.as_mut()) => None,
                // An error means that the daemon is gone.
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
            };
            if !self.seat.may_go_on().await {
                return None;
            }
            match (came, &mut self.progress) {
                (Some(came), _) => return came.ok().map(Came::Place),
                (None, Some(progress)) => progress.look(&self.seat.actor).await,
                (None, None) => {}
            }
        }
    }

    /// Whether the caller may see the video of this event.
    fn is_visible(&self, event: &StoredEvent) -> bool {
        let caller = &self.seat.actor.caller;
        caller.may(Scope::Read) || caller.owns(event.owner.as_deref())
    }

    /// Notes an event. False if it was seen before.
    fn see(&mut self, id: &EventId) -> bool {
        if !self.seen.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

/// Completes when it is time to look for progress; never if the client wants none.
async fn tick(progress: Option<&mut Progress>) {
    match progress {
        Some(progress) => progress.tick().await,
        None => std::future::pending().await,
    }
}
