//! Dead letters: pages, retries and removal.

use std::time::Duration;

use ladderd::queue::DeadLetter;

use super::{Fixture, Kind, LEASE, fixture, must_receive};

on_all!(dead_letters_are_listed_requeued_and_removed);
async fn dead_letters_are_listed_requeued_and_removed(fixture: Fixture) {
    let queue = &fixture.queue;
    let none = queue.dead_letters(10, None).await.unwrap();
    assert_eq!((none.letters, none.next), (Vec::new(), None));
    for body in ["a", "b", "c"] {
        queue.send(body).await.unwrap();
        let first = must_receive(queue, LEASE).await;
        queue.retry_after(&first.receipt, Duration::ZERO).await.unwrap();
        let second = must_receive(queue, LEASE).await;
        queue.dead_letter(&second.receipt, &format!("why {body}")).await.unwrap();
        // The order is that of milliseconds.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shown = |letters: &[DeadLetter]| -> Vec<(String, Option<String>, u32)> {
        let one = |l: &DeadLetter| (l.body.clone(), l.reason.clone(), l.receive_count);
        letters.iter().map(one).collect()
    };
    let row = |body: &str| (body.to_owned(), Some(format!("why {body}")), 2);
    let page = queue.dead_letters(2, None).await.unwrap();
    assert_eq!(shown(&page.letters), [row("c"), row("b")]);
    let age = jiff::Timestamp::now().duration_since(page.letters[0].died_at);
    assert!(age.as_secs().abs() < 60, "{age:?}");
    // A look hides no dead letter from the next one.
    let last = queue.dead_letters(2, page.next.as_ref()).await.unwrap();
    assert_eq!((shown(&last.letters), last.next), (vec![row("a")], None));
    assert_eq!(queue.depth().await.unwrap().dead, 3);

    let [c, b] = &page.letters[..] else { unreachable!() };
    let found = queue.find_dead_letter(&b.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(b));
    assert!(queue.requeue_dead_letter(&b.id).await.unwrap());
    let again = must_receive(queue, LEASE).await;
    assert_eq!((again.body.as_str(), again.receive_count), ("b", 1), "it is a new message");
    queue.ack(&again.receipt).await.unwrap();
    assert!(queue.remove_dead_letter(&c.id).await.unwrap());
    for gone in [&b.id, &c.id, "00000000-0000-0000-0000-000000000000"] {
        assert!(!queue.requeue_dead_letter(gone).await.unwrap());
        assert!(!queue.remove_dead_letter(gone).await.unwrap());
        assert_eq!(queue.find_dead_letter(gone).await.unwrap(), None);
    }
    let left = queue.dead_letters(10, None).await.unwrap();
    assert_eq!(shown(&left.letters), [row("a")]);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.dead), (0, 0, 1));
}

on_all!(a_page_has_all_dead_letters_of_several_requests);
async fn a_page_has_all_dead_letters_of_several_requests(fixture: Fixture) {
    // SQS hands out ten at a time.
    const COUNT: usize = 23;
    if fixture.kind == Kind::Embedded {
        return;
    }
    let servers = fixture.servers.as_ref().unwrap();
    for n in 0..COUNT {
        // As its redrive policy moves them: without a reason.
        let send = servers.sqs.send_message().queue_url(&servers.dead_letter_url);
        send.message_body(n.to_string()).send().await.unwrap();
    }
    for _ in 0..2 {
        let page = fixture.queue.dead_letters(COUNT, None).await.unwrap();
        assert_eq!((page.letters.len(), page.next), (COUNT, None));
        assert!(page.letters.iter().all(|letter| letter.reason.is_none()));
    }
}
