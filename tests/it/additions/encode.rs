//! Videos that are encoded once more, with other settings.

use serde_json::{Value, json};

use super::{main_of, post_json};
use crate::support::appliance::Appliance;
use crate::support::media;
use crate::support::stream::check_url;

/// URIs of the files that a playlist of a public stream names, as keys.
async fn files_of(appliance: &Appliance, id: &str, main: &str) -> Vec<String> {
    let mut found = Vec::new();
    for playlist in main.lines().filter(|line| line.ends_with("index.m3u8")) {
        let key = format!("{id}/{playlist}");
        let (folder, _) = key.rsplit_once('/').unwrap();
        let text = String::from_utf8(appliance.public(&key).await.2).unwrap();
        let segments = text.lines().filter(|line| !line.starts_with('#'));
        found.extend(segments.map(|segment| format!("{folder}/{segment}")));
        found.push(key);
    }
    found
}

async fn encode(appliance: &Appliance, id: &str, settings: &Value) -> (u16, Value) {
    post_json(appliance, &format!("/v1/videos/{id}/encode"), settings).await
}

/// Heights of the video renditions.
fn heights(video: &Value) -> Vec<u64> {
    video["renditions"].as_array().unwrap().iter().filter_map(|r| r["height"].as_u64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_encoded_once_more_while_it_plays_on() {
    let Some(clip) = media::clip(360, "25", 8) else { return };
    let appliance = Appliance::builder().setting("jobs.superseded_secs", 3600).start();
    let (id, first) = appliance.publish("film.mp4", &clip).await;
    let before = main_of(&appliance, &id).await;
    let old = files_of(&appliance, &id, &before).await;

    let settings = json!({"level": "fast", "ladder": [{"height": 240, "max_bitrate_kbps": 300}]});
    let (status, queued) = encode(&appliance, &id, &settings).await;
    assert_eq!((status, &queued["playable"]), (202, &json!(true)), "{queued:#}");
    assert_ne!(queued["state"], "failed");
    let is_new = |video: &Value| video["state"] == "ready" && heights(video) != heights(&first);
    let second = appliance.wait_for(&id, is_new).await;
    assert_eq!(heights(&second), [240, 160], "{second:#}");
    assert_eq!(second["duration_secs"], first["duration_secs"]);
    let url = second["playback_url"].as_str().unwrap().to_owned();
    check_url(&url).await.assert_without_findings();
    let errors = tokio::task::spawn_blocking(move || media::decode_errors(&url)).await.unwrap();
    assert_eq!(errors, "");
    // A viewer who has the old playlists goes on.
    assert!(old.len() > 8, "{old:#?}");
    for key in &old {
        assert_eq!(appliance.public(key).await.0, 200, "{key}");
    }

    // The settings stay with the video, and `{}` returns to those of the appliance.
    assert_eq!(encode(&appliance, &id, &json!({})).await.0, 202);
    let third = appliance
        .wait_for(&id, |video| video["state"] == "ready" && heights(video) == heights(&first));
    third.await;
    assert_eq!(appliance.keys("uploads", "additions/").await, Vec::<String>::new());
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encode_needs_a_ready_video_and_valid_settings() {
    let appliance = Appliance::serving();
    let answer = appliance.ask("film.mp4", 1).await;
    let id = answer["video_id"].as_str().unwrap();
    let table = [
        (json!({"level": "slow"}), 422),
        (json!({"ladder": []}), 400),
        (json!({"ladder": [{"height": 241, "max_bitrate_kbps": 300}]}), 400),
        (json!({"other": 1}), 422),
        (json!({}), 409),
    ];
    for (settings, expected) in table {
        let (status, problem) = encode(&appliance, id, &settings).await;
        assert_eq!(status, expected, "{settings}: {problem:#}");
    }
    assert_eq!(encode(&appliance, "00000000000000000000", &json!({})).await.0, 404);
}
