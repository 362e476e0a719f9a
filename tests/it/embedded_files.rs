//! The files of the embedded store: nothing is lost with its database, readers and leaving clients disturb
//! nothing, and damage is found.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use sha2::{Digest, Sha256};

use super::support::appliance::{Appliance, ApplianceBuilder, TIMEOUT};
use super::support::program;

const MIB: usize = 1 << 20;

/// The settings of an appliance with a token: it writes none into its store, whose files these tests count.
fn builder() -> ApplianceBuilder {
    let hash = hex::encode(Sha256::digest(token()));
    let entry =
        format!("name = \"a\"\nscopes = [\"admin\"]\nsha256 = \"{hash}\"\nexpires_at = \"\"");
    Appliance::builder().config(&format!("[[auth.tokens]]\n{entry}\n"))
}

pub(super) fn start() -> Appliance {
    builder().start()
}

fn token() -> String {
    format!("ldr_{}", "ab".repeat(32))
}

async fn put(appliance: &Appliance, key: &str, body: &[u8]) {
    let put = appliance.s3_client().put_object().bucket("public").key(key);
    put.body(ByteStream::from(body.to_vec())).send().await.unwrap();
}

/// Uploads two parts, of 5 MiB and of 1 KiB.
async fn put_in_parts(appliance: &Appliance, key: &str) {
    put_parts(appliance, key, &[5 * MIB, 1024]).await;
}

/// Uploads parts of these sizes.
async fn put_parts(appliance: &Appliance, key: &str, sizes: &[usize]) {
    let client = appliance.s3_client();
    let begun = client.create_multipart_upload().bucket("public").key(key);
    let begun = begun.content_type("video/mp4").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let mut parts = Vec::new();
    for (number, &size) in (1..).zip(sizes) {
        let body = vec![u8::try_from(number).unwrap(); size];
        let put = client.upload_part().bucket("public").key(key).upload_id(id).part_number(number);
        let etag = put.body(ByteStream::from(body)).send().await.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket("public").key(key).upload_id(id);
    complete.multipart_upload(upload).send().await.unwrap();
}

/// All objects of the public bucket: entity tag, type and bytes by key.
async fn contents(appliance: &Appliance) -> BTreeMap<String, (String, String, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for key in appliance.keys("public", "").await {
        let get = appliance.s3_client().get_object().bucket("public").key(&key);
        let object = get.send().await.unwrap();
        let etag = object.e_tag().unwrap().to_owned();
        let content_type = object.content_type().unwrap_or_default().to_owned();
        let bytes = object.body.collect().await.unwrap().to_vec();
        found.insert(key, (etag, content_type, bytes));
    }
    found
}

/// Complete blobs of the store.
fn blobs(data_dir: &Path) -> Vec<PathBuf> {
    let shards = std::fs::read_dir(data_dir.join("blobs")).unwrap();
    let shards = shards.map(|shard| shard.unwrap().path()).filter(|shard| shard.is_dir());
    let files = shards.flat_map(|shard| std::fs::read_dir(shard).unwrap());
    files.map(|file| file.unwrap().path()).filter(|file| !is_claim(file)).collect()
}

/// Whether a blob holds a claim, which the daemon writes by itself. One that is gone by now counts as one.
fn is_claim(blob: &Path) -> bool {
    let bytes = std::fs::read(blob).unwrap_or_default();
    let footer = &bytes[bytes.len().saturating_sub(1024)..];
    let footer = String::from_utf8_lossy(footer);
    bytes.is_empty() || footer.contains("\"bucket\":\"uploads\",\"key\":\"claims/")
}

/// Waits until the store has exactly so many blobs beside those of claims, and none that is unfinished.
pub async fn wait_for_blobs(appliance: &Appliance, wanted: usize) {
    let began = Instant::now();
    loop {
        let incoming = std::fs::read_dir(appliance.data_dir().join("incoming")).unwrap().count();
        let found = blobs(appliance.data_dir()).len();
        if (found, incoming) == (wanted, 0) {
            return;
        }
        assert!(began.elapsed() < TIMEOUT, "{found} blobs and {incoming} unfinished, not {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs `ladderd store` on a data directory.
fn store(data_dir: &Path, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(["store", "--data-dir"]).arg(data_dir).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts the daemon on this data directory, which must fail. Returns what it says.
fn refused_start(data_dir: &Path) -> String {
    let mut command = program();
    command.args(["serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir"]);
    let output = command.arg(data_dir).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    stderr(&output)
}

fn remove_database(data_dir: &Path) {
    for name in ["ladderd.sqlite", "ladderd.sqlite-wal", "ladderd.sqlite-shm"] {
        let path = data_dir.join(name);
        if path.try_exists().unwrap() {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_the_database_is_refused_and_a_repair_restores_every_object() {
    let mut appliance = start();
    put(&appliance, "a", b"old").await;
    put(&appliance, "a", b"new").await;
    put(&appliance, "deleted", b"x").await;
    put(&appliance, "empty", b"").await;
    put_in_parts(&appliance, "film.mp4").await;
    let client = appliance.s3_client();
    client.delete_object().bucket("public").key("deleted").send().await.unwrap();
    wait_for_blobs(&appliance, 4).await;
    let before = contents(&appliance).await;
    assert_eq!(before.keys().collect::<Vec<_>>(), ["a", "empty", "film.mp4"]);
    appliance.kill();
    let data_dir = appliance.data_dir().to_owned();
    remove_database(&data_dir);

    let refusal = refused_start(&data_dir);
    assert!(refusal.contains("ladderd store repair --data-dir"), "{refusal}");
    assert_eq!(blobs(&data_dir).len(), 4, "a refused start changes nothing");

    let repaired = store(&data_dir, &["repair"]);
    assert!(repaired.status.success(), "{}", stderr(&repaired));
    let restored = String::from_utf8_lossy(&repaired.stdout);
    let (claims, others): (Vec<_>, Vec<_>) =
        restored.lines().partition(|line| line.starts_with("restored uploads/claims/"));
    assert_eq!(others, ["restored public/a", "restored public/empty", "restored public/film.mp4"]);
    assert!(claims.contains(&"restored uploads/claims/first-start"), "{restored}");
    appliance.restart();
    assert_eq!(contents(&appliance).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_an_older_database_is_refused() {
    let mut appliance = start();
    put(&appliance, "a", b"1").await;
    appliance.terminate();
    let data_dir = appliance.data_dir().to_owned();
    let copy = std::fs::read(data_dir.join("ladderd.sqlite")).unwrap();
    appliance.restart();
    put(&appliance, "b", b"2").await;
    appliance.terminate();
    remove_database(&data_dir);
    std::fs::write(data_dir.join("ladderd.sqlite"), copy).unwrap();

    let refusal = refused_start(&data_dir);
    assert!(refusal.contains("older"), "{refusal}");
    assert!(store(&data_dir, &["repair"]).status.success());
    appliance.restart();
    assert_eq!(appliance.keys("public", "").await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_no_row_names_go_to_quarantine() {
    let mut appliance = start();
    put(&appliance, "a", b"1").await;
    appliance.kill();
    let data_dir = appliance.data_dir().to_owned();
    std::fs::write(data_dir.join("blobs/ab/abcdef"), "of somebody").unwrap();
    std::fs::write(data_dir.join("incoming/cd"), "of an upload that a crash cut off").unwrap();
    appliance.restart();
    wait_for_blobs(&appliance, 1).await;
    let folders = std::fs::read_dir(data_dir.join("quarantine")).unwrap();
    let folders: Vec<PathBuf> = folders.map(|folder| folder.unwrap().path()).collect();
    assert_eq!(folders.len(), 1);
    assert_eq!(std::fs::read(folders[0].join("abcdef")).unwrap(), b"of somebody");
    let manifest = std::fs::read(folders[0].join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest, serde_json::json!([{"name": "abcdef", "file_bytes": 11}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_get_whole_objects_while_their_key_is_overwritten() {
    const BYTES: usize = 2 * MIB;
    let appliance = start();
    put(&appliance, "k", &vec![0; BYTES]).await;
    let url = format!("{}/public/k", appliance.s3);
    let done = tokio_util::sync::CancellationToken::new();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (http, url, done) = (appliance.http.clone(), url.clone(), done.clone());
            tokio::spawn(async move {
                let mut reads = 0;
                while !done.is_cancelled() {
                    let response = http.get(&url).send().await.unwrap();
                    assert_eq!(response.status(), 200);
                    let body = response.bytes().await.unwrap();
                    assert_eq!(body.len(), BYTES);
                    assert!(body.iter().all(|byte| *byte == body[0]), "of two versions");
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for version in 1..=60_u8 {
        put(&appliance, "k", &vec![version; BYTES]).await;
    }
    done.cancel();
    for reader in readers {
        assert!(reader.await.unwrap() > 5);
    }
    wait_for_blobs(&appliance, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_leave_no_files() {
    let appliance = start();
    let client = appliance.s3_client();
    for round in 0..120_u32 {
        let body = ByteStream::from(vec![7; 64 << 10]);
        let put = client.put_object().bucket("public").key("k").body(body).send();
        let delete = client.delete_object().bucket("public").key("k").send();
        let patience = Duration::from_micros(u64::from(round * 97 % 9000));
        if round % 4 == 0 {
            drop(tokio::time::timeout(patience, delete).await);
        } else {
            drop(tokio::time::timeout(patience, put).await);
        }
    }
    put(&appliance, "k", b"last").await;
    wait_for_blobs(&appliance, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_objects_are_errors_and_scrub_names_them() {
    let appliance = builder().setting("embedded.scrub_pause_secs", 1).start();
    wait_for_blobs(&appliance, 0).await;
    let data_dir = appliance.data_dir();
    let mut blob_of = BTreeMap::new();
    for key in ["flipped", "missing", "short", "sound"] {
        let before = blobs(data_dir);
        put(&appliance, key, format!("the bytes of {key}").as_bytes()).await;
        let new = blobs(data_dir).into_iter().find(|blob| !before.contains(blob)).unwrap();
        blob_of.insert(key, new);
    }
    put_in_parts(&appliance, "parts").await;
    put_parts(&appliance, "one part", &[10]).await;
    let sound = store(data_dir, &["scrub"]);
    assert_eq!(sound.status.code(), Some(0), "{}", stderr(&sound));
    let mut bytes = std::fs::read(&blob_of["flipped"]).unwrap();
    bytes[3] ^= 1;
    std::fs::write(&blob_of["flipped"], bytes).unwrap();
    std::fs::remove_file(&blob_of["missing"]).unwrap();
    std::fs::write(&blob_of["short"], "the").unwrap();

    for (key, status) in [("missing", 500), ("short", 500), ("sound", 200), ("parts", 200)] {
        assert_eq!(appliance.public(key).await.0, status, "{key}");
    }
    let damaged = store(data_dir, &["scrub"]);
    assert_eq!(damaged.status.code(), Some(1));
    let lines = String::from_utf8_lossy(&damaged.stdout).into_owned();
    let named: Vec<&str> = lines.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(named, ["public/flipped", "public/missing", "public/short"], "{lines}");
    assert!(stderr(&damaged).contains("read 7 objects"), "{}", stderr(&damaged));
    // The daemon finds them by itself.
    let gauge = "ladderd_store_damaged_objects 3";
    let began = Instant::now();
    let metrics = async || {
        let request = appliance.http.get(format!("{}/metrics", appliance.api));
        request.bearer_auth(token()).send().await
    };
    while !metrics().await.unwrap().text().await.unwrap().contains(gauge) {
        assert!(began.elapsed() < TIMEOUT, "no {gauge}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_during_uploads_is_the_state_of_one_moment_and_can_be_restored() {
    let appliance = start();
    put_in_parts(&appliance, "film.mp4").await;
    let done = tokio_util::sync::CancellationToken::new();
    // Pairs with the same content, the second after the first.
    let writer = {
        let (client, done) = (appliance.s3_client(), done.clone());
        tokio::spawn(async move {
            let mut round = 0_u32;
            while !done.is_cancelled() {
                round += 1;
                for key in ["first", "second"] {
                    let body = ByteStream::from(round.to_string().into_bytes());
                    let put = client.put_object().bucket("public").key(key).body(body);
                    put.send().await.unwrap();
                }
            }
        })
    };
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("backup");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let copied = store(appliance.data_dir(), &["backup", copy.to_str().unwrap()]);
    assert!(copied.status.success(), "{}", stderr(&copied));
    done.cancel();
    writer.await.unwrap();
    let again = store(appliance.data_dir(), &["backup", copy.to_str().unwrap()]);
    assert!(stderr(&again).contains("not empty"), "{}", stderr(&again));

    let mut other = start();
    let data_dir = other.data_dir().to_owned();
    other.kill();
    let refused = store(&data_dir, &["restore", copy.to_str().unwrap()]);
    assert!(stderr(&refused).contains("not empty"), "{}", stderr(&refused));
    remove_database(&data_dir);
    std::fs::remove_dir_all(data_dir.join("blobs")).unwrap();
    let restored = store(&data_dir, &["restore", copy.to_str().unwrap()]);
    assert!(restored.status.success(), "{}", stderr(&restored));
    other.restart();
    let found = contents(&other).await;
    let round =
        |key: &str| -> u32 { String::from_utf8(found[key].2.clone()).unwrap().parse().unwrap() };
    let (first, second) = (round("first"), round("second"));
    assert!(first == second || first == second + 1, "{first} and {second} are of two moments");
    assert_eq!(found["film.mp4"].2.len(), 5 * MIB + 1024);
    assert_eq!(store(&data_dir, &["scrub"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_user_of_the_daemon_can_read_its_files() {
    let appliance = Appliance::start();
    put(&appliance, "k", b"k").await;
    let mut folders = vec![appliance.data_dir().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
            if path.is_dir() {
                folders.push(path);
            } else {
                files += 1;
            }
        }
    }
    assert!(files > 4, "{files} files");
}
