//! The end of a run: everything that was uploaded is published, and nothing else is left.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ladderd::domain::job::VideoId;
use ladderd::domain::tombstone::{TOMBSTONES_PREFIX, Tombstone};

use super::book::{Book, Expect, Film};
use super::rig::Rig;
use super::watcher::Watcher;

/// Time without a newly finished video after which the unfinished ones count as lost.
const NO_PROGRESS: Duration = Duration::from_mins(5);
/// Time for the sweep to remove what is left: longer than clocks were wrong and records may stay.
const SWEEP: Duration = Duration::from_mins(5);

/// Waits until each video is finished or gone. Returns those that are lost, in words.
pub async fn settle(rig: &Rig, book: &Book) -> Vec<String> {
    let unfinished = || {
        book.films(|film| match film.expect {
            Expect::Alive => !film.is_done,
            Expect::Deleting => true,
            Expect::Deleted(_) => false,
        })
    };
    let (mut left, mut changed) = (unfinished(), Instant::now());
    while !left.is_empty() && changed.elapsed() < NO_PROGRESS {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = unfinished();
        if now.len() < left.len() {
            changed = Instant::now();
        }
        left = now;
    }
    let mut lost = Vec::new();
    for film in left {
        let url = format!("{}/v1/videos/{}", rig.api(), film.id);
        let video = match rig.http.get(url).send().await {
            Ok(answer) => answer.text().await.unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        lost.push(format!("{film:?}: {video}"));
    }
    lost
}

/// Looks at each video once more. Returns those whose latest version is not shown.
pub async fn last_look(book: &Book, watcher: &Arc<Watcher>) -> Vec<String> {
    let mut lost = Vec::new();
    for film in book.films(|film| film.expect == Expect::Alive) {
        if !watcher.watch(&film).await {
            lost.push(format!("{film:?}"));
        }
    }
    lost
}

/// Waits until the sweep has removed everything that belongs to no video. Returns what stays.
pub async fn leftovers(rig: &Rig, book: &Book) -> Vec<String> {
    let began = Instant::now();
    loop {
        let left = look(rig, book).await;
        if left.is_empty() || began.elapsed() > SWEEP {
            return left;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

async fn look(rig: &Rig, book: &Book) -> Vec<String> {
    let alive: BTreeMap<String, Film> = book
        .films(|film| film.expect == Expect::Alive)
        .into_iter()
        .map(|film| (film.id.clone(), film))
        .collect();
    let mut left = Vec::new();
    for bucket in ["public", "uploads"] {
        let keys = crate::support::servers::keys_of(&rig.s3, bucket, "").await;
        let stray = keys.into_iter().filter(|key| match bucket {
            "public" => is_stray_public(key, &alive),
            _ => is_stray_private(key, &alive),
        });
        left.extend(stray.map(|key| format!("{bucket}/{key}")));
        let multiparts = rig.s3.list_multipart_uploads().bucket(bucket).send().await.unwrap();
        left.extend(multiparts.uploads().iter().map(|upload| format!("multipart {upload:?}")));
    }
    left.extend(open_tombstones(rig, book).await);
    left.extend(messages(rig).await);
    if rig.disk.is_some() {
        let machines = rig.machines.lock().await;
        left.extend(files(machines[0].appliance.data_dir(), &machines[0].appliance.database()));
    }
    left
}

/// Whether a public object belongs to no living video, or to an attempt that is not its latest.
fn is_stray_public(key: &str, alive: &BTreeMap<String, Film>) -> bool {
    let Some((id, rest)) = key.split_once('/') else { return true };
    let Some(film) = alive.get(id) else { return true };
    let latest = film.finished.get(&film.version);
    match rest.split_once('/') {
        Some((attempt, _)) => !latest.is_some_and(|attempts| attempts.contains(attempt)),
        None => !matches!(rest, "main.m3u8" | "job.json"),
    }
}

/// Whether a private object belongs to no living video and is none that stays: tombstones outlive their videos,
/// housekeeping notes its turns and the first start, accounts belong to
/// no video, and events outlive theirs.
fn is_stray_private(key: &str, alive: &BTreeMap<String, Film>) -> bool {
    let stays = ["claims/turns/", "auth/", "outbox/"].iter().any(|prefix| key.starts_with(prefix));
    if key == "claims/first-start" || stays {
        return false;
    }
    let own = ["records/", "claims/"].iter().find_map(|prefix| key.strip_prefix(prefix));
    match own {
        Some(name) => !name.strip_suffix(".json").is_some_and(|id| alive.contains_key(id)),
        None if key.starts_with(TOMBSTONES_PREFIX) => false,
        None => !alive.contains_key(VideoId::of_source("uploads", key).as_str()),
    }
}

/// The tombstones of deletes that have not ended, or of videos that nobody deleted.
async fn open_tombstones(rig: &Rig, book: &Book) -> Vec<String> {
    let mut open = Vec::new();
    for key in crate::support::servers::keys_of(&rig.s3, "uploads", TOMBSTONES_PREFIX).await {
        let object = rig.s3.get_object().bucket("uploads").key(&key).send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().into_bytes();
        let tombstone: Tombstone = serde_json::from_slice(&bytes).unwrap();
        let deleted = book.films(|film| {
            film.id == tombstone.id.as_str() && (film.life > 0 || film.expect != Expect::Alive)
        });
        if tombstone.is_in_progress() || deleted.is_empty() {
            open.push(format!("{key}: {:?}", tombstone.stage));
        }
    }
    open
}

/// Messages and dead letters.
async fn messages(rig: &Rig) -> Vec<String> {
    let (visible, leased, dead) = if let Some(fleet) = &rig.fleet {
        fleet.servers.depth().await
    } else {
        let db = rig.machines.lock().await[0].appliance.database();
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            db.query_row(&sql, [], |row| row.get::<_, u32>(0)).unwrap()
        };
        (count("messages"), 0, count("dead_letters"))
    };
    let kinds = [("message", visible + leased), ("dead letter", dead)];
    kinds.iter().flat_map(|(kind, n)| (0..*n).map(|_| (*kind).to_owned())).collect()
}

/// Files below the data directory that no row names.
fn files(data_dir: &Path, db: &rusqlite::Connection) -> Vec<String> {
    let names = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let named = names("SELECT blob FROM object_blobs UNION SELECT blob FROM parts");
    let mut left = names("SELECT 'garbage ' || blob FROM garbage");
    for folder in ["blobs", "incoming", "quarantine"] {
        for file in below(&data_dir.join(folder)) {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            let is_named = name == "generation" || named.contains(&name);
            if folder != "blobs" || !is_named {
                left.push(file.display().to_string());
            }
        }
    }
    left
}

fn below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(below(&path)) } else { found.push(path) }
    }
    found
}
