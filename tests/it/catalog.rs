//! The list of videos, their metadata, and requests that are sent twice.

mod idempotency;
mod metadata;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::support::appliance::{Appliance, TIMEOUT};
use super::support::media;

/// Sends a body as JSON. Returns status and answer.
async fn send(appliance: &Appliance, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let response = appliance.request(method, path).json(body).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or(Value::Null))
}

/// Asks for an upload of a byte with this metadata. Returns the id of the video.
async fn ask_with(appliance: &Appliance, filename: &str, metadata: Value) -> String {
    let mut body = json!({"filename": filename, "size_bytes": 1});
    body.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    let (status, answer) = send(appliance, Method::POST, "/v1/uploads", &body).await;
    assert_eq!(status, 201, "{answer:#}");
    answer["video_id"].as_str().unwrap().to_owned()
}

/// Ids of the videos of a list.
fn ids(list: &Value) -> Vec<&str> {
    list["videos"].as_array().unwrap().iter().map(|video| video["id"].as_str().unwrap()).collect()
}

/// Ids of the videos that a query finds.
async fn found(appliance: &Appliance, query: &str) -> Vec<String> {
    let (status, list) = appliance.get(&format!("/v1/videos?{query}")).await;
    assert_eq!(status, 200, "{query}: {list:#}");
    ids(&list).into_iter().map(str::to_owned).collect()
}

/// Waits until a query finds these videos, and no others.
async fn wait_until_found(appliance: &Appliance, query: &str, wanted: &[&str]) {
    let mut last = Vec::new();
    let waited = tokio::time::timeout(TIMEOUT, async {
        loop {
            last = found(appliance, query).await;
            if last == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{query} finds {last:?} instead of {wanted:?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_found_by_words_tag_state_and_id_as_soon_as_it_is_asked_for() {
    let appliance = Appliance::serving();
    let film = json!({"title": "Der Grüne Fluß", "description": "A river", "tags": ["nature", "4k"],
        "external_id": "lesson/7", "passthrough": "{\"n\":1}", "expires_at": "2999-01-01T00:00:00Z"});
    let id = ask_with(&appliance, "IMG_1.mp4", film.clone()).await;
    let fingerprint = "5f".repeat(32);
    let tagged = json!({"tags": ["4k"], "fingerprint": fingerprint});
    let other = ask_with(&appliance, "IMG_2.mp4", tagged).await;
    let same = format!("fingerprint={fingerprint}");
    let same_words = format!("q=img_2&tag=4k&state=uploading&{same}");
    let other_words = format!("q=img_1&{same}");
    let (_, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    for (name, value) in film.as_object().unwrap() {
        assert_eq!(&video[name], value, "{name}");
    }
    let both = [other.as_str(), id.as_str()];
    for (query, wanted) in [
        ("", &both[..]),
        ("q=grune%20flu", &both[1..]),
        ("q=river", &both[1..]),
        ("q=img_2", &both[..1]),
        ("q=ocean", &[]),
        ("tag=nature", &both[1..]),
        ("tag=4k", &both[..]),
        ("tag=4K", &[]),
        (&same, &both[..1]),
        (&same_words, &both[..1]),
        (&other_words, &[]),
        ("fingerprint=5f", &[]),
        ("state=uploading", &both[..]),
        ("state=ready,failed", &[]),
        ("external_id=lesson%2F7", &both[1..]),
        ("external_id=lesson", &[]),
        ("created_before=2020-01-01T00:00:00Z", &[]),
        ("sort=title", &[id.as_str(), other.as_str()]),
        ("sort=-title", &both[..]),
        ("sort=created", &[id.as_str(), other.as_str()]),
    ] {
        assert_eq!(found(&appliance, query).await, wanted, "{query}");
    }
    for (query, wanted) in [
        ("", json!(["4k", "nature"])),
        ("prefix=n", json!(["nature"])),
        ("prefix=N", json!([])),
        ("limit=1", json!(["4k"])),
    ] {
        let (status, answer) = appliance.get(&format!("/v1/tags?{query}")).await;
        assert_eq!((status, &answer["tags"]), (200, &wanted), "{query}");
    }
    assert_eq!(appliance.get("/v1/tags?limit=1001").await.0, 400);
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "sort=size",
        "state=done",
        "created_after=now",
        "page=2",
    ] {
        let (status, problem) = appliance.get(&format!("/v1/videos?{query}")).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid-request")), "{query}");
        let name = query.split('=').next().unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(name), "{query}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_without_space_for_its_file_is_refused() {
    let data_dir = tempfile::tempdir().unwrap();
    let disk = rustix::fs::statvfs(data_dir.path()).unwrap();
    // Small objects may use three quarters of it, and no upload any.
    let reserve = 2 * disk.f_bavail * disk.f_frsize;
    let appliance =
        Appliance::builder().data_dir(data_dir).setting("embedded.min_free_bytes", reserve).start();
    let body = json!({"filename": "film.mp4", "size_bytes": 1});
    let (status, problem) = send(&appliance, Method::POST, "/v1/uploads", &body).await;
    let code = &problem["code"];
    assert_eq!((status, code), (507, &json!("insufficient-storage")), "{problem}");
    assert_eq!(found(&appliance, "").await, [""; 0]);
    for fingerprint in ["5f", &"5F".repeat(32), &"x".repeat(64)] {
        let body = json!({"filename": "film.mp4", "size_bytes": 1, "fingerprint": fingerprint});
        let (status, problem) = send(&appliance, Method::POST, "/v1/uploads", &body).await;
        assert_eq!(status, 400, "{fingerprint}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_follows_a_video_from_upload_to_delete() {
    let appliance = Appliance::serving();
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    wait_until_found(&appliance, "state=ready", &[&id]).await;
    let (_, list) = appliance.get("/v1/videos?state=ready").await;
    let (_, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    assert_eq!(list["videos"], json!([video]), "the list shows what the video shows");
    assert_eq!((&list["total"], &list["is_complete"]), (&json!(1), &json!(true)));
    // An object that nobody asked to upload.
    let bytes = b"no film".to_vec();
    let put = appliance.s3_client().put_object().bucket("uploads").key("uploads/other.mp4");
    put.body(bytes.into()).send().await.unwrap();
    let waited = tokio::time::timeout(TIMEOUT, async {
        while found(&appliance, "state=failed&q=other").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap();
    assert_eq!(appliance.delete(&id).await, 202);
    let (_, list) = appliance.get("/v1/videos").await;
    let state = list["videos"].as_array().unwrap().iter().find(|video| video["id"] == id.as_str());
    assert!(state.is_none_or(|video| video["state"] == "deleting"), "{list:#}");
    appliance.wait_until_gone(&id).await;
    wait_until_found(&appliance, "q=film", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_arrives_while_nobody_works_is_listed_as_queued() {
    // No job starts: its backend is busy with the first one, which never ends.
    let appliance = Appliance::builder().setting("jobs.max_running", 1).start();
    if appliance.start_long_job().await.is_none() {
        return;
    }
    let id = appliance.upload("waits.mp4", b"no film".to_vec()).await;
    wait_until_found(&appliance, "state=queued", &[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_damaged_catalog_is_made_anew_while_the_api_answers() {
    let mut appliance = Appliance::serving();
    let mut made = Vec::new();
    for n in 0..3 {
        let title = json!({"title": format!("Film {n}")});
        made.push(ask_with(&appliance, &format!("{n}.mp4"), title).await);
    }
    made.reverse();
    let made: Vec<&str> = made.iter().map(String::as_str).collect();
    let folder = appliance.data_dir().to_owned();
    for damage in [None, Some("x".repeat(10_000))] {
        appliance.kill();
        for suffix in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(folder.join(format!("catalog.sqlite{suffix}"))));
        }
        if let Some(text) = damage {
            std::fs::write(folder.join("catalog.sqlite"), text).unwrap();
        }
        appliance.restart();
        wait_until_found(&appliance, "q=film", &made).await;
        let waited = tokio::time::timeout(TIMEOUT, async {
            while appliance.get("/v1/videos").await.1["is_complete"] != true {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        waited.await.unwrap();
    }
    // Changes that nobody saw are found at the next start.
    appliance.kill();
    let rows = rusqlite::Connection::open(folder.join("catalog.sqlite")).unwrap();
    rows.execute("UPDATE video SET version = ''", ()).unwrap();
    rows.execute("UPDATE facts SET facts = '{}'", ()).unwrap();
    rows.execute("DELETE FROM video WHERE id = ?1", [made[0]]).unwrap();
    drop(rows);
    appliance.restart();
    wait_until_found(&appliance, "sort=-created", &made).await;
}
