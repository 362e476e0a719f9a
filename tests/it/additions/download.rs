//! Downloads: MP4 files made of published streams, as decoders read them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::post_json;
use crate::support::appliance::{Appliance, TIMEOUT};
use crate::support::media;

/// Asks for a download until it is made. Returns the URL of the file.
async fn location(appliance: &Appliance, id: &str, rung: &str) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
    let (client, url) =
        (client.unwrap(), format!("{}/v1/videos/{id}/download?rung={rung}", appliance.api));
    let asked = tokio::time::timeout(TIMEOUT, async {
        loop {
            // Two at once make one file.
            let (first, second) = tokio::join!(client.get(&url).send(), client.get(&url).send());
            let (response, _) = (first.unwrap(), second.unwrap());
            match response.status().as_u16() {
                202 => assert_eq!(response.headers()["retry-after"], "2"),
                302 => return response.headers()["location"].to_str().unwrap().to_owned(),
                status => panic!("{status}: {}", response.text().await.unwrap()),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    asked.await.unwrap()
}

/// Loads a file in two ranges, as a client does that was cut off. Returns the headers of the second.
async fn load(appliance: &Appliance, url: &str, file: &Path) -> HeaderMap {
    let range = async |range: &str| {
        let response = appliance.http.get(url).header("range", range).send().await.unwrap();
        assert_eq!(response.status(), 206, "{url}");
        (response.headers().clone(), response.bytes().await.unwrap())
    };
    let (_, first) = range("bytes=0-999").await;
    let (headers, rest) = range("bytes=1000-").await;
    std::fs::write(file, [first, rest].concat()).unwrap();
    headers
}

/// Hashes of all frames of a kind (`v` or `a`) as ffmpeg decodes them.
fn frames(input: &str, kind: &str) -> Vec<String> {
    let map = format!("0:{kind}:0");
    let arguments = ["-v", "error", "-i", input, "-map", &map, "-f", "framemd5", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(", ").next().unwrap().to_owned()).collect()
}

/// Kinds of the outermost boxes.
fn boxes(file: &Path) -> Vec<String> {
    let bytes = std::fs::read(file).unwrap();
    let (mut at, mut kinds) = (0, Vec::new());
    while let Some(header) = bytes.get(at..at + 16) {
        let len = u32::from_be_bytes(header[..4].try_into().unwrap());
        kinds.push(String::from_utf8(header[4..8].to_vec()).unwrap());
        let long = u64::from_be_bytes(header[8..].try_into().unwrap());
        at += usize::try_from(if len == 1 { long } else { u64::from(len) }).unwrap();
    }
    assert_eq!(at, bytes.len());
    kinds
}

/// Panics unless a file has the frames of the stream, at the times of the source.
fn assert_same(file: &Path, [video, main]: &[String; 2], source: &Path) {
    assert_eq!(boxes(file), ["ftyp", "moov", "mdat"]);
    let name = file.display().to_string();
    assert_eq!(media::decode_errors(&name), "");
    assert_eq!(frames(&name, "v"), frames(video, "v"));
    // 12 s with 30 frames each.
    assert_eq!(media::size_and_frames(&name).2, 360);
    let (sound, expected) = (frames(&name, "a").len(), frames(main, "a").len());
    assert!(sound.abs_diff(expected) <= 3, "{sound} {expected}");
    let source = source.display().to_string();
    let ((flashes, tones), (expected, _)) =
        (media::flash_times(&name), media::flash_times(&source));
    assert_eq!((flashes.len(), tones.len()), (expected.len(), expected.len()));
    for ((flash, tone), expected) in flashes.iter().zip(&tones).zip(&expected) {
        assert!((flash - expected).abs() < 0.05, "{flash} {expected}");
        assert!((tone - expected).abs() < 0.06, "{tone} {expected}");
    }
}

async fn checked(file: PathBuf, stream: [String; 2], source: PathBuf) {
    let work = move || assert_same(&file, &stream, &source);
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_has_the_frames_of_the_stream() {
    let Some(clip) = media::flashes() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("film.mp4");
    let appliance = Appliance::start();
    let (id, video) = appliance.publish("My film.mov", &clip).await;
    let rung = video["renditions"][0]["name"].as_str().unwrap();
    let url = location(&appliance, &id, rung).await;
    assert!(url.starts_with(&format!("{}/public/{id}/", appliance.s3)), "{url}");
    let headers = load(&appliance, &url, &file).await;
    assert_eq!(headers["content-type"], "video/mp4");
    let name = headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with(&format!("attachment; filename=\"My film-{rung}.mp4\"")), "{name}");
    let folder = appliance.record(&id).await["attempt_id"].as_str().unwrap().to_owned();
    let base = format!("{}/public/{id}", appliance.s3);
    let stream = [format!("{base}/{folder}/{rung}/index.m3u8"), format!("{base}/main.m3u8")];
    let made = appliance.keys("public", &format!("{id}/{folder}/download-")).await;
    assert_eq!(made, [format!("{id}/{folder}/download-{rung}.mp4")]);
    checked(file, stream, clip).await;

    let other = appliance.get(&format!("/v1/videos/{id}/download?rung=99p")).await;
    assert_eq!(other.0, 400, "{:#}", other.1);
    assert!(other.1["detail"].as_str().unwrap().contains(rung), "{:#}", other.1);
    // It goes with its attempt.
    let encode = serde_json::json!({});
    assert_eq!(post_json(&appliance, &format!("/v1/videos/{id}/encode"), &encode).await.0, 202);
    appliance.wait_for(&id, |video| video["state"] != "ready").await;
    appliance.wait_for_end(&id).await;
    appliance.wait_for_empty_queue().await;
    assert_eq!(appliance.public(&made[0]).await.0, 404);
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    let waiting = appliance.ask("film.mp4", 1).await;
    let path = format!("/v1/videos/{}/download?rung=360p", waiting["video_id"].as_str().unwrap());
    assert_eq!(appliance.get(&path).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_of_a_private_cmaf_stream_is_private() {
    let Some(clip) = media::flashes() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("film.mp4");
    let appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("encode.segment", "cmaf")
        .setting("housekeeping.purge_delay_secs", 3600)
        .start();
    let (id, video) = appliance.publish("film.mp4", &clip).await;
    let rung = video["renditions"][0]["name"].as_str().unwrap();
    let url = location(&appliance, &id, rung).await;
    let (plain, signature) = url.split_once('?').unwrap();
    assert!(signature.contains("X-Amz-Signature="), "{url}");
    assert_eq!(appliance.http.get(plain).send().await.unwrap().status(), 403);
    load(&appliance, &url, &file).await;
    let token = appliance.token(&id).await;
    let (_, path) = plain.split_once(&format!("/{id}/")).unwrap();
    let folder = path.split('/').next().unwrap();
    let files = [format!("{folder}/{rung}/index.m3u8"), "main.m3u8".to_owned()];
    let stream = files.map(|file| format!("{}/play/{id}/{file}?token={token}", appliance.api));
    checked(file, stream, clip).await;
    // Until it is purged, a deleted video can be restored, and not be loaded.
    assert_eq!(appliance.delete(&id).await, 202);
    let deleted = appliance.get(&format!("/v1/videos/{id}/download?rung={rung}")).await;
    assert_eq!((deleted.0, deleted.1["detail"].as_str()), (409, Some("the video is deleted")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_stream_has_no_downloads() {
    let Some(clip) = media::clip(360, "25", 8) else { return };
    let appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("encryption.kind", "aes-128")
        .setting("encryption.master_keys", "first:0123456789abcdef0123456789abcdef")
        .start();
    let (id, video) = appliance.publish("film.mp4", &clip).await;
    let rung = video["renditions"][0]["name"].as_str().unwrap();
    let (status, problem) = appliance.get(&format!("/v1/videos/{id}/download?rung={rung}")).await;
    assert_eq!(status, 409, "{problem:#}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("the stream is encrypted: "), "{detail}");
    let keys = appliance.keys("uploads", "").await;
    assert!(keys.iter().any(|key| key.ends_with("/main.m3u8")), "{keys:?}");
    assert!(!keys.iter().any(|key| key.contains("download-")), "{keys:?}");
}
