//! `ladderd import`: objects that are in a bucket already become videos.

use ladderd::domain::job::VideoId;
use serde_json::{Value, json};

use super::support::appliance::Appliance;
use super::support::servers::{PREFIX, ServerKind, Servers, keys_of};
use super::support::{media, program};

/// Runs `ladderd import`. Returns its exit code and its output.
async fn import(arguments: &[&str], environment: &[(String, String)]) -> (i32, String) {
    let mut command = program();
    command.arg("import").args(arguments).args(["--rate", "1000"]);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), said)
}

fn summary(said: &str) -> Value {
    serde_json::from_str(said).unwrap()
}

async fn put(client: &aws_sdk_s3::Client, bucket: &str, key: &str, bytes: &[u8]) {
    let put = client.put_object().bucket(bucket).key(key).body(bytes.to_vec().into());
    put.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_the_embedded_store_become_videos_while_its_daemon_runs() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    // Nothing there is a source at first.
    let mut appliance = Appliance::builder()
        .setting("sources.prefix", "none/")
        .setting("queue.wait_secs", 1)
        .start();
    let client = appliance.s3_client();
    put(&client, "uploads", "lib/film.mp4", &std::fs::read(clip).unwrap()).await;
    put(&client, "uploads", "lib/notes.txt", b"notes").await;
    put(&client, "uploads", "other/film.mp4", b"x").await;
    appliance.wait_for_empty_queue().await;
    appliance.terminate();
    appliance.set("sources.prefix", "");
    appliance.restart();
    let data_dir = appliance.data_dir().to_str().unwrap().to_owned();
    let arguments = ["s3://uploads/lib/", "--suffix", ".mp4", "--data-dir", &data_dir];
    let (code, said) = import(&[&arguments[..], &["--dry-run"]].concat(), &[]).await;
    assert_eq!(code, 0);
    assert!(said.starts_with("import lib/film.mp4 (") && said.contains("notes.txt"), "{said}");
    let id = VideoId::of_source("uploads", "lib/film.mp4").to_string();
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.0, 404, "nothing was done");

    let private = [&arguments[..], &["--visibility", "private", "--json"]].concat();
    let (code, said) = import(&private, &[]).await;
    let expected = json!({"dry_run": false, "in_place": 1, "copied": 0, "known": 0, "ignored": 1, "failed": 0});
    assert_eq!((code, summary(&said)), (0, expected));
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(
        (&video["state"], &video["filename"]),
        (&"ready".into(), &"film.mp4".into()),
        "{video:#}"
    );
    assert_eq!((&video["visibility"], &video["priority"]), (&"private".into(), &"low".into()));
    // Once more, it is known; and what lies elsewhere is not touched.
    let (_, said) = import(&private, &[]).await;
    assert_eq!((&summary(&said)["known"], &summary(&said)["in_place"]), (&1.into(), &0.into()));
    assert_eq!(
        appliance.keys("uploads", "records/").await.iter().filter(|key| key.len() == 33).count(),
        1
    );

    let (code, _) = import(&["s3://elsewhere/", "--data-dir", &data_dir], &[]).await;
    assert_eq!(code, 1, "the embedded store has no other bucket");
    let (code, _) = import(&["elsewhere", "--data-dir", &data_dir], &[]).await;
    assert_eq!(code, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_bucket_is_copied_by_the_store_and_an_interrupted_import_goes_on() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let Some(servers) = Servers::start(ServerKind::Moto).await else { return };
    servers.bucket("library").await;
    let film = std::fs::read(clip).unwrap();
    put(&servers.s3, "library", "2019/film ä.mp4", &film).await;
    put(&servers.s3, "library", "2019/broken.mp4", b"x").await;
    put(&servers.s3, "library", "2020/later.mp4", b"x").await;
    let mut environment = servers.environment(&servers.endpoint, &servers.endpoint);
    let low = servers.queue("low", None).await;
    environment.push(("LADDERD__QUEUE__LOW_URL".to_owned(), low));
    let dead = servers.dead_letter_url.clone();
    environment.push(("LADDERD__QUEUE__DEAD_LETTER_URL".to_owned(), dead));
    let arguments = ["s3://library/2019/", "--json"];
    let (_, said) = import(&[&arguments[..], &["--dry-run"]].concat(), &environment).await;
    assert_eq!(summary(&said)["copied"], 2);
    assert_eq!(keys_of(&servers.s3, "uploads", PREFIX).await, Vec::<String>::new());
    let (code, said) = import(&arguments, &environment).await;
    assert_eq!((code, &summary(&said)["copied"]), (0, &2.into()));
    let copies = [
        format!("{PREFIX}imports/library/2019/broken.mp4"),
        format!("{PREFIX}imports/library/2019/film ä.mp4"),
    ];
    assert_eq!(keys_of(&servers.s3, "uploads", PREFIX).await, copies);
    // As if the import had ended between the record and the copy.
    servers.s3.delete_object().bucket("uploads").key(&copies[0]).send().await.unwrap();
    let (_, said) = import(&arguments, &environment).await;
    assert_eq!((&summary(&said)["copied"], &summary(&said)["known"]), (&1.into(), &1.into()));

    let appliance =
        Appliance::builder().environment(environment.clone()).store_url(&servers.endpoint).start();
    let id = |key: &str| VideoId::of_source("uploads", key).to_string();
    let video = appliance.wait_for_end(&id(&copies[1])).await;
    assert_eq!(
        (&video["state"], &video["priority"]),
        (&"ready".into(), &"low".into()),
        "{video:#}"
    );
    let stream = format!("{}/public/{}/main.m3u8", servers.endpoint, id(&copies[1]));
    let mut check = program();
    check.args(["check", &stream]);
    let checked = tokio::task::spawn_blocking(move || check.output().unwrap()).await.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let broken = appliance.wait_for_end(&id(&copies[0])).await;
    assert_eq!(broken["state"], "failed");
    let depth = appliance.wait_for_empty_queue().await;
    assert_eq!(depth["dead"], 0);
}
