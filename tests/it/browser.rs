//! hls.js and Video.js in Chromium: upload, playback while a job runs, forced switches of rungs.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::support::appliance::Appliance;
use super::support::{Need, corpus, media, root, skip};

/// Whether the scripts in `web/e2e` can run here. Reports a skip where they cannot.
pub fn has_browser() -> bool {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let needs = [
        (PathBuf::from(chromium), "chromium is not installed"),
        (
            root().join("web/node_modules/playwright-core/package.json"),
            "the page's packages are not installed (make web)",
        ),
        (root().join("web/dist/index.html"), "the page is not built (make web)"),
    ];
    let missing = needs.iter().find(|(file, _)| !file.is_file());
    if let Some((_, why)) = missing {
        skip(Need::Chromium, why);
    }
    missing.is_none()
}

/// Runs a script of `web/e2e`. Returns its line of JSON and whether it exited with success.
pub async fn browse(script: &str, arguments: &[&str]) -> (Value, bool) {
    browse_with(script, arguments, "").await
}

/// The same with these flags of Chromium.
pub async fn browse_with(script: &str, arguments: &[&str], flags: &str) -> (Value, bool) {
    let mut node = Command::new("node");
    node.env("CHROMIUM_FLAGS", flags);
    node.arg(root().join("web/e2e").join(script)).args(arguments);
    let output = tokio::task::spawn_blocking(move || node.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let result = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("the script printed no result: {said}"));
    // Kept in the log of a test that passes, too.
    println!("{result}");
    (result, output.status.success())
}

/// The player has shown every rung up to the end without a gap or a stall over 0.5 s.
pub fn assert_played(result: &Value, secs: f64) {
    let number = |name: &str| result[name].as_f64().unwrap_or(f64::NAN);
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["gaps"], json!([]), "{result:#}");
    assert_eq!(result["missing_switches"], json!([]), "{result:#}");
    assert_eq!(result["ended"], true, "{result:#}");
    assert!(number("longest_stall") <= 0.5, "{result:#}");
    assert!(number("first_time") < 0.1, "from the first segment: {result:#}");
    assert!((number("current_time") - number("duration")).abs() < 0.1, "{result:#}");
    let played = number("current_time") - number("first_time");
    assert!((played - secs).abs() < 0.1, "{secs} s: {result:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_uploads_and_plays_before_the_encode_has_ended() {
    if !has_browser() {
        return;
    }
    let film = corpus("bbb_720p24_30s_vp8_vorbis.webm").or_else(|| media::clip(720, "30", 30));
    let Some(file) = film else { return };
    let appliance = Appliance::start();
    let (result, is_success) = browse("watch.mjs", &[&appliance.api, file.to_str().unwrap()]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["playable_state"], "running", "playable before the end: {result:#}");
    assert!(result["current_time"].as_f64().unwrap() > 8.0, "{result:#}");
    assert_eq!(result["ended_state"], "ready", "{result:#}");
    assert!(is_success, "{result:#}");
}

/// Plays a finished stream in both players with a switch from each rung to each other one. Segments
/// of 1 s give the twelve switches between four rungs room in 30 s.
async fn assert_every_switch_plays(segment: &str, name: &str, height: u32, rungs: &[u32]) {
    if !has_browser() {
        return;
    }
    let Some(file) = corpus(name).or_else(|| media::clip(height, "24", 30)) else { return };
    let appliance = Appliance::builder()
        .setting("encode.segment", segment)
        .setting("encode.gop_secs", 1)
        .setting("encode.gops_per_segment", 1)
        .start();
    let (id, video) = appliance.publish("film.mp4", &file).await;
    let url = format!("{}/v1/videos/{id}", appliance.api);
    for player in ["hlsjs", "videojs"] {
        let (result, is_success) = browse("switch.mjs", &[player, "seamless", &url]).await;
        assert_eq!(result["rungs"], json!(rungs), "{result:#}");
        assert_eq!(result["was_growing"], false, "{result:#}");
        assert_played(&result, video["duration_secs"].as_f64().unwrap());
        assert!(is_success, "{result:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn players_switch_between_all_rungs_of_a_ts_stream() {
    let name = "bbb_1080p24_30s_aac51.mp4";
    assert_every_switch_plays("ts", name, 1080, &[360, 480, 720, 1080]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn players_switch_between_all_rungs_of_a_cmaf_stream() {
    assert_every_switch_plays("cmaf", "bbb_480p24_30s_aac51.mp4", 480, &[360, 480]).await;
}

/// Stops the worker for a second once the stream is playable: a fast machine would end the job before
/// a player has joined.
async fn pause_job(appliance: &Appliance, id: &str) {
    appliance.wait_for(id, |video| video["playable"] == true).await;
    let workers = appliance.workers();
    let signal = |signal| {
        for pid in workers.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // It may have ended already.
            kill_process(pid, signal).ok();
        }
    };
    signal(Signal::STOP);
    tokio::time::sleep(Duration::from_secs(1)).await;
    signal(Signal::CONT);
}

#[tokio::test(flavor = "multi_thread")]
async fn players_that_join_an_event_playlist_play_to_its_end() {
    if !has_browser() {
        return;
    }
    let film = corpus("bbb_480p24_30s_aac51.mp4").or_else(|| media::clip(480, "24", 30));
    let Some(file) = film else { return };
    let appliance = Appliance::start();
    let bytes = std::fs::read(file).unwrap();
    for player in ["hlsjs", "videojs"] {
        // Each player joins a job of its own; the browser is open before the job starts.
        let answer = appliance.ask(player, bytes.len() as u64).await;
        let id = answer["video_id"].as_str().unwrap();
        let url = format!("{}/v1/videos/{id}", appliance.api);
        let arguments = [player, "seamless", &url];
        let playing = browse("switch.mjs", &arguments);
        let put = appliance.put(&answer["upload"], bytes.clone());
        let (put, (), (result, is_success)) = tokio::join!(put, pause_job(&appliance, id), playing);
        assert_eq!(put.status(), 200);
        assert_eq!(result["state"], "running", "opened before the end: {result:#}");
        assert_eq!(result["was_growing"], true, "{result:#}");
        assert_eq!(result["rungs"], json!([360, 480]), "{result:#}");
        assert_played(&result, result["duration_secs"].as_f64().unwrap());
        assert!(is_success, "{result:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_storyboard_tile_under_the_pointer() {
    if !has_browser() {
        return;
    }
    let Some(clip) = media::clip(360, "25", 60) else { return };
    let appliance = Appliance::start();
    let (id, video) = appliance.publish("film.mp4", &clip).await;
    let (result, is_success) = browse("hover.mjs", &[&appliance.api, &id]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["shown"]["sheet"], result["expected"]["sheet"], "{result:#}");
    assert_eq!(result["poster"], video["poster_url"], "{result:#}");
    assert!(is_success, "{result:#}");
}
