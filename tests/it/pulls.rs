//! Sources that the daemon pulls from URLs.

use std::time::Duration;

use serde_json::{Value, json};

use super::access::Client;
use super::support::appliance::{Appliance, ApplianceBuilder, TIMEOUT};
use super::support::media;
use super::support::origin::{Asked, Origin, Served};
use super::support::servers::{ServerKind, Servers};

const MIB: usize = 1 << 20;

/// An appliance that may pull from this machine, in the smallest parts.
fn appliance() -> ApplianceBuilder {
    Appliance::builder()
        .before_trials()
        .setting("pulls.allow_private", true)
        .setting("pulls.part_size_bytes", 5 * MIB)
        .setting("pulls.max_attempts", 2)
        .setting("uploads.max_size_bytes", 1 << 30)
}

/// Bytes that are no video and unlike each other.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..size).map(|_| next()).collect()
}

/// Asks for a pull. Returns the video's id.
async fn pull(appliance: &Appliance, url: &str) -> String {
    let body = json!({"source_url": url});
    let (status, video) = Client::nobody(appliance).ask("POST", "/v1/videos", Some(body)).await;
    // One that is refused may have failed by the time of the answer.
    let is_expected = matches!(video["state"].as_str(), Some("uploading" | "failed"));
    assert!(status == 202 && is_expected, "{status} {video:#}");
    video["id"].as_str().unwrap().to_owned()
}

/// All events, in their order.
async fn events(appliance: &Appliance) -> Vec<Value> {
    let (client, mut events) = (appliance.s3_client(), Vec::new());
    for key in appliance.keys("uploads", "outbox/events/").await {
        let event = client.get_object().bucket("uploads").key(key).send().await.unwrap();
        let event = event.body.collect().await.unwrap().into_bytes();
        events.push(serde_json::from_slice::<Value>(&event).unwrap()["event"].take());
    }
    events
}

/// The source of a video, once it is there.
async fn source(client: &aws_sdk_s3::Client, id: &str) -> Vec<u8> {
    let record = client.get_object().bucket("uploads").key(format!("records/{id}.json"));
    let record = record.send().await.unwrap().body.collect().await.unwrap().into_bytes();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let waited = tokio::time::timeout(TIMEOUT, async {
        loop {
            let found = client.get_object().bucket("uploads").key(record["key"].as_str().unwrap());
            if let Ok(found) = found.send().await {
                return found.body.collect().await.unwrap().into_bytes().to_vec();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.expect("the source comes")
}

/// Waits until the embedded store has this many parts.
async fn wait_for_parts(appliance: &Appliance, count: u32) {
    let database = appliance.database();
    let waited = tokio::time::timeout(TIMEOUT, async {
        let parts =
            || database.query_row("SELECT count(*) FROM parts", [], |row| row.get::<_, u32>(0));
        while parts().unwrap() != count {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.expect("the parts come");
}

fn froms(asked: &[Asked]) -> Vec<usize> {
    asked.iter().map(|asked| asked.from).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_at_a_url_becomes_a_video_and_its_url_stays_secret() {
    const SECRET: &str = "hush-4712";
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let origin = Origin::start().await;
    let film = std::fs::read(clip).unwrap();
    origin.serve("film.mp4", Served { hold_at: Some(0), ..Served::new(film.clone()) });
    let target = format!("/film.mp4?X-Amz-Signature={SECRET}-2");
    origin.serve("moved", Served { redirect: Some(target), ..Served::new("") });
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("log");
    let appliance = appliance().log(log.clone()).start();
    let body = json!({"source_url": format!("{}/moved?X-Amz-Signature={SECRET}", origin.url),
        "filename": "My film.mp4", "title": "A film", "visibility": "private", "priority": "high"});
    let client = Client::nobody(&appliance);
    let response = client.send("POST", "/v1/videos", Some(body)).await;
    assert_eq!(response.status(), 202);
    for file in ["catalog.sqlite", "catalog.sqlite-wal"] {
        let bytes = std::fs::read(appliance.data_dir().join(file)).unwrap();
        let is_there = bytes.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes());
        assert!(!is_there, "{file} has the signature");
    }
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let begun: Value = response.json().await.unwrap();
    origin.release();
    let id = begun["id"].as_str().unwrap();
    assert_eq!(location, format!("/v1/videos/{id}"));
    let host = origin.url.strip_prefix("http://").unwrap();
    assert_eq!((&begun["pull"]["host"], &begun["filename"]), (&host.into(), &"My film.mp4".into()));
    let video = appliance.wait_for_end(id).await;
    assert_eq!(
        (&video["state"], &video["title"]),
        (&"ready".into(), &"A film".into()),
        "{video:#}"
    );
    assert_eq!((&video["visibility"], &video["pull"]), (&"private".into(), &Value::Null));
    let client = appliance.s3_client();
    assert_eq!(source(&client, id).await, film);
    assert_eq!(appliance.keys("uploads", "pulls/").await, Vec::<String>::new());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("pulled a source"), "{log}");
    for text in [log, begun.to_string(), video.to_string()] {
        assert!(!text.contains(SECRET), "{text}");
    }
    let record = client.get_object().bucket("uploads").key(format!("records/{id}.json"));
    let record = record.send().await.unwrap().body.collect().await.unwrap().into_bytes();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["size_bytes"], film.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_goes_on_behind_the_parts_that_the_store_has() {
    let origin = Origin::start().await;
    let file = noise(23 * MIB);
    let held = Served { hold_at: Some(17 * MIB), ..Served::new(file.clone()) };
    let url = origin.serve("ranges.mp4", held.clone());
    let mut appliance = appliance().start();
    let id = pull(&appliance, &url).await;
    wait_for_parts(&appliance, 3).await;
    appliance.kill();
    origin.release();
    appliance.restart();
    assert_eq!(source(&appliance.s3_client(), &id).await, file);
    let expected = [(0, None), (15 * MIB, Some("\"v1\"".to_owned()))];
    let asked = origin.asked("ranges.mp4").into_iter().map(|asked| (asked.from, asked.if_range));
    assert_eq!(asked.collect::<Vec<_>>(), expected);
    assert_eq!(appliance.wait_for_end(&id).await["error"]["code"], "not-media");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_parts_are_all_there_is_not_asked_for_again() {
    let origin = Origin::start().await;
    let file = noise(12 * MIB);
    let held = Served { hold_at: Some(11 * MIB), ..Served::new(file.clone()) };
    let url = origin.serve("whole.mp4", held);
    let mut appliance = appliance().start();
    let id = pull(&appliance, &url).await;
    wait_for_parts(&appliance, 2).await;
    // The last part comes, and the daemon dies before it puts them together.
    let client = appliance.s3_client();
    let record = client.get_object().bucket("uploads").key(format!("pulls/{id}.json"));
    let record = record.send().await.unwrap().body.collect().await.unwrap().into_bytes();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let part = client.upload_part().bucket("uploads").key(record["key"].as_str().unwrap());
    let part = part.upload_id(record["upload"]["id"].as_str().unwrap()).part_number(3);
    part.body(file[10 * MIB..].to_vec().into()).send().await.unwrap();
    appliance.kill();
    appliance.restart();
    assert_eq!(source(&appliance.s3_client(), &id).await, file);
    assert_eq!(froms(&origin.asked("whole.mp4")), [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_in_pieces_of_unstated_size_is_whole() {
    let origin = Origin::start().await;
    let appliance = appliance().start();
    for size in [7 * MIB, 8 * MIB] {
        let file = noise(size);
        let name = format!("pieces-{size}.mp4");
        let served = Served { piece: Some(2 * MIB), ..Served::new(file.clone()) };
        let id = pull(&appliance, &origin.serve(&name, served)).await;
        assert_eq!(source(&appliance.s3_client(), &id).await.len(), file.len());
        let expected: Vec<usize> = (0..=size / MIB / 2).map(|n| n * 2 * MIB).collect();
        let last = [size];
        let expected =
            if size % (2 * MIB) == 0 { expected } else { [&expected[..], &last].concat() };
        assert_eq!(froms(&origin.asked(&name)), expected);
    }
    // Pieces that do not say of which version they are are not joined.
    let served = Served { piece: Some(MIB), etag: None, ..Served::new(noise(3 * MIB)) };
    let id = pull(&appliance, &origin.serve("pieces.mp4", served)).await;
    assert_eq!(appliance.wait_for_end(&id).await["error"]["code"], "pull-changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_ranges_is_pulled_in_one_go_and_anew_after_a_restart() {
    let origin = Origin::start().await;
    let file = noise(12 * MIB);
    let without = Served { has_ranges: false, ..Served::new(file.clone()) };
    let without = Served { states_length: false, etag: None, ..without };
    let url = origin.serve("plain.mp4", Served { hold_at: Some(11 * MIB), ..without });
    let mut appliance = appliance().start();
    let id = pull(&appliance, &url).await;
    wait_for_parts(&appliance, 2).await;
    appliance.terminate();
    origin.release();
    appliance.restart();
    assert_eq!(source(&appliance.s3_client(), &id).await, file);
    assert_eq!(froms(&origin.asked("plain.mp4")), [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_breaks_off_goes_on_unless_the_file_has_changed() {
    let origin = Origin::start().await;
    let file = noise(12 * MIB);
    let cut = Served { cut_at: Some(11 * MIB), ..Served::new(file.clone()) };
    let url = origin.serve("cut.mp4", cut.clone());
    let appliance = appliance().start();
    let id = pull(&appliance, &url).await;
    assert_eq!(source(&appliance.s3_client(), &id).await, file);
    assert_eq!(froms(&origin.asked("cut.mp4")), [0, 10 * MIB]);

    let url = origin.serve("changed.mp4", cut);
    let id = pull(&appliance, &url).await;
    let waited = tokio::time::timeout(TIMEOUT, async {
        while origin.asked("changed.mp4").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap();
    let other = Served { etag: Some("\"v2\""), ..Served::new(noise(13 * MIB)) };
    origin.serve("changed.mp4", other.clone());
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["error"]["code"], "pull-changed", "{video:#}");
    // A retry takes the new version, from the start.
    let (status, video) = appliance.post(&format!("/v1/videos/{id}/retry")).await;
    assert_eq!((status, &video["state"]), (202, &"uploading".into()), "{video:#}");
    assert_eq!(source(&appliance.s3_client(), &id).await, other.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_a_code_and_can_be_retried() {
    let origin = Origin::start().await;
    let small = || Served::new("small");
    let to = |target: &str| Served { redirect: Some(target.to_owned()), ..small() };
    let unstated =
        Served { states_length: false, has_ranges: false, ..Served::new(noise(2 * MIB)) };
    let table = [
        ("gone.mp4", Served { status: Some(404), ..small() }, "pull-refused"),
        ("failing.mp4", Served { status: Some(503), ..small() }, "pull-failed"),
        ("stuck.mp4", Served { hold_at: Some(0), ..small() }, "pull-timeout"),
        ("large.mp4", Served::new(noise(2 * MIB)), "pull-too-large"),
        ("unstated.mp4", unstated, "pull-too-large"),
        (
            "empty.mp4",
            Served { states_length: false, has_ranges: false, ..Served::new("") },
            "source-empty",
        ),
        ("packed.mp4", Served { encoding: Some("gzip"), ..small() }, "pull-failed"),
        ("loop.mp4", to("/loop.mp4"), "pull-failed"),
        ("scheme.mp4", to("ftp://127.0.0.1/a.mp4"), "pull-address"),
        ("port.mp4", to("http://127.0.0.1:25/a.mp4"), "pull-address"),
        ("user.mp4", to("http://user:hush@127.0.0.1/a.mp4"), "pull-address"),
    ];
    let appliance = appliance()
        .setting("pulls.max_attempts", 1)
        .setting("pulls.stall_secs", 1)
        .setting("uploads.max_size_bytes", MIB)
        .start();
    let mut pulls =
        vec![(pull(&appliance, "http://127.0.0.1:9999/a.mp4").await, "pull-unreachable")];
    for (name, file, code) in table {
        pulls.push((pull(&appliance, &origin.serve(name, file)).await, code));
    }
    for (id, code) in &pulls {
        let video = appliance.wait_for_end(id).await;
        assert_eq!((&video["state"], &video["error"]["code"]), (&"failed".into(), &(*code).into()));
        let message = video["error"]["message"].as_str().unwrap();
        assert!(!message.contains("hush") && !message.contains("a.mp4"), "{message}");
    }
    let events = events(&appliance).await;
    for (id, code) in &pulls {
        let of_video = events.iter().filter(|event| event["data"]["id"] == id.as_str());
        let told: Vec<_> = of_video
            .map(|event| (&event["type"], &event["data"]["state"], &event["data"]["error"]["code"]))
            .collect();
        let created = (&json!("video.created"), &json!("uploading"), &Value::Null);
        let failed = (&json!("video.failed"), &json!("failed"), &json!(code));
        assert_eq!(told, [created, failed], "{code}");
    }
    origin.serve("gone.mp4", Served::new("here"));
    let (status, _) = appliance.post(&format!("/v1/videos/{}/retry", pulls[1].0)).await;
    assert_eq!(status, 202);
    assert_eq!(source(&appliance.s3_client(), &pulls[1].0).await, b"here");
    // A deleted one leaves no trace.
    assert_eq!(appliance.delete(&pulls[0].0).await, 202);
    appliance.wait_until_gone(&pulls[0].0).await;
    let left = appliance.keys("uploads", "pulls/").await;
    assert_eq!(left.len(), pulls.len() - 2, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_video_is_not_pulled_any_more() {
    let origin = Origin::start().await;
    let held = Served { hold_at: Some(6 * MIB), ..Served::new(noise(12 * MIB)) };
    let url = origin.serve("held.mp4", held);
    let appliance = appliance().setting("jobs.claim_renewal_secs", 1);
    let appliance = appliance.setting("uploads.max_in_flight", 1).start();
    let id = pull(&appliance, &url).await;
    wait_for_parts(&appliance, 1).await;
    let another = Some(json!({"source_url": url}));
    let (status, problem) = Client::nobody(&appliance).ask("POST", "/v1/videos", another).await;
    assert_eq!(status, 429, "it counts as an upload: {problem:#}");
    assert_eq!(appliance.delete(&id).await, 202);
    appliance.wait_until_gone(&id).await;
    wait_for_parts(&appliance, 0).await;
    origin.release();
    // Its next renewal, or its next part, finds it deleted.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let keys = appliance.keys("uploads", "").await;
    let left: Vec<_> =
        keys.iter().filter(|key| key.contains(&id) || key.contains("held")).collect();
    assert_eq!(left, [&format!("tombstones/{id}.json")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_and_its_network_are_not_asked() {
    let origin = Origin::start().await;
    origin.serve("a.mp4", Served::new("here"));
    let appliance = Appliance::builder().setting("pulls.max_attempts", 1).start();
    let client = Client::nobody(&appliance);
    let port = origin.url.rsplit(':').next().unwrap();
    for (url, reason) in [
        (format!("{}/a.mp4", origin.url), "is not an address of the public internet"),
        (
            format!("http://[::ffff:127.0.0.1]:{port}/a.mp4"),
            "is not an address of the public internet",
        ),
        ("http://169.254.169.254/a.mp4".to_owned(), "is not an address of the public internet"),
        ("file:///etc/passwd".to_owned(), "must begin with https://"),
        ("https://user:hush@example.com/a.mp4".to_owned(), "must not hold a user name"),
        ("https://example.com:25/a.mp4".to_owned(), "port 25"),
        (format!("https://example.com/{}", "a".repeat(9000)), "8192 bytes"),
    ] {
        let body = json!({"source_url": url});
        let (status, problem) = client.ask("POST", "/v1/videos", Some(body)).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(status == 400 && detail.contains(reason), "{status} {detail}");
        assert!(!detail.contains("hush"), "{detail}");
    }
    // A name is judged by the addresses that it has when it is connected to.
    let id = pull(&appliance, &format!("http://localhost:{port}/a.mp4")).await;
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["error"]["code"], "pull-unreachable", "{video:#}");
    assert_eq!(origin.asked("a.mp4"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_box_goes_on_with_the_pull_of_a_dead_one() {
    let Some(servers) = Servers::start(ServerKind::LocalStack).await else { return };
    let origin = Origin::start().await;
    let file = noise(12 * MIB);
    let held = Served { hold_at: Some(11 * MIB), ..Served::new(file.clone()) };
    let url = origin.serve("fleet.mp4", held);
    let start = || {
        appliance()
            .setting("pulls.look_secs", 1)
            .setting("jobs.claim_renewal_secs", 1)
            .environment(servers.environment(&servers.endpoint, &servers.endpoint))
            .store_url(&servers.endpoint)
            .start()
    };
    let mut first = start();
    let id = pull(&first, &url).await;
    let waited = tokio::time::timeout(TIMEOUT, async {
        loop {
            let (_, video) = first.get(&format!("/v1/videos/{id}")).await;
            if video["pull"]["pulled_bytes"] == 10 * MIB {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    waited.await.expect("its progress shows");
    first.kill();
    origin.release();
    let second = start();
    assert_eq!(source(&servers.s3, &id).await, file);
    assert_eq!(froms(&origin.asked("fleet.mp4")), [0, 10 * MIB]);
    assert_eq!(second.wait_for_end(&id).await["error"]["code"], "not-media");
}
