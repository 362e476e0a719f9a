//! The page plays a private video by a token that it asks for.

use serde_json::json;

use super::{film, main_url};
use crate::browser::{assert_played, browse, has_browser};
use crate::support::appliance::Appliance;
use crate::support::media;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_a_private_video_before_the_encode_has_ended() {
    let Some(file) = film().filter(|_| has_browser()) else { return };
    let appliance = Appliance::builder().setting("videos.visibility", "private").start();
    let (result, is_success) = browse("watch.mjs", &[&appliance.api, file.to_str().unwrap()]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["playable_state"], "running", "playable before the end: {result:#}");
    assert!(result["current_time"].as_f64().unwrap() > 8.0, "{result:#}");
    assert!(is_success, "{result:#}");
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_storyboard_of_a_private_video() {
    let Some(clip) = media::clip(360, "25", 60).filter(|_| has_browser()) else { return };
    let appliance = Appliance::builder().setting("videos.visibility", "private").start();
    let (id, video) = appliance.publish("film.mp4", &clip).await;
    let (result, is_success) = browse("hover.mjs", &[&appliance.api, &id]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    let shown = result["poster"].as_str().unwrap();
    assert_eq!(shown.split_once("?token=").unwrap().0, video["poster_url"], "{result:#}");
    assert!(is_success, "{result:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hlsjs_and_videojs_switch_rungs_of_private_streams() {
    let Some(clip) = media::clip(480, "24", 12).filter(|_| has_browser()) else { return };
    for (kind, segment) in [("aes-128", "ts"), ("none", "cmaf")] {
        let mut appliance = Appliance::builder()
            .setting("videos.visibility", "private")
            .setting("encode.segment", segment)
            .setting("encode.gop_secs", 1)
            .setting("encode.gops_per_segment", 1);
        if kind == "aes-128" {
            let key = "first:the first master key of 32 characters";
            appliance =
                appliance.setting("encryption.kind", kind).setting("encryption.master_keys", key);
        }
        let appliance = appliance.start();
        let (id, video) = appliance.publish("film.mp4", &clip).await;
        let url = main_url(&appliance, &id, &appliance.token(&id).await);
        for player in ["hlsjs", "videojs"] {
            let (result, is_success) = browse("switch.mjs", &[player, "seamless", &url]).await;
            assert_eq!(result["rungs"], json!([360, 480]), "{kind} {segment}: {result:#}");
            assert_played(&result, video["duration_secs"].as_f64().unwrap());
            assert!(is_success, "{kind} {segment} {player}: {result:#}");
        }
    }
}
