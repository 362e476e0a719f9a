use jiff::{SignedDuration, Timestamp};

use super::Changes;
use super::feed::{is_of, key_at, prefix_at};
use crate::domain::job::VideoId;

#[test]
fn keys_sort_by_time_and_name_their_writer() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let noon = at("2026-11-30T12:59:59.999Z");
    let key = key_at(noon, "b0-x", 7);
    assert_eq!(key, "changes/2026-11-30T12/1796043599999-b0-x-00000007.json");
    assert!(is_of(&key, "b0-x") && !is_of(&key, "b0") && !is_of(&key, "x"));
    let times = [0, 1, 999, 1_000, 3_599_999, 3_600_000, 86_400_000, 40_000_000_000];
    let keys: Vec<String> =
        times.iter().map(|ms| key_at(noon + SignedDuration::from_millis(*ms), "b", 0)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert!(prefix_at(noon) < key, "what is written at a time comes after its prefix");
}

#[tokio::test]
async fn a_box_hears_its_own_changes_at_once() {
    let changes = Changes::alone();
    let id = VideoId::of_source("uploads", "k");
    changes.note(&id);
    let mut news = changes.subscribe();
    changes.note(&id);
    assert_eq!(news.recv().await.unwrap(), id);
    assert!(news.try_recv().is_err());
}
