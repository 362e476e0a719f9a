//! The queue of an appliance without AWS: a table in the database of the embedded store, so that
//! one transaction makes an object and its message durable.
//!
//! The next message is one of the priority whose turn it is ([`Turns`]). Among those, the owner comes first whose
//! last turn is the longest ago, and of the messages of one owner the one that became visible first.

mod dead_letters;
mod tables;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;
use rusqlite::{OptionalExtension, Transaction, params};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{
    DeadLetter, DeadLetterCursor, DeadLetters, Depth, Enqueue, Error, Inspect, Message, Queue,
    Receipt,
};
use crate::db::Db;
use crate::domain::priority::Priority;
use crate::domain::turns::{Place, Turns};

/// How long an acknowledgement may be repeated: longer than any lease.
const ACKS_KEPT_FOR: Duration = Duration::from_hours(24);

/// The embedded queue. Clones share one database connection.
#[derive(Clone)]
pub struct EmbeddedQueue {
    db: Db,
    arrival: Arc<Notify>,
    turns: Arc<Mutex<Turns>>,
}

impl EmbeddedQueue {
    /// Opens the queue and ends all leases: the data directory belongs to one process, so those of
    /// an earlier process have no holder, and their messages are visible at once. No message waits longer
    /// than `longest_pause` from now, whatever the clock showed when its pause began.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the tables cannot be created.
    pub fn open(db: Db, longest_pause: Duration) -> Result<Self, Error> {
        let opened = db.blocking(|connection| -> rusqlite::Result<()> {
            tables::create(connection)?;
            connection.execute(
                "UPDATE messages SET visible_at_ms = ?1, receipt = NULL WHERE receipt IS NOT NULL",
                [now_ms()],
            )?;
            connection.execute(
                "UPDATE messages SET visible_at_ms = min(visible_at_ms, ?1)",
                [now_ms().saturating_add(millis(longest_pause))],
            )?;
            let oldest_kept = now_ms() - millis(ACKS_KEPT_FOR);
            connection.execute("DELETE FROM acknowledged WHERE at_ms < ?1", [oldest_kept])?;
            Ok(())
        });
        opened.map_err(|error| unavailable("open", error))?;
        Ok(Self { db, arrival: Arc::default(), turns: Arc::default() })
    }

    /// The queue of a daemon that runs, for another process, which sends messages and counts them. The daemon
    /// finds them at its next look, which is `queue.wait_secs` later at the most.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the tables cannot be created.
    pub fn attach(db: Db) -> Result<Self, Error> {
        db.blocking(|connection| tables::create(connection))
            .map_err(|error| unavailable("open", error))?;
        Ok(Self { db, arrival: Arc::default(), turns: Arc::default() })
    }

    /// Enqueues a message within a transaction of the caller, who calls [`Self::notify`] after the
    /// commit.
    ///
    /// # Errors
    /// If the row cannot be inserted.
    pub fn enqueue_in(
        transaction: &Transaction<'_>,
        body: &str,
        place: &Place,
    ) -> rusqlite::Result<()> {
        transaction.execute(
            "INSERT INTO messages (id, body, visible_at_ms, enqueued_at_ms, priority, owner)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5)",
            params![random_id(), body, now_ms(), number(place.priority), owner(place)],
        )?;
        Ok(())
    }

    /// Wakes waiting calls of [`Queue::receive`].
    pub fn notify(&self) {
        self.arrival.notify_waiters();
    }

    /// Runs `work` in a write transaction.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let result = self.db.transaction(work).await.flatten();
        result.map_err(|error| unavailable(operation, error))
    }

    /// Changes the message that a receipt leases. Fails with [`Error::LeaseLost`] if the receipt is
    /// void or its lease has expired.
    async fn with_lease(
        &self,
        operation: &'static str,
        receipt: &Receipt,
        work: impl FnOnce(&Transaction<'_>, &str) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), Error> {
        let receipt = receipt.0.clone();
        let held = self.write(operation, move |transaction| {
            let id: Option<String> = transaction
                .query_row(
                    "SELECT id FROM messages WHERE receipt = ?1 AND visible_at_ms > ?2",
                    params![receipt, now_ms()],
                    |row| row.get(0),
                )
                .optional()?;
            match id {
                Some(id) => work(transaction, &id).map(|()| true),
                None => Ok(false),
            }
        });
        if held.await? { Ok(()) } else { Err(Error::LeaseLost) }
    }

    /// Leases the next visible message.
    async fn take(&self, lease: Duration) -> Result<Taken, Error> {
        let turns = Arc::clone(&self.turns);
        self.write("receive", move |transaction| take_next(transaction, &mut turns.lock(), lease))
            .await
    }
}

/// Result of one look into the queue.
enum Taken {
    /// A message, leased now.
    Message(Message),
    /// No message is visible; the next one becomes visible after this time, if there is one.
    Later(Option<Duration>),
}

/// Leases the message whose turn it is.
fn take_next(
    transaction: &Transaction<'_>,
    turns: &mut Turns,
    lease: Duration,
) -> rusqlite::Result<Taken> {
    let now = now_ms();
    for priority in turns.order() {
        let Some(owner) = tables::next_owner(transaction, number(priority), now)? else {
            turns.found_none(priority);
            continue;
        };
        let (id, body, received) = tables::first_of(transaction, number(priority), &owner, now)?;
        let receipt = Receipt(random_id());
        let receive_count = received + 1;
        transaction.execute(
            "UPDATE messages SET receipt = ?2, receive_count = ?3, visible_at_ms = ?4 WHERE id = ?1",
            params![id, receipt.0, receive_count, now + millis(lease)],
        )?;
        tables::note_turn(transaction, &owner)?;
        turns.took(priority);
        return Ok(Taken::Message(Message { id, receipt, body, receive_count }));
    }
    let next: Option<i64> =
        transaction.query_row("SELECT min(visible_at_ms) FROM messages", [], |row| row.get(0))?;
    let wait = next.map(|at| Duration::from_millis(u64::try_from(at - now).unwrap_or_default()));
    Ok(Taken::Later(wait))
}

/// A priority as the table has it: in the order of the priorities.
fn number(priority: Priority) -> i64 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

/// An owner as the table has it: empty for none.
fn owner(place: &Place) -> &str {
    place.owner.as_deref().unwrap_or_default()
}

#[async_trait]
impl Queue for EmbeddedQueue {
    async fn receive(&self, wait: Duration, lease: Duration) -> Result<Option<Message>, Error> {
        let deadline = Instant::now() + wait;
        loop {
            // Registered before the look, so that no arrival in between is missed.
            let arrival = self.arrival.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            let next = match self.take(lease).await? {
                Taken::Message(message) => return Ok(Some(message)),
                Taken::Later(after) => after.map_or(deadline, |after| Instant::now() + after),
            };
            if Instant::now() >= deadline {
                return Ok(None);
            }
            // On arrival and on timeout alike, look again.
            drop(tokio::time::timeout_at(next.min(deadline), arrival).await);
        }
    }

    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), Error> {
        let until = now_ms() + millis(lease);
        self.with_lease("extend", receipt, move |transaction, id| {
            let sql = "UPDATE messages SET visible_at_ms = ?2 WHERE id = ?1";
            transaction.execute(sql, params![id, until]).map(drop)
        })
        .await
    }

    async fn ack(&self, receipt: &Receipt) -> Result<(), Error> {
        let receipt = receipt.0.clone();
        let done = self.write("ack", move |transaction| {
            // An expired lease still acknowledges while no other consumer has the message.
            let sql = "DELETE FROM messages WHERE receipt = ?1";
            if transaction.execute(sql, [&receipt])? > 0 {
                let sql = "INSERT INTO acknowledged (receipt, at_ms) VALUES (?1, ?2)";
                transaction.execute(sql, params![receipt, now_ms()])?;
                return Ok(true);
            }
            let sql = "SELECT EXISTS (SELECT 1 FROM acknowledged WHERE receipt = ?1)";
            transaction.query_row(sql, [&receipt], |row| row.get(0))
        });
        if done.await? { Ok(()) } else { Err(Error::LeaseLost) }
    }

    async fn retry_after(&self, receipt: &Receipt, after: Duration) -> Result<(), Error> {
        let visible_at = now_ms() + millis(after);
        self.with_lease("retry", receipt, move |transaction, id| {
            let sql = "UPDATE messages SET visible_at_ms = ?2, receipt = NULL WHERE id = ?1";
            transaction.execute(sql, params![id, visible_at]).map(drop)
        })
        .await?;
        self.notify();
        Ok(())
    }

    async fn dead_letter(&self, receipt: &Receipt, reason: &str) -> Result<(), Error> {
        let reason = reason.to_owned();
        self.with_lease("dead-letter", receipt, move |transaction, id| {
            transaction.execute(
                "INSERT OR REPLACE INTO dead_letters (id, body, receive_count, reason, died_at_ms)
                 SELECT id, body, receive_count, ?2, ?3 FROM messages WHERE id = ?1",
                params![id, reason, now_ms()],
            )?;
            transaction.execute("DELETE FROM messages WHERE id = ?1", [id]).map(drop)
        })
        .await
    }

    async fn move_to(&self, receipt: &Receipt, place: &Place) -> Result<bool, Error> {
        let (receipt, place) = (receipt.clone(), place.clone());
        let moved = self.write("move", move |transaction| {
            tables::move_to(
                transaction,
                &receipt.0,
                number(place.priority),
                owner(&place),
                now_ms(),
            )
        });
        let moved = moved.await?.ok_or(Error::LeaseLost)?;
        if moved {
            self.notify();
        }
        Ok(moved)
    }
}

#[async_trait]
impl Enqueue for EmbeddedQueue {
    async fn send_to(&self, body: &str, place: &Place) -> Result<(), Error> {
        let (body, place) = (body.to_owned(), place.clone());
        self.write("send", move |transaction| Self::enqueue_in(transaction, &body, &place)).await?;
        self.notify();
        Ok(())
    }
}

#[async_trait]
impl Inspect for EmbeddedQueue {
    async fn depth(&self) -> Result<Depth, Error> {
        self.write("depth", |transaction| {
            transaction.query_row(
                "SELECT count(*) FILTER (WHERE visible_at_ms <= ?1),
                        count(*) FILTER (WHERE visible_at_ms > ?1),
                        (SELECT count(*) FROM dead_letters),
                        min(enqueued_at_ms) FILTER (WHERE visible_at_ms <= ?1 AND receive_count = 0)
                 FROM messages",
                [now_ms()],
                |row| {
                    let oldest: Option<i64> = row.get(3)?;
                    let age = oldest.map_or(0, |at| now_ms().saturating_sub(at));
                    Ok(Depth {
                        oldest_age: Some(Duration::from_millis(
                            u64::try_from(age).unwrap_or_default(),
                        )),
                        visible: row.get::<_, u32>(0)?.into(),
                        in_flight: row.get::<_, u32>(1)?.into(),
                        dead: row.get::<_, u32>(2)?.into(),
                    })
                },
            )
        })
        .await
    }

    async fn dead_letters(
        &self,
        limit: usize,
        after: Option<&DeadLetterCursor>,
    ) -> Result<DeadLetters, Error> {
        let place = after.cloned();
        let read = move |transaction: &Transaction<'_>| {
            dead_letters::list(transaction, limit, place.as_ref())
        };
        let letters = self.write("list dead letters", read).await?;
        Ok(DeadLetters::page(letters, limit, after))
    }

    async fn find_dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, Error> {
        let id = id.to_owned();
        self.write("find dead letter", move |transaction| dead_letters::find(transaction, &id))
            .await
    }

    async fn requeue_dead_letter(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        let requeued = self.write("requeue dead letter", move |transaction| {
            let Some(letter) = dead_letters::find(transaction, &id)? else { return Ok(false) };
            Self::enqueue_in(transaction, &letter.body, &Place::default())?;
            dead_letters::remove(transaction, &id)
        });
        let requeued = requeued.await?;
        if requeued {
            self.notify();
        }
        Ok(requeued)
    }

    async fn remove_dead_letter(&self, id: &str) -> Result<bool, Error> {
        let id = id.to_owned();
        self.write("remove dead letter", move |transaction| dead_letters::remove(transaction, &id))
            .await
    }
}

fn unavailable(operation: &'static str, error: impl std::fmt::Display) -> Error {
    Error::Unavailable { operation, reason: error.to_string() }
}

/// Time of day at the first call, and the monotonic clock then.
static START: LazyLock<(i64, std::time::Instant)> =
    LazyLock::new(|| (Timestamp::now().as_millisecond(), std::time::Instant::now()));

/// Time in milliseconds. It goes on by the monotonic clock, so that a step of the time of day neither ends
/// leases nor keeps messages invisible.
fn now_ms() -> i64 {
    let (start_ms, start) = *START;
    start_ms.saturating_add(millis(start.elapsed()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

fn random_id() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
