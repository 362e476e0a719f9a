//! What every queue must do. The suite is written against the traits alone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ladderd::db::Db;
use ladderd::queue::embedded::EmbeddedQueue;
use ladderd::queue::{Enqueue, Error, Inspect, Message, Queue};

const SOON: Duration = Duration::from_millis(200);
const LEASE: Duration = Duration::from_mins(1);
const WAIT: Duration = Duration::from_secs(10);

struct Bench {
    queue: EmbeddedQueue,
    dir: tempfile::TempDir,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(&dir);
    Bench { queue, dir }
}

fn open(dir: &tempfile::TempDir) -> EmbeddedQueue {
    EmbeddedQueue::open(Db::open(&dir.path().join("db.sqlite")).unwrap()).unwrap()
}

async fn must_receive(queue: &impl Queue, lease: Duration) -> Message {
    queue.receive(WAIT, lease).await.unwrap().expect("a message")
}

#[tokio::test]
async fn a_leased_message_is_hidden_and_comes_back_when_the_lease_ends() {
    let Bench { queue, .. } = &bench();
    queue.send("x").await.unwrap();
    let first = must_receive(queue, SOON).await;
    assert_eq!((first.body.as_str(), first.receive_count), ("x", 1));
    assert_eq!(queue.receive(Duration::ZERO, LEASE).await.unwrap(), None, "it is leased");
    // The wait ends by itself when the lease does.
    let second = must_receive(queue, LEASE).await;
    assert_eq!((second.id.as_str(), second.receive_count), (first.id.as_str(), 2));
    assert_ne!(second.receipt, first.receipt);
}

#[tokio::test]
async fn a_receipt_ends_with_its_delivery() {
    let Bench { queue, .. } = &bench();
    queue.send("x").await.unwrap();
    let old = must_receive(queue, SOON).await;
    let new = must_receive(queue, LEASE).await;
    let lost = [
        queue.extend(&old.receipt, LEASE).await,
        queue.retry_after(&old.receipt, Duration::ZERO).await,
        queue.dead_letter(&old.receipt, "why").await,
        queue.ack(&old.receipt).await,
    ];
    for result in lost {
        assert!(matches!(result, Err(Error::LeaseLost)), "{result:?}");
    }
    queue.ack(&new.receipt).await.unwrap();
    queue.ack(&new.receipt).await.expect("an acknowledgement may be repeated");
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.dead), (0, 0, 0));
}

#[tokio::test]
async fn an_extended_lease_holds() {
    let Bench { queue, .. } = &bench();
    queue.send("x").await.unwrap();
    let message = must_receive(queue, Duration::from_secs(1)).await;
    queue.extend(&message.receipt, LEASE).await.unwrap();
    assert_eq!(queue.receive(Duration::from_millis(1500), LEASE).await.unwrap(), None);
    queue.ack(&message.receipt).await.unwrap();
}

#[tokio::test]
async fn a_retry_comes_after_its_pause_and_a_dead_letter_never() {
    let Bench { queue, .. } = &bench();
    queue.send("x").await.unwrap();
    let message = must_receive(queue, LEASE).await;
    queue.retry_after(&message.receipt, LEASE).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().in_flight, 1);
    assert_eq!(queue.receive(SOON, LEASE).await.unwrap(), None, "its pause lasts");

    queue.send("y").await.unwrap();
    let message = must_receive(queue, LEASE).await;
    assert_eq!(message.body, "y");
    queue.retry_after(&message.receipt, Duration::ZERO).await.unwrap();
    let again = must_receive(queue, LEASE).await;
    assert_eq!((again.body.as_str(), again.receive_count), ("y", 2));
    queue.dead_letter(&again.receipt, "it is poison").await.unwrap();
    assert_eq!(queue.receive(SOON, LEASE).await.unwrap(), None);
    assert_eq!(queue.depth().await.unwrap().dead, 1);
}

#[tokio::test]
async fn an_arrival_wakes_a_waiting_receive() {
    let Bench { queue, .. } = bench();
    let waiting = queue.clone();
    let receive = tokio::spawn(async move { must_receive(&waiting, LEASE).await });
    tokio::task::yield_now().await;
    queue.send("x").await.unwrap();
    assert_eq!(receive.await.unwrap().body, "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_receivers_share_no_message() {
    const MESSAGES: usize = 200;
    let Bench { queue, .. } = bench();
    let queue = Arc::new(queue);
    for n in 0..MESSAGES {
        queue.send(&n.to_string()).await.unwrap();
    }
    let receivers: Vec<_> = (0..8)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while let Some(message) = queue.receive(Duration::ZERO, LEASE).await.unwrap() {
                    seen.push(message.body);
                    queue.ack(&message.receipt).await.unwrap();
                }
                seen
            })
        })
        .collect();
    let mut seen = Vec::new();
    for receiver in receivers {
        seen.extend(receiver.await.unwrap());
    }
    assert_eq!(seen.len(), MESSAGES);
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), MESSAGES);
}

#[tokio::test]
async fn a_restart_loses_nothing_and_frees_what_the_dead_process_held() {
    let bench = bench();
    bench.queue.send("held").await.unwrap();
    let held = must_receive(&bench.queue, LEASE).await;
    bench.queue.send("waiting").await.unwrap();
    drop(bench.queue);
    let queue = open(&bench.dir);
    let mut bodies = [must_receive(&queue, LEASE).await, must_receive(&queue, LEASE).await];
    bodies.sort_by(|a, b| a.body.cmp(&b.body));
    assert_eq!((bodies[0].body.as_str(), bodies[0].receive_count), ("held", 2));
    assert_eq!((bodies[1].body.as_str(), bodies[1].receive_count), ("waiting", 1));
    assert!(matches!(queue.ack(&held.receipt).await, Err(Error::LeaseLost)));
}
