//! Views and actions of operators: overview, history, failures, dead letters, settings.

use std::time::{Duration, Instant};

use ladderd::db::Db;
use ladderd::queue::Enqueue;
use ladderd::queue::embedded::EmbeddedQueue;
use reqwest::Method;
use serde_json::{Value, json};

use super::support::appliance::{Appliance, TIMEOUT};

/// Waits until there are this many dead letters.
async fn dead_letters(appliance: &Appliance, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let (status, page) = appliance.get("/v1/dead-letters").await;
        assert_eq!(status, 200, "{page:#}");
        let letters = page["dead_letters"].as_array().unwrap();
        if letters.len() == count {
            return letters.clone();
        }
        assert!(begun.elapsed() < TIMEOUT, "{page:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the catalog counts this many failures, and returns their codes.
async fn failures(appliance: &Appliance, count: u64) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let (status, answer) = appliance.get("/v1/failures").await;
        assert_eq!(status, 200, "{answer:#}");
        let codes = answer["failures"].as_array().unwrap();
        if codes.iter().map(|code| code["count"].as_u64().unwrap()).sum::<u64>() == count {
            return codes.clone();
        }
        assert!(begun.elapsed() < TIMEOUT, "{answer:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn delete(appliance: &Appliance, id: &str) -> u16 {
    let path = format!("/v1/dead-letters/{id}");
    appliance.request(Method::DELETE, &path).send().await.unwrap().status().as_u16()
}

/// The overview and the history of an appliance without work.
async fn check_idle(appliance: &Appliance) {
    let (_, system) = appliance.get("/v1/system").await;
    assert_eq!((&system["jobs"], &system["running_jobs"]), (&json!([]), &json!([])));
    let box_id = std::fs::read_to_string(appliance.data_dir().join("box-id")).unwrap();
    assert_eq!(system["box_id"], box_id.trim());
    assert!(!system["host"].as_str().unwrap().is_empty(), "{system:#}");
    assert!(system["uptime_secs"].as_u64().unwrap() < 600, "{system:#}");
    let disk = |key: &str| system["disk"][key].as_u64().unwrap();
    assert!(0 < disk("free_bytes") && disk("free_bytes") < disk("total_bytes"), "{system:#}");
    assert_eq!(system["upload_limits"], json!({"max_size_bytes": 5_000_000_000_u64}));

    let (_, history) = appliance.get("/v1/system/history").await;
    assert_eq!(history["interval_secs"], 10);
    let times = history["times"].as_array().unwrap();
    assert!((1..=60).contains(&times.len()), "the first sample is taken at the start: {history:#}");
    for series in [
        "cpu_share",
        "memory_bytes",
        "queue_visible",
        "queue_in_flight",
        "running_jobs",
        "received_bytes_per_sec",
        "sent_bytes_per_sec",
    ] {
        assert_eq!(history[series].as_array().unwrap().len(), times.len(), "{series}");
    }
    assert!(history["memory_bytes"][0].as_u64() > Some(1 << 20), "{history:#}");
    assert!(history["memory_total_bytes"].as_u64() > history["memory_bytes"][0].as_u64());
    assert_eq!(history["queue_visible"][0], 0);
    assert!(history["gpus"].is_array());
}

/// The settings of the appliance with their origins.
async fn check_settings(appliance: &Appliance) {
    let (status, answer) = appliance.get("/v1/system/settings").await;
    assert_eq!(status, 200, "{answer:#}");
    let settings = answer["settings"].as_array().unwrap();
    let find = |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap();
    let attempts = find("queue.max_attempts");
    assert_eq!((&attempts["value"], &attempts["default"]), (&json!(1), &json!(5)));
    assert_eq!(attempts["origin"], "environment");
    assert_eq!(attempts["source"], "LADDERD__QUEUE__MAX_ATTEMPTS");
    assert!(attempts["doc"].as_str().unwrap().contains("Failed attempts"), "{attempts:#}");
    let size = find("uploads.max_size_bytes");
    assert_eq!((&size["value"], &size["origin"]), (&json!(5_000_000_000_u64), &json!("file")));
    let file = appliance.data_dir().join("ladderd.toml");
    assert_eq!(size["source"], file.to_str().unwrap());
    let folder = find("data_dir");
    assert_eq!(
        (&folder["origin"], &folder["source"]),
        (&json!("command-line"), &json!("--data-dir"))
    );
    assert_eq!(find("encode.level")["origin"], "default");
    assert!(find("encode.level").get("source").is_none());
    let secret = find("playback.keys");
    assert_eq!((&secret["is_secret"], &secret["value"]), (&json!(true), &Value::Null));
    assert_eq!(secret["origin"], "environment");
    assert!(!answer.to_string().contains("not-to-be-seen"), "{answer:#}");
}

/// A message that nobody understands, until it is removed.
async fn check_poison(appliance: &Appliance) {
    let db = Db::open(&appliance.data_dir().join("ladderd.sqlite")).unwrap();
    let text = format!("no JSON {}", "ä".repeat(2000));
    EmbeddedQueue::attach(db).unwrap().send(&text).await.unwrap();
    let [letter] = &dead_letters(appliance, 1).await[..] else { unreachable!() };
    assert_eq!(
        (&letter["code"], &letter["receive_count"]),
        (&json!("message-not-json"), &json!(1))
    );
    assert!(letter["reason"].as_str().unwrap().starts_with("message-not-json: "), "{letter:#}");
    assert!(letter.get("video_id").is_none() && letter.get("key").is_none(), "{letter:#}");
    assert!(letter["died_at"].as_str().unwrap().ends_with('Z'));
    let body = letter["body"].as_str().unwrap();
    assert!(text.starts_with(body) && (2040..=2048).contains(&body.len()), "{letter:#}");
    // It is tried once more, in vain.
    let id = letter["id"].as_str().unwrap();
    assert_eq!(appliance.post(&format!("/v1/dead-letters/{id}/retry")).await.0, 202);
    let begun = Instant::now();
    let again = loop {
        let letters = dead_letters(appliance, 1).await;
        let other = letters[0]["id"].as_str().unwrap().to_owned();
        if other != id {
            break other;
        }
        assert!(begun.elapsed() < TIMEOUT);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(delete(appliance, &again).await, 204);
    assert_eq!(delete(appliance, &again).await, 404);
    assert_eq!(appliance.post(&format!("/v1/dead-letters/{again}/retry")).await.0, 404);
    assert_eq!(appliance.get("/v1/dead-letters?cursor=x").await.0, 400);
    assert_eq!(appliance.get("/v1/dead-letters?limit=0").await.0, 400);
    dead_letters(appliance, 0).await;
}

/// A video whose only attempt dies, and is retried by its dead letter.
async fn check_dead_job(appliance: &Appliance) {
    let Some(id) = appliance.start_long_job().await else { return };
    let (_, system) = appliance.get("/v1/system").await;
    let [job] = &system["jobs"].as_array().unwrap()[..] else { panic!("{system:#}") };
    assert_eq!((&job["video_id"], &job["title"]), (&json!(id), &json!("film.mp4")));
    assert_eq!((&job["stage"], &job["backend"]), (&json!("encoding"), &json!("cpu")));
    assert!(job["progress"].is_number() && job["started_at"].is_string(), "{job:#}");
    for pid in appliance.workers() {
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    let [letter] = &dead_letters(appliance, 1).await[..] else { unreachable!() };
    assert_eq!((&letter["video_id"], &letter["code"]), (&json!(id), &json!("worker-died")));
    assert!(letter["key"].as_str().unwrap().ends_with("film.mp4"), "{letter:#}");
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["error"]["code"], "worker-died", "{video:#}");

    let failures = failures(appliance, 3).await;
    let codes: Vec<_> = failures.iter().map(|failure| &failure["code"]).collect();
    assert_eq!(codes, ["not-media", "worker-died"], "the most frequent first");
    assert_eq!((&failures[1]["fault"], &failures[1]["count"]), (&json!("ladderd"), &json!(1)));
    assert_eq!(failures[1]["video_ids"], json!([id]));

    let retry = format!("/v1/dead-letters/{}/retry", letter["id"].as_str().unwrap());
    assert_eq!(appliance.post(&retry).await.0, 202);
    // With its attempts counted on, there would be none left.
    let is_tried = |video: &Value| video["state"] == "running" && video["attempt"] == 1;
    appliance.wait_for(&id, is_tried).await;
    dead_letters(appliance, 0).await;
}

/// Two files that are no videos.
async fn check_failures(appliance: &Appliance) {
    let mut ids = Vec::new();
    for n in 0..2 {
        let id = appliance.upload(&format!("{n}.mp4"), vec![0; 4096]).await;
        assert_eq!(appliance.wait_for_end(&id).await["error"]["code"], "not-media");
        ids.insert(0, id);
    }
    let failures = failures(appliance, 2).await;
    let [failure] = &failures[..] else { panic!("{failures:#?}") };
    assert_eq!((&failure["code"], &failure["fault"]), (&json!("not-media"), &json!("source")));
    assert!(failure["meaning"].as_str().unwrap().contains("not a video"), "{failure:#}");
    assert!(failure["latest_at"].is_string() && failure["advice"].is_string(), "{failure:#}");
    assert_eq!(failure["video_ids"], json!(ids), "the latest first");
    let (_, page) = appliance.get("/v1/videos?code=not-media&limit=1").await;
    assert_eq!((&page["total"], &page["videos"][0]["id"]), (&json!(2), &json!(ids[0])));
    let (_, page) = appliance.get("/v1/videos?code=too-long").await;
    assert_eq!(page["videos"], json!([]));
    assert_eq!(appliance.get("/v1/videos?code=nonsense").await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_load_failures_dead_letters_and_settings() {
    let appliance = Appliance::builder()
        .config("[uploads]\nmax_size_bytes = 5000000000\n")
        .setting("queue.max_attempts", 1)
        .setting("queue.wait_secs", 1)
        .setting("playback.keys", "one:not-to-be-seen-not-to-be-seen-not")
        .start();
    check_idle(&appliance).await;
    check_settings(&appliance).await;
    check_poison(&appliance).await;
    check_failures(&appliance).await;
    check_dead_job(&appliance).await;
}
