//! The HTTP API over TCP.

use serde_json::{Value, json};

use super::support::appliance::Appliance;
use super::support::media;

async fn problem(response: reqwest::Response) -> (u16, Value) {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    (status, body)
}

async fn post(appliance: &Appliance, path: &str, body: &str) -> reqwest::Response {
    let request = appliance.http.post(format!("{}{path}", appliance.api));
    request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_problem_documents_with_code_and_detail() {
    let appliance = Appliance::start();
    let large = json!({"filename": "x", "size_bytes": 1_u64 << 50}).to_string();
    let unnamed = json!({"filename": " ", "size_bytes": 1}).to_string();
    let negative = json!({"filename": "x", "size_bytes": -1}).to_string();
    let kind = json!({"filename": "x", "size_bytes": 1, "content_type": "a\nb"}).to_string();
    let too_long = "x".repeat(2 << 20);
    let table = [
        ("{", 400, "invalid-request"),
        (negative.as_str(), 422, "invalid-request"),
        (unnamed.as_str(), 400, "invalid-request"),
        (kind.as_str(), 400, "invalid-request"),
        (large.as_str(), 413, "too-large"),
        (too_long.as_str(), 413, "too-large"),
    ];
    for (body, status, code) in table {
        let shown = &body[..body.len().min(60)];
        let (got, problem) = problem(post(&appliance, "/v1/uploads", body).await).await;
        assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{shown}: {problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{shown}");
    }
    for (path, status) in [
        ("/v1/videos/00000000000000000000", 404),
        ("/v1/videos/..%2f..%2fx", 404),
        ("/v1/videos/x/events", 404),
        ("/nothing/here", 404),
    ] {
        let url = format!("{}{path}", appliance.api);
        let (got, _) = problem(appliance.http.get(url).send().await.unwrap()).await;
        assert_eq!(got, status, "{path}");
    }
    let url = format!("{}/v1/uploads", appliance.api);
    assert_eq!(problem(appliance.http.patch(url).send().await.unwrap()).await.0, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_listed_as_soon_as_its_upload_is_requested() {
    let appliance = Appliance::start();
    let answer = appliance.ask("My film.mp4", 123).await;
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(answer["video_url"], format!("/v1/videos/{id}"));
    assert_eq!(answer["upload"]["method"], "PUT");
    assert!(answer["upload"]["expires_at"].as_str().unwrap().ends_with('Z'));
    let (status, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    assert_eq!((status, &video["state"]), (200, &json!("uploading")));
    assert_eq!(video["filename"], "My film.mp4");
    assert_eq!(video["playback_url"], answer["playback_url"]);
    assert_eq!(video["playable"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_are_uploaded_in_parts() {
    let appliance = Appliance::builder()
        .setting("uploads.single_put_max_bytes", 1000)
        .setting("uploads.part_size_bytes", 5_242_880)
        .start();
    let size = 5_242_880 + 10;
    let answer = appliance.ask("big.mp4", size).await;
    let upload = &answer["upload"];
    let parts = upload["parts"].as_array().unwrap();
    assert_eq!((parts.len(), &upload["part_size_bytes"]), (2, &json!(5_242_880)));
    let mut tags = Vec::new();
    for (part, len) in parts.iter().zip([5_242_880, 10]) {
        let url = part["url"].as_str().unwrap();
        let wrong = appliance.http.put(url).body(vec![0; 11]).send().await.unwrap();
        assert_eq!(wrong.status(), 403, "the signature covers the size");
        let put = appliance.http.put(url).body(vec![0; len]).send().await.unwrap();
        assert_eq!(put.status(), 200);
        let etag = put.headers()["etag"].to_str().unwrap().to_owned();
        tags.push(json!({"number": part["number"], "etag": etag}));
    }
    let complete = upload["complete_url"].as_str().unwrap();
    let done = post(&appliance, complete, &json!({"parts": tags}).to_string()).await;
    assert_eq!(done.status(), 204);
    let video = appliance.wait_for_end(answer["video_id"].as_str().unwrap()).await;
    assert_eq!(video["error"]["code"], "not-media", "zeros are no video: {video:#}");

    let answer = appliance.ask("given up.mp4", size).await;
    let abort = answer["upload"]["abort_url"].as_str().unwrap();
    let url = format!("{}{abort}", appliance.api);
    assert_eq!(appliance.http.delete(url).send().await.unwrap().status(), 204);
    let id = answer["video_id"].as_str().unwrap();
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_videos_is_paginated() {
    let appliance = Appliance::start();
    let mut asked = Vec::new();
    for n in 0..5 {
        let answer = appliance.ask(&format!("{n}.mp4"), 1).await;
        asked.push(answer["video_id"].as_str().unwrap().to_owned());
    }
    let mut seen = Vec::new();
    let mut path = "/v1/videos?limit=2".to_owned();
    loop {
        let (_, page) = appliance.get(&path).await;
        let videos = page["videos"].as_array().unwrap();
        assert!(videos.len() <= 2);
        seen.extend(videos.iter().map(|video| video["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/videos?limit=2&cursor={next}");
    }
    seen.sort();
    asked.sort();
    assert_eq!(seen, asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_metrics_and_system_report_the_state() {
    let appliance = Appliance::start();
    let text = async |path: &str| {
        let url = format!("{}{path}", appliance.api);
        let response = appliance.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(text("/healthz").await, (200, "ok\n".to_owned()));
    let (status, ready) = appliance.get("/readyz").await;
    assert_eq!((status, &ready["ready"], &ready["uploads"]), (200, &json!(true), &json!(true)));
    for name in ["private-bucket", "public-bucket", "queue", "backends", "daemon", "disk-space"] {
        let components = ready["components"].as_array().unwrap();
        assert!(components.contains(&json!({"name": name, "ok": true})), "{ready:#}");
    }
    let (_, metrics) = text("/metrics").await;
    for name in ["ladderd_jobs_running 0", "ladderd_queue_dead 0", "# EOF"] {
        assert!(metrics.contains(name), "{metrics}");
    }
    let gauge = |name: &str| metrics.lines().any(|line| line.starts_with(name));
    assert!(gauge("ladderd_gpu_available "), "{metrics}");
    let (_, system) = appliance.get("/v1/system").await;
    assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
    let backends = system["backends"].as_array().unwrap();
    let cpu = backends.iter().find(|backend| backend["name"] == "cpu").unwrap();
    assert_eq!(cpu["state"], "available");
    assert!(gauge("ladderd_backend_available{backend=\"cpu\"} 1"), "{metrics}");
    let parts = system["parts"].as_array().unwrap();
    let names: Vec<&str> = parts.iter().map(|part| part["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["store", "api", "scheduler", "housekeeping", "database"]);
    let gpu = &system["gpu"];
    assert!(gpu["available"] == true || gpu["reason"].is_string(), "{gpu}");
    assert!(gpu["devices"].is_array(), "{gpu}");
    let (_, document) = appliance.get("/openapi.json").await;
    let paths = document["paths"].as_object().unwrap();
    for path in ["/v1/uploads", "/v1/videos/{id}", "/v1/videos/{id}/events", "/v1/system"] {
        assert!(paths.contains_key(path), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_with_a_content_security_policy() {
    let appliance = Appliance::start();
    let page = appliance.http.get(&appliance.api).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'self'") && policy.contains(&appliance.s3), "{policy}");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert!(page.headers().contains_key("x-request-id"));
    assert!(page.text().await.unwrap().contains("ladderd"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_in_parts_can_be_resumed_with_new_urls() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let mut file = std::fs::read(clip).unwrap();
    // An empty box at the end makes the file large enough for two parts.
    let padding = vec![0; 6 << 20];
    file.extend(u32::try_from(padding.len() + 8).unwrap().to_be_bytes());
    file.extend(b"free");
    file.extend(padding);
    let appliance = Appliance::builder()
        .setting("uploads.single_put_max_bytes", 1_000_000)
        .setting("uploads.part_size_bytes", 5_242_880)
        .start();
    let answer = appliance.ask("film.mp4", file.len() as u64).await;
    let upload = format!("{}{}", appliance.api, answer["upload"]["abort_url"].as_str().unwrap());
    let first = &answer["upload"]["parts"][0];
    let chunks: Vec<&[u8]> = file.chunks(5_242_880).collect();
    let put = async |url: &str, body: &[u8]| {
        let answer = appliance.http.put(url).body(body.to_vec()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    };
    put(first["url"].as_str().unwrap(), chunks[0]).await;

    // The client starts again and has only the ids.
    let status: Value = appliance.http.get(&upload).send().await.unwrap().json().await.unwrap();
    assert_eq!(status["size_bytes"], file.len(), "{status:#}");
    assert_eq!(status["part_size_bytes"], 5_242_880);
    assert_eq!(status["parts"].as_array().unwrap().len(), 1, "{status:#}");
    assert_eq!(
        (&status["parts"][0]["number"], &status["parts"][0]["size_bytes"]),
        (&1.into(), &5_242_880.into())
    );
    let sign = async |numbers: Value| {
        let url = format!("{upload}/parts");
        let answer =
            appliance.http.post(url).json(&json!({"numbers": numbers})).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    for wrong in [json!([]), json!([0]), json!([3])] {
        assert_eq!(sign(wrong).await.0, 400);
    }
    let (code, signed) = sign(json!([2])).await;
    assert_eq!((code, &signed["parts"][0]["number"]), (200, &2.into()), "{signed:#}");
    assert!(signed["expires_at"].is_string());
    put(signed["parts"][0]["url"].as_str().unwrap(), chunks[1]).await;
    let status: Value = appliance.http.get(&upload).send().await.unwrap().json().await.unwrap();
    let parts: Vec<Value> = status["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| json!({"number": part["number"], "etag": part["etag"]}))
        .collect();
    let complete = appliance.http.post(format!("{upload}/complete")).json(&json!({"parts": parts}));
    assert_eq!(complete.send().await.unwrap().status(), 204);
    let video = appliance.wait_for_end(answer["video_id"].as_str().unwrap()).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    assert_eq!(appliance.http.get(&upload).send().await.unwrap().status(), 404);
}
