//! Thousands of videos at once: their records, written into the embedded store as it writes them.

use std::path::Path;
use std::time::Duration;

use ladderd::domain::job::VideoId;
use rusqlite::{Transaction, params};
use serde_json::{Value, json};

use crate::support::appliance::{Appliance, TIMEOUT};

/// Upload record and completion record of the video with this number.
fn records(n: usize) -> (VideoId, Value, Value) {
    let key = format!("in/{n:05}/lesson.mp4");
    let id = VideoId::of_source("uploads", &key);
    let created = jiff::Timestamp::from_second(1_700_000_000 + i64::try_from(n).unwrap() * 60);
    let created = created.unwrap().to_string();
    let mut tags = vec![format!("group-{}", n % 7)];
    if n.is_multiple_of(10) {
        tags.push("tenth".to_owned());
    }
    if n == 0 {
        tags.push("zz-first".to_owned());
    }
    let upload = json!({
        "id": id.as_str(), "key": key, "filename": format!("lesson_{n:05}.mp4"), "size_bytes": 1 << 20,
        "is_issued": true, "visibility": "public", "created_at": created, "title": format!("Lesson {n:05}"),
        "description": "One of many", "tags": tags,
    });
    let rung = json!({"name": "360p", "label": "360p", "width": 640, "height": 360, "segments": 10,
        "peak_bps": 800_000, "average_bps": 700_000});
    let job = json!({
        "id": id.as_str(), "filename": "lesson.mp4", "outcome": "ready", "source_etag": "e", "attempt_id": "a1",
        "attempt": 1, "backend": "cpu", "duration_secs": 60.0, "renditions": [rung],
        "timings": {"created_at": created, "started_at": created, "playable_at": created,
            "finished_at": created},
    });
    (id, upload, job)
}

/// An object of the store: its rows, and the file with its bytes.
fn put(rows: &Transaction<'_>, blobs: &Path, bucket: &str, key: &str, body: &Value) {
    let bytes = body.to_string().into_bytes();
    let size = i64::try_from(bytes.len()).unwrap();
    let id: i64 = rows
        .prepare_cached(
            "INSERT INTO objects (bucket, key, etag, size, headers, modified_ms)
             VALUES (?1, ?2, ?3, ?4, '{}', 1) RETURNING id",
        )
        .unwrap()
        .query_row(params![bucket, key, format!("{:032x}", key.len()), size], |row| row.get(0))
        .unwrap();
    let blob = format!("{:02x}{id:030x}", id % 256);
    let sql = "INSERT INTO object_blobs (object_id, seq, blob, size) VALUES (?1, 0, ?2, ?3)";
    rows.prepare_cached(sql).unwrap().execute(params![id, blob, size]).unwrap();
    std::fs::write(blobs.join(&blob[..2]).join(&blob), bytes).unwrap();
}

/// Gives the appliance so many ready videos, which its catalog finds at the next start.
pub async fn ready_videos(appliance: &mut Appliance, count: usize) {
    appliance.kill();
    let folder = appliance.data_dir().to_owned();
    let mut database = appliance.database();
    let rows = database.transaction().unwrap();
    for n in 0..count {
        let (id, upload, job) = records(n);
        let blobs = folder.join("blobs");
        put(&rows, &blobs, "uploads", &format!("records/{id}.json"), &upload);
        put(&rows, &blobs, "public", &format!("{id}/job.json"), &job);
    }
    rows.commit().unwrap();
    drop(database);
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(folder.join(format!("catalog.sqlite{suffix}"))));
    }
    appliance.restart();
    let listed = tokio::time::timeout(TIMEOUT, async {
        while appliance.get("/v1/videos?limit=1").await.1["is_complete"] != true {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    listed.await.unwrap();
}
