//! Text tracks that are added to a video.

use std::process::Command;

use serde_json::{Value, json};

use super::{main_of, send};
use crate::support::appliance::Appliance;
use crate::support::media;
use crate::support::stream::check_url;

const ENGLISH: &str = "WEBVTT\n\nNOTE no cue\n\n1\n00:01.000 --> 00:02.500 line:0\nHello &amp; <i>welcome</i>\n\n\
                       00:05.500 --> 00:07.000\nOver a border\n";
const GERMAN: &str = "1\r\n00:00:00,500 --> 00:00:02,000\r\n<font color=red>Guten Tag</font>\r\n\r\n\
                      2\r\n00:00:03,000 --> 00:10:00,000\r\nBis zum Ende\r\n";

/// The cues of a rendition as ffmpeg reads them in its segments: start, end and text, each once.
async fn cues(appliance: &Appliance, id: &str, rendition: &str) -> Vec<String> {
    let folder = appliance.record(id).await["attempt_id"].as_str().unwrap().to_owned();
    let path = format!("{id}/{folder}/{rendition}");
    let index = appliance.public(&format!("{path}/index.m3u8")).await.2;
    let index = String::from_utf8(index).unwrap();
    let mut found: Vec<String> = Vec::new();
    for segment in index.lines().filter(|line| !line.starts_with('#')) {
        let url = format!("{}/public/{path}/{segment}", appliance.s3);
        let decode = move || {
            let arguments = ["-v", "error", "-i", &url, "-f", "webvtt", "-"];
            Command::new("ffmpeg").args(arguments).output().unwrap()
        };
        let output = tokio::task::spawn_blocking(decode).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        for block in text.split("\n\n").filter(|block| block.contains("-->")) {
            let cue = block.trim().replace('\n', " ");
            if !found.contains(&cue) {
                found.push(cue);
            }
        }
    }
    found
}

async fn put(appliance: &Appliance, id: &str, of: &str, text: &str) -> (u16, Value) {
    let path = format!("/v1/videos/{id}/text-tracks/{of}");
    send(appliance, "PUT", &path, text.as_bytes().to_vec()).await
}

/// Keeps another text of the English track, as a box does that dies before it edits the stream.
async fn write_late(appliance: &Appliance, id: &str) {
    let keys = appliance.keys("uploads", &format!("additions/{id}/")).await;
    let key = keys.iter().find(|key| key.ends_with("/en.json")).unwrap();
    let client = appliance.s3_client();
    let read = client.get_object().bucket("uploads").key(key).send().await.unwrap();
    let kept = read.body.collect().await.unwrap().to_vec();
    let kept = String::from_utf8(kept).unwrap().replace("New", "Late");
    let put = client.put_object().bucket("uploads").key(key).body(kept.into_bytes().into());
    put.send().await.unwrap();
}

/// Panics unless the completion record has the text of `main.m3u8` and the stream keeps the rules.
async fn assert_sound(appliance: &Appliance, id: &str) {
    let main = main_of(appliance, id).await;
    assert_eq!(appliance.record(id).await["main"], main);
    let url = format!("{}/public/{id}/main.m3u8", appliance.s3);
    check_url(&url).await.assert_without_findings();
}

#[tokio::test(flavor = "multi_thread")]
async fn text_tracks_come_change_and_go() {
    let Some(clip) = media::subtitled() else { return };
    let appliance = Appliance::start();
    let (id, before) = appliance.publish("film.mkv", &clip).await;
    let plain = main_of(&appliance, &id).await;

    let (status, english) = put(&appliance, &id, "ENG?kind=captions&label=English", ENGLISH).await;
    let rendition = english["rendition"].as_str().unwrap().to_owned();
    let expected = json!({"language": "en", "kind": "captions", "label": "English", "default": false,
        "state": "ready", "rendition": rendition});
    assert_eq!((status, &english), (200, &expected));
    assert_sound(&appliance, &id).await;
    let read =
        ["00:01.000 --> 00:02.500 Hello & <i>welcome</i>", "00:05.500 --> 00:07.000 Over a border"];
    assert_eq!(cues(&appliance, &id, &rendition).await, read);
    let (_, main) = (0, main_of(&appliance, &id).await);
    let line = main.lines().find(|line| line.contains(&rendition)).unwrap();
    assert!(line.contains("CHARACTERISTICS=") && line.contains("LANGUAGE=\"en\""), "{line}");

    // Subtitles of the source in the same language stay, and SubRip is understood.
    let (status, german) = put(&appliance, &id, "de?default=true", GERMAN).await;
    assert_eq!((status, &german["default"]), (200, &json!(true)), "{german:#}");
    assert_sound(&appliance, &id).await;
    let main = main_of(&appliance, &id).await;
    assert!(main.contains("NAME=\"de (2)\",LANGUAGE=\"de\",DEFAULT=YES"), "{main}");
    let read = cues(&appliance, &id, german["rendition"].as_str().unwrap()).await;
    assert_eq!(read[0], "00:00.500 --> 00:02.000 Guten Tag");
    assert!(
        read[1].starts_with("00:03.000 --> ") && read[1].ends_with(" Bis zum Ende"),
        "{read:?}"
    );

    // The same once more changes nothing; another text gets a new name, and the old one goes.
    let again = put(&appliance, &id, "en?kind=captions&label=English", ENGLISH).await;
    assert_eq!(again, (200, english));
    let (_, newer) = put(&appliance, &id, "en", "WEBVTT\n\n00:01.000 --> 00:02.000\nNew\n").await;
    let newer = newer["rendition"].as_str().unwrap().to_owned();
    assert_eq!(cues(&appliance, &id, &newer).await, ["00:01.000 --> 00:02.000 New"]);
    let keys = appliance.keys("public", &format!("{id}/")).await;
    assert!(!keys.iter().any(|key| key.contains(&rendition)), "{keys:#?}");
    let (_, listed) = appliance.get(&format!("/v1/videos/{id}/text-tracks")).await;
    let video = appliance.get(&format!("/v1/videos/{id}")).await.1;
    assert_eq!(listed["text_tracks"], video["text_tracks"]);
    assert_eq!(listed["text_tracks"].as_array().unwrap().len(), 2, "{listed:#}");

    // They move with the video, and so does a text that nobody has put into the stream yet.
    write_late(&appliance, &id).await;
    assert_eq!(appliance.change(&id, "private").await.0, 200);
    assert_eq!(appliance.change(&id, "public").await.0, 200);
    assert_sound(&appliance, &id).await;
    let video = appliance.get(&format!("/v1/videos/{id}")).await.1;
    let tracks = video["text_tracks"].as_array().unwrap();
    let late = tracks.iter().find(|track| track["language"] == "en").unwrap();
    let late = late["rendition"].as_str().unwrap();
    assert_eq!(cues(&appliance, &id, late).await, ["00:01.000 --> 00:02.000 Late"]);

    for language in ["en", "de"] {
        let path = format!("/v1/videos/{id}/text-tracks/{language}");
        assert_eq!(send(&appliance, "DELETE", &path, Vec::new()).await.0, 204);
        assert_eq!(send(&appliance, "DELETE", &path, Vec::new()).await.0, 404);
    }
    assert_sound(&appliance, &id).await;
    let folder = |record: &Value| record["attempt_id"].as_str().unwrap().to_owned();
    let moved = folder(&appliance.record(&id).await);
    let first = plain.lines().find(|line| line.ends_with("index.m3u8")).unwrap();
    let old = first.split('/').next().unwrap();
    assert_eq!(
        main_of(&appliance, &id).await,
        plain.replace(&format!("{old}/"), &format!("{moved}/"))
    );
    let after = appliance.get(&format!("/v1/videos/{id}")).await.1;
    assert_eq!(after["renditions"], before["renditions"]);
    assert_eq!(appliance.keys("uploads", "additions/").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_none_is_refused_with_its_line() {
    let appliance = Appliance::serving();
    let answer = appliance.ask("film.mp4", 1).await;
    let id = answer["video_id"].as_str().unwrap();
    let table = [
        ("en", "WEBVTT\n\n00:01.000 -> 00:02.000\nx\n", 400, "body: line 3: "),
        ("en", "WEBVTT\n", 400, "body: line 1: the file has no cue"),
        ("english", ENGLISH, 400, "lang: \"english\" is no language tag"),
        ("en?label=%22", ENGLISH, 400, "label: "),
        ("en?kind=chapters", ENGLISH, 400, ""),
        ("en", ENGLISH, 202, ""),
    ];
    for (of, text, expected, detail) in table {
        let (status, problem) = put(&appliance, id, of, text).await;
        assert_eq!(status, expected, "{of} {text:?}: {problem:#}");
        let told = problem["detail"].as_str().unwrap_or_default();
        assert!(told.starts_with(detail), "{of} {text:?}: {problem:#}");
    }
    let missing = put(&appliance, "00000000000000000000", "en", ENGLISH).await;
    assert_eq!(missing.0, 404);
    assert_eq!(appliance.delete(id).await, 202);
    appliance.wait_until_gone(id).await;
    assert_eq!(appliance.keys("uploads", "additions/").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_that_comes_during_a_job_is_in_its_first_whole_stream() {
    let appliance = Appliance::start();
    let Some(id) = appliance.start_long_job().await else { return };
    let (status, track) = put(&appliance, &id, "en", ENGLISH).await;
    assert_eq!((status, &track["state"]), (202, &json!("pending")), "{track:#}");
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    let tracks = video["text_tracks"].as_array().unwrap();
    assert_eq!(tracks.len(), 1, "{video:#}");
    let rendition = tracks[0]["rendition"].as_str().unwrap();
    assert_eq!(cues(&appliance, &id, rendition).await.len(), 2);
    assert_sound(&appliance, &id).await;
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    for bucket in ["public", "uploads"] {
        let mut keys = appliance.keys(bucket, "").await;
        keys.retain(|key| !key.starts_with("claims/") && !key.starts_with("tombstones/"));
        assert_eq!(keys, Vec::<String>::new(), "{bucket}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_of_an_encrypted_private_cmaf_stream_is_encrypted_too() {
    let Some(clip) = media::subtitled() else { return };
    let appliance = Appliance::builder()
        .setting("videos.visibility", "private")
        .setting("encode.segment", "cmaf")
        .setting("encryption.kind", "aes-128")
        .setting("encryption.master_keys", "first:0123456789abcdef0123456789abcdef")
        .start();
    let (id, _) = appliance.publish("film.mkv", &clip).await;
    let (status, track) = put(&appliance, &id, "fr", ENGLISH).await;
    assert_eq!((status, &track["state"]), (200, &json!("ready")), "{track:#}");
    let rendition = track["rendition"].as_str().unwrap();
    let keys = appliance.keys("uploads", &format!("streams/{id}/")).await;
    let segment = keys.iter().find(|key| key.contains(rendition) && key.ends_with("seg_00000.vtt"));
    let read = appliance.s3_client().get_object().bucket("uploads").key(segment.unwrap());
    let bytes = read.send().await.unwrap().body.collect().await.unwrap().into_bytes();
    assert!(!bytes.starts_with(b"WEBVTT") && bytes.len() % 16 == 0);
    let token = appliance.token(&id).await;
    let url = format!("{}/play/{id}/main.m3u8?token={token}", appliance.api);
    check_url(&url).await.assert_sound();
}
