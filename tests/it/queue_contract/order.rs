//! The order of messages: priorities, and turns of owners.

use std::time::Duration;

use ladderd::domain::priority::Priority;
use ladderd::domain::turns::Place;
use ladderd::queue::{Enqueue, Error, Inspect, Queue};

use super::{Fixture, Kind, LEASE, SOON, fixture, must_receive, open};

fn place(priority: Priority, owner: &str) -> Place {
    Place { priority, owner: Some(owner.to_owned()) }
}

on_all!(priorities_come_in_turn_and_none_starves);
async fn priorities_come_in_turn_and_none_starves(fixture: Fixture) {
    let queue = &fixture.queue;
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        for _ in 0..10 {
            queue.send_to(&format!("{priority:?}"), &place(priority, "")).await.unwrap();
        }
    }
    let mut taken = Vec::new();
    for _ in 0..12 {
        let message = must_receive(queue, LEASE).await;
        queue.ack(&message.receipt).await.unwrap();
        taken.push(message.body);
    }
    let count = |body: &str| taken.iter().filter(|taken| *taken == body).count();
    assert_eq!(taken[..4], ["High"; 4]);
    assert_eq!((count("High"), count("Normal"), count("Low")), (9, 2, 1), "{taken:?}");
    assert_eq!(queue.depth().await.unwrap().visible, 18);
}

on_all!(a_message_moves_to_its_priority_once);
async fn a_message_moves_to_its_priority_once(fixture: Fixture) {
    let queue = &fixture.queue;
    let high = place(Priority::High, "one");
    queue.send("x").await.unwrap();
    let received = must_receive(queue, LEASE).await;
    assert!(queue.move_to(&received.receipt, &high).await.unwrap());
    for lost in [
        queue.extend(&received.receipt, LEASE).await,
        queue.move_to(&received.receipt, &high).await.map(drop),
    ] {
        assert!(matches!(lost, Err(Error::LeaseLost)), "{lost:?}");
    }
    let moved = must_receive(queue, LEASE).await;
    assert_eq!((moved.body.as_str(), moved.receive_count), ("x", 1));
    assert!(!queue.move_to(&moved.receipt, &high).await.unwrap(), "it is there");
    queue.extend(&moved.receipt, LEASE).await.unwrap();
    queue.ack(&moved.receipt).await.unwrap();
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.dead), (0, 0, 0));
}

#[tokio::test]
async fn owners_take_turns_and_each_owners_messages_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(&dir);
    for n in 0..100 {
        queue.send_to(&format!("a{n}"), &place(Priority::Normal, "a")).await.unwrap();
    }
    let next = async || {
        let message = queue.receive(Duration::ZERO, LEASE).await.unwrap().unwrap();
        queue.ack(&message.receipt).await.unwrap();
        message.body
    };
    assert_eq!(next().await, "a0");
    queue.send_to("b0", &place(Priority::Normal, "b")).await.unwrap();
    queue.send_to("b1", &place(Priority::Normal, "b")).await.unwrap();
    queue.send("nobody's").await.unwrap();
    let mut taken = Vec::new();
    for _ in 0..6 {
        taken.push(next().await);
    }
    // Both came within one millisecond, so either has the first turn.
    taken[..2].sort();
    assert_eq!(taken, ["b0", "nobody's", "a1", "b1", "a2", "a3"]);
    // One message at a time is no way past the others: its owner had a turn just now.
    queue.send_to("b2", &place(Priority::Normal, "b")).await.unwrap();
    assert_eq!(next().await, "b2");
    queue.send_to("b3", &place(Priority::Normal, "b")).await.unwrap();
    assert_eq!([next().await, next().await], ["a4", "b3"]);
    // The turns survive a restart.
    queue.send_to("b4", &place(Priority::Normal, "b")).await.unwrap();
    drop(queue);
    let queue = open(&dir);
    let message = queue.receive(Duration::ZERO, LEASE).await.unwrap().unwrap();
    assert_eq!(message.body, "a5");
}

#[tokio::test]
async fn a_leased_or_waiting_message_of_an_owner_hides_none_of_its_others() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(&dir);
    for body in ["a0", "a1", "a2"] {
        queue.send_to(body, &place(Priority::Low, "a")).await.unwrap();
    }
    let receive = async || queue.receive(Duration::ZERO, LEASE).await.unwrap();
    let first = receive().await.unwrap();
    queue.retry_after(&first.receipt, LEASE).await.unwrap();
    assert_eq!(receive().await.unwrap().body, "a1");
    assert_eq!(receive().await.unwrap().body, "a2");
    assert_eq!(receive().await, None);
}

#[tokio::test]
async fn the_messages_of_an_earlier_release_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(dir.path().join("db.sqlite")).unwrap();
    // The table as it was before messages had priorities and owners.
    connection
        .execute_batch(
            "CREATE TABLE messages (
                id TEXT PRIMARY KEY,
                body TEXT NOT NULL,
                visible_at_ms INTEGER NOT NULL,
                receive_count INTEGER NOT NULL DEFAULT 0,
                receipt TEXT UNIQUE,
                enqueued_at_ms INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX messages_by_visibility ON messages (visible_at_ms);
            INSERT INTO messages VALUES ('m1', 'waiting', 5, 2, NULL, 5), ('m2', 'leased', 9, 1, 'r', 9);",
        )
        .unwrap();
    drop(connection);
    for _ in 0..2 {
        // Opened twice: the second start finds the new columns.
        let queue = open(&dir);
        queue.send_to("new", &place(Priority::High, "a")).await.unwrap();
    }
    let queue = open(&dir);
    let mut taken = Vec::new();
    while let Some(message) = queue.receive(Duration::ZERO, LEASE).await.unwrap() {
        taken.push((message.body.clone(), message.receive_count));
        queue.ack(&message.receipt).await.unwrap();
    }
    taken.sort();
    let expected = [("leased", 2), ("new", 1), ("new", 1), ("waiting", 3)];
    assert_eq!(taken, expected.map(|(body, count)| (body.to_owned(), count)));
    assert_eq!(queue.receive(SOON, LEASE).await.unwrap(), None);
}

#[tokio::test]
async fn the_oldest_age_is_that_of_messages_that_nobody_has_received() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(&dir);
    let age = async || queue.depth().await.unwrap().oldest_age.unwrap();
    assert_eq!(age().await, Duration::ZERO);
    queue.send("x").await.unwrap();
    let database = rusqlite::Connection::open(dir.path().join("db.sqlite")).unwrap();
    database.execute("UPDATE messages SET enqueued_at_ms = enqueued_at_ms - 60000", ()).unwrap();
    let waited = age().await;
    assert!(waited >= Duration::from_mins(1) && waited < Duration::from_hours(1), "{waited:?}");
    let message = queue.receive(SOON, LEASE).await.unwrap().unwrap();
    assert_eq!(age().await, Duration::ZERO, "it is leased");
    queue.retry_after(&message.receipt, Duration::ZERO).await.unwrap();
    assert_eq!(age().await, Duration::ZERO, "it comes again");
}
