//! Deletes on the embedded appliance: durable, undone in time, and final.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use ladderd::domain::job::VideoId;
use ladderd::store::{Bucket, Removal};
use serde_json::Value;

use super::support::appliance::{Appliance, TIMEOUT};
use super::support::media;

const KEY: &str = "in/film.mp4";

async fn put(appliance: &Appliance, bucket: &str, key: &str, bytes: &[u8]) -> String {
    let put = appliance.s3_client().put_object().bucket(bucket).key(key);
    let put = put.body(ByteStream::from(bytes.to_vec())).send().await.unwrap();
    put.e_tag().unwrap().trim_matches('"').to_owned()
}

/// Adds empty objects to the folder of an attempt.
fn fill(appliance: &Appliance, id: &str, count: u32) {
    let mut database = appliance.database();
    let transaction = database.transaction().unwrap();
    for n in 0..count {
        let sql = "INSERT INTO objects (bucket, key, etag, size, headers, modified_ms)
                   VALUES ('public', ?1, 'd41d8cd98f00b204e9800998ecf8427e', 0, '{}', 0)";
        transaction.execute(sql, [format!("{id}/a1/720p/seg_{n:05}.ts")]).unwrap();
    }
    transaction.commit().unwrap();
}

/// Waits until a bucket has no such keys but these.
async fn wait_for_keys(appliance: &Appliance, bucket: &str, prefix: &str, keys: &[&str]) {
    let mut found = Vec::new();
    let waited = tokio::time::timeout(TIMEOUT, async {
        loop {
            found = appliance.keys(bucket, prefix).await;
            if found == keys {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{bucket} keeps {found:#?}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_of_thousands_of_objects_is_deleted_without_a_trace() {
    let appliance = Appliance::start();
    let id = appliance.ask("film.mp4", 5).await["video_id"].as_str().unwrap().to_owned();
    fill(&appliance, &id, 5000);
    put(&appliance, "public", &format!("{id}/main.m3u8"), b"#EXTM3U").await;
    put(&appliance, "public", &format!("{id}/job.json"), b"{}").await;
    let url = format!("{}/v1/videos/{id}", appliance.api);
    let answer = appliance.http.delete(url).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let video: Value = answer.json().await.unwrap();
    assert_eq!((&video["state"], &video["filename"]), (&"deleting".into(), &"film.mp4".into()));
    assert_eq!(
        appliance.public(&format!("{id}/main.m3u8")).await.0,
        404,
        "viewers get 404 at once"
    );
    appliance.wait_until_gone(&id).await;
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
    let tombstone = format!("tombstones/{id}.json");
    assert_eq!(appliance.keys("uploads", "").await, ["claims/first-start", &tombstone]);
    assert_eq!(appliance.delete(&id).await, 404);
    assert_eq!(appliance.get("/v1/videos").await.1["videos"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_box_ends_its_deletes_and_forgets_old_tombstones() {
    let mut appliance = Appliance::builder()
        .setting("jobs.claim_renewal_secs", 1)
        .setting("housekeeping.purge_secs", 1)
        .start();
    let id = appliance.ask("film.mp4", 5).await["video_id"].as_str().unwrap().to_owned();
    fill(&appliance, &id, 5000);
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.kill();
    let old = VideoId::of_source("uploads", "old").to_string();
    appliance.restart();
    let tombstone = serde_json::json!({
        "id": old, "stage": "purged", "filename": "", "key": "old", "is_issued": true, "source": null,
        "created_at": null, "deleted_at": "2020-01-01T00:00:00Z", "purge_delay_secs": 0, "writer": "",
        "renewal": 3,
    });
    let key = format!("tombstones/{old}.json");
    put(&appliance, "uploads", &key, tombstone.to_string().as_bytes()).await;
    appliance.wait_until_gone(&id).await;
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
    assert_eq!(appliance.keys("uploads", "records/").await, Vec::<String>::new());
    let kept = format!("tombstones/{id}.json");
    wait_for_keys(&appliance, "uploads", "tombstones/", &[&kept]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_url_does_not_bring_a_deleted_video_back() {
    let appliance = Appliance::start();
    let answer = appliance.ask("film.mp4", 5).await;
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(appliance.delete(id).await, 202);
    appliance.wait_until_gone(id).await;
    assert_eq!(appliance.put(&answer["upload"], vec![7; 5]).await.status(), 200);
    let tombstone = format!("tombstones/{id}.json");
    wait_for_keys(&appliance, "uploads", "", &["claims/first-start", &tombstone]).await;
    assert_eq!(appliance.wait_for_empty_queue().await["dead"], 0);
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.0, 404);
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_parts_of_a_deleted_video_is_aborted() {
    let appliance = Appliance::builder()
        .setting("uploads.single_put_max_bytes", 1000)
        .setting("housekeeping.purge_delay_secs", 3600)
        .start();
    let answer = appliance.ask("film.mp4", 2000).await;
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(appliance.delete(id).await, 202);
    let complete = async || {
        let url =
            format!("{}{}", appliance.api, answer["upload"]["complete_url"].as_str().unwrap());
        let body = serde_json::json!({"parts": [{"number": 1, "etag": "x"}]});
        appliance.http.post(url).json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(complete().await, 409, "it can still be restored");
    let (status, retry) = appliance.post(&format!("/v1/videos/{id}/retry")).await;
    assert_eq!(status, 409, "{retry:#}");
    assert_eq!(appliance.post(&format!("/v1/videos/{id}/restore")).await.0, 202);
    assert_eq!(complete().await, 400, "there is no such part");

    let appliance = Appliance::builder().setting("uploads.single_put_max_bytes", 1000).start();
    let answer = appliance.ask("film.mp4", 2000).await;
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(appliance.delete(id).await, 202);
    appliance.wait_until_gone(id).await;
    let part = answer["upload"]["parts"][0]["url"].as_str().unwrap();
    assert_eq!(appliance.http.put(part).body(vec![0; 2000]).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_not_issued_can_be_uploaded_anew() {
    for purge_delay_secs in [0, 3600] {
        let appliance =
            Appliance::builder().setting("housekeeping.purge_delay_secs", purge_delay_secs).start();
        let id = VideoId::of_source("uploads", KEY).to_string();
        put(&appliance, "uploads", KEY, &[7; 5000]).await;
        assert_eq!(appliance.wait_for_end(&id).await["error"]["code"], "not-media");
        assert_eq!(appliance.delete(&id).await, 202);
        if purge_delay_secs == 0 {
            appliance.wait_until_gone(&id).await;
            wait_for_keys(&appliance, "uploads", "in/", &[]).await;
        }
        put(&appliance, "uploads", KEY, &[8; 6000]).await;
        let video = appliance.wait_for_end(&id).await;
        assert_eq!(video["error"]["code"], "not-media", "{video:#}");
        assert_eq!(appliance.keys("uploads", "in/").await, [KEY]);
        assert_eq!(appliance.wait_for_empty_queue().await["dead"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_can_be_undone_until_its_purge() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::builder()
        .setting("jobs.claim_renewal_secs", 1)
        .setting("housekeeping.purge_secs", 1)
        .setting("housekeeping.purge_delay_secs", 10)
        .start();
    let (id, ready) = appliance.publish("film.mp4", &clip).await;
    let main = format!("{id}/main.m3u8");
    let before = appliance.public(&main).await;
    assert_eq!(appliance.delete(&id).await, 202);
    let video = appliance.get(&format!("/v1/videos/{id}")).await.1;
    assert_eq!(video["state"], "deleting", "{video:#}");
    assert!(video["purge_after"].is_string(), "{video:#}");
    assert_eq!(appliance.public(&main).await.0, 404);
    assert_eq!(appliance.delete(&id).await, 202, "it is being deleted already");

    assert_eq!(appliance.post(&format!("/v1/videos/{id}/restore")).await.0, 202);
    let restored = appliance.get(&format!("/v1/videos/{id}")).await.1;
    for field in ["state", "playable", "renditions", "poster_url", "purge_after"] {
        assert_eq!(restored[field], ready[field], "{field}");
    }
    let after = appliance.public(&main).await;
    assert_eq!((after.0, &after.2), (200, &before.2));
    assert_eq!(after.1["cache-control"], before.1["cache-control"]);
    assert_eq!(appliance.post(&format!("/v1/videos/{id}/restore")).await.0, 409);
    assert_eq!(appliance.wait_for_empty_queue().await["dead"], 0);

    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
    assert_eq!(appliance.post(&format!("/v1/videos/{id}/restore")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_delete_removes_only_the_version_that_it_means() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    let with = Bucket::new(&client, client.clone(), "public");
    assert!(with.probe_conditional_deletes("probe").await.unwrap());
    for bucket in [with.clone(), with.without_conditional_deletes()] {
        let first = put(&appliance, "public", "main.m3u8", b"first").await;
        let second = put(&appliance, "public", "main.m3u8", b"second").await;
        assert_eq!(bucket.delete_version("main.m3u8", &first).await.unwrap(), Removal::Changed);
        assert_eq!(appliance.public("main.m3u8").await.2, b"second");
        assert_eq!(bucket.delete_version("main.m3u8", &second).await.unwrap(), Removal::Gone);
        assert_eq!(bucket.delete_version("main.m3u8", &second).await.unwrap(), Removal::Gone);
        assert_eq!(appliance.public("main.m3u8").await.0, 404);
    }
    put(&appliance, "public", "k", b"k").await;
    let refused = client.delete_object().bucket("public").key("k").if_match("\"00\"").send().await;
    assert_eq!(refused.unwrap_err().code(), Some("PreconditionFailed"));
    assert_eq!(appliance.public("k").await.0, 200);
    let store = appliance.get("/v1/system").await.1["store"].clone();
    assert_eq!(store["conditional_deletes"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_repairs_a_main_playlist_that_names_what_is_gone() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::builder()
        .setting("housekeeping.sweep_secs", 1)
        .setting("housekeeping.orphan_age_secs", 2)
        .start();
    let (id, _) = appliance.publish("film.mp4", &clip).await;
    let main = format!("{id}/main.m3u8");
    let before = appliance.public(&main).await.2;
    let repaired = async || {
        while appliance.public(&main).await.2 != before {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    appliance.s3_client().delete_object().bucket("public").key(&main).send().await.unwrap();
    tokio::time::timeout(TIMEOUT, repaired()).await.expect("main.m3u8 stays away");
    put(&appliance, "public", &main, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nagone/index.m3u8\n")
        .await;
    tokio::time::timeout(TIMEOUT, repaired()).await.expect("main.m3u8 names what is gone");
    assert_eq!(media::decode_errors(&format!("{}/public/{main}", appliance.s3)), "");

    let attempt = appliance.record(&id).await["attempt_id"].as_str().unwrap().to_owned();
    for key in appliance.keys("public", &format!("{id}/{attempt}/")).await {
        appliance.s3_client().delete_object().bucket("public").key(key).send().await.unwrap();
    }
    let video = appliance.wait_for(&id, |video| video["state"] == "failed").await;
    assert_eq!(video["error"]["code"], "stream-gone", "{video:#}");
    assert_eq!(appliance.post(&format!("/v1/videos/{id}/retry")).await.0, 202);
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_removes_additions_and_ids_of_videos_that_never_came() {
    let appliance = Appliance::builder()
        .setting("housekeeping.sweep_secs", 1)
        .setting("housekeeping.orphan_age_secs", 2)
        .start();
    let wish = serde_json::json!({"filename": "a.mp4", "size_bytes": 5, "external_id": "lesson-1"});
    let request = appliance.http.post(format!("{}/v1/uploads", appliance.api)).json(&wish);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let awaited = answer["video_id"].as_str().unwrap();
    let never = "00000000000000000000";
    let track = async |id: &str| {
        let key = format!("additions/{id}/tracks/de.json");
        put(&appliance, "uploads", &key, b"{}").await;
        key
    };
    let note = async |external_id: &str, video: &str| {
        let key = ladderd::domain::record::external_id_key(external_id);
        let note = serde_json::json!({"video": video, "taken_at": "2020-01-01T00:00:00Z"});
        put(&appliance, "uploads", &key, note.to_string().as_bytes()).await;
        key
    };
    let mut kept = vec![track(awaited).await, note("lesson-1", awaited).await];
    kept.sort();
    // The second video has another id than the one that its note holds.
    let orphans =
        [track(never).await, note("lesson-2", never).await, note("lesson-3", awaited).await];
    let present = async || {
        let mut keys = appliance.keys("uploads", "additions/").await;
        keys.extend(appliance.keys("uploads", "external-ids/").await);
        keys
    };
    let swept = async || {
        while present().await.iter().any(|key| orphans.contains(key)) {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, swept()).await.expect("orphans stay");
    assert_eq!(present().await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_videos_are_deleted_at_once_each_with_its_result() {
    let appliance = Appliance::start();
    let mut ids = Vec::new();
    for name in ["a.mp4", "b.mp4", "c.mp4"] {
        let answer = appliance.ask(name, 5).await;
        ids.push(answer["video_id"].as_str().unwrap().to_owned());
    }
    let post = async |ids: &[&str]| {
        let request = appliance.http.post(format!("{}/v1/videos/delete", appliance.api));
        let response = request.json(&serde_json::json!({"ids": ids})).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let unknown = "00000000000000000000";
    let (status, answer) = post(&[&ids[0], unknown, "x", &ids[1]]).await;
    assert_eq!(status, 200, "{answer:#}");
    let results = answer["results"].as_array().unwrap();
    let told = results.iter().map(|result| {
        let id = result["id"].as_str().unwrap();
        (id, &result["video"]["state"], &result["error"]["status"])
    });
    let (deleting, missing, none) = (Value::from("deleting"), Value::from(404), Value::Null);
    let expected = [
        (ids[0].as_str(), &deleting, &none),
        (unknown, &none, &missing),
        ("x", &none, &missing),
        (ids[1].as_str(), &deleting, &none),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    for id in &ids[..2] {
        appliance.wait_until_gone(id).await;
    }
    assert_eq!(appliance.get(&format!("/v1/videos/{}", ids[2])).await.0, 200);
    for wrong in [vec![], vec!["x"; 101]] {
        assert_eq!(post(&wrong).await.0, 400, "{}", wrong.len());
    }
}
