//! What every queue must do. The suite is written against the traits alone, and runs on the
//! embedded queue and on SQS as moto and LocalStack make it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ladderd::db::Db;
use ladderd::queue::embedded::EmbeddedQueue;
use ladderd::queue::sqs::SqsQueue;
use ladderd::queue::{Enqueue, Error, Inspect, Message, Queue};

use super::support::servers::{Make, Servers};

/// The shortest lease and pause that SQS knows.
const SOON: Duration = Duration::from_secs(1);
const LEASE: Duration = Duration::from_mins(1);
const WAIT: Duration = Duration::from_secs(10);

trait AnyQueue: Queue + Enqueue + Inspect {}
impl<T: Queue + Enqueue + Inspect> AnyQueue for T {}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Embedded,
    Sqs(Make),
}

/// A queue, and what keeps it there.
struct Bench {
    queue: Arc<dyn AnyQueue>,
    kind: Kind,
    _dir: Option<tempfile::TempDir>,
    servers: Option<Servers>,
}

async fn bench(kind: Kind) -> Option<Bench> {
    match kind {
        Kind::Embedded => {
            let dir = tempfile::tempdir().unwrap();
            let queue: Arc<dyn AnyQueue> = Arc::new(open(&dir));
            Some(Bench { queue, kind, _dir: Some(dir), servers: None })
        }
        Kind::Sqs(make) => {
            let servers = Servers::start(make).await?;
            servers.notify(false).await;
            // What the switch itself has sent.
            let purged = servers.sqs.purge_queue().queue_url(&servers.queue_url).send().await;
            purged.unwrap();
            let queue = SqsQueue::open(servers.sqs.clone(), &servers.queue_url, "").await.unwrap();
            let queue: Arc<dyn AnyQueue> = Arc::new(queue);
            Some(Bench { queue, kind, _dir: None, servers: Some(servers) })
        }
    }
}

fn open(dir: &tempfile::TempDir) -> EmbeddedQueue {
    EmbeddedQueue::open(Db::open(&dir.path().join("db.sqlite")).unwrap()).unwrap()
}

async fn must_receive(queue: &Arc<dyn AnyQueue>, lease: Duration) -> Message {
    queue.receive(WAIT, lease).await.unwrap().expect("a message")
}

/// A test on all kinds of queues.
macro_rules! on_all {
    ($name:ident) => {
        mod $name {
            use super::{Kind, bench};
            use crate::support::servers::Make;
            async fn run(kind: Kind) {
                if let Some(bench) = bench(kind).await {
                    super::$name(bench).await;
                }
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                run(Kind::Embedded).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn sqs_of_moto() {
                run(Kind::Sqs(Make::Moto)).await;
            }
            #[tokio::test(flavor = "multi_thread")]
            async fn sqs_of_localstack() {
                run(Kind::Sqs(Make::LocalStack)).await;
            }
        }
    };
}

on_all!(a_leased_message_is_hidden_and_comes_back_when_the_lease_ends);
async fn a_leased_message_is_hidden_and_comes_back_when_the_lease_ends(bench: Bench) {
    let queue = &bench.queue;
    queue.send("x").await.unwrap();
    let first = must_receive(queue, SOON).await;
    assert_eq!((first.body.as_str(), first.receive_count), ("x", 1));
    assert_eq!(queue.receive(Duration::ZERO, LEASE).await.unwrap(), None, "it is leased");
    // The wait ends by itself when the lease does.
    let second = must_receive(queue, LEASE).await;
    assert_eq!((second.id.as_str(), second.receive_count), (first.id.as_str(), 2));
    assert_ne!(second.receipt, first.receipt);
}

on_all!(a_receipt_ends_with_its_delivery);
async fn a_receipt_ends_with_its_delivery(bench: Bench) {
    let queue = &bench.queue;
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
    if bench.kind == Kind::Embedded {
        // SQS may take a late acknowledgement: whoever has one has done what was asked for.
        let late = queue.ack(&old.receipt).await;
        assert!(matches!(late, Err(Error::LeaseLost)), "{late:?}");
    }
    queue.ack(&new.receipt).await.unwrap();
    queue.ack(&new.receipt).await.expect("an acknowledgement may be repeated");
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.dead), (0, 0, 0));
}

on_all!(an_extended_lease_holds);
async fn an_extended_lease_holds(bench: Bench) {
    let queue = &bench.queue;
    queue.send("x").await.unwrap();
    let message = must_receive(queue, Duration::from_secs(2)).await;
    queue.extend(&message.receipt, LEASE).await.unwrap();
    assert_eq!(queue.receive(Duration::from_secs(3), LEASE).await.unwrap(), None);
    queue.ack(&message.receipt).await.unwrap();
}

on_all!(a_retry_comes_after_its_pause_and_a_dead_letter_never);
async fn a_retry_comes_after_its_pause_and_a_dead_letter_never(bench: Bench) {
    let queue = &bench.queue;
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
    if let Some(servers) = &bench.servers {
        let dead = servers.dead_letters().await;
        assert_eq!(dead, [("y".to_owned(), "it is poison".to_owned())]);
    }
}

on_all!(an_arrival_wakes_a_waiting_receive);
async fn an_arrival_wakes_a_waiting_receive(bench: Bench) {
    let queue = Arc::clone(&bench.queue);
    let waiting = Arc::clone(&queue);
    let receive = tokio::spawn(async move { must_receive(&waiting, LEASE).await });
    tokio::task::yield_now().await;
    queue.send("x").await.unwrap();
    assert_eq!(receive.await.unwrap().body, "x");
}

on_all!(concurrent_receivers_share_no_message);
async fn concurrent_receivers_share_no_message(bench: Bench) {
    const MESSAGES: usize = 100;
    let queue = Arc::clone(&bench.queue);
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
    // SQS promises "at least once", and moto, whose threads share no lock, needs that leave at
    // times; the claim in the bucket keeps a second delivery from a second flip.
    if bench.kind != Kind::Sqs(Make::Moto) {
        assert_eq!(seen.len(), MESSAGES, "one came twice");
    }
}

#[tokio::test]
async fn a_restart_loses_nothing_and_frees_what_the_dead_process_held() {
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
async fn a_queue_without_a_place_for_dead_letters_is_refused() {
    let Some(servers) = Servers::start(Make::Moto).await else { return };
    let url = servers.queue("alone", None).await;
    let refused = SqsQueue::open(servers.sqs.clone(), &url, "").await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("set queue.dead_letter_url"), "{refused}");
    SqsQueue::open(servers.sqs.clone(), &url, &servers.dead_letter_url).await.unwrap();
}
