//! Chapters: those of the source are published as `WebVTT`, and no subtitles are made of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use ladderd::domain::job::VideoId;
use serde_json::{Value, json};

use super::browser;
use super::support::appliance::Appliance;
use super::support::stream::transcode;
use super::support::{corpus, media};

const KEY: &str = "in/film";

/// Chapters as ffmpeg reads them.
const CHAPTERS: &str = ";FFMETADATA1\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=Début & <b>\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=4000\ntitle=a --> b\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=4000\nEND=6000\ntitle=The end\n";

/// The text that must be published of them.
const PUBLISHED: &str = "WEBVTT\n\n\
    00:00:00.000 --> 00:00:01.500\nDébut &amp; &lt;b&gt;\n\n\
    00:00:01.500 --> 00:00:04.000\na --&gt; b\n\n\
    00:00:04.000 --> 00:00:06.000\nThe end\n";

/// A film of 6 s with [`CHAPTERS`], in the container of this file name.
fn film(name: &str, more: &[&str]) -> Option<PathBuf> {
    let clip = media::clip(180, "25", 6)?.display().to_string();
    let inputs = ["-i", &clip, "-i", "chapters.txt", "-map", "0", "-map_chapters", "1"];
    let arguments = [&inputs[..], &["-c", "copy"], more].concat();
    media::generated_with(name, &arguments, &[("chapters.txt", CHAPTERS)])
}

#[test]
fn chapters_of_each_container_are_published() {
    let films = [
        // A text track and Nero's list, as ffmpeg writes both.
        film("chapters.mp4", &[]),
        film("chapters.mov", &["-movflags", "disable_chpl"]),
        film("chapters.mkv", &[]),
        // Without the text track: the list alone.
        film("list.mp4", &["-f", "ipod"]).and_then(|file| without_text_track(&file)),
    ];
    for film in films {
        let Some(film) = film else { return };
        let stream = transcode(&film);
        // The last chapter ends with the stream, which is two frames longer in Matroska.
        let end_ns = stream.event("done")["duration_ns"].as_u64().unwrap();
        let end = Duration::from_nanos(end_ns).as_secs_f64();
        let expected = PUBLISHED.replace("00:00:06.000", &format!("00:00:{end:06.3}"));
        assert_eq!(stream.text("chapters.vtt"), expected, "{}", film.display());
        assert_eq!(stream.plan()["subtitles"], json!([]), "{}", film.display());
        stream.check().assert_sound();
    }
}

/// A copy of the file in which no track names the text track as its chapters.
fn without_text_track(file: &Path) -> Option<PathBuf> {
    let mut bytes = std::fs::read(file).unwrap();
    let at = bytes.windows(4).position(|window| window == b"chap")?;
    bytes[at..at + 4].copy_from_slice(b"free");
    let copy = file.with_file_name("without_text_track.mp4");
    std::fs::write(&copy, bytes).unwrap();
    Some(copy)
}

#[test]
fn chapters_of_films_are_those_that_ffprobe_reads() {
    for name in ["mp4_3chapters.mp4", "mkv_chapters_attachment_288p_18s.mkv"] {
        let Some(film) = corpus(name) else { return };
        let mut ffprobe = Command::new("ffprobe");
        ffprobe.args(["-v", "error", "-show_chapters", "-of", "json"]).arg(&film);
        let said: Value = serde_json::from_slice(&ffprobe.output().unwrap().stdout).unwrap();
        let stated = |chapter: &Value| {
            let secs: f64 = chapter["start_time"].as_str().unwrap().parse().unwrap();
            (format!("{secs:06.3}"), chapter["tags"]["title"].as_str().unwrap().to_owned())
        };
        let expected: Vec<_> = said["chapters"].as_array().unwrap().iter().map(stated).collect();
        let text = transcode(&film).text("chapters.vtt");
        let blocks = text.trim_end().split("\n\n").skip(1);
        let cue = |block: &str| {
            let (times, title) = block.split_once('\n').unwrap();
            (times[6..12].to_owned(), title.to_owned())
        };
        assert_eq!(blocks.map(cue).collect::<Vec<_>>(), expected, "{name}");
    }
}

/// A version of the source. Each replaces the one before.
async fn put(appliance: &Appliance, file: &Path) {
    let put = appliance.s3_client().put_object().bucket("uploads").key(KEY);
    put.body(ByteStream::from_path(file).await.unwrap()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn api_and_record_name_the_chapters_of_the_version_that_has_them() {
    let Some(film) = film("chapters.mp4", &[]) else { return };
    let Some(plain) = media::clip(180, "25", 2) else { return };
    let appliance = Appliance::start();
    let id = VideoId::of_source("uploads", KEY).to_string();
    put(&appliance, &film).await;
    let video = appliance.wait_for_end(&id).await;
    let record = appliance.record(&id).await;
    let path = record["chapters"].as_str().unwrap();
    assert_eq!(path, format!("{}/chapters.vtt", record["attempt_id"].as_str().unwrap()));
    assert_eq!(video["chapters_url"], format!("{}/public/{id}/{path}", appliance.s3));
    let (status, headers, text) = appliance.public(&format!("{id}/{path}")).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/vtt"));
    assert_eq!(String::from_utf8(text).unwrap(), PUBLISHED);

    put(&appliance, &plain).await;
    let is_next = |video: &Value| video["state"] == "ready" && video["chapters_url"] == Value::Null;
    appliance.wait_for(&id, is_next).await;
    assert_eq!(appliance.record(&id).await["chapters"], Value::Null);
    appliance.wait_for_empty_queue().await;
    let keys = appliance.keys("public", &format!("{id}/")).await;
    assert!(!keys.iter().any(|key| key.ends_with("chapters.vtt")), "{keys:?}");

    put(&appliance, &film).await;
    appliance.wait_for(&id, |video| video["chapters_url"].is_string()).await;
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    assert_eq!(appliance.keys("public", &format!("{id}/")).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_lists_the_chapters_and_jumps_to_one() {
    let Some(film) = film("chapters.mp4", &[]) else { return };
    if !browser::has_browser() {
        return;
    }
    let appliance = Appliance::start();
    let (id, _) = appliance.publish("film.mp4", &film).await;
    let (result, is_success) = browser::browse("chapters.mjs", &[&appliance.api, &id]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["titles"], json!(["Début & <b>", "a --> b", "The end"]), "{result:#}");
    let chosen = result["chosen"].as_f64().unwrap();
    assert!((chosen - 4.0).abs() < 0.1, "{result:#}");
    assert!(is_success, "{result:#}");
}
