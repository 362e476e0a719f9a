//! A person uploads a file on the page and watches it.

use std::process::Command;

use serde_json::Value;

use super::support::appliance::Home;
use super::support::{Need, corpus, media, root, skip};

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_uploads_and_plays_before_the_encode_has_ended() {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let script = root().join("web/e2e/watch.mjs");
    if !std::path::Path::new(&chromium).is_file() {
        return skip(Need::Chromium, "chromium is not there");
    }
    if !root().join("web/node_modules/playwright-core").is_dir() {
        return skip(Need::Chromium, "the page's packages are not installed (make web)");
    }
    if !root().join("web/dist/index.html").is_file() {
        return skip(Need::Chromium, "the page is not built (make web)");
    }
    let home = Home::default();
    let file = match corpus("bbb_720p24_30s_vp8_vorbis.webm") {
        Some(file) => Some(file),
        None => media::clip(home.path(), 720, "30", 30),
    };
    let Some(file) = file else { return };
    let appliance = home.start();
    let api = appliance.api.clone();
    let output = tokio::task::spawn_blocking(move || {
        Command::new("node").arg(script).arg(api).arg(file).output().unwrap()
    });
    let output = output.await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let result: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("the browser said nothing: {said}"));
    assert_eq!(result["errors"], serde_json::json!([]), "{result:#}");
    assert_eq!(result["playable_state"], "running", "playable before the end: {result:#}");
    assert!(result["current_time"].as_f64().unwrap() > 8.0, "{result:#}");
    assert_eq!(result["ended_state"], "ready", "{result:#}");
    assert!(output.status.success(), "{result:#} {said}");
}
