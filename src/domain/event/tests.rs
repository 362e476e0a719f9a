use super::*;
use crate::domain::record::FailedUpdate;
use crate::domain::video::VideoError;

fn video() -> VideoId {
    VideoId::of_source("uploads", "k")
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(1_800_000_000_000_000 + micros).unwrap()
}

#[test]
fn the_id_of_an_event_follows_from_its_cause() {
    let id = EventId::of(&video(), EventKind::VideoReady, "v1/t1");
    assert_eq!(id, EventId::of(&video(), EventKind::VideoReady, "v1/t1"));
    assert!(id.as_str().starts_with("evt_") && id.as_str().len() == 28, "{id}");
    let other = VideoId::of_source("uploads", "l");
    for other in [
        EventId::of(&other, EventKind::VideoReady, "v1/t1"),
        EventId::of(&video(), EventKind::VideoFailed, "v1/t1"),
        EventId::of(&video(), EventKind::VideoReady, "v1/t2"),
    ] {
        assert_ne!(id, other);
    }
}

#[test]
fn kinds_have_one_name_everywhere() {
    for kind in EventKind::OF_VIDEOS.into_iter().chain([EventKind::Ping]) {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
}

#[test]
fn places_have_the_order_of_their_times_or_the_opposite_one() {
    let id = EventId::of(&video(), EventKind::VideoReady, "v1");
    let places = [0, 1, 9, 10, 4096].map(|micros| Position::new(at(micros), &id));
    assert!(places.is_sorted());
    let inverted: Vec<String> = places.iter().rev().map(Position::inverted).collect();
    assert!(inverted.is_sorted(), "{inverted:?}");
    for place in &places {
        assert_eq!(Position::of_inverted(&place.inverted()).as_ref(), Some(place));
        assert_eq!(Position::of_key(&place.key()).as_ref(), Some(place));
        assert_eq!(place.event_id().as_ref(), Some(&id));
        assert!(Position::before(place.time()) < *place);
        assert!(place.earlier(SignedDuration::from_micros(1)) < Position::before(place.time()));
    }
    assert_eq!(places[3].time(), at(10));
    // Two of one time have the opposite order, too.
    let ids = [[1; 12], [0xe7; 12]].map(|bytes| Position::new(at(0), &EventId::from_random(bytes)));
    assert!(ids[0] < ids[1] && ids[0].inverted() > ids[1].inverted());
    assert!(ids[0].inverted() < Position::before(at(-1)).inverted());
    for wrong in ["", "00-evt_00", "../../auth/tokens/x", &format!("{:016x}-x", 7)] {
        assert_eq!(Position::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn events_of_a_video_are_counted_once_each_and_in_order() {
    let mut events = VideoEvents::default();
    let ids: Vec<EventId> = (0..100_u32)
        .map(|n| EventId::of(&video(), EventKind::VideoUpdated, &n.to_string()))
        .collect();
    let week = SignedDuration::from_hours(7 * 24);
    // A clock that stands still, or goes back.
    let entries: Vec<EventEntry> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| events.note(id, at(if n < 50 { 7 } else { 0 }), week))
        .collect();
    assert!(entries.iter().map(|entry| entry.sequence).eq(1..=100));
    assert!(entries.is_sorted_by_key(|entry| entry.position.clone()));
    // A purge redacts all that readers may still get.
    assert!(ids.iter().all(|id| events.find(id).is_some()));
    // An event whose writer died gets a new place, and keeps its number.
    let again = events.note(&ids[90], at(500), week);
    assert_eq!((again.sequence, again.created_at), (91, entries[90].created_at));
    assert!(again.position > entries[99].position);
    assert_eq!(events.find(&ids[90]), Some(&again));
    let next = EventId::from_random([7; 12]);
    let later = at(501) + week;
    assert_eq!(events.note(&next, later, week).sequence, 101);
    assert_eq!((events.entries().len(), events.find(&ids[0])), (MOST_ENTRIES, None));
    assert_eq!(events.find(&ids[90]), Some(&again));
}

#[test]
fn the_end_of_a_job_is_an_event_of_that_end() {
    let mut record = JobRecord::ready(video(), "a1");
    record.timings.finished_at = Some("t1".to_owned());
    let ready = of_job(&record);
    assert_eq!(ready, (EventKind::VideoReady, "v1/t1".to_owned()));
    // A move to the other home is no new end.
    assert_eq!(of_job(&record.in_folder("a2")), ready);
    let error = VideoError { code: "not-media".to_owned(), message: String::new() };
    let failed_update = Some(FailedUpdate { source_etag: "v2".to_owned(), error });
    let updated = JobRecord { failed_update, ..record.clone() };
    assert_eq!(of_job(&updated), (EventKind::VideoFailed, "v2/not-media".to_owned()));
    assert_eq!(all_of_job(&updated), [of_job(&updated)]);
    let playable = (EventKind::VideoPlayable, "a1".to_owned());
    assert_eq!(all_of_job(&record), [playable, ready]);
    let failed = JobRecord { outcome: JobOutcome::Failed, ..record };
    assert_eq!(all_of_job(&failed), [of_job(&failed)]);
    assert_eq!(of_job(&failed).0, EventKind::VideoFailed);
}
