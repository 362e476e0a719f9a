use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::failures::Failures;
use super::index::{Due, FILE, Index};
use super::list::Page;
use crate::domain::backlog::Waiting;
use crate::domain::catalog::{Query, Sort};
use crate::domain::failure_code::FailureCode;
use crate::domain::job::VideoId;
use crate::domain::metadata::Metadata;
use crate::domain::priority::Priority;
use crate::domain::record::{JobOutcome, JobRecord, Rest, UploadRecord};
use crate::domain::video::{Timings, VideoError, VideoState};
use crate::domain::view::Known;
use crate::domain::visibility::Visibility;

const START: &str = "2026-01-01T00:00:00Z";

fn id(n: i64) -> VideoId {
    VideoId::of_source("uploads", &n.to_string())
}

fn at(n: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(n)
}

/// The facts of the video with this number; every second one is ready.
fn facts(n: i64, metadata: Metadata) -> Known {
    let upload = UploadRecord {
        id: id(n),
        key: format!("uploads/{n}.mp4"),
        filename: format!("holiday_{n:03}.mp4"),
        size_bytes: 7,
        part_size_bytes: None,
        is_issued: true,
        owner: None,
        visibility: Visibility::Public,
        priority: Priority::Normal,
        metadata,
        fingerprint: None,
        created_at: at(n).to_string(),
        rest: Rest::new(),
    };
    let job = (n % 2 == 0).then(|| {
        let filename = upload.filename.clone();
        JobRecord { filename, main: Some("#EXTM3U".to_owned()), ..JobRecord::ready(id(n), "a1") }
    });
    Known { upload: Some(upload), job, ..Known::default() }
}

async fn index_of(count: i64) -> (TempDir, Index) {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path()).unwrap();
    for n in 0..count {
        let metadata = Metadata {
            title: (n % 3 == 0).then(|| format!("Größe Number {}", 1000 - n)),
            tags: if n % 5 == 0 { vec!["five".to_owned()] } else { Vec::new() },
            ..Metadata::default()
        };
        index.put(&id(n), facts(n, metadata), String::new()).await.unwrap();
    }
    (dir, index)
}

fn ids(page: &Page) -> Vec<VideoId> {
    page.videos.iter().map(|(id, _)| id.clone()).collect()
}

fn query(limit: usize) -> Query {
    Query { limit, ..Query::default() }
}

fn text(text: &str) -> Query {
    Query { text: Some(text.to_owned()), ..query(200) }
}

/// All pages of a query. `between` runs after each page.
async fn walk(index: &Index, query: Query, mut between: impl AsyncFnMut(&Page)) -> Vec<VideoId> {
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = index.list(Query { cursor, ..query.clone() }).await.unwrap();
        assert!(page.videos.len() == query.limit || page.next.is_none());
        between(&page).await;
        seen.extend(ids(&page));
        cursor = page.next;
        if cursor.is_none() {
            return seen;
        }
    }
}

/// Whether the video with this number is found.
type Matches = fn(i64) -> bool;

#[tokio::test]
async fn pages_of_every_order_and_filter_follow_each_other_and_end() {
    let (_dir, index) = index_of(40).await;
    let name = |n: i64| {
        if n % 3 == 0 {
            format!("größe number {}", 1000 - n)
        } else {
            format!("holiday_{n:03}.mp4")
        }
    };
    let states = vec![VideoState::Ready, VideoState::Failed, VideoState::Uploading];
    let twice = vec![VideoState::Uploading, VideoState::Failed, VideoState::Uploading];
    let filters: [(Query, Matches); 7] = [
        (query(1), |_| true),
        (Query { tag: Some("five".to_owned()), ..query(1) }, |n| n % 5 == 0),
        (Query { states: vec![VideoState::Ready], ..query(1) }, |n| n % 2 == 0),
        (Query { states, ..query(1) }, |_| true),
        (Query { states: twice, ..query(1) }, |n| n % 2 == 1),
        (text("GROßE numb"), |n| n % 3 == 0),
        (Query { tag: Some("five".to_owned()), ..text("größe") }, |n| n % 15 == 0),
    ];
    for (filter, matches) in filters {
        for (_, sort) in Sort::NAMES {
            let mut expected: Vec<i64> = (0..40).filter(|n| matches(*n)).collect();
            match sort {
                Sort::Oldest => {}
                Sort::Newest => expected.reverse(),
                Sort::Title => expected.sort_by_key(|n| name(*n)),
                Sort::TitleDescending => {
                    expected.sort_by_key(|n| name(*n));
                    expected.reverse();
                }
            }
            let expected: Vec<VideoId> = expected.into_iter().map(id).collect();
            for limit in [1, 3, 40, 200] {
                let query = Query { sort, limit, ..filter.clone() };
                let total = u64::try_from(expected.len()).unwrap();
                let seen = walk(&index, query, async |page| assert_eq!(page.total, total)).await;
                assert_eq!(seen, expected, "{filter:?} {sort:?} {limit}");
            }
        }
    }
}

#[tokio::test]
async fn each_tag_is_listed_once_while_a_video_has_it() {
    let (_dir, index) = index_of(20).await;
    let tagged = |tags: &[&str]| Metadata {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..Metadata::default()
    };
    let more = tagged(&["fünf", "fivefold", "Five", "%", "zoo"]);
    index.put(&id(50), facts(50, more), String::new()).await.unwrap();
    let table: [(&str, usize, &[&str]); 8] = [
        ("", 100, &["%", "Five", "five", "fivefold", "fünf", "zoo"]),
        ("", 2, &["%", "Five"]),
        ("f", 100, &["five", "fivefold", "fünf"]),
        ("five", 100, &["five", "fivefold"]),
        ("five", 1, &["five"]),
        ("fü", 100, &["fünf"]),
        ("zz", 100, &[]),
        ("%", 100, &["%"]),
    ];
    for (prefix, limit, expected) in table {
        let found = index.tags(prefix.to_owned(), limit).await.unwrap();
        assert_eq!(found, expected, "{prefix} {limit}");
    }
    index.put(&id(50), facts(50, tagged(&[])), String::new()).await.unwrap();
    assert_eq!(index.tags(String::new(), 100).await.unwrap(), ["five"]);
}

#[tokio::test]
async fn words_are_found_in_all_texts_and_never_operators() {
    let (_dir, index) = index_of(10).await;
    let described = Metadata {
        title: Some("Der Grüne Fluß".to_owned()),
        description: Some("A river, filmed NEAR(the sea)".to_owned()),
        tags: vec!["nature".to_owned(), "4k".to_owned()],
        ..Metadata::default()
    };
    index.put(&id(50), facts(50, described.clone()), String::new()).await.unwrap();
    let table = [
        ("grune", true),
        ("GRÜNE flu", true),
        ("gru\u{308}ne", true),
        ("fluß grüne", true),
        ("flu grüne", false),
        ("river sea", true),
        ("near", true),
        ("4k", true),
        ("holiday 050", true),
        ("050.mp4", true),
        ("ruene", false),
        ("river ocean", false),
        ("title:river", false),
        ("\" OR 1", false),
        ("---", false),
    ];
    for (words, is_found) in table {
        let found = ids(&index.list(text(words)).await.unwrap());
        assert_eq!(found.contains(&id(50)), is_found, "{words}: {found:?}");
    }
    // Old words are gone once the texts change.
    let renamed = Metadata { title: Some("Sea".to_owned()), ..Metadata::default() };
    index.put(&id(50), facts(50, renamed), String::new()).await.unwrap();
    assert!(ids(&index.list(text("river")).await.unwrap()).is_empty());
    assert_eq!(ids(&index.list(text("sea")).await.unwrap()), [id(50)]);
    index.put(&id(50), Known::default(), String::new()).await.unwrap();
    assert!(ids(&index.list(text("sea")).await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_list_goes_on_after_the_video_of_its_cursor_is_deleted() {
    let (_dir, index) = index_of(10).await;
    for sort in [Sort::Newest, Sort::Title] {
        let mut deleted = BTreeSet::new();
        let seen = walk(&index, Query { sort, ..query(2) }, async |page| {
            let (last, facts) = page.videos.last().unwrap().clone();
            index.put(&last, Known::default(), String::new()).await.unwrap();
            deleted.insert((last, serde_json::to_string(&facts).unwrap()));
        })
        .await;
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 10, "{sort:?}: each one once");
        assert_eq!(deleted.len(), 5);
        for (id, facts) in deleted {
            index.put(&id, serde_json::from_str(&facts).unwrap(), String::new()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn times_narrow_the_list_and_facts_come_back() {
    let (_dir, index) = index_of(10).await;
    let between = Query { created_after: Some(at(3)), created_before: Some(at(6)), ..query(200) };
    let page = index.list(between).await.unwrap();
    assert_eq!(ids(&page), [id(5), id(4), id(3)]);
    let (_, four) = &page.videos[1];
    let job = four.job.as_ref().unwrap();
    assert_eq!((job.attempt_id.as_str(), job.main.as_deref()), ("a1", None));
    assert_eq!(four.upload, facts(4, Metadata::default()).upload);
}

#[tokio::test]
async fn videos_whose_time_has_come_are_due() {
    let (_dir, index) = index_of(4).await;
    let ended = Metadata { expires_at: Some(at(0)), ..Metadata::default() };
    index.put(&id(6), facts(6, ended), String::new()).await.unwrap();
    let later = Metadata { expires_at: "2999-01-01T00:00:00Z".parse().ok(), ..Metadata::default() };
    index.put(&id(8), facts(8, later), String::new()).await.unwrap();
    assert_eq!(index.due(Due::End, 9).await.unwrap(), [id(6)]);
    // They were looked at just now.
    assert!(index.due(Due::Awaited, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_damaged_or_foreign_file_is_made_anew() {
    let (dir, index) = index_of(3).await;
    index.note_comparison().await.unwrap();
    assert!(index.list(query(1)).await.unwrap().is_complete);
    drop(index);
    let kept = Index::open(dir.path()).unwrap();
    assert_eq!(kept.list(query(9)).await.unwrap().total, 3);
    drop(kept);
    for suffix in ["-wal", "-shm"] {
        drop(std::fs::remove_file(dir.path().join(format!("{FILE}{suffix}"))));
    }
    std::fs::write(
        dir.path().join(FILE),
        "no database at all, but long enough for a header".repeat(40),
    )
    .unwrap();
    let anew = Index::open(dir.path()).unwrap();
    let page = anew.list(query(9)).await.unwrap();
    assert_eq!((page.total, page.is_complete), (0, false));
    drop(anew);
    // Where no file can be, it is kept in memory.
    let nowhere = Index::open(&dir.path().join("missing")).unwrap();
    nowhere.put(&id(1), facts(1, Metadata::default()), String::new()).await.unwrap();
    assert_eq!(nowhere.list(query(9)).await.unwrap().total, 1);
}

#[tokio::test]
async fn a_file_that_is_damaged_later_is_made_anew() {
    let (dir, index) = index_of(200).await;
    index
        .call(|connection| {
            connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA cache_size=0")
        })
        .await
        .unwrap();
    let path = dir.path().join(FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    // The first question finds the damage, and the next one an empty index.
    drop(index.list(query(200)).await);
    index.put(&id(1), facts(1, Metadata::default()), String::new()).await.unwrap();
    let page = index.list(query(200)).await.unwrap();
    assert_eq!((page.total, page.is_complete), (1, false));
}

#[tokio::test]
async fn failures_are_counted_by_code_and_listed() {
    let (_dir, index) = index_of(6).await;
    assert_eq!(index.failures().await.unwrap(), []);
    let error = |code: &str| VideoError { code: code.to_owned(), message: String::new() };
    // Of the videos with even numbers, 0 to 10, the last one failed first.
    for n in 0..11 {
        let known = facts(n, Metadata { title: Some(format!("film {n}")), ..Metadata::default() });
        let timings = Timings { finished_at: Some(at(100 - n).to_string()), ..Timings::default() };
        let job = known.job.clone().map(|job| JobRecord {
            outcome: JobOutcome::Failed,
            error: Some(error(if n < 4 { "too-long" } else { "not-media" })),
            timings,
            ..job
        });
        let waiting = (n == 1).then(|| (error("store-denied"), "e".to_owned()));
        let source_etag = waiting.is_some().then(|| "e".to_owned());
        let known = Known { waiting, job, source_etag, ..known };
        index.put(&id(n), known, String::new()).await.unwrap();
    }
    let of = |code: &str, count, latest: Option<i64>, ids: &[i64]| Failures {
        code: code.to_owned(),
        count,
        latest_ms: latest.map(|n| at(n).as_millisecond()),
        video_ids: ids.iter().map(|n| id(*n)).collect(),
    };
    let expected = [
        of("not-media", 4, Some(96), &[4, 6, 8, 10]),
        of("too-long", 2, Some(100), &[0, 2]),
        of("store-denied", 1, None, &[1]),
    ];
    assert_eq!(index.failures().await.unwrap(), expected);
    let code = Some(FailureCode::NotMedia);
    let with_code = |query: Query| Query { code, ..query };
    let page = index.list(with_code(query(3))).await.unwrap();
    assert_eq!((ids(&page), page.total), (vec![id(10), id(8), id(6)], 4));
    let found = walk(&index, with_code(text("film")), async |_| {}).await;
    assert_eq!(found, [10, 8, 6, 4].map(id));
    let page = index.list(with_code(Query { limit: 1, ..text("film 8") })).await.unwrap();
    assert_eq!((ids(&page), page.total), (vec![id(8)], 1), "the words alone do not decide");
    // One that is encoded again has failed no more.
    index.put(&id(4), facts(4, Metadata::default()), String::new()).await.unwrap();
    assert_eq!(index.failures().await.unwrap()[0].count, 3);
}

#[tokio::test]
async fn the_summary_counts_states_and_what_is_known_of_queued_videos() {
    let (_dir, index) = index_of(6).await;
    let queued = |n, job: Option<JobRecord>| Known {
        source_etag: Some("new".to_owned()),
        job,
        ..facts(n, Metadata::default())
    };
    let earlier = JobRecord {
        source_etag: "old".to_owned(),
        duration_secs: Some(60.0),
        ..JobRecord::ready(id(11), "a1")
    };
    for (n, job) in [(10, None), (11, Some(earlier)), (12, None)] {
        index.put(&id(n), queued(n, job), String::new()).await.unwrap();
    }
    let summary = index.call(|connection| super::summary::summary(connection)).await.unwrap();
    let count = |state: &str| {
        summary.states.iter().find(|(known, _)| known == state).map(|(_, count)| *count)
    };
    assert_eq!((count("uploading"), count("ready"), count("queued")), (Some(3), Some(3), Some(3)));
    assert_eq!((count("failed"), summary.states.len()), (Some(0), VideoState::ALL.len()));
    let Waiting { known, known_secs, sized, sized_bytes, unseen } = summary.waiting;
    assert_eq!((known, sized, unseen), (1, 2, 0));
    assert!((known_secs - 60.0).abs() < 1e-9 && (sized_bytes - 14.0).abs() < 1e-9);
    assert_eq!(summary.oldest_ms, Some(at(10).as_millisecond()));
    assert!(!summary.is_complete);
    index.note_comparison().await.unwrap();
    let summary = index.call(|connection| super::summary::summary(connection)).await.unwrap();
    assert!(summary.is_complete);
}
