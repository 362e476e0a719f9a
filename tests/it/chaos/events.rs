//! Messages that come twice, never, or in another order.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::book::{Book, Expect, Tally, count};
use super::dice::Dice;
use crate::support::servers::Servers;

/// Disturbs the messages of SQS, in one of four cases.
pub async fn disturb(servers: &Servers, book: &Book, dice: &mut Dice) {
    match dice.below(12) {
        0 => duplicate(servers, book, dice).await,
        1 => {
            for _ in take(servers, 1).await {
                count(&book.tally.events_lost);
            }
        }
        2 => {
            let mut messages = take(servers, 2).await;
            messages.reverse();
            for message in messages {
                servers.send(&message).await;
                count(&book.tally.events_swapped);
            }
        }
        _ => {}
    }
}

async fn duplicate(servers: &Servers, book: &Book, dice: &mut Dice) {
    let keys = book.films(|film| film.expect == Expect::Alive && film.key.is_some());
    if let Some(film) = dice.pick(&keys) {
        let message = json!({"bucket": "uploads", "key": film.key}).to_string();
        servers.send(&message).await;
        count(&book.tally.events_duplicated);
    }
}

/// Takes up to this many messages out of the queue. Returns their bodies.
async fn take(servers: &Servers, most: i32) -> Vec<String> {
    let request = servers.sqs.receive_message().queue_url(&servers.queue_url);
    let Ok(answer) = request.max_number_of_messages(most).send().await else { return Vec::new() };
    let mut bodies = Vec::new();
    for message in answer.messages() {
        let delete = servers.sqs.delete_message().queue_url(&servers.queue_url);
        delete.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
        bodies.push(message.body().unwrap().to_owned());
    }
    bodies
}

/// Disturbs the rows of the embedded queue, at each kill in another way. The daemon must be down.
pub fn disturb_rows(db: &rusqlite::Connection, tally: &Tally) {
    let run = |sql: &str| db.execute(sql, []).unwrap();
    match tally.kills.load(Ordering::SeqCst) % 3 {
        0 => {
            let sql = "INSERT INTO messages (id, body, visible_at_ms, enqueued_at_ms)
                       SELECT lower(hex(randomblob(16))), body, visible_at_ms, enqueued_at_ms
                       FROM messages LIMIT 2";
            (0..run(sql)).for_each(|_| count(&tally.events_duplicated));
        }
        1 => {
            let sql = "DELETE FROM messages WHERE id IN
                       (SELECT id FROM messages ORDER BY enqueued_at_ms DESC LIMIT 1)";
            (0..run(sql)).for_each(|_| count(&tally.events_lost));
        }
        _ => {
            // The order of arrival, backwards.
            let sql =
                "UPDATE messages SET visible_at_ms = 2 * (SELECT max(visible_at_ms) FROM messages)
                       - visible_at_ms - 1000000, enqueued_at_ms = -enqueued_at_ms";
            (0..run(sql)).for_each(|_| count(&tally.events_swapped));
        }
    }
}
