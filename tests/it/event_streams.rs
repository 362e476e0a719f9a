//! Event streams: many watchers of many videos.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::appliance::{Appliance, TIMEOUT};
use super::support::fleet::Fleet;
use super::support::media;
use super::support::servers::ServerKind;

/// One open event stream.
struct EventStream {
    response: reqwest::Response,
    text: String,
}

impl EventStream {
    /// Opens the event stream of a video, on a connection of its own.
    async fn open(appliance: &Appliance, id: &str) -> Self {
        let url = format!("{}/v1/videos/{id}/events", appliance.api);
        let response = appliance.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// The video as the next event shows it. `None` once the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                // The others are comments, which keep the connection alive.
                if let Some(data) = event.trim_end().strip_prefix("data: ") {
                    return Some(serde_json::from_str(data).unwrap());
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Waits until the video has this state.
    async fn wait_for(&mut self, state: &str) {
        let waited = tokio::time::timeout(TIMEOUT, async {
            while self.next().await.expect("the stream ends before that")["state"] != state {}
        });
        waited.await.unwrap_or_else(|_| panic!("the video does not become {state}"));
    }
}

/// Asks for so many uploads. Returns the ids.
async fn ask_for(appliance: &Appliance, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let answer = appliance.ask(&format!("{number}.mp4"), 1).await;
        ids.push(answer["video_id"].as_str().unwrap().to_owned());
    }
    ids
}

/// Opens so many streams on the videos in turn, and reads the first event of each.
async fn open_all(appliance: &Appliance, ids: &[String], count: usize) -> Vec<EventStream> {
    let open = |id: String| async move {
        let mut stream = EventStream::open(appliance, &id).await;
        assert_eq!(stream.next().await.unwrap()["id"], id.as_str());
        stream
    };
    let streams = ids.iter().cycle().take(count).cloned().map(open);
    futures_util::future::join_all(streams).await
}

/// Requests so far for keys of the private bucket with this prefix, and, if it is empty, of the public one.
fn requests_below(fleet: &Fleet, prefix: &str) -> usize {
    let private = format!("/uploads/{prefix}");
    let is_counted = |path: &str| {
        path.starts_with(&private) || (prefix.is_empty() && path.starts_with("/public/"))
    };
    fleet.proxy.seen().iter().filter(|seen| is_counted(&seen.path)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_share_the_looks_at_their_videos_within_a_budget() {
    const VIDEOS: usize = 50;
    /// Streams beside the first one of each video.
    const FURTHER: usize = 150;
    /// Requests of a complete look.
    const COMPLETE: usize = 4;
    /// Requests per second for all videos together; the promise is "under 50".
    const BUDGET: f64 = 50.0;
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    fleet.servers.notify(false).await;
    // The server of the test takes its time.
    let appliance = fleet
        .appliance()
        .setting("http.request_timeout_secs", 120)
        .setting("changes.poll_secs", 3600)
        .start();
    let ids = ask_for(&appliance, VIDEOS).await;
    let (before, began) = (requests_below(&fleet, ""), Instant::now());
    let mut streams = open_all(&appliance, &ids, VIDEOS).await;
    let looks = requests_below(&fleet, "records/");
    let further = open_all(&appliance, &ids, FURTHER).await;
    let looks = requests_below(&fleet, "records/") - looks;
    assert!(looks < FURTHER, "{looks} complete looks for {FURTHER} streams of watched videos");
    streams.extend(further);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let requests = requests_below(&fleet, "") - before;
    let secs = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let most = VIDEOS * COMPLETE + (BUDGET * (secs + 1.0)) as usize;
    assert!(requests >= VIDEOS * COMPLETE, "{requests}: each video is looked at once");
    assert!(requests <= most, "{requests} requests in {secs} s");

    // Another box begins a job: all watchers of its video see it.
    let id = &ids[0];
    let record = fleet.servers.s3.get_object().bucket("uploads").key(format!("records/{id}.json"));
    let record = record.send().await.unwrap().body.collect().await.unwrap().into_bytes();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let key = record["key"].as_str().unwrap();
    fleet.servers.put(key, b"film").await;
    let head = fleet.servers.s3.head_object().bucket("uploads").key(key).send().await.unwrap();
    let mut view = appliance.get(&format!("/v1/videos/{id}")).await.1;
    view["state"] = json!("running");
    let claim = json!({
        "state": "held", "attempt_id": "a1", "box_id": "another", "attempts": 0, "renewal": 1,
        "source_etag": head.e_tag().unwrap().trim_matches('"'), "view": view,
    });
    fleet.servers.put(&format!("claims/{id}.json"), claim.to_string().as_bytes()).await;
    for stream in streams.iter_mut().step_by(VIDEOS) {
        stream.wait_for("running").await;
    }

    // Nobody watches, nobody looks.
    drop(streams);
    let quiet = async {
        let mut last = requests_below(&fleet, "");
        loop {
            // Longer than the longest pause between two looks.
            tokio::time::sleep(Duration::from_secs(6)).await;
            let now = requests_below(&fleet, "");
            if now == last {
                break;
            }
            last = now;
        }
    };
    tokio::time::timeout(TIMEOUT, quiet).await.expect("videos are looked at that nobody watches");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_event_streams_stop_neither_players_nor_jobs() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::start();
    let put = appliance.s3_client().put_object().bucket("public").key("film/main.m3u8");
    put.body(b"#EXTM3U".to_vec().into()).send().await.unwrap();
    let ids = ask_for(&appliance, 50).await;
    let streams = open_all(&appliance, &ids, 400).await;
    let clip = std::fs::read(clip).unwrap();
    let answer = appliance.ask("film.mp4", clip.len() as u64).await;
    let id = answer["video_id"].as_str().unwrap();
    let mut watchers = open_all(&appliance, &[id.to_owned()], 20).await;
    assert_eq!(appliance.put(&answer["upload"], clip).await.status(), 200);
    let play = || async {
        let url = format!("{}/public/film/main.m3u8", appliance.s3);
        appliance.http.get(url).send().await.map(|answer| answer.status().as_u16())
    };
    // The job begins and ends meanwhile.
    for watcher in &mut watchers {
        let players = futures_util::future::join_all((0..20).map(|_| play())).await;
        assert!(players.iter().all(|status| matches!(status, Ok(200))), "{players:?}");
        watcher.wait_for("ready").await;
        assert!(watcher.next().await.is_none(), "the stream of a ready video ends");
    }
    assert_eq!(streams.len(), 400);
}
