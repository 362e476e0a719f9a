//! Up to three SQS queues, one for each priority.
//!
//! S3 sends all events to the normal queue. A consumer that finds a message of another priority there moves it
//! ([`Queue::move_to`]), so events cross over once. SQS tells nobody whose messages wait, so owners take turns on
//! the embedded queue alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;

use super::SqsQueue;
use super::dead_letters::DeadLetterQueue;
use crate::domain::priority::Priority;
use crate::domain::turns::{Place, Turns};
use crate::queue::{
    DeadLetter, DeadLetterCursor, DeadLetters, Depth, Enqueue, Error, Inspect, Message, Queue,
    Receipt,
};

/// Longest poll of the normal queue after which the others are asked again: a message of high priority waits this
/// long at an idle box. Each round costs a request per queue.
const ROUND: Duration = Duration::from_secs(5);

/// The queues of all priorities. Messages of a priority without a queue of its own wait in the normal one. Clones
/// share the leases.
#[derive(Clone)]
pub struct SqsQueues {
    normal: SqsQueue,
    high: Option<SqsQueue>,
    low: Option<SqsQueue>,
    turns: Arc<Mutex<Turns>>,
}

impl SqsQueues {
    /// The queues of these priorities.
    #[must_use]
    pub fn new(normal: SqsQueue, high: Option<SqsQueue>, low: Option<SqsQueue>) -> Self {
        Self { normal, high, low, turns: Arc::default() }
    }

    /// The queue of this priority alone, if it has one.
    fn own(&self, priority: Priority) -> Option<&SqsQueue> {
        match priority {
            Priority::High => self.high.as_ref(),
            Priority::Normal => Some(&self.normal),
            Priority::Low => self.low.as_ref(),
        }
    }

    /// The queue in which messages of this priority wait, and the priority of that queue.
    fn home(&self, priority: Priority) -> (&SqsQueue, Priority) {
        self.own(priority).map_or((&self.normal, Priority::Normal), |queue| (queue, priority))
    }

    /// The queue of a receipt, its priority and its own receipt.
    fn of(&self, receipt: &Receipt) -> Result<(&SqsQueue, Priority, Receipt), Error> {
        let (tag, own) = receipt.0.split_once(':').ok_or(Error::LeaseLost)?;
        let priority = Priority::ALL.into_iter().find(|priority| self::tag(*priority) == tag);
        let queue = priority.and_then(|priority| Some((self.own(priority)?, priority)));
        let (queue, priority) = queue.ok_or(Error::LeaseLost)?;
        Ok((queue, priority, Receipt(own.to_owned())))
    }

    /// The next message of a priority, which is noted.
    async fn take(
        &self,
        priority: Priority,
        wait: Duration,
        lease: Duration,
    ) -> Result<Option<Message>, Error> {
        let Some(queue) = self.own(priority) else { return Ok(None) };
        let received = queue.receive(wait, lease).await?;
        let mut turns = self.turns.lock();
        match &received {
            Some(_) => turns.took(priority),
            None => turns.found_none_within(priority, wait),
        }
        drop(turns);
        Ok(received.map(|message| Message {
            receipt: Receipt(format!("{}:{}", tag(priority), message.receipt.0)),
            ..message
        }))
    }

    /// The queues of dead letters: queues may share theirs.
    fn dead(&self) -> Vec<&DeadLetterQueue> {
        let mut found: Vec<&DeadLetterQueue> = Vec::new();
        for queue in self.all() {
            if !found.iter().any(|other| other.url() == queue.dead.url()) {
                found.push(&queue.dead);
            }
        }
        found
    }

    /// Removes the dead letter with this id. Its message goes to the queue at the URL `target` first, if there is one.
    async fn take_dead_letter(&self, id: &str, target: Option<&str>) -> Result<bool, Error> {
        for dead in self.dead() {
            if dead.take(id, target).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn all(&self) -> impl Iterator<Item = &SqsQueue> {
        [Some(&self.normal), self.high.as_ref(), self.low.as_ref()].into_iter().flatten()
    }
}

/// The part of a receipt that names its queue.
fn tag(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Low => "low",
    }
}

#[async_trait]
impl Queue for SqsQueues {
    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Message>, Error> {
        if self.all().count() == 1 {
            return self.take(Priority::Normal, wait, lease).await;
        }
        let deadline = Instant::now() + wait;
        loop {
            let order = self.turns.lock().order();
            for priority in order {
                if let Some(message) = self.take(priority, Duration::ZERO, lease).await? {
                    return Ok(Some(message));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let wait = left.min(ROUND);
            if let Some(message) = self.take(Priority::Normal, wait, lease).await? {
                return Ok(Some(message));
            }
        }
    }

    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), Error> {
        let (queue, _, receipt) = self.of(receipt)?;
        queue.extend(&receipt, lease).await
    }

    async fn ack(&self, receipt: &Receipt) -> Result<(), Error> {
        let (queue, _, receipt) = self.of(receipt)?;
        queue.ack(&receipt).await
    }

    async fn retry_after(&self, receipt: &Receipt, after: Duration) -> Result<(), Error> {
        let (queue, _, receipt) = self.of(receipt)?;
        queue.retry_after(&receipt, after).await
    }

    async fn dead_letter(&self, receipt: &Receipt, reason: &str) -> Result<(), Error> {
        let (queue, _, receipt) = self.of(receipt)?;
        queue.dead_letter(&receipt, reason).await
    }

    async fn move_to(&self, receipt: &Receipt, place: &Place) -> Result<bool, Error> {
        let (queue, priority, receipt) = self.of(receipt)?;
        let (target, new) = self.home(place.priority);
        if new == priority {
            return queue.move_to(&receipt, place).await;
        }
        let body = queue.leased_body(&receipt)?;
        // Send before delete: a crash in between duplicates the message and does not lose it.
        target.send(&body).await?;
        queue.ack(&receipt).await?;
        Ok(true)
    }
}

#[async_trait]
impl Enqueue for SqsQueues {
    async fn send_to(&self, body: &str, place: &Place) -> Result<(), Error> {
        self.home(place.priority).0.send(body).await
    }
}

#[async_trait]
impl Inspect for SqsQueues {
    async fn depth(&self) -> Result<Depth, Error> {
        let mut sum = Depth::default();
        let mut counted = Vec::new();
        for queue in self.all() {
            let depth = queue.depth().await?;
            sum.visible += depth.visible;
            sum.in_flight += depth.in_flight;
            // Queues may share their dead letters.
            if !counted.contains(&queue.dead.url()) {
                counted.push(queue.dead.url());
                sum.dead += depth.dead;
            }
        }
        Ok(sum)
    }

    async fn dead_letters(
        &self,
        limit: usize,
        after: Option<&DeadLetterCursor>,
    ) -> Result<DeadLetters, Error> {
        let mut letters = Vec::new();
        for dead in self.dead() {
            letters.extend(dead.all().await?);
        }
        Ok(DeadLetters::page(letters, limit, after))
    }

    async fn find_dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, Error> {
        for dead in self.dead() {
            if let Some(letter) = dead.find(id).await? {
                return Ok(Some(letter));
            }
        }
        Ok(None)
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, Error> {
        // The consumer moves it to its priority, as it does with events.
        self.take_dead_letter(id, Some(&self.normal.url)).await
    }

    async fn remove_dead_letter(&self, id: &str) -> Result<bool, Error> {
        self.take_dead_letter(id, None).await
    }
}
