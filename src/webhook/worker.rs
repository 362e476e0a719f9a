//! Delivers the events of one endpoint, as long as this box has the lease.
//!
//! Events of one video are sent one after the other, those of different videos at the same time. One that fails is
//! tried again on its own: it holds no other back, so receivers order the events of a video by `sequence`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};

use super::queue::Queue;
use super::send::Attempted;
use super::{Error, Webhooks};
use crate::domain::event::{Position, StoredEvent};
use crate::domain::webhook::{Answer, Delivery, DeliveryStatus, Endpoint, Next, Replay};
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
    pub(super) webhooks: Webhooks,
    pub(super) endpoint: watch::Receiver<Endpoint>,
}

/// A delivery with its event, which may not be kept any more.
type Work = (Delivery, Option<Arc<StoredEvent>>);

impl Worker {
    /// Delivers until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.deliver().await;
            let id = self.endpoint.borrow().id.clone();
            tracing::warn!(webhook = id, %error, "failed to deliver, it begins anew");
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }

    async fn deliver(&mut self) -> Result<Infallible, Error> {
        let endpoint = self.endpoint.borrow().clone();
        let events = self.webhooks.0.events.clone();
        let mut queue = Queue::load(&self.webhooks, &endpoint).await?;
        loop {
            // Those that come meanwhile are in both.
            let mut latest = events.subscribe();
            let mut missed = events.positions_after(&queue.start()).try_chunks(PAGE);
            while let Some(page) = missed.try_next().await.map_err(|error| error.1)? {
                let is_new = |place: &Position| !queue.has_seen(place);
                let page: Vec<Position> = page.into_iter().filter(is_new).collect();
                for batch in page.chunks(BATCH) {
                    let batch = batch.iter().cloned().map(|place| Arc::new(Recent::new(place)));
                    self.handle(&mut queue, batch.collect()).await?;
                }
                self.retry(&mut queue).await?;
            }
            self.follow(&mut queue, &mut latest).await?;
        }
    }

    /// Handles events as they come, until too many have.
    async fn follow(
        &mut self,
        queue: &mut Queue,
        latest: &mut broadcast::Receiver<Arc<Recent>>,
    ) -> Result<(), Error> {
        loop {
            self.replay(queue).await?;
            self.retry(queue).await?;
            let due = queue.next_due().map(|due| due.duration_since(self.webhooks.0.events.now()));
            let pause =
                due.map_or(Duration::MAX, |due| Duration::try_from(due).unwrap_or_default());
            let mut batch = tokio::select! {
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
            self.handle(queue, batch).await?;
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
        let mut work: Vec<Work> = Vec::new();
        for event in read.into_iter().flatten() {
            let is_first = queue.see(&event.position);
            if is_first && endpoint.wants(event.event.r#type) && is_new(&event) {
                work.push((delivery_of(&event), Some(event)));
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
        let events = &self.webhooks.0.events;
        let read = stream::iter(due).map(async |delivery| {
            let event = events.get(&delivery.id).await?;
            Ok::<_, Error>((delivery, event))
        });
        let work: Vec<Work> = read.buffered(CONCURRENT_VIDEOS).try_collect().await?;
        self.send_all(queue, work).await
    }

    /// Sends deliveries: those of a video in their order.
    async fn send_all(&self, queue: &mut Queue, work: Vec<Work>) -> Result<(), Error> {
        let mut videos: BTreeMap<String, Vec<Work>> = BTreeMap::new();
        for (delivery, event) in work {
            videos.entry(delivery.video_id.clone()).or_default().push((delivery, event));
        }
        let endpoint = self.endpoint.borrow().clone();
        let endpoint = &endpoint;
        let sent = stream::iter(videos.into_values()).map(|video| async move {
            let mut sent = Vec::with_capacity(video.len());
            for (delivery, event) in video {
                let attempted = match &event {
                    Some(event) => Some(self.webhooks.send(endpoint, event).await),
                    None => None,
                };
                sent.push((delivery, attempted));
            }
            sent
        });
        let mut sent = std::pin::pin!(sent.buffer_unordered(CONCURRENT_VIDEOS));
        while let Some(video) = sent.next().await {
            for (mut delivery, attempted) in video {
                if let Some(attempted) = attempted {
                    self.note(&mut delivery, &attempted).await?;
                } else {
                    // Its event is not kept any more.
                    (delivery.status, delivery.next_at) = (DeliveryStatus::Failed, None);
                }
                queue.store(delivery).await?;
            }
        }
        Ok(())
    }

    /// Notes an attempt in its delivery, and what it says of the endpoint.
    async fn note(&self, delivery: &mut Delivery, sent: &Attempted) -> Result<(), Error> {
        let endpoint = self.endpoint.borrow().clone();
        let next = delivery.note(&sent.answer, sent.at, sent.took, rand::random());
        let error = sent.answer.error();
        if let Some(error) = &error {
            tracing::info!(webhook = endpoint.id, event = %delivery.id.as_str(), error, "delivery failed");
        }
        let reason = match (&sent.answer, next) {
            (Answer::Gone, _) => Some("the endpoint answered 410 Gone".to_owned()),
            (_, Next::GiveUp) if endpoint.failing_since.is_some() => {
                let error = error.clone().unwrap_or_default();
                Some(format!("no delivery has succeeded for three days: {error}"))
            }
            (_, Next::Delivered | Next::Retry(_) | Next::GiveUp) => None,
        };
        let is_changed = endpoint.clone().note(error.as_deref(), sent.at);
        if reason.is_none() && !is_changed {
            return Ok(());
        }
        let change = |endpoint: &mut Endpoint| {
            let is_changed = endpoint.note(error.as_deref(), sent.at);
            if let Some(reason) = &reason {
                endpoint.pause(reason.clone());
            }
            Ok(is_changed || reason.is_some())
        };
        match self.webhooks.update(&endpoint.id, change).await {
            // Somebody has removed it.
            Ok(_) | Err(Error::NoSuchEndpoint(_)) => {}
            Err(error) => return Err(error),
        }
        if let Some(reason) = reason {
            tracing::error!(webhook = endpoint.id, reason, "webhook is paused");
        }
        Ok(())
    }

    /// Makes the events due that somebody wants once more.
    async fn replay(&self, queue: &mut Queue) -> Result<(), Error> {
        let endpoint = self.endpoint.borrow().clone();
        for replay in &endpoint.replays {
            // The supervisor shows the change of this task later.
            if !queue.begin_replay(&replay.id) {
                continue;
            }
            self.replay_range(queue, &endpoint, replay).await?;
            let done = self.webhooks.update(&endpoint.id, |endpoint| {
                let before = endpoint.replays.len();
                endpoint.replays.retain(|other| other != replay);
                Ok(endpoint.replays.len() < before)
            });
            match done.await {
                Ok(_) | Err(Error::NoSuchEndpoint(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn replay_range(
        &self,
        queue: &mut Queue,
        endpoint: &Endpoint,
        Replay { after, until, .. }: &Replay,
    ) -> Result<(), Error> {
        let mut events = self.webhooks.0.events.after(after);
        while let Some(event) = events.try_next().await? {
            if event.position > *until {
                break;
            }
            // A single one is sent whatever it is.
            if endpoint.wants(event.event.r#type) {
                queue.replay(delivery_of(&event)).await?;
            }
        }
        Ok(())
    }
}

fn delivery_of(event: &StoredEvent) -> Delivery {
    let StoredEvent { event, position, .. } = event;
    Delivery::new(position.clone(), event.r#type, &event.data.id)
}
