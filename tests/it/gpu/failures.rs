//! A GPU that fails during a job: another backend finishes the video, and the record has the failure.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::appliance::{Appliance, TIMEOUT};
use crate::support::doubles::Doubles;
use crate::support::media;
use crate::support::stream::Transcode;

/// Starts an appliance on this machine.
fn start_on(machine: &Doubles) -> Appliance {
    Appliance::builder()
        .environment(machine.environment())
        .setting("jobs.stall_timeout_secs", 5)
        .setting("jobs.backend_retrial_secs", 1)
        .start()
}

/// Publishes a clip of 12 s in one attempt. One of 480 lines has two rungs, of 720 lines three.
async fn publish(appliance: &Appliance, height: u32) -> Option<(String, Value)> {
    let clip = media::clip(height, "30", 12)?;
    let (id, video) = appliance.publish("film.mp4", &clip).await;
    assert_eq!(video["attempt"], 1, "{video:#}");
    Some((id, video))
}

/// Only the stream of the backend that finished is public, and it is complete.
async fn assert_one_complete_stream(appliance: &Appliance, id: &str) {
    let keys = appliance.keys("public", "").await;
    let folders: BTreeSet<&str> = keys.iter().filter_map(|key| key.split('/').nth(1)).collect();
    let attempts: Vec<&&str> = folders.iter().filter(|name| name.starts_with('a')).collect();
    assert_eq!(attempts.len(), 1, "one folder is left: {folders:?}");
    let record = appliance.record(id).await;
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

/// Name and code of the backend that failed, and whether it is in quarantine.
fn failure(video: &Value) -> (&str, &str, bool) {
    let failures = video["backend_failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{video:#}");
    let text = |key: &str| failures[0][key].as_str().unwrap();
    (text("backend"), text("code"), failures[0]["quarantined"] == true)
}

/// A fault that the trial encode does not meet: the next backend finishes the job, and the failed one
/// stays available.
async fn assert_fallback(fault: &str, height: u32, code: &str) -> Option<Value> {
    let doubles = Doubles::new("va 1.26.11+");
    doubles.fault(fault);
    let appliance = start_on(&doubles);
    let (id, video) = publish(&appliance, height).await?;
    assert_eq!(video["backend"], "cpu", "{video:#}");
    assert_eq!(failure(&video), ("vaapi", code, false), "{video:#}");
    assert_one_complete_stream(&appliance, &id).await;
    let (_, system) = appliance.get("/v1/system").await;
    let states = system["backends"].as_array().unwrap();
    let vaapi = states.iter().find(|backend| backend["name"] == "vaapi").unwrap();
    assert_eq!(vaapi["state"], "available");
    Some(video)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_device_in_mid_encode() {
    let Some(video) = assert_fallback("frames 200", 480, "pipeline-failed").await else { return };
    let failed = &video["backend_failures"][0];
    assert!(failed["element"].as_str().unwrap().contains("vah264enc"), "{failed:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_encoder_sessions() {
    // The trial opens two sessions, the job three.
    assert_fallback("sessions 2", 720, "pipeline-failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_hangs() {
    assert_fallback("hang 200", 480, "worker-stalled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_that_crashes() {
    assert_fallback("crash 200", 480, "worker-died").await;
}

/// A fault that begins after the start-up trial: the backend goes into quarantine, and comes back when
/// the fault has ended.
async fn assert_quarantine_and_return(fault: &str) {
    let doubles = Doubles::new("va 1.26.11+");
    let appliance = start_on(&doubles);
    doubles.fault(fault);
    let Some((id, video)) = publish(&appliance, 480).await else { return };
    assert_eq!(video["backend"], "cpu", "{video:#}");
    let (backend, _, quarantined) = failure(&video);
    assert_eq!((backend, quarantined), ("vaapi", true), "{video:#}");
    assert_one_complete_stream(&appliance, &id).await;
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
        assert!(began.elapsed() < TIMEOUT, "it does not come back");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let (_, video) = publish(&appliance, 480).await.unwrap();
    assert_eq!(video["backend"], "vaapi", "{video:#}");
    assert_eq!(video["backend_failures"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_opens_no_session_any_more() {
    assert_quarantine_and_return("open").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_that_outputs_garbage() {
    assert_quarantine_and_return("garbage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoder_without_idr_frames() {
    assert_quarantine_and_return("no-idr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_jobs_run_on_two_gpus() {
    let doubles = Doubles::new("nvcodec 1.26.11+").with_devices(2);
    let appliance = start_on(&doubles);
    let Some(clip) = media::clip(480, "30", 12) else { return };
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
fn transcode_falls_back_to_the_next_backend() {
    let Some(film) = media::clip(360, "30", 8) else { return };
    let doubles = Doubles::new("va 1.22.0");
    doubles.fault("frames 200");
    let stream = Transcode::new(&film).on(&doubles).run();
    let failed = stream.event("backend-failed").to_string();
    assert!(failed.contains("vaapi"), "{failed}");
    stream.check().assert_sound();
}

#[test]
fn transcode_tries_the_next_backend_after_a_stream_that_breaks_a_binding_rule() {
    let Some(film) = media::clip(360, "30", 20) else { return };
    let doubles = Doubles::new("va 1.22.0");
    // The trial encode ends before that.
    doubles.fault("no-idr 200");
    let stream = Transcode::new(&film).on(&doubles).checked().run();
    let failed = stream.event("backend-failed").to_string();
    assert!(failed.contains("vaapi") && failed.contains("not-conformant"), "{failed}");
    stream.check().assert_sound();
}
