//! A private video whose source is replaced: viewers go on with the earlier stream until the next one is whole.

use aws_sdk_s3::primitives::ByteStream;
use ladderd::domain::job::VideoId;

use super::{assert_nothing_is_public, main_url, playlists, uris};
use crate::support::appliance::Appliance;
use crate::support::media;
use crate::support::stream::check_url;

const KEY: &str = "in/film.mp4";

async fn upload(appliance: &Appliance, bytes: Vec<u8>) {
    let put = appliance.s3_client().put_object().bucket("uploads").key(KEY);
    put.body(ByteStream::from(bytes)).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_goes_on_while_the_video_is_encoded_anew() {
    let (Some(first), Some(second)) = (media::clip(360, "25", 8), media::clip(720, "30", 30))
    else {
        return;
    };
    let appliance = Appliance::builder().setting("videos.visibility", "private").start();
    let id = VideoId::of_source("uploads", KEY).to_string();
    upload(&appliance, std::fs::read(first).unwrap()).await;
    let before = appliance.wait_for(&id, |video| video["state"] == "ready").await;
    let token = appliance.token(&id).await;
    let main = main_url(&appliance, &id, &token);
    let loaded = playlists(&appliance, &main).await;

    upload(&appliance, std::fs::read(second).unwrap()).await;
    let running = appliance.wait_for(&id, |video| video["state"] == "running").await;
    assert_eq!(running["visibility"], "private");
    // Meanwhile a reload is the same stream, byte by byte, and all of its segments are there.
    assert_eq!(playlists(&appliance, &main).await, loaded);
    let mut segments = 0;
    for text in loaded.values() {
        for uri in uris(text).into_iter().filter(|uri| uri.starts_with(&appliance.s3)) {
            let status = appliance.http.get(&uri).send().await.unwrap().status();
            assert_eq!(status, 200, "{uri}");
            segments += 1;
        }
    }
    assert!(segments > 4, "{loaded:#?}");
    let still = appliance.get(&format!("/v1/videos/{id}")).await.1;
    assert_eq!(still["state"], "running", "the encode ended before the segments were read");
    let is_new = |video: &serde_json::Value| {
        video["state"] == "ready" && video["duration_secs"] != before["duration_secs"]
    };
    appliance.wait_for(&id, is_new).await;
    // The same token opens the next stream.
    assert_ne!(playlists(&appliance, &main).await, loaded);
    check_url(&main).await.assert_sound();
    assert_nothing_is_public(&appliance, &id).await;
}
