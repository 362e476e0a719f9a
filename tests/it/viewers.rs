//! Viewers without an account: the videos that they may play, and the reports of their players.

use std::time::{Duration, Instant};

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::access::Client;
use super::support::appliance::{Appliance, TIMEOUT};
use super::support::media;

/// Origin of a page that has nothing to do with the appliance.
const STRANGE: &str = "https://player.example";

/// A video as a page of another origin asks for it. Status and answer, which any page may read.
async fn ask(appliance: &Appliance, id: &str, token: &str) -> (u16, Value) {
    let url = format!("{}/v1/playback/{id}{token}", appliance.api);
    let response = appliance.http.get(url).header("origin", STRANGE).send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Status and code of a refusal.
async fn refusal(appliance: &Appliance, id: &str, token: &str) -> (u16, String) {
    let (status, problem) = ask(appliance, id, token).await;
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

/// Status of a GET.
async fn status_of(appliance: &Appliance, url: &Value) -> u16 {
    appliance.http.get(url.as_str().unwrap()).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_learn_what_a_player_needs_and_videos_have_reports() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::start();
    let (public, video) = appliance.publish("film.mp4", &clip).await;
    let private = appliance.upload_private("secret.mp4", std::fs::read(clip).unwrap()).await;
    let of_private = appliance.wait_for_end(&private).await;
    let broken = appliance.upload("broken.mp4", b"no video".to_vec()).await;
    appliance.wait_for_end(&broken).await;
    let asked = appliance.ask("late.mp4", 5).await["video_id"].as_str().unwrap().to_owned();
    let token = appliance.token(&private).await;
    assert_reports(&appliance, &public, &broken, &asked).await;
    let titled = appliance.request(Method::PATCH, &format!("/v1/videos/{private}"));
    let titled = titled.json(&json!({"title": "The secret"})).send().await.unwrap();
    assert_eq!(titled.status(), 200);
    // From here on, requests without a token are those of nobody.
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    assert_eq!(appliance.get("/v1/videos").await.0, 401);

    let (status, shown) = ask(&appliance, &public, "").await;
    assert_eq!(status, 200, "{shown:#}");
    let expected = json!({
        "id": public, "title": "film.mp4", "state": "ready", "playable": true, "is_growing": false,
        "duration_secs": video["duration_secs"], "visibility": "public",
        "playback_url": video["playback_url"], "poster_url": video["poster_url"],
        "storyboard_url": video["storyboard_url"], "beacons": true,
    });
    assert_eq!(shown, expected);

    let (status, shown) = ask(&appliance, &private, &format!("?token={token}")).await;
    assert_eq!((status, &shown["title"]), (200, &json!("The secret")), "{shown:#}");
    for name in ["playback_url", "poster_url", "storyboard_url"] {
        let url = format!("{}?token={token}", of_private[name].as_str().unwrap());
        assert_eq!(shown[name], url, "{name}");
        assert_eq!(status_of(&appliance, &shown[name]).await, 200, "{name}");
    }
    assert_eq!(refusal(&appliance, &private, "").await, (401, "token-missing".to_owned()));
    let wrong = refusal(&appliance, &private, "?token=x").await;
    assert_eq!(wrong, (401, "token-malformed".to_owned()));
    // The token of another video, which its maker has signed for that alone.
    let admin = Client::bearer(&appliance, &admin.token);
    let path = format!("/v1/videos/{broken}");
    admin.ask("PATCH", &path, Some(json!({"visibility": "private"}))).await;
    let (_, other) = admin.ask("POST", &format!("{path}/playback-tokens"), Some(json!({}))).await;
    let other = format!("?token={}", other["token"].as_str().unwrap());
    let refused = refusal(&appliance, &private, &other).await;
    assert_eq!(refused, (403, "token-other-video".to_owned()));
    // A failed video is there, and plays nothing.
    let (status, shown) = ask(&appliance, &broken, &other).await;
    assert_eq!((status, &shown["playable"]), (200, &json!(false)), "{shown:#}");

    let preflight = appliance
        .http
        .request(Method::OPTIONS, format!("{}/v1/playback/{public}", appliance.api))
        .header("origin", STRANGE)
        .header("access-control-request-method", "GET");
    let allowed = preflight.send().await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-methods"], "GET, HEAD");
    admin.ask("DELETE", &format!("/v1/videos/{public}"), None).await;
    for id in [public.as_str(), &asked, "00000000000000000000", "x"] {
        assert_eq!(refusal(&appliance, id, "").await, (404, "not-found".to_owned()), "{id}");
    }
}

/// A report says how a video was made, once that has ended.
async fn assert_reports(appliance: &Appliance, ready: &str, failed: &str, asked: &str) {
    let (status, report) = appliance.get(&format!("/v1/videos/{ready}/report")).await;
    assert_eq!(status, 200, "{report:#}");
    let (_, video) = appliance.get(&format!("/v1/videos/{ready}")).await;
    for name in ["backend", "attempt", "duration_secs", "renditions", "timings"] {
        assert!(!report[name].is_null() && report[name] == video[name], "{name}: {report:#}");
    }
    assert_eq!((&report["video_id"], &report["outcome"]), (&json!(ready), &json!("ready")));
    assert!(report["renditions"][0]["peak_bps"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(report["conformance"], appliance.record(ready).await["conformance"]);
    assert!(!report["conformance"]["measured"].as_array().unwrap().is_empty(), "{report:#}");
    let (status, report) = appliance.get(&format!("/v1/videos/{failed}/report")).await;
    assert_eq!((status, &report["outcome"]), (200, &json!("failed")), "{report:#}");
    assert!(report["error"]["code"].is_string(), "{report:#}");
    for id in [asked, "00000000000000000000"] {
        assert_eq!(appliance.get(&format!("/v1/videos/{id}/report")).await.0, 404, "{id}");
    }
}

/// Sends the report of a player of this origin.
async fn report(appliance: &Appliance, origin: &str, beacon: &Value) -> Response {
    let post = appliance.http.post(format!("{}/v1/beacons", appliance.api));
    post.header("origin", origin).json(beacon).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_players_are_summed_up_and_nobody_else_sends_any() {
    let appliance = Appliance::start();
    let (_, before) = appliance.get("/v1/qoe").await;
    assert_eq!((&before["views"], &before["startup_secs"]), (&json!(0), &Value::Null), "{before}");
    let page = json!({"player": "page", "startup_ms": 400.5, "watched_ms": 90_000, "rebuffer_ms": 10_000,
        "rebuffers": 2, "errors": 1, "mean_bps": 2_000_000, "dropped_frames": 3, "switches": 4});
    let embed =
        json!({"player": "embed", "watched_ms": 0, "rebuffer_ms": 0, "rebuffers": 0, "errors": 0});
    let own = appliance.api.clone();
    for beacon in [&page, &embed] {
        assert_eq!(report(&appliance, &own, beacon).await.status(), 204, "{beacon}");
    }
    // Nothing of these counts.
    assert_eq!(report(&appliance, STRANGE, &page).await.status(), 403);
    let mut unknown = page.clone();
    unknown["video_id"] = json!("5f2b9c1d7e3a40688d10");
    assert_eq!(report(&appliance, &own, &unknown).await.status(), 422);
    let mut negative = page.clone();
    negative["watched_ms"] = json!(-1);
    assert_eq!(report(&appliance, &own, &negative).await.status(), 400);
    let long = json!({"player": "x".repeat(5000)});
    assert_eq!(report(&appliance, &own, &long).await.status(), 413);

    let (status, qoe) = appliance.get("/v1/qoe").await;
    assert_eq!((status, &qoe["views"], &qoe["errors"]), (200, &json!(2), &json!(1)), "{qoe:#}");
    assert_eq!((&qoe["rebuffer_ratio"], &qoe["mean_bps"]), (&json!(0.1), &json!(2e6)), "{qoe:#}");
    let startup = qoe["startup_secs"]["p95"].as_f64().unwrap();
    assert!((startup - 0.4).abs() < 0.02, "{qoe:#}");
    assert_eq!(qoe["by_player"]["page"]["views"], 1, "{qoe:#}");
    assert_eq!(qoe["by_player"]["embed"]["startup_secs"], Value::Null, "{qoe:#}");
    let metrics = appliance.http.get(format!("{}/metrics", appliance.api)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        r#"ladderd_qoe_startup_seconds_bucket{le="0.5",player="page"} 1"#,
        r#"ladderd_qoe_startup_seconds_bucket{le="0.25",player="page"} 0"#,
        r#"ladderd_qoe_rebuffer_ratio_sum{player="page"} 0.1"#,
        r#"ladderd_qoe_mean_bitrate_bps_sum{player="page"} 2000000.0"#,
        r#"ladderd_qoe_views_total{player="embed"} 1"#,
        r#"ladderd_qoe_errors_total{player="page"} 1"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
    assert_eq!(appliance.get("/v1/session").await.1["beacons"], true);

    let quiet = Appliance::builder().setting("qoe.enabled", false).start();
    assert_eq!(report(&quiet, &quiet.api, &page).await.status(), 404);
    assert_eq!(quiet.get("/v1/session").await.1["beacons"], false);
    assert_eq!(quiet.get("/v1/qoe").await.1["views"], 0);
}

/// One message of an event stream: its lines by name.
type Message = std::collections::BTreeMap<String, String>;

/// Reads the messages of an event stream until that of a ready video.
async fn read_until_ready(mut response: Response) -> Vec<Message> {
    let (mut text, mut messages) = (String::new(), Vec::new());
    loop {
        while let Some(end) = text.find("\n\n") {
            let block: String = text.drain(..end + 2).collect();
            let lines = block.lines().filter_map(|line| line.split_once(": "));
            let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let message: Message = lines.filter(|(name, _)| !name.is_empty()).collect();
            let is_last = message.get("event").is_some_and(|name| name == "video.ready");
            messages.extend((!message.is_empty()).then_some(message));
            if is_last {
                return messages;
            }
        }
        let chunk = response.chunk().await.unwrap().expect("the stream ended");
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_tells_the_progress_of_jobs_to_those_who_may_see_them() {
    let Some(clip) = media::clip(720, "30", 30) else { return };
    let appliance = Appliance::start();
    let admin = Client::nobody(&appliance).make(&["admin"]).await;
    let admin = Client::bearer(&appliance, &admin.token);
    let (reader, owner, other) = (
        admin.make(&["read"]).await.token,
        admin.make(&["upload"]).await.token,
        admin.make(&["upload"]).await.token,
    );
    let open = async |token: &str, query: &str| {
        let path = format!("/v1/events{query}");
        let response = Client::bearer(&appliance, token).send("GET", &path, None).await;
        assert_eq!(response.status(), 200);
        response
    };
    let streams = [
        open(&reader, "?progress=true").await,
        open(&owner, "?progress=true").await,
        open(&reader, "").await,
    ];
    let mut strange = open(&other, "?progress=true").await;
    let began = Instant::now();
    let clip = std::fs::read(clip).unwrap();
    let body = json!({"filename": "film.mp4", "size_bytes": clip.len()});
    let (_, answer) =
        Client::bearer(&appliance, &owner).ask("POST", "/v1/uploads", Some(body)).await;
    assert_eq!(appliance.put(&answer["upload"], clip).await.status(), 200);
    let read = futures_util::future::join_all(streams.map(read_until_ready));
    let read = tokio::time::timeout(TIMEOUT, read).await.expect("the video does not become ready");
    #[allow(clippy::cast_possible_truncation, reason = "a few seconds")]
    let most = began.elapsed().as_secs() as usize + 2;

    let is_progress = |message: &&Message| message.get("event").is_some_and(|n| n == "progress");
    for messages in &read[..2] {
        let told: Vec<&Message> = messages.iter().filter(is_progress).collect();
        assert!((2..=most).contains(&told.len()), "{} in {most} s", told.len());
        assert!(told.iter().all(|message| !message.contains_key("id")), "{told:?}");
        let told: Vec<Value> =
            told.iter().map(|message| serde_json::from_str(&message["data"]).unwrap()).collect();
        assert!(told.iter().all(|view| view["video_id"] == answer["video_id"]), "{told:?}");
        let shares: Vec<f64> = told.iter().map(|view| view["progress"].as_f64().unwrap()).collect();
        assert!(shares.is_sorted() && shares[0] < shares[shares.len() - 1], "{shares:?}");
        // The last one may say that the video is ready.
        let is_playable = |view: &Value| view["state"] == "running" && view["playable"] == true;
        assert!(told.iter().any(is_playable), "{told:?}");
        assert!(told.iter().any(|view| view["speed"].is_f64()), "{told:?}");
    }
    assert!(!read[2].iter().any(|message| is_progress(&message)), "nobody asked for progress");
    // Messages for another one would have come by now.
    let mut told = Vec::new();
    let rest = async {
        while let Some(chunk) = strange.chunk().await.unwrap() {
            told.extend(chunk);
        }
    };
    let rest = tokio::time::timeout(Duration::from_millis(200), rest).await;
    assert!(rest.is_err(), "the stream ended");
    let told = String::from_utf8(told).unwrap();
    // Comments keep the connection alive.
    assert!(!told.contains("data:"), "{told}");
    assert_eq!(admin.ask("GET", "/v1/events?progress=maybe", None).await.0, 400);
}
