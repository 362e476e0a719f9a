//! Data of each release, as it has written them itself: the present version starts on them, and understands what a
//! later one may add.
//!
//! `tests/fixtures/<version>/` has the data directory of an appliance (the database as SQL), its settings, and
//! `expected.json`, which names what is in there. `make fixtures` writes those of the present version.

mod data;

use std::path::{Path, PathBuf};

use ladderd::settings::{Settings, Sources};
use reqwest::Method;
use serde_json::{Value, json};

use self::data::{restore, save};
use super::support::appliance::{Appliance, ApplianceBuilder};
use super::support::servers::keys_of;
use super::support::{media, root};

/// Name of a member that no version has.
const LATER: &str = "of_a_later_version";

/// The folders of all releases.
fn releases() -> Vec<PathBuf> {
    let found = std::fs::read_dir(root().join("tests/fixtures")).unwrap();
    let folders: Vec<_> =
        found.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    assert!(!folders.is_empty(), "tests/fixtures has no release");
    folders
}

/// An appliance on this data, which finishes deletes at once.
fn builder() -> ApplianceBuilder {
    Appliance::builder()
        .setting("housekeeping.purge_secs", 1)
        .setting("webhooks.allow_private", true)
}

/// Asks the API. Returns the body, if the status is the expected one.
async fn ask(
    appliance: &Appliance,
    method: Method,
    path: &str,
    body: &Value,
    status: u16,
) -> Value {
    let request = appliance.request(method.clone(), path);
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.send().await.unwrap();
    let (found, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!(found, status, "{method} {path}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

async fn add_track(appliance: &Appliance, id: &str, language: &str) {
    let path = format!("/v1/videos/{id}/text-tracks/{language}?label={language}");
    let cues = "WEBVTT\n\n00:00.100 --> 00:00.900\nHello\n";
    let request = appliance.request(Method::PUT, &path).header("content-type", "text/vtt");
    let answer = request.body(cues).send().await.unwrap();
    // Players find it by now.
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

/// The names of the videos in `expected.json`, with their ids.
fn id<'a>(expected: &'a Value, name: &str) -> &'a str {
    expected["videos"][name].as_str().unwrap()
}

#[test]
fn the_settings_of_each_release_are_accepted() {
    for release in releases() {
        let file = Some(release.join("ladderd.toml"));
        let loaded = Settings::load(&Sources { file, ..Sources::default() });
        assert!(loaded.is_ok(), "{}: {}", release.display(), loaded.unwrap_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appliance_starts_on_the_data_of_each_release() {
    if !crate::support::has_ffmpeg() {
        return;
    }
    for release in releases() {
        let expected = std::fs::read(release.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let mut appliance = builder().data_dir(restore(&release.join("data"))).start();
        appliance.authorize_by(expected["token"].as_str().unwrap());
        check(&appliance, &expected).await;
        let (bucket, key) = ("uploads", format!("records/{}.json", id(&expected, "film")));
        let read = async |appliance: &Appliance, bucket: &str, key: &str| -> Value {
            let get = appliance.s3_client().get_object().bucket(bucket).key(key);
            let body = get.send().await.unwrap().body.collect().await.unwrap().to_vec();
            serde_json::from_slice(&body).unwrap()
        };
        // Old records stay readable for boxes of the old version: nothing is rewritten by a start.
        assert_eq!(read(&appliance, bucket, &key).await[LATER], Value::Null);

        // Now the records are those of a later version, which is to say that they have more members.
        let changed = add_members(&appliance).await;
        assert!(changed > 10, "{changed} records");
        appliance.restart();
        check(&appliance, &expected).await;
        change(&appliance, &expected).await;
        let film = id(&expected, "film");
        for (bucket, key) in [(bucket, key), ("public", format!("{film}/job.json"))] {
            let record = read(&appliance, bucket, &key).await;
            assert_eq!(record[LATER], json!({"a": [1, null]}), "{key}: {record:#}");
        }
        assert_eq!(appliance.delete(film).await, 202);
        appliance.wait_until_gone(film).await;
    }
}

/// Checks that everything of the release is there and works.
async fn check(appliance: &Appliance, expected: &Value) {
    // Its message waited for a box.
    for name in ["waiting", "film", "private"] {
        let video = appliance.wait_for_end(id(expected, name)).await;
        assert_eq!(video["state"], "ready", "{name}: {video:#}");
    }
    let film = appliance.get(&format!("/v1/videos/{}", id(expected, "film"))).await.1;
    assert_eq!((&film["title"], &film["tags"]), (&"A film".into(), &json!(["old"])), "{film:#}");
    assert_eq!(film["external_id"], "their-1");
    let url = film["playback_url"].as_str().unwrap();
    assert_eq!(media::decode_errors(url), "");
    let (_, _, main) = appliance.public(&format!("{}/main.m3u8", id(expected, "film"))).await;
    assert!(String::from_utf8(main).unwrap().contains("TYPE=SUBTITLES"));
    let private = id(expected, "private");
    let path = format!("/v1/videos/{private}/playback-tokens");
    let issued = ask(appliance, Method::POST, &path, &json!({}), 201).await;
    let url = issued["url"].as_str().unwrap();
    assert_eq!(appliance.http.get(url).send().await.unwrap().status(), 200);
    let failed = appliance.get(&format!("/v1/videos/{}", id(expected, "failed"))).await.1;
    assert_eq!(
        (&failed["state"], &failed["error"]["code"]),
        (&"failed".into(), &"not-media".into())
    );
    // Its delete was asked for and not yet done.
    appliance.wait_until_gone(id(expected, "deleted")).await;
    let webhooks = ask(appliance, Method::GET, "/v1/webhooks", &Value::Null, 200).await;
    assert_eq!(webhooks["webhooks"][0]["id"], expected["webhook"], "{webhooks:#}");
    let (_, listed) = appliance.get("/v1/videos").await;
    assert_eq!(listed["videos"].as_array().unwrap().len(), 4, "{listed:#}");
}

/// Changes what users may change.
async fn change(appliance: &Appliance, expected: &Value) {
    let film = id(expected, "film");
    let path = format!("/v1/videos/{film}");
    ask(appliance, Method::PATCH, &path, &json!({"description": "Changed"}), 200).await;
    add_track(appliance, film, "de").await;
    let webhook = format!("/v1/webhooks/{}", expected["webhook"].as_str().unwrap());
    ask(appliance, Method::PATCH, &webhook, &json!({"description": "Changed"}), 200).await;
    let failed = format!("/v1/videos/{}/retry", id(expected, "failed"));
    assert_eq!(appliance.post(&failed).await.0, 202);
    appliance.wait_for_end(id(expected, "failed")).await;
}

/// Adds a member to all JSON records of the buckets. Returns how many there are.
async fn add_members(appliance: &Appliance) -> usize {
    let (client, mut changed) = (appliance.s3_client(), 0);
    for bucket in ["uploads", "public"] {
        for key in keys_of(&client, bucket, "").await {
            let read = client.get_object().bucket(bucket).key(&key).send().await.unwrap();
            let bytes = read.body.collect().await.unwrap().to_vec();
            let Ok(Value::Object(mut record)) = serde_json::from_slice(&bytes) else { continue };
            record.insert(LATER.to_owned(), json!({"a": [1, null]}));
            let put = client.put_object().bucket(bucket).key(&key);
            put.body(serde_json::to_vec_pretty(&record).unwrap().into()).send().await.unwrap();
            changed += 1;
        }
    }
    changed
}

/// Writes the data of the present version.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes tests/fixtures/<version>, at a release: make fixtures"]
async fn write_the_data_of_this_version() {
    let clip = std::fs::read(media::clip(90, "25", 1).unwrap()).unwrap();
    let mut appliance = Appliance::builder()
        .setting("housekeeping.purge_delay_secs", 1)
        .setting("housekeeping.purge_secs", 86_400)
        .setting("webhooks.allow_private", true)
        .start();
    appliance.authorize();
    let film = appliance.upload("film.mp4", clip.clone()).await;
    appliance.wait_for_end(&film).await;
    let path = format!("/v1/videos/{film}");
    let metadata = json!({"title": "A film", "tags": ["old"], "external_id": "their-1"});
    ask(&appliance, Method::PATCH, &path, &metadata, 200).await;
    add_track(&appliance, &film, "en").await;
    let body = json!({"filename": "private.mp4", "size_bytes": clip.len(), "content_type": "video/mp4",
                      "visibility": "private"});
    let answer = ask(&appliance, Method::POST, "/v1/uploads", &body, 201).await;
    assert_eq!(appliance.put(&answer["upload"], clip.clone()).await.status(), 200);
    let private = answer["video_id"].as_str().unwrap().to_owned();
    appliance.wait_for_end(&private).await;
    let path = format!("/v1/videos/{private}/playback-tokens");
    ask(&appliance, Method::POST, &path, &json!({}), 201).await;
    let failed = appliance.upload("text.mp4", b"Minutes of the meeting\n".to_vec()).await;
    appliance.wait_for_end(&failed).await;
    let deleted = appliance.upload("other.mp4", b"Minutes of the next meeting\n".to_vec()).await;
    appliance.wait_for_end(&deleted).await;
    assert_eq!(appliance.delete(&deleted).await, 202);
    let url = json!({"url": "http://127.0.0.1:9/hook"});
    let webhook = ask(&appliance, Method::POST, "/v1/webhooks", &url, 201).await;
    // From now on, messages wait.
    ask(&appliance, Method::POST, "/v1/drain", &json!({"grace_secs": 0}), 200).await;
    let waiting = appliance.upload("waiting.mp4", clip).await;
    let expected = json!({
        "token": appliance.own_token(),
        "webhook": webhook["id"],
        "videos": {"film": film, "private": private, "failed": failed, "deleted": deleted, "waiting": waiting},
    });
    assert!(appliance.terminate().success());
    let release = root().join("tests/fixtures").join(env!("CARGO_PKG_VERSION"));
    save(appliance.data_dir(), &release.join("data"));
    std::fs::copy(root().join("config/ladderd.toml"), release.join("ladderd.toml")).unwrap();
    let text = serde_json::to_string_pretty(&expected).unwrap() + "\n";
    std::fs::write(release.join("expected.json"), text).unwrap();
}

/// Runs the program that `LADDERD_PREVIOUS` names beside the present one.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the program of an older version: make upgrade-test"]
async fn two_versions_share_a_queue_and_buckets() {
    use crate::support::fleet::Fleet;
    use crate::support::servers::ServerKind;

    let previous = std::env::var("LADDERD_PREVIOUS").unwrap();
    let fleet = Fleet::start(ServerKind::Moto).await.unwrap();
    let old = || fleet.appliance().program(Path::new(&previous));
    let quick = |builder: ApplianceBuilder| {
        builder.setting("jobs.shutdown_grace_secs", 0).setting("jobs.claim_renewal_secs", 1)
    };
    // Each hands a job over to the other, by an order and by a crash.
    for (first, second) in [(old(), fleet.appliance()), (fleet.appliance(), old())] {
        let mut first = quick(first).start();
        let handed = first.start_long_job().await.unwrap();
        assert!(first.terminate().success());
        let second = quick(second).start();
        let video = fleet.assert_published_once(&second, &handed).await;
        assert_eq!(video["attempt"], 1, "{video:#}");
        first.restart();
        let lost = first.start_long_job().await.unwrap();
        let is_first = !first.workers().is_empty();
        let (mut dies, lives) = if is_first { (first, second) } else { (second, first) };
        dies.kill();
        fleet.assert_published_once(&lives, &lost).await;
        dies.restart();
        // Each shows and changes the videos of the other.
        for (changes, shows, title) in [(&dies, &lives, "One"), (&lives, &dies, "Two")] {
            let path = format!("/v1/videos/{handed}");
            ask(changes, Method::PATCH, &path, &json!({"title": title}), 200).await;
            shows.wait_for(&handed, |video| video["title"] == title).await;
        }
        add_track(&dies, &handed, "en").await;
        assert_eq!(lives.delete(&lost).await, 202);
        dies.wait_until_gone(&lost).await;
        let (_, listed) = dies.get("/v1/videos").await;
        let states: Vec<_> =
            listed["videos"].as_array().unwrap().iter().map(|video| &video["state"]).collect();
        assert!(states.iter().all(|state| *state == "ready"), "{listed:#}");
    }
    fleet.wait_until_done().await;
}
