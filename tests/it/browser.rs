//! Real players in a real browser: a person uploads and watches, and rungs are switched by force.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::support::appliance::{Appliance, Home};
use super::support::{Need, corpus, media, root, skip};

/// Whether the scripts in `web/e2e` can run here.
fn has_browser() -> bool {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let needs = [
        (PathBuf::from(chromium), "chromium is not there"),
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

/// Runs one of the scripts. Returns its line of JSON, and whether it found all well.
async fn browse(script: &str, arguments: &[&str]) -> (Value, bool) {
    let mut node = Command::new("node");
    node.arg(root().join("web/e2e").join(script)).args(arguments);
    let output = tokio::task::spawn_blocking(move || node.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let result = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("the browser said nothing: {said}"));
    // What was measured belongs to the record of a run, also where all is well.
    println!("{result}");
    (result, output.status.success())
}

/// The film was played on all rungs, to its end, and nobody would have noticed.
fn assert_played(result: &Value, secs: f64) {
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
    let home = Home::default();
    let file = match corpus("bbb_720p24_30s_vp8_vorbis.webm") {
        Some(file) => Some(file),
        None => media::clip(home.path(), 720, "30", 30),
    };
    let Some(file) = file else { return };
    let appliance = home.start();
    let (result, well) = browse("watch.mjs", &[&appliance.api, file.to_str().unwrap()]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["playable_state"], "running", "playable before the end: {result:#}");
    assert!(result["current_time"].as_f64().unwrap() > 8.0, "{result:#}");
    assert_eq!(result["ended_state"], "ready", "{result:#}");
    assert!(well, "{result:#}");
}

/// Both players play a whole stream, in segments of 1 s: 30 s have enough borders for each of the
/// twelve switches between four rungs.
async fn are_played_with_every_switch(segment: &str, name: &str, height: u32, rungs: &[u32]) {
    if !has_browser() {
        return;
    }
    let home = Home::with(&[
        ("LADDERD__ENCODE__SEGMENT", segment),
        ("LADDERD__ENCODE__GOP_SECS", "1"),
        ("LADDERD__ENCODE__GOPS_PER_SEGMENT", "1"),
    ]);
    let Some(file) = corpus(name).or_else(|| media::clip(home.path(), height, "24", 30)) else {
        return;
    };
    let appliance = home.start();
    let id = appliance.upload("film.mp4", std::fs::read(file).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    let url = format!("{}/v1/videos/{id}", appliance.api);
    for player in ["hlsjs", "videojs"] {
        let (result, well) = browse("switch.mjs", &[player, "seamless", &url]).await;
        assert_eq!(result["rungs"], json!(rungs), "{result:#}");
        assert_eq!(result["was_growing"], false, "{result:#}");
        assert_played(&result, video["duration_secs"].as_f64().unwrap());
        assert!(well, "{result:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn players_switch_between_all_rungs_of_a_whole_stream() {
    let name = "bbb_1080p24_30s_aac51.mp4";
    are_played_with_every_switch("ts", name, 1080, &[360, 480, 720, 1080]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn players_switch_between_the_rungs_of_a_stream_of_fragments() {
    are_played_with_every_switch("cmaf", "bbb_480p24_30s_aac51.mp4", 480, &[360, 480]).await;
}

/// Lets the job rest for a moment once it can be watched: a fast machine would have ended it before
/// a player is there.
async fn hold_job(appliance: &Appliance, id: &str) {
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
async fn players_that_join_a_growing_stream_play_it_to_its_end() {
    if !has_browser() {
        return;
    }
    let home = Home::default();
    let file = match corpus("bbb_480p24_30s_aac51.mp4") {
        Some(file) => Some(file),
        None => media::clip(home.path(), 480, "24", 30),
    };
    let Some(file) = file else { return };
    let appliance = home.start();
    let bytes = std::fs::read(file).unwrap();
    for player in ["hlsjs", "videojs"] {
        // Each player has a job of its own to join, and waits for it in an open browser.
        let answer = appliance.ask(player, bytes.len() as u64).await;
        let id = answer["video_id"].as_str().unwrap();
        let url = format!("{}/v1/videos/{id}", appliance.api);
        let arguments = [player, "seamless", &url];
        let playing = browse("switch.mjs", &arguments);
        let put = appliance.put(&answer["upload"], bytes.clone());
        let (put, (), (result, well)) = tokio::join!(put, hold_job(&appliance, id), playing);
        assert_eq!(put.status(), 200);
        assert_eq!(result["state"], "running", "opened before the end: {result:#}");
        assert_eq!(result["was_growing"], true, "{result:#}");
        assert_eq!(result["rungs"], json!([360, 480]), "{result:#}");
        assert_played(&result, result["duration_secs"].as_f64().unwrap());
        assert!(well, "{result:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_storyboard() {
    if !has_browser() {
        return;
    }
    let home = Home::default();
    let Some(clip) = media::clip(home.path(), 360, "25", 60) else { return };
    let appliance = home.start();
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    let (result, well) = browse("hover.mjs", &[&appliance.api, &id]).await;
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!(result["shown"]["sheet"], result["expected"]["sheet"], "{result:#}");
    assert_eq!(result["poster"], video["poster_url"], "{result:#}");
    assert!(well, "{result:#}");
}
