//! Encrypted private videos: keys from the gateway, by master keys that change, or from a key server.

use serde_json::Value;

use super::{load, main_url, playlists, plays_in_gstreamer};
use crate::support::appliance::Appliance;
use crate::support::keys::{KeyServer, TOKEN};
use crate::support::media;
use crate::support::stream::check_url;

const FIRST: &str = "first:the first master key of 32 characters";
const SECOND: &str = "second:the second master key of 32 characters";

/// Key URLs of a private stream.
async fn key_urls(appliance: &Appliance, main: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (url, text) in playlists(appliance, main).await {
        for line in text.lines().filter(|line| line.starts_with("#EXT-X-KEY:")) {
            let (_, rest) = line.split_once("URI=\"").unwrap();
            let uri = rest.split_once('"').unwrap().0;
            found.push(reqwest::Url::parse(&url).unwrap().join(uri).unwrap().to_string());
        }
    }
    found.sort();
    found.dedup();
    found
}

async fn assert_plays(appliance: &Appliance, id: &str) {
    let main = main_url(appliance, id, &appliance.token(id).await);
    check_url(&main).await.assert_sound();
    assert_eq!(plays_in_gstreamer(&main).await, Ok(()));
    let decoded = tokio::task::spawn_blocking(move || media::decode_errors(&main));
    assert_eq!(decoded.await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn master_keys_change_and_old_streams_go_on_playing() {
    let Some(clip) = media::clip(360, "25", 8) else { return };
    let mut appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("encryption.kind", "aes-128")
        .setting("encryption.master_keys", FIRST)
        .start();
    let (old, _) = appliance.publish("old.mp4", &clip).await;
    assert_plays(&appliance, &old).await;
    let token = appliance.token(&old).await;
    let [url] = &key_urls(&appliance, &main_url(&appliance, &old, &token)).await[..] else {
        panic!("the stream has several keys");
    };
    assert!(url.ends_with(&format!("/key?v=first&token={token}")), "{url}");
    let key = appliance.http.get(url).send().await.unwrap();
    assert_eq!(key.headers()["cache-control"], "private, no-store");
    assert_eq!(key.headers()["access-control-allow-origin"], "*");
    let key = key.bytes().await.unwrap();
    assert_eq!(key.len(), 16);
    assert_eq!(load(&appliance, url.split_once("&token").unwrap().0).await.0, 401);
    for name in appliance.keys("uploads", "").await {
        let read = appliance.s3_client().get_object().bucket("uploads").key(&name).send().await;
        let bytes = read.unwrap().body.collect().await.unwrap().into_bytes();
        assert!(!bytes.windows(16).any(|part| part == key), "{name} has the key");
    }

    appliance.set("encryption.master_keys", format!("{FIRST},{SECOND}"));
    appliance.restart();
    let (new, _) = appliance.publish("new.mp4", &clip).await;
    for (id, version) in [(&old, "first"), (&new, "second")] {
        assert_plays(&appliance, id).await;
        let main = main_url(&appliance, id, &appliance.token(id).await);
        let urls = key_urls(&appliance, &main).await;
        assert!(urls.iter().all(|url| url.contains(&format!("key?v={version}&"))), "{urls:#?}");
    }

    // Keys go once there are no streams of them; until then, old streams play without encryption of new ones.
    appliance.set("encryption.kind", "none");
    appliance.restart();
    assert_plays(&appliance, &old).await;
    appliance.set("encryption.master_keys", SECOND);
    appliance.restart();
    assert_plays(&appliance, &new).await;
    let main = main_url(&appliance, &old, &appliance.token(&old).await);
    let (status, _, problem) = load(&appliance, &key_urls(&appliance, &main).await[0]).await;
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert_eq!((status, &problem["code"]), (404, &"no-master-key".into()), "{problem:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn public_videos_need_a_key_server_of_their_own() {
    let Some(clip) = media::clip(360, "25", 8) else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = KeyServer::start(folder.path().to_owned(), &[7; 16]);
    let appliance = Appliance::builder()
        .setting("encryption.kind", "aes-128")
        .setting("encryption.key_url", format!("{}/play/{{video_id}}", server.url))
        .setting("encryption.key_endpoint", format!("{}/keys/{{video_id}}", server.url))
        .setting("encryption.key_endpoint_token", TOKEN)
        .start();
    // Without a master key, private videos have keys of that server, too.
    let bytes = std::fs::read(&clip).unwrap();
    let private = appliance.upload_private("film.mp4", bytes.clone()).await;
    assert_eq!(appliance.wait_for_end(&private).await["state"], "ready");
    assert_plays(&appliance, &private).await;
    assert_eq!(server.asked(), [private.as_str()]);

    let appliance = Appliance::builder()
        .setting("encryption.kind", "aes-128")
        .setting("encryption.master_keys", FIRST)
        .start();
    let (public, video) = appliance.publish("open.mp4", &clip).await;
    check_url(video["playback_url"].as_str().unwrap()).await.assert_without_findings();
    let (_, _, text) = appliance.public(&format!("{public}/main.m3u8")).await;
    let uri = String::from_utf8(text).unwrap();
    let uri = uri.lines().find(|line| line.ends_with("index.m3u8")).unwrap().to_owned();
    let (_, _, playlist) = appliance.public(&format!("{public}/{uri}")).await;
    assert!(!String::from_utf8(playlist).unwrap().contains("EXT-X-KEY"));
}
