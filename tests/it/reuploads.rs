//! Further versions of a published source: the earlier stream stays until the next one is finished.

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::ByteStream;
use ladderd::domain::job::VideoId;
use serde_json::Value;

use super::support::appliance::Appliance;
use super::support::media;

const KEY: &str = "in/film.mp4";

async fn upload(appliance: &Appliance, bytes: Vec<u8>) {
    let put = appliance.s3_client().put_object().bucket("uploads").key(KEY);
    put.body(ByteStream::from(bytes)).send().await.unwrap();
}

/// The public objects of the video but for its record, with their bytes.
async fn stream(appliance: &Appliance, id: &str) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    for key in appliance.keys("public", &format!("{id}/")).await {
        let (status, _, bytes) = appliance.public(&key).await;
        assert_eq!(status, 200, "{key}");
        objects.insert(key, bytes);
    }
    objects.remove(&format!("{id}/job.json"));
    objects
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_leaves_the_earlier_stream_as_it_is() {
    let appliance = Appliance::start();
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let clip = std::fs::read(clip).unwrap();
    let id = VideoId::of_source("uploads", KEY).to_string();
    upload(&appliance, clip.clone()).await;
    let first = appliance.wait_for(&id, |video| video["state"] == "ready").await;
    assert_eq!(first["error"], Value::Null);
    let before = stream(&appliance, &id).await;

    upload(&appliance, vec![7; 5000]).await;
    let failed = appliance.wait_for(&id, |video| video["error"].is_object()).await;
    assert_eq!(failed["error"]["code"], "not-media", "{failed:#}");
    assert_eq!((&failed["state"], &failed["playable"]), (&"ready".into(), &true.into()));
    assert_eq!(appliance.wait_for_empty_queue().await["dead"], 0);
    assert_eq!(stream(&appliance, &id).await, before);
    // The same version again is settled already.
    let queued = appliance.get(&format!("/v1/videos/{id}")).await.1;
    assert_eq!(queued["error"]["code"], "not-media", "{queued:#}");

    // Other bytes, and so another version: an empty box at the end.
    upload(&appliance, [clip, b"\0\0\0\x08free".to_vec()].concat()).await;
    let mended = appliance
        .wait_for(&id, |video| video["state"] == "ready" && video["error"].is_null())
        .await;
    assert_eq!(mended["playable"], true);
    assert_ne!(stream(&appliance, &id).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_stream_is_shown_while_the_next_is_encoded() {
    let appliance = Appliance::start();
    let (Some(short), Some(long)) = (media::clip(360, "25", 2), media::clip(720, "30", 30)) else {
        return;
    };
    let id = VideoId::of_source("uploads", KEY).to_string();
    upload(&appliance, std::fs::read(short).unwrap()).await;
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
    let main = format!("{id}/main.m3u8");
    let before = appliance.public(&main).await.2;
    upload(&appliance, std::fs::read(long).unwrap()).await;
    let is_on =
        |video: &Value| video["state"] == "running" && video["progress"].as_f64() > Some(0.3);
    let running = appliance.wait_for(&id, is_on).await;
    assert_eq!(running["playable"], true, "the earlier stream is");
    assert_eq!(appliance.public(&main).await.2, before);
    appliance.wait_for(&id, |video| video["state"] == "ready").await;
    assert_ne!(appliance.public(&main).await.2, before);
}
