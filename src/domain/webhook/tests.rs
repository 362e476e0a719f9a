use super::*;
use crate::domain::event::EventId;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + secs).unwrap()
}

fn delivery() -> Delivery {
    let id = EventId::from_random([7; 12]);
    Delivery::new(Position::new(at(0), &id), EventKind::VideoReady, "v")
}

fn endpoint() -> Endpoint {
    Endpoint {
        id: "wh_1".to_owned(),
        url: "https://example.com".to_owned(),
        description: String::new(),
        events: Vec::new(),
        state: EndpointState::Active,
        reason: None,
        secrets: Vec::new(),
        created_at: at(0),
        failing_since: None,
        last_error: None,
        replays: Vec::new(),
    }
}

#[test]
fn a_delivery_is_tried_for_three_days() {
    let (mut delivery, mut now, mut pauses) = (delivery(), at(0), Vec::new());
    let refused = Answer::of(500, None);
    loop {
        match delivery.note(&refused, now, Duration::from_millis(12), 0.0) {
            Next::Retry(next) => {
                pauses.push(next.duration_since(now));
                now = next;
            }
            Next::GiveUp => break,
            Next::Delivered => panic!("it was refused"),
        }
    }
    assert_eq!(pauses, PAUSES);
    let days = now.duration_since(at(0)).as_hours() / 24;
    assert_eq!((days, delivery.attempts.len(), delivery.status), (3, 10, DeliveryStatus::Failed));
    assert_eq!((delivery.next_at, delivery.attempts[0].duration_ms), (None, 12));
}

#[test]
fn an_answer_decides_what_follows() {
    let retry = |secs| Next::Retry(at(secs));
    let unreachable = Answer::Unreachable("no route".to_owned());
    // Status and `Retry-After`, tries before it, and what follows.
    let table = [
        (Answer::of(200, None), 0, Next::Delivered),
        (Answer::of(204, Some("60")), 3, Next::Delivered),
        (Answer::of(302, None), 0, retry(5)),
        (Answer::of(400, None), 1, retry(300)),
        (Answer::of(429, Some("60")), 0, retry(60)),
        (Answer::of(503, Some(" 1 ")), 0, retry(5)),
        (Answer::of(503, Some("999999999999")), 0, retry(86_400)),
        (Answer::of(503, Some("18446744073709551615")), 0, retry(86_400)),
        (Answer::of(503, Some("Wed, 21 Oct 2015 07:28:00 GMT")), 0, retry(5)),
        (Answer::of(410, None), 0, retry(5)),
        (unreachable.clone(), 8, retry(86_400)),
        (unreachable, 9, Next::GiveUp),
        (Answer::of(429, Some("60")), 9, Next::GiveUp),
    ];
    for (answer, tries, expected) in table {
        assert_eq!(next(tries, &answer, at(0), 0.0), expected, "{answer:?} {tries}");
    }
    assert_eq!(
        next(0, &Answer::of(500, None), at(0), 1.0),
        Next::Retry(at(0) + SignedDuration::from_millis(5500))
    );
    assert!(Answer::of(301, None).error().unwrap().contains("redirects are not followed"));
    assert_eq!(Answer::of(299, None).error(), None);
}

#[test]
fn two_secrets_sign_for_a_day_after_a_rotation() {
    let mut endpoint = endpoint();
    endpoint.rotate("first".to_owned(), at(0));
    assert_eq!(endpoint.valid_secrets(at(9)), ["first"]);
    assert!(!format!("{endpoint:?}").contains("first"), "{endpoint:?}");
    endpoint.rotate("second".to_owned(), at(10));
    assert_eq!(endpoint.valid_secrets(at(11)), ["second", "first"]);
    assert_eq!(endpoint.valid_secrets(at(10 + 86_400)), ["second"]);
    endpoint.rotate("third".to_owned(), at(20));
    assert_eq!(endpoint.valid_secrets(at(21)), ["third", "second"]);
}

#[test]
fn an_endpoint_remembers_since_when_it_fails() {
    let mut endpoint = endpoint();
    assert!(!endpoint.note(None, at(1)));
    assert!(endpoint.note(Some("500"), at(2)));
    assert!(!endpoint.note(Some("404"), at(3)));
    let since = (endpoint.failing_since, endpoint.last_error.clone());
    assert_eq!(since, (Some(at(2)), Some("500".to_owned())));
    endpoint.pause("dead".to_owned());
    assert_eq!(endpoint.state, EndpointState::Paused);
    endpoint.resume();
    assert_eq!((endpoint.state, endpoint.reason.clone()), (EndpointState::Active, None));
    assert_eq!(endpoint.failing_since, None);
    assert!(endpoint.wants(EventKind::VideoReady));
    endpoint.events = vec![EventKind::VideoFailed];
    assert!(endpoint.wants(EventKind::VideoFailed) && !endpoint.wants(EventKind::VideoReady));
}

#[test]
fn an_endpoint_is_paused_only_if_it_has_accepted_nothing_since() {
    let refused = Answer::of(500, None);
    // Tries the delivery until it is given up, after other attempts: of a replay, and that of another event.
    let given_up = |replayed: bool, other: Option<Answer>| {
        let (mut endpoint, mut delivery, mut now) = (endpoint(), delivery(), at(10));
        if replayed {
            delivery.note(&refused, at(1), Duration::ZERO, 0.0);
            endpoint.note_attempt(&delivery, &refused);
            let attempts = delivery.attempts;
            delivery = Delivery { attempts, ..self::delivery() };
            let mut fine = self::delivery();
            let accepted = Answer::of(200, None);
            fine.note(&accepted, at(2), Duration::ZERO, 0.0);
            assert!(endpoint.note_attempt(&fine, &accepted));
        }
        loop {
            let next = delivery.note(&refused, now, Duration::ZERO, 0.0);
            endpoint.note_attempt(&delivery, &refused);
            if let Some(other) = &other {
                let mut delivery = self::delivery();
                delivery.note(other, now, Duration::ZERO, 0.0);
                endpoint.note_attempt(&delivery, other);
            }
            match next {
                Next::Retry(next) => now = next,
                Next::GiveUp => return endpoint,
                Next::Delivered => panic!("it was refused"),
            }
        }
    };
    for replayed in [false, true] {
        let dead = given_up(replayed, None);
        assert_eq!(dead.state, EndpointState::Paused, "{replayed}");
        assert!(dead.reason.unwrap().contains("for three days"));
        // One event that the receiver refuses, among others that it accepts.
        let healthy = given_up(replayed, Some(Answer::of(200, None)));
        assert_eq!((healthy.state, healthy.failing_since), (EndpointState::Active, None));
        let gone = given_up(replayed, Some(Answer::Gone));
        assert_eq!(gone.state, EndpointState::Paused, "{replayed}");
    }
}

#[test]
fn the_first_failure_counts_in_whichever_order_attempts_end() {
    let mut endpoint = endpoint();
    assert!(endpoint.note(Some("500"), at(3)) && endpoint.note(Some("500"), at(2)));
    assert!(!endpoint.note(Some("500"), at(4)));
    assert_eq!(endpoint.failing_since, Some(at(2)));
}

#[test]
fn debug_texts_hold_no_secret_of_a_url() {
    let url = "https://user:hidden@example.com/hidden?key=hidden#hidden".to_owned();
    let shown = format!("{:?}", Endpoint { url, ..endpoint() });
    assert!(shown.contains("https://example.com") && !shown.contains("hidden"), "{shown}");
}
