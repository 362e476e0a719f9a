//! Videos from upload to stream, and the failures of uploads that are no videos.

use serde_json::Value;

use super::support::appliance::Appliance;
use super::support::{corpus, has_ffmpeg, media};

/// Keys below a video's folder, without the id and the attempt.
async fn published(appliance: &Appliance, id: &str) -> Vec<String> {
    let strip = |key: String| key.strip_prefix(&format!("{id}/")).map(str::to_owned).unwrap();
    appliance.keys("public", &format!("{id}/")).await.into_iter().map(strip).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_becomes_a_stream_that_is_playable_while_it_encodes() {
    let Some(clip) = media::clip(480, "30", 20) else { return };
    let appliance = Appliance::start();
    let id = appliance.upload("My film.mp4", std::fs::read(clip).unwrap()).await;

    let early = appliance.wait_for(&id, |video| video["playable"] == true).await;
    assert_eq!(early["state"], "running", "{early:#}");
    let main = format!("{id}/main.m3u8");
    let (status, headers, text) = appliance.public(&main).await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "application/vnd.apple.mpegurl");
    let playlist = m3u8_rs::parse_master_playlist_res(&text).unwrap();
    assert!(playlist.variants.iter().all(|v| v.uri.ends_with("/event.m3u8")), "{playlist:?}");
    for variant in &playlist.variants {
        let (status, _, text) = appliance.public(&format!("{id}/{}", variant.uri)).await;
        assert_eq!(status, 200);
        let media = m3u8_rs::parse_media_playlist_res(&text).unwrap();
        assert!(!media.segments.is_empty());
    }

    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    assert_eq!(video["filename"], "My film.mp4");
    assert!((video["duration_secs"].as_f64().unwrap() - 20.0).abs() < 0.1, "{video:#}");
    let (_, headers, text) = appliance.public(&main).await;
    assert_eq!(headers["cache-control"], "public, max-age=2");
    assert_eq!(headers["content-encoding"], "gzip");
    assert_complete(&appliance, &id, &text).await;
    assert_thumbnails(&appliance, &id, &video).await;
    let depth = appliance.wait_for_empty_queue().await;
    assert_eq!(depth["dead"], 0);
    // The worker ends with its job.
    assert_eq!(appliance.workers(), Vec::<i32>::new());
}

/// Every rendition is a VOD playlist with all of its segments and the right duration.
async fn assert_complete(appliance: &Appliance, id: &str, main: &[u8]) {
    let playlist = m3u8_rs::parse_master_playlist_res(main).unwrap();
    let variants: Vec<_> = playlist.variants.iter().filter(|v| !v.is_i_frame).collect();
    assert_eq!(playlist.variants.len(), 2 * variants.len(), "each has its I-frames");
    let sizes: Vec<_> =
        variants.iter().map(|v| v.resolution.map(|r| (r.width, r.height))).collect();
    assert_eq!(sizes.len(), 2);
    assert!(sizes.contains(&Some((854, 480))) && sizes.contains(&Some((640, 360))), "{sizes:?}");
    let audio = playlist.alternatives[0].uri.clone().unwrap();
    let uris = variants.iter().map(|variant| variant.uri.clone()).chain([audio]);
    for uri in uris {
        let (_, headers, text) = appliance.public(&format!("{id}/{uri}")).await;
        assert!(headers["cache-control"].to_str().unwrap().contains("immutable"));
        let media = m3u8_rs::parse_media_playlist_res(&text).unwrap();
        assert_eq!(media.playlist_type, Some(m3u8_rs::MediaPlaylistType::Vod));
        assert!(media.end_list);
        let total: f32 = media.segments.iter().map(|segment| segment.duration).sum();
        assert!((total - 20.0).abs() < 0.1, "{uri}: {total}");
        let folder = uri.strip_suffix("index.m3u8").unwrap();
        for segment in &media.segments {
            let key = format!("{id}/{folder}{}", segment.uri);
            let (status, headers, bytes) = appliance.public(&key).await;
            assert_eq!((status, headers["content-type"].as_bytes()), (200, &b"video/mp2t"[..]));
            assert_eq!(bytes.len() % 188, 0, "{key}");
            assert_eq!(bytes[0], 0x47, "{key}");
        }
        let url = format!("{}/public/{id}/{uri}", appliance.s3);
        assert_eq!(media::decode_errors(&url), "", "{uri}");
    }
}

/// API and record have the same poster and storyboard, and both are public.
async fn assert_thumbnails(appliance: &Appliance, id: &str, video: &Value) {
    let record = appliance.record(id).await;
    let names = [("poster", "image/jpeg"), ("storyboard", "text/vtt")];
    for (name, content_type) in names {
        let path = record[name].as_str().unwrap();
        let url = video[format!("{name}_url")].as_str().unwrap();
        assert_eq!(url, format!("{}/public/{id}/{path}", appliance.s3));
        let (status, headers, bytes) = appliance.public(&format!("{id}/{path}")).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, content_type));
        assert!(!bytes.is_empty());
    }
    let folder = record["attempt_id"].as_str().unwrap();
    let sheet = appliance.public(&format!("{id}/{folder}/storyboard_000.jpg")).await;
    assert_eq!((sheet.0, &sheet.2[..2]), (200, &[0xFF, 0xD8][..]), "a JPEG");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_s3_client_can_upload() {
    let Some(clip) = media::clip(180, "25", 3) else { return };
    let appliance = Appliance::start();
    let body = aws_sdk_s3::primitives::ByteStream::from_path(&clip).await.unwrap();
    let key = "from elsewhere/ä+b.mp4";
    appliance.s3_client().put_object().bucket("uploads").key(key).body(body).send().await.unwrap();
    let id = ladderd::domain::job::VideoId::of_source("uploads", key).to_string();
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(
        (video["state"].as_str(), video["filename"].as_str()),
        (Some("ready"), Some("ä+b.mp4"))
    );
    let (_, list) = appliance.get("/v1/videos").await;
    assert_eq!(list["videos"][0]["id"], id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_no_video_fails_with_code_and_reason() {
    let appliance = Appliance::builder().setting("limits.truncated", "refuse").start();
    let text = b"This is not a video, whatever its name says.".to_vec();
    let mut cases = vec![
        ("text.mp4", text, "not-media", "not a video"),
        ("empty.mp4", Vec::new(), "source-empty", "empty"),
    ];
    if let Some(path) = corpus("truncated_at_100000_bytes_1080p.mp4") {
        cases.push(("cut.mp4", std::fs::read(path).unwrap(), "source-truncated", "cut off"));
    }
    if let Some(path) = corpus("no_moov_truncated.mp4") {
        cases.push(("broken.mp4", std::fs::read(path).unwrap(), "source-damaged", "damaged"));
    }
    for (name, bytes, code, words) in cases {
        let id = appliance.upload(name, bytes).await;
        let video = appliance.wait_for_end(&id).await;
        assert_eq!(video["state"], "failed", "{name}: {video:#}");
        assert_eq!(video["error"]["code"], code, "{name}: {video:#}");
        let message = video["error"]["message"].as_str().unwrap();
        assert!(message.contains(words) && message.ends_with('.'), "{name}: {message}");
        // Only the record with the reason is public.
        assert_eq!(published(&appliance, &id).await, ["job.json"], "{name}");
        let record = appliance.record(&id).await;
        assert_eq!(record["outcome"], "failed");
        assert_eq!(record["error"]["code"], code);
    }
    let depth = appliance.wait_for_empty_queue().await;
    assert_eq!(depth["dead"], 0, "a failure that is recorded is acknowledged");
    assert_eq!(appliance.get("/readyz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_without_its_end_is_published_with_a_warning() {
    let Some(path) = corpus("truncated_at_100000_bytes_1080p.mp4") else { return };
    let appliance = Appliance::start();
    let id = appliance.upload("cut.mp4", std::fs::read(path).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    let warnings = &video["warnings"];
    assert_eq!(warnings[0]["code"], "source-truncated", "{video:#}");
    let told = warnings[0]["message"].as_str().unwrap();
    assert!(told.contains("0.5 s of 35.2 s"), "{told}");
    assert_eq!(&appliance.record(&id).await["warnings"], warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_unknown_shape_becomes_a_dead_letter() {
    let mut appliance = Appliance::start();
    appliance.kill();
    appliance
        .database()
        .execute(
            "INSERT INTO messages (id, body, visible_at_ms, enqueued_at_ms) VALUES ('m', '{}', 0, 0)",
            [],
        )
        .unwrap();
    appliance.restart();
    let depth = appliance.wait_for_empty_queue().await;
    assert_eq!(depth["dead"], 1);
    let reason: String = appliance
        .database()
        .query_row("SELECT reason FROM dead_letters WHERE id = 'm'", [], |row| row.get(0))
        .unwrap();
    assert!(reason.contains("neither an S3 event"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_message_encodes_nothing() {
    let Some(clip) = media::clip(180, "25", 3) else { return };
    let mut appliance = Appliance::start();
    let (id, first) = appliance.publish("x.mp4", &clip).await;
    let before = published(&appliance, &id).await;
    let key =
        appliance.keys("uploads", "").await.into_iter().find(|k| k.ends_with("/x.mp4")).unwrap();
    appliance.kill();
    let body = serde_json::json!({"bucket": "uploads", "key": key}).to_string();
    appliance
        .database()
        .execute(
            "INSERT INTO messages (id, body, visible_at_ms, enqueued_at_ms) VALUES ('again', ?1, 0, 0)",
            [body],
        )
        .unwrap();
    appliance.restart();
    appliance.wait_for_empty_queue().await;
    assert_eq!(published(&appliance, &id).await, before);
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.1["timings"], first["timings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_can_be_deleted_while_it_encodes() {
    let Some(clip) = media::clip(720, "30", 30) else { return };
    let appliance = Appliance::start();
    let id = appliance.upload("x.mp4", std::fs::read(clip).unwrap()).await;
    appliance.wait_for(&id, |video| video["playable"] == true).await;
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    appliance.wait_for_empty_queue().await;
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.0, 404);
    assert_eq!(appliance.keys("public", "").await, Vec::<String>::new());
    let tombstone = format!("tombstones/{id}.json");
    assert_eq!(appliance.keys("uploads", "").await, ["claims/first-start", &tombstone]);
    assert_eq!(appliance.workers(), Vec::<i32>::new());
    assert_eq!(appliance.delete(&id).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_sent_events_follow_a_video_from_upload_to_ready() {
    let Some(clip) = media::clip(360, "30", 10) else { return };
    let appliance = Appliance::start();
    let bytes = std::fs::read(clip).unwrap();
    let answer = appliance.ask("x.mp4", bytes.len() as u64).await;
    let id = answer["video_id"].as_str().unwrap().to_owned();
    let url = format!("{}/v1/videos/{id}/events", appliance.api);
    let events = appliance.http.get(url).send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let reading = tokio::spawn(async move { events.text().await.unwrap() });
    assert_eq!(appliance.put(&answer["upload"], bytes).await.status(), 200);
    let text = reading.await.unwrap();
    let mut states: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| {
            serde_json::from_str::<Value>(data).unwrap()["state"].as_str().unwrap().to_owned()
        })
        .collect();
    states.dedup();
    assert_eq!(states.first().map(String::as_str), Some("uploading"), "{states:?}");
    assert_eq!(states.last().map(String::as_str), Some("ready"), "{states:?}");
    assert!(states.contains(&"running".to_owned()), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_phone_video_is_published_upright() {
    let Some(source) = corpus("phone_480p_rot90_editlist.mp4") else { return };
    if !has_ffmpeg() {
        return;
    }
    let appliance = Appliance::start();
    let (_, video) = appliance.publish("phone.mp4", &source).await;
    let (width, height) = (&video["renditions"][0]["width"], &video["renditions"][0]["height"]);
    assert!(width.as_u64() < height.as_u64(), "portrait stays portrait: {video:#}");
}
