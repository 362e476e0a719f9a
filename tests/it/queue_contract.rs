//! The contract of all queues. One suite on the traits runs on the embedded queue and on the SQS of
//! moto and `LocalStack`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ladderd::db::Db;
use ladderd::queue::embedded::EmbeddedQueue;
use ladderd::queue::sqs::{SqsQueue, SqsQueues};
use ladderd::queue::{Enqueue, Error, Inspect, Message, Queue};

use super::support::servers::{ServerKind, Servers};

/// The shortest lease and pause that SQS knows.
const SOON: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_mins(1);
const WAIT: Duration = Duration::from_secs(10);

trait AnyQueue: Queue + Enqueue + Inspect {}
impl<T: Queue + Enqueue + Inspect> AnyQueue for T {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Embedded,
    Sqs(ServerKind),
}

/// A queue with its data or its servers.
struct Fixture {
    queue: Arc<dyn AnyQueue>,
    kind: Kind,
    _dir: Option<tempfile::TempDir>,
    servers: Option<Servers>,
}

async fn fixture(kind: Kind) -> Option<Fixture> {
    match kind {
        Kind::Embedded => {
            let dir = tempfile::tempdir().unwrap();
            let queue: Arc<dyn AnyQueue> = Arc::new(open(&dir));
            Some(Fixture { queue, kind, _dir: Some(dir), servers: None })
        }
        Kind::Sqs(server) => {
            let servers = Servers::start(server).await?;
            servers.notify(false).await;
            // The servers send a test message when notifications are switched.
            let purged = servers.sqs.purge_queue().queue_url(&servers.queue_url).send().await;
            purged.unwrap();
            let dead = &servers.dead_letter_url;
            let (high, low) = (servers.queue("high", None), servers.queue("low", None));
            let open =
                async |url: &str| SqsQueue::open(servers.sqs.clone(), url, dead).await.unwrap();
            let (high, low) = (Some(open(&high.await).await), Some(open(&low.await).await));
            let normal = SqsQueue::open(servers.sqs.clone(), &servers.queue_url, "").await.unwrap();
            let queue: Arc<dyn AnyQueue> = Arc::new(SqsQueues::new(normal, high, low));
            Some(Fixture { queue, kind, _dir: None, servers: Some(servers) })
        }
    }
}

fn open(dir: &tempfile::TempDir) -> EmbeddedQueue {
    EmbeddedQueue::open(Db::open(&dir.path().join("db.sqlite")).unwrap(), SOON).unwrap()
}

async fn must_receive(queue: &Arc<dyn AnyQueue>, lease: Duration) -> Message {
    queue.receive(WAIT, lease).await.unwrap().expect("a message")
}

/// A test on all kinds of queues.
macro_rules! on_all {
    ($name:ident) => {
        mod $name {
            use super::{Kind, fixture};
            use crate::support::servers::ServerKind;
            async fn run(kind: Kind) {
                if let Some(fixture) = fixture(kind).await {
                    super::$name(fixture).await;
                }
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                run(Kind::Embedded).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn sqs_of_moto() {
                run(Kind::Sqs(ServerKind::Moto)).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn sqs_of_localstack() {
                run(Kind::Sqs(ServerKind::LocalStack)).await;
            }
        }
    };
}

mod dead_letters;
mod order;

on_all!(a_leased_message_is_hidden_until_its_lease_ends);
async fn a_leased_message_is_hidden_until_its_lease_ends(fixture: Fixture) {
    let queue = &fixture.queue;
    queue.send("x").await.unwrap();
    let first = must_receive(queue, SOON).await;
    assert_eq!((first.body.as_str(), first.receive_count), ("x", 1));
    assert_eq!(queue.receive(Duration::ZERO, LEASE).await.unwrap(), None, "it is leased");
    // The wait ends by itself when the lease does.
    let second = must_receive(queue, LEASE).await;
    assert_eq!((second.id.as_str(), second.receive_count), (first.id.as_str(), 2));
    assert_ne!(second.receipt, first.receipt);
}

on_all!(a_receipt_is_invalid_after_the_next_delivery);
async fn a_receipt_is_invalid_after_the_next_delivery(fixture: Fixture) {
    let queue = &fixture.queue;
    queue.send("x").await.unwrap();
    let old = must_receive(queue, SOON).await;
    let new = must_receive(queue, LEASE).await;
    let lost = [
        queue.extend(&old.receipt, LEASE).await,
        queue.retry_after(&old.receipt, Duration::ZERO).await,
        queue.dead_letter(&old.receipt, "why").await,
    ];
    for result in lost {
        assert!(matches!(result, Err(Error::LeaseLost)), "{result:?}");
    }
    if fixture.kind == Kind::Embedded {
        // SQS may accept a late acknowledgement, which is harmless: the work is done.
        let late = queue.ack(&old.receipt).await;
        assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    }
    queue.ack(&new.receipt).await.unwrap();
    queue.ack(&new.receipt).await.expect("an acknowledgement may be repeated");
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.dead), (0, 0, 0));
}

on_all!(an_extended_lease_stays_hidden);
async fn an_extended_lease_stays_hidden(fixture: Fixture) {
    let queue = &fixture.queue;
    queue.send("x").await.unwrap();
    let message = must_receive(queue, Duration::from_secs(2)).await;
    queue.extend(&message.receipt, LEASE).await.unwrap();
    assert_eq!(queue.receive(Duration::from_secs(3), LEASE).await.unwrap(), None);
    queue.ack(&message.receipt).await.unwrap();
}

on_all!(a_retry_is_delivered_after_its_delay_and_a_dead_letter_never);
async fn a_retry_is_delivered_after_its_delay_and_a_dead_letter_never(fixture: Fixture) {
    let queue = &fixture.queue;
    queue.send("x").await.unwrap();
    let message = must_receive(queue, LEASE).await;
    queue.retry_after(&message.receipt, LEASE).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().in_flight, 1);
    assert_eq!(queue.receive(SOON, LEASE).await.unwrap(), None, "its pause lasts");

    queue.send("y").await.unwrap();
    let message = must_receive(queue, LEASE).await;
    queue.retry_after(&message.receipt, Duration::ZERO).await.unwrap();
    let again = must_receive(queue, LEASE).await;
    assert_eq!((again.body.as_str(), again.receive_count), ("y", 2));
    queue.dead_letter(&again.receipt, "it is poison").await.unwrap();
    assert_eq!(queue.receive(SOON, LEASE).await.unwrap(), None);
    assert_eq!(queue.depth().await.unwrap().dead, 1);
    if let Some(servers) = &fixture.servers {
        let dead = servers.dead_letters().await;
        assert_eq!(dead, [("y".to_owned(), "it is poison".to_owned())]);
    }
}

on_all!(a_new_message_ends_a_waiting_receive);
async fn a_new_message_ends_a_waiting_receive(fixture: Fixture) {
    let queue = Arc::clone(&fixture.queue);
    let waiting = Arc::clone(&queue);
    let receive = tokio::spawn(async move { must_receive(&waiting, LEASE).await });
    tokio::task::yield_now().await;
    queue.send("x").await.unwrap();
    assert_eq!(receive.await.unwrap().body, "x");
}

on_all!(concurrent_receivers_get_each_message_once);
async fn concurrent_receivers_get_each_message_once(fixture: Fixture) {
    const MESSAGES: usize = 100;
    let queue = Arc::clone(&fixture.queue);
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
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), MESSAGES, "one is lost");
    // SQS promises "at least once", and moto's threads deliver some messages twice. The claim in
    // the bucket prevents a second flip.
    if fixture.kind != Kind::Sqs(ServerKind::Moto) {
        assert_eq!(seen.len(), MESSAGES, "one came twice");
    }
}

#[tokio::test]
async fn a_restart_loses_no_message_and_ends_the_leases_of_the_dead_process() {
    let dir = tempfile::tempdir().unwrap();
    let before: Arc<dyn AnyQueue> = Arc::new(open(&dir));
    before.send("held").await.unwrap();
    let held = must_receive(&before, LEASE).await;
    before.send("waiting").await.unwrap();
    drop(before);
    let queue: Arc<dyn AnyQueue> = Arc::new(open(&dir));
    let mut bodies = [must_receive(&queue, LEASE).await, must_receive(&queue, LEASE).await];
    bodies.sort_by(|a, b| a.body.cmp(&b.body));
    assert_eq!((bodies[0].body.as_str(), bodies[0].receive_count), ("held", 2));
    assert_eq!((bodies[1].body.as_str(), bodies[1].receive_count), ("waiting", 1));
    assert!(matches!(queue.ack(&held.receipt).await, Err(Error::LeaseLost)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_between_two_starts_holds_no_message_up() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).send("paused").await.unwrap();
    // Its pause began when the clock was ten years ahead.
    let connection = rusqlite::Connection::open(dir.path().join("db.sqlite")).unwrap();
    let ten_years_ms = 10 * 366 * 86_400_000_i64;
    let sql = "UPDATE messages SET visible_at_ms = visible_at_ms + ?1";
    assert_eq!(connection.execute(sql, [ten_years_ms]).unwrap(), 1);
    drop(connection);
    let queue = open(&dir);
    let message =
        queue.receive(WAIT, LEASE).await.unwrap().expect("it comes after the longest pause");
    assert_eq!(message.body, "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_without_a_dead_letter_queue_is_refused() {
    let Some(servers) = Servers::start(ServerKind::Moto).await else { return };
    let url = servers.queue("alone", None).await;
    let refused = SqsQueue::open(servers.sqs.clone(), &url, "").await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("set queue.dead_letter_url"), "{refused}");
    SqsQueue::open(servers.sqs.clone(), &url, &servers.dead_letter_url).await.unwrap();
}
