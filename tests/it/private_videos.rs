//! Private videos: nothing of them is in the public bucket, and players need a token.

mod browser;
mod encrypted;
mod moved;
mod reencoded;
mod tokens;

use std::collections::BTreeMap;
use std::process::Command;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::support::appliance::Appliance;
use super::support::stream::{check, check_url};
use super::support::{corpus, media};

/// Loads a URL as a player does: status, headers and text.
async fn load(appliance: &Appliance, url: &str) -> (u16, HeaderMap, String) {
    let response = appliance.http.get(url).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

/// URIs of a playlist: lines, and the attribute `URI`.
fn uris(playlist: &str) -> Vec<String> {
    let attribute = |line: &str| {
        let (_, rest) = line.split_once("URI=\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let uri = |line: &str| match line.strip_prefix('#') {
        Some(_) => attribute(line),
        None => Some(line.to_owned()).filter(|line| !line.is_empty()),
    };
    playlist.lines().filter_map(uri).collect()
}

/// All playlists of a private stream by their URLs, the multivariant one included.
async fn playlists(appliance: &Appliance, main: &str) -> BTreeMap<String, String> {
    let (status, headers, text) = load(appliance, main).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(headers["content-type"], "application/vnd.apple.mpegurl");
    assert_eq!(headers["cache-control"], "private, no-store");
    let mut found = BTreeMap::new();
    for uri in uris(&text) {
        let url = reqwest::Url::parse(main).unwrap().join(&uri).unwrap().to_string();
        let (status, headers, text) = load(appliance, &url).await;
        assert_eq!(status, 200, "{url}: {text}");
        assert_eq!(headers["content-type"], "application/vnd.apple.mpegurl");
        found.insert(url, text);
    }
    found.insert(main.to_owned(), text);
    found
}

fn main_url(appliance: &Appliance, id: &str, token: &str) -> String {
    format!("{}/play/{id}/main.m3u8?token={token}", appliance.api)
}

/// Whether GStreamer's `hlsdemux2` plays a stream to its end.
async fn plays_in_gstreamer(url: &str) -> Result<(), String> {
    let mut launch = Command::new("gst-launch-1.0");
    launch.args(["-q", "playbin3", "video-sink=fakesink", "audio-sink=fakesink"]);
    launch.arg(format!("uri={url}"));
    let output = tokio::task::spawn_blocking(move || launch.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && !said.contains("ERROR") { Ok(()) } else { Err(said) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_video_plays_behind_its_token_from_the_first_segment_to_its_delete() {
    let Some(clip) = media::clip(720, "30", 30) else { return };
    let appliance = Appliance::start();
    let id = appliance.upload_private("film.mp4", std::fs::read(clip).unwrap()).await;
    let growing = appliance.wait_for(&id, |video| video["playable"] == true).await;
    assert_eq!((&growing["state"], &growing["visibility"]), (&"running".into(), &"private".into()));
    let token = appliance.token(&id).await;
    let main = main_url(&appliance, &id, &token);
    assert_eq!(growing["playback_url"].as_str().unwrap(), main.split_once('?').unwrap().0);
    let before = playlists(&appliance, &main).await;
    let events = before.keys().filter(|url| url.contains("event.m3u8"));
    assert!(events.count() > 1, "{before:#?}");

    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    for (url, text) in before.iter().filter(|(url, _)| url.contains("event.m3u8")) {
        let (status, _, after) = load(&appliance, url).await;
        assert_eq!(status, 200, "{after}");
        assert!(after.starts_with(text.as_str()), "{text}\n{after}");
        assert!(after.len() > text.len() && after.ends_with("#EXT-X-ENDLIST\n"), "{after}");
    }
    let whole = playlists(&appliance, &main).await;
    assert_eq!(playlists(&appliance, &main).await, whole, "a reload gives the same bytes");
    assert_segments_are_in_the_store(&appliance, &whole).await;
    assert_nothing_is_public(&appliance, &id).await;

    let bare = growing["playback_url"].as_str().unwrap().to_owned();
    let shown = token.clone();
    let report = tokio::task::spawn_blocking(move || check(bare, &["--token", &shown]));
    let report = report.await.unwrap();
    report.assert_without_findings();
    assert!(!report.json.to_string().contains(&token), "{:#}", report.json);
    assert_eq!(plays_in_gstreamer(&main).await, Ok(()));
    let decoded = tokio::task::spawn_blocking(move || media::decode_errors(&main)).await.unwrap();
    assert_eq!(decoded, "");
    assert_thumbnails(&appliance, &video, &token).await;

    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
    assert_eq!(appliance.keys("uploads", "streams/").await, Vec::<String>::new());
    let (status, _, text) = load(&appliance, &main_url(&appliance, &id, &token)).await;
    assert_eq!(status, 404, "{text}");
}

/// Media playlists name segments by presigned URLs of the store, which work.
async fn assert_segments_are_in_the_store(
    appliance: &Appliance,
    playlists: &BTreeMap<String, String>,
) {
    let mut count = 0;
    for text in playlists.values().filter(|text| text.contains("#EXTINF:")) {
        for uri in uris(text) {
            assert!(uri.starts_with(&appliance.s3) && uri.contains("X-Amz-Signature="), "{uri}");
            count += 1;
        }
        let first = uris(text).swap_remove(0);
        let response = appliance.http.get(&first).send().await.unwrap();
        assert_eq!(response.status(), 200, "{first}");
        let cache = response.headers()["cache-control"].to_str().unwrap();
        assert!(cache.starts_with("private"), "{cache}");
        let unsigned = first.split_once('?').unwrap().0;
        assert_eq!(appliance.http.get(unsigned).send().await.unwrap().status(), 403);
    }
    assert!(count > 10, "{playlists:#?}");
}

/// Nothing of the video is in the public bucket, and nobody reads the private one without a signature.
async fn assert_nothing_is_public(appliance: &Appliance, id: &str) {
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
    let keys = appliance.keys("uploads", "").await;
    let of_stream = keys.iter().filter(|key| key.starts_with(&format!("streams/{id}/")));
    assert!(of_stream.count() > 10, "{keys:#?}");
    for key in &keys {
        let url = format!("{}/uploads/{key}", appliance.s3);
        let status = appliance.http.get(url).send().await.unwrap().status();
        assert_eq!(status, 403, "{key}");
    }
}

/// Poster and storyboard are behind the token, and the sheets of the storyboard are presigned.
async fn assert_thumbnails(appliance: &Appliance, video: &Value, token: &str) {
    let url = |field: &str| video[field].as_str().unwrap().to_owned();
    let poster = url("poster_url");
    assert_eq!(appliance.http.get(&poster).send().await.unwrap().status(), 401);
    let shown = appliance.http.get(format!("{poster}?token={token}")).send().await.unwrap();
    assert_eq!(
        (shown.status().as_u16(), &shown.headers()["content-type"]),
        (200, &"image/jpeg".parse().unwrap())
    );
    assert!(shown.bytes().await.unwrap().starts_with(&[0xFF, 0xD8]));
    let (status, headers, cues) =
        load(appliance, &format!("{}?token={token}", url("storyboard_url"))).await;
    assert_eq!((status, &headers["content-type"]), (200, &"text/vtt".parse().unwrap()));
    let tile = cues.lines().find(|line| line.contains("#xywh=")).unwrap();
    let sheet = tile.split_once('#').unwrap().0;
    assert!(sheet.starts_with(&appliance.s3), "{tile}");
    assert_eq!(appliance.http.get(sheet).send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_video_with_subtitles_and_chapters_breaks_no_rule() {
    let Some(file) = media::subtitled() else { return };
    for segment in ["ts", "cmaf"] {
        let appliance = Appliance::builder()
            .setting("videos.visibility", "private")
            .setting("encode.segment", segment)
            .start();
        let (id, video) = appliance.publish("film.mkv", &file).await;
        assert_eq!(video["visibility"], "private");
        let token = appliance.token(&id).await;
        let main = main_url(&appliance, &id, &token);
        let all = playlists(&appliance, &main).await;
        assert!(all.keys().any(|url| url.contains("/subtitles-")), "{all:#?}");
        check_url(&main).await.assert_without_findings();
        assert_nothing_is_public(&appliance, &id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_private_video_leaves_is_private_and_removed() {
    let appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("queue.max_attempts", 1)
        .start();
    let id = appliance.upload("film.mp4", vec![7; 5000]).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!((&video["state"], &video["visibility"]), (&"failed".into(), &"private".into()));
    let record = format!("streams/{id}/job.json");
    assert_eq!(appliance.keys("uploads", "streams/").await, [record]);
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    assert_eq!(appliance.keys("uploads", "streams/").await, Vec::<String>::new());
}

/// A film for the page.
fn film() -> Option<std::path::PathBuf> {
    corpus("bbb_720p24_30s_vp8_vorbis.webm").or_else(|| media::clip(720, "30", 30))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_videos_of_both_homes() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::start();
    let bytes = std::fs::read(clip).unwrap();
    let public = appliance.upload("open.mp4", bytes.clone()).await;
    let private = appliance.upload_private("closed.mp4", bytes).await;
    for id in [&public, &private] {
        assert_eq!(appliance.wait_for_end(id).await["state"], "ready");
    }
    let (_, list) = appliance.get("/v1/videos").await;
    let mut shown: Vec<Value> = list["videos"].as_array().unwrap().clone();
    shown.sort_by_key(|video| video["visibility"].as_str().map(str::to_owned));
    let states =
        shown.iter().map(|video| json!([video["id"], video["visibility"], video["state"]]));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [json!([private, "private", "ready"]), json!([public, "public", "ready"])]
    );
    let (status, problem) = appliance.ask_token(&public, &json!({})).await;
    assert_eq!((status, &problem["code"]), (409, &"conflict".into()), "{problem:#}");
}
