//! Delivers the events of one endpoint, as long as this box has the lease.
//!
//! Events of one video are sent one after the other, those of different videos at the same time. One that fails is
//! tried again on its own: it holds no other back, so receivers order the events of a video by `sequence`.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

use super::queue::Queue;
use super::send::Attempted;
use super::{Error, Webhooks, reports};
use crate::domain::event::{Position, StoredEvent};
use crate::domain::webhook::{Answer, Delivery, DeliveryStatus, Endpoint, Replay};
use crate::events::{Recent, SKEW};

/// Events that are handled together.
const BATCH: usize = 64;
/// Places that are read together.
const PAGE: usize = 1000;
/// Videos whose events are sent at the same time.
const CONCURRENT_VIDEOS: usize = 8;
/// Pause after a failure of the store.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The task of one endpoint.
pub(super) struct Worker {
    webhooks: Webhooks,
    endpoint: watch::Receiver<Endpoint>,
    /// Whether the endpoint had accepted the last attempt when this task last wrote its record.
    is_healthy: AtomicBool,
}

/// A delivery to be made.
struct Work {
    delivery: Delivery,
    /// Version of its record, if it is tried again.
    seen: Option<String>,
    /// Its event, which may not be kept any more.
    event: Option<Arc<StoredEvent>>,
}

impl Worker {
    pub(super) fn new(webhooks: Webhooks, endpoint: watch::Receiver<Endpoint>) -> Self {
        Self { webhooks, endpoint, is_healthy: AtomicBool::new(false) }
    }

    /// Delivers until it is dropped.
    pub(super) async fn run(mut self) {
        let mut queue = None;
        loop {
            let Err(error) = self.deliver(&mut queue).await;
            let id = self.endpoint.borrow().id.clone();
            tracing::warn!(webhook = id, %error, "failed to deliver, it goes on soon");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }

    /// Delivers until an error. The queue stays: it knows what was stored.
    async fn deliver(&mut self, queue: &mut Option<Queue>) -> Result<Infallible, Error> {
        let endpoint = self.endpoint.borrow().clone();
        let events = self.webhooks.0.events.clone();
        let queue = match queue {
            Some(queue) => queue,
            None => queue.insert(Queue::load(&self.webhooks, &endpoint).await?),
        };
        loop {
            // Those that come meanwhile are in both.
            let mut latest = events.subscribe();
            let mut missed = events.positions_after(&queue.start()).try_chunks(PAGE);
            while let Some(page) = missed.try_next().await.map_err(|error| error.1)? {
                let is_new = |place: &Position| !queue.has_seen(place);
                let page: Vec<Position> = page.into_iter().filter(is_new).collect();
                for (n, batch) in page.chunks(BATCH).enumerate() {
                    queue.show_unhandled(page.len() - n * BATCH, batch.first());
                    let batch = batch.iter().cloned().map(|place| Arc::new(Recent::new(place)));
                    self.handle(queue, batch.collect()).await?;
                }
                queue.show_unhandled(0, None);
                self.retry(queue).await?;
            }
            self.follow(queue, &mut latest).await?;
        }
    }

    /// Handles events as they come, until too many have.
    async fn follow(
        &mut self,
        queue: &mut Queue,
        latest: &mut broadcast::Receiver<Arc<Recent>>,
    ) -> Result<(), Error> {
        loop {
            let is_replaying = self.replay(queue).await?;
            self.retry(queue).await?;
            let due = queue.next_due().map(|due| due.duration_since(self.webhooks.0.events.now()));
            let pause = match due {
                _ if is_replaying => Duration::ZERO,
                Some(due) => Duration::try_from(due).unwrap_or_default(),
                None => Duration::MAX,
            };
            let mut batch = tokio::select! {
                biased;
                got = latest.recv() => match got {
                    Ok(event) => vec![event],
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return Ok(()),
                },
                () = tokio::time::sleep(pause) => continue,
                changed = self.endpoint.changed() => match changed {
                    Ok(()) => continue,
                    // The supervisor ends this task.
                    Err(_) => std::future::pending().await,
                },
            };
            while batch.len() < BATCH {
                match latest.try_recv() {
                    Ok(event) => batch.push(event),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Lagged(_) | TryRecvError::Closed) => return Ok(()),
                }
            }
            let first = batch.iter().map(|event| event.position.clone()).min();
            queue.show_unhandled(batch.len() + latest.len(), first.as_ref());
            self.handle(queue, batch).await?;
            queue.show_unhandled(0, None);
        }
    }

    /// Handles events of the log.
    async fn handle(&self, queue: &mut Queue, batch: Vec<Arc<Recent>>) -> Result<(), Error> {
        let (endpoint, events) = (self.endpoint.borrow().clone(), &self.webhooks.0.events);
        let last = batch.iter().map(|event| event.position.clone()).max();
        let new: Vec<_> =
            batch.into_iter().filter(|event| !queue.has_seen(&event.position)).collect();
        let read = stream::iter(new).map(|event| async move { events.read(&event).await });
        let read: Vec<_> = read.buffered(CONCURRENT_VIDEOS).try_collect().await?;
        let first = Position::before(endpoint.created_at).earlier(SKEW);
        let is_new = |event: &Arc<StoredEvent>| event.position >= first;
        let (mut work, mut ids) = (Vec::new(), HashSet::new());
        for event in read.into_iter().flatten() {
            if !ids.insert(event.event.id.clone()) {
                continue;
            }
            if endpoint.wants(event.event.r#type) && is_new(&event) {
                work.push(Work { delivery: delivery_of(&event), seen: None, event: Some(event) });
            } else {
                queue.see(&event.position);
            }
        }
        let is_needed = !work.is_empty();
        self.send_all(queue, work).await?;
        if let Some(last) = last {
            queue.move_to(&last, is_needed).await?;
        }
        Ok(())
    }

    /// Tries the deliveries again that are due.
    async fn retry(&self, queue: &mut Queue) -> Result<(), Error> {
        let due = queue.due(self.webhooks.0.events.now(), BATCH);
        let (events, private) = (&self.webhooks.0.events, &self.webhooks.0.private);
        let id = self.endpoint.borrow().id.clone();
        let read = stream::iter(due).map(async |place| {
            let found = private.read_json_version(&reports::pending_key(&id, &place)).await?;
            let event = events.get(&place).await?;
            Ok::<_, Error>((place, found, event))
        });
        let read: Vec<_> = read.buffered(CONCURRENT_VIDEOS).try_collect().await?;
        let mut work = Vec::with_capacity(read.len());
        for (place, found, event) in read {
            match found {
                Some((delivery, etag)) => work.push(Work { delivery, seen: Some(etag), event }),
                // It is so old that it was removed.
                None => queue.forget(&place),
            }
        }
        self.send_all(queue, work).await
    }

    /// Sends deliveries: those of a video in their order.
    async fn send_all(&self, queue: &mut Queue, work: Vec<Work>) -> Result<(), Error> {
        let mut videos: BTreeMap<String, Vec<Work>> = BTreeMap::new();
        for work in work {
            videos.entry(work.delivery.video_id.clone()).or_default().push(work);
        }
        let endpoint = self.endpoint.borrow().clone();
        let endpoint = &endpoint;
        let sent = stream::iter(videos.into_values()).map(|video| async move {
            let mut sent = Vec::with_capacity(video.len());
            for Work { mut delivery, seen, event } in video {
                let answer = if let Some(event) = &event {
                    Some(self.attempt(endpoint, &mut delivery, event).await)
                } else {
                    // Its event is not kept any more.
                    (delivery.status, delivery.next_at) = (DeliveryStatus::Failed, None);
                    None
                };
                sent.push((delivery, seen, answer));
            }
            sent
        });
        let mut sent = std::pin::pin!(sent.buffer_unordered(CONCURRENT_VIDEOS));
        while let Some(video) = sent.next().await {
            let answered =
                video.iter().filter_map(|(delivery, _, answer)| Some((delivery, answer.as_ref()?)));
            self.note(&answered.collect::<Vec<_>>()).await?;
            for (delivery, seen, _) in video {
                queue.store(delivery, seen.as_deref()).await?;
            }
        }
        Ok(())
    }

    /// Sends an event, and notes that in its delivery.
    async fn attempt(
        &self,
        endpoint: &Endpoint,
        delivery: &mut Delivery,
        event: &StoredEvent,
    ) -> Answer {
        let Attempted { answer, at, took } = self.webhooks.send(endpoint, event).await;
        delivery.note(&answer, at, took, rand::random());
        if let Some(error) = answer.error() {
            tracing::info!(webhook = endpoint.id, event = %delivery.id.as_str(), error, "delivery failed");
        }
        answer
    }

    /// Notes what attempts say of the endpoint.
    async fn note(&self, sent: &[(&Delivery, &Answer)]) -> Result<(), Error> {
        let (id, failing_since) = {
            let endpoint = self.endpoint.borrow();
            (endpoint.id.clone(), endpoint.failing_since)
        };
        let is_accepted = sent.iter().all(|(_, answer)| matches!(answer, Answer::Accepted(_)));
        // The snapshot may be older than the last write of this task, and that than one of another box.
        let was_healthy = self.is_healthy.load(Ordering::Relaxed) && failing_since.is_none();
        if is_accepted && was_healthy {
            return Ok(());
        }
        let mut is_paused = false;
        let change = |endpoint: &mut Endpoint| {
            let (mut is_changed, before) = (false, endpoint.state);
            for (delivery, answer) in sent {
                is_changed |= endpoint.note_attempt(delivery, answer);
            }
            is_paused = endpoint.state != before;
            Ok(is_changed)
        };
        match self.webhooks.update(&id, change).await {
            Ok(endpoint) => {
                self.is_healthy.store(endpoint.failing_since.is_none(), Ordering::Relaxed);
                if is_paused {
                    tracing::error!(webhook = id, reason = endpoint.reason, "webhook is paused");
                }
                Ok(())
            }
            // Somebody has removed it.
            Err(Error::NoSuchEndpoint(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes some of the events due that somebody wants once more. False if there are no more of them.
    async fn replay(&self, queue: &mut Queue) -> Result<bool, Error> {
        let endpoint = self.endpoint.borrow().clone();
        // The supervisor shows the change of this task later.
        let mut rests = endpoint.replays.iter().map(|replay| (replay, queue.rest_of(replay)));
        let Some((replay, rest)) = rests.find_map(|(replay, rest)| Some((replay, rest?))) else {
            return Ok(false);
        };
        let rest = self.replay_some(queue, &endpoint, replay, &rest).await?;
        let noted = self.webhooks.update(&endpoint.id, |endpoint| {
            let before = endpoint.replays.clone();
            match &rest {
                Some(rest) => endpoint
                    .replays
                    .iter_mut()
                    .filter(|other| other.id == replay.id)
                    .for_each(|other| other.after = rest.clone()),
                None => endpoint.replays.retain(|other| other.id != replay.id),
            }
            Ok(endpoint.replays != before)
        });
        match noted.await {
            Ok(_) | Err(Error::NoSuchEndpoint(_)) => {}
            Err(error) => return Err(error),
        }
        queue.replayed(replay, rest);
        Ok(true)
    }

    /// Makes the first events behind a place due. Returns the place behind which the rest of the replay is.
    async fn replay_some(
        &self,
        queue: &mut Queue,
        endpoint: &Endpoint,
        Replay { until, .. }: &Replay,
        after: &Position,
    ) -> Result<Option<Position>, Error> {
        let events = &self.webhooks.0.events;
        if until.event_id().is_some() {
            // A single one is sent whatever it is.
            if let Some(event) = events.get(until).await? {
                queue.replay(delivery_of(&event)).await?;
            }
            return Ok(None);
        }
        let places: Vec<_> = events.positions_after(after).take(BATCH).try_collect().await?;
        let rest = places.get(BATCH - 1).filter(|last| *last <= until).cloned();
        let places = places.into_iter().take_while(|place| place <= until);
        let read = stream::iter(places).map(async |place| events.get(&place).await);
        let mut read = std::pin::pin!(read.buffered(CONCURRENT_VIDEOS));
        while let Some(event) = read.try_next().await? {
            if let Some(event) = event.filter(|event| endpoint.wants(event.event.r#type)) {
                queue.replay(delivery_of(&event)).await?;
            }
        }
        Ok(rest)
    }
}

fn delivery_of(event: &StoredEvent) -> Delivery {
    let StoredEvent { event, position, .. } = event;
    Delivery::new(position.clone(), event.r#type, &event.data.id)
}
