//! The queue of an appliance without AWS: a table in the database of the embedded store, so that
//! one transaction makes an object and its message durable.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Depth, Enqueue, Error, Inspect, Message, Queue, Receipt};
use crate::db::Db;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        id TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        visible_at_ms INTEGER NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0,
        -- Receipt of the current delivery; NULL while none has it.
        receipt TEXT UNIQUE,
        enqueued_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (visible_at_ms);
    CREATE TABLE IF NOT EXISTS dead_letters (
        id TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        receive_count INTEGER NOT NULL,
        reason TEXT NOT NULL,
        died_at_ms INTEGER NOT NULL
    ) STRICT;
    -- Receipts of acknowledged messages: a consumer may repeat an acknowledgement.
    CREATE TABLE IF NOT EXISTS acknowledged (
        receipt TEXT PRIMARY KEY,
        at_ms INTEGER NOT NULL
    ) STRICT;
";

/// How long an acknowledgement may be repeated: longer than any lease.
const ACKS_KEPT_FOR: Duration = Duration::from_hours(24);

/// The embedded queue. Clones share one database connection.
#[derive(Clone)]
pub struct EmbeddedQueue {
    db: Db,
    arrival: Arc<Notify>,
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
            connection.execute_batch(SCHEMA)?;
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
        Ok(Self { db, arrival: Arc::default() })
    }

    /// Enqueues a message within a transaction of the caller, who calls [`Self::notify`] after the
    /// commit.
    ///
    /// # Errors
    /// If the row cannot be inserted.
    pub fn enqueue_in(transaction: &Transaction<'_>, body: &str) -> rusqlite::Result<()> {
        transaction.execute(
            "INSERT INTO messages (id, body, visible_at_ms, enqueued_at_ms) VALUES (?1, ?2, ?3, ?3)",
            params![random_id(), body, now_ms()],
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
        self.write("receive", move |transaction| take_next(transaction, lease)).await
    }
}

/// Result of one look into the queue.
enum Taken {
    /// A message, leased now.
    Message(Message),
    /// No message is visible; the next one becomes visible after this time, if there is one.
    Later(Option<Duration>),
}

/// Leases the message that became visible first.
fn take_next(transaction: &Transaction<'_>, lease: Duration) -> rusqlite::Result<Taken> {
    let next = transaction
        .query_row(
            "SELECT id, body, receive_count, visible_at_ms FROM messages
             ORDER BY visible_at_ms, enqueued_at_ms LIMIT 1",
            [],
            |row| {
                let id: String = row.get(0)?;
                let body: String = row.get(1)?;
                Ok((id, body, row.get::<_, u32>(2)?, row.get::<_, i64>(3)?))
            },
        )
        .optional()?;
    let now = now_ms();
    let Some((id, body, received, visible_at)) = next else { return Ok(Taken::Later(None)) };
    if visible_at > now {
        let wait = u64::try_from(visible_at - now).unwrap_or_default();
        return Ok(Taken::Later(Some(Duration::from_millis(wait))));
    }
    let receipt = Receipt(random_id());
    let receive_count = received + 1;
    transaction.execute(
        "UPDATE messages SET receipt = ?2, receive_count = ?3, visible_at_ms = ?4 WHERE id = ?1",
        params![id, receipt.0, receive_count, now + millis(lease)],
    )?;
    Ok(Taken::Message(Message { id, receipt, body, receive_count }))
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
}

#[async_trait]
impl Enqueue for EmbeddedQueue {
    async fn send(&self, body: &str) -> Result<(), Error> {
        let body = body.to_owned();
        self.write("send", move |transaction| Self::enqueue_in(transaction, &body)).await?;
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
                        (SELECT count(*) FROM dead_letters)
                 FROM messages",
                [now_ms()],
                |row| {
                    Ok(Depth {
                        visible: row.get::<_, u32>(0)?.into(),
                        in_flight: row.get::<_, u32>(1)?.into(),
                        dead: row.get::<_, u32>(2)?.into(),
                    })
                },
            )
        })
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
