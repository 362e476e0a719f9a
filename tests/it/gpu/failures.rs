//! A GPU that fails in the middle of a job: the video is ready all the same, and the record says why
//! it took longer.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::appliance::{Appliance, Home};
use crate::support::doubles::Doubles;
use crate::support::media;

/// An appliance on this machine.
fn home(doubles: &Doubles) -> Home {
    let environment = doubles.environment();
    let mut all: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.extend([
        ("LADDERD__JOBS__STALL_TIMEOUT_SECS", "5"),
        ("LADDERD__JOBS__BACKEND_RETRIAL_SECS", "1"),
    ]);
    Home::with(&all)
}

/// Uploads a film of 12 s and waits for its end. One of 480 lines has two rungs, of 720 three.
async fn made(home: &Home, appliance: &Appliance, height: u32) -> Option<(String, Value)> {
    let clip = media::clip(home.path(), height, "30", 12)?;
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!((&video["state"], &video["attempt"]), (&"ready".into(), &1.into()), "{video:#}");
    Some((id, video))
}

/// Only the stream of the backend that did it is public, and it is whole.
async fn check(appliance: &Appliance, id: &str) {
    let keys = appliance.keys("public", "").await;
    let folders: BTreeSet<&str> = keys.iter().filter_map(|key| key.split('/').nth(1)).collect();
    let attempts: Vec<&&str> = folders.iter().filter(|name| name.starts_with('a')).collect();
    assert_eq!(attempts.len(), 1, "one folder is left: {folders:?}");
    let (_, _, record) = appliance.public(&format!("{id}/job.json")).await;
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["attempt_id"], **attempts[0], "{record:#}");
    let rungs = record["renditions"].as_array().unwrap();
    assert!(rungs.iter().any(|rung| rung["name"] == "480p"), "{record:#}");
    let (_, _, main) = appliance.public(&format!("{id}/main.m3u8")).await;
    let main = m3u8_rs::parse_master_playlist_res(&main).unwrap();
    for variant in main.variants.iter().filter(|variant| !variant.is_i_frame) {
        let (_, _, text) = appliance.public(&format!("{id}/{}", variant.uri)).await;
        let media = m3u8_rs::parse_media_playlist_res(&text).unwrap();
        let total: f32 = media.segments.iter().map(|segment| segment.duration).sum();
        assert!(media.end_list && (total - 12.0).abs() < 0.1, "{}: {total}", variant.uri);
    }
}

/// What backend failed, and how.
fn failure(video: &Value) -> (&str, &str, bool) {
    let failures = video["backend_failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{video:#}");
    let text = |key: &str| failures[0][key].as_str().unwrap();
    (text("backend"), text("code"), failures[0]["quarantined"] == true)
}

/// It fails in a way that its trial does not show: something about the video.
async fn fails_in_a_job(fault: &str, height: u32, code: &str) -> Option<Value> {
    let doubles = Doubles::new("va 1.26.11+");
    doubles.fault(fault);
    let home = home(&doubles);
    let appliance = home.start();
    let (id, video) = made(&home, &appliance, height).await?;
    assert_eq!(video["backend"], "cpu", "{video:#}");
    assert_eq!(failure(&video), ("vaapi", code, false), "{video:#}");
    check(&appliance, &id).await;
    let (_, system) = appliance.get("/v1/system").await;
    let states = system["backends"].as_array().unwrap();
    let vaapi = states.iter().find(|backend| backend["name"] == "vaapi").unwrap();
    assert_eq!(vaapi["state"], "available");
    Some(video)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_device() {
    let Some(video) = fails_in_a_job("frames 200", 480, "pipeline-failed").await else { return };
    let failed = &video["backend_failures"][0];
    assert!(failed["element"].as_str().unwrap().contains("vah264enc"), "{failed:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_sessions() {
    // The trial takes two, the job three.
    fails_in_a_job("sessions 2", 720, "pipeline-failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang() {
    fails_in_a_job("hang 200", 480, "worker-stalled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_driver() {
    fails_in_a_job("crash 200", 480, "worker-died").await;
}

/// It works at the start, fails for good, and comes back.
async fn breaks_and_comes_back(fault: &str) {
    let doubles = Doubles::new("va 1.26.11+");
    let home = home(&doubles);
    let appliance = home.start();
    doubles.fault(fault);
    let Some((id, video)) = made(&home, &appliance, 480).await else { return };
    assert_eq!(video["backend"], "cpu", "{video:#}");
    let (backend, _, quarantined) = failure(&video);
    assert_eq!((backend, quarantined), ("vaapi", true), "{video:#}");
    check(&appliance, &id).await;
    let state = async || {
        let (_, system) = appliance.get("/v1/system").await;
        let states = system["backends"].as_array().unwrap();
        states.iter().find(|backend| backend["name"] == "vaapi").unwrap().clone()
    };
    let broken = state().await;
    assert_eq!(broken["state"], "quarantined", "{broken:#}");
    assert!(broken["reason"].is_string());
    doubles.fault("");
    let began = std::time::Instant::now();
    while state().await["state"] != "available" {
        assert!(began.elapsed() < crate::support::appliance::PATIENCE, "it does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let (_, video) = made(&home, &appliance, 480).await.unwrap();
    assert_eq!(video["backend"], "vaapi", "{video:#}");
    assert_eq!(video["backend_failures"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_can_be_opened_any_more() {
    breaks_and_comes_back("open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_comes_out() {
    breaks_and_comes_back("garbage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_frames_are_missing() {
    breaks_and_comes_back("no-idr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_jobs_go_to_two_gpus() {
    let doubles = Doubles::new("nvcodec 1.26.11+").with_devices(2);
    let home = home(&doubles);
    let appliance = home.start();
    let Some(clip) = media::clip(home.path(), 480, "30", 12) else { return };
    let bytes = std::fs::read(clip).unwrap();
    let first = appliance.upload("one.mp4", bytes.clone()).await;
    let second = appliance.upload("two.mp4", bytes).await;
    let mut backends = Vec::new();
    for id in [first, second] {
        let video = appliance.wait_for_end(&id).await;
        assert_eq!(video["state"], "ready", "{video:#}");
        backends.push(video["backend"].as_str().unwrap().to_owned());
    }
    backends.sort();
    assert_eq!(backends, ["nvenc", "nvenc:device1"]);
}

#[test]
fn a_file_is_transcoded_by_the_next_backend() {
    let dir = tempfile::tempdir().unwrap();
    let Some(film) = media::clip(dir.path(), 360, "30", 8) else { return };
    let doubles = Doubles::new("va 1.22.0");
    doubles.fault("frames 200");
    let out = dir.path().join("out");
    let run =
        doubles.program().arg("transcode").arg(film).arg(&out).arg("--json").output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8_lossy(&run.stdout);
    let failed = text.lines().find(|line| line.contains("backend-failed")).unwrap();
    assert!(failed.contains("vaapi"), "{failed}");
    let check = doubles.program().arg("check").arg(&out).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}
