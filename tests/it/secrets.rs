//! Planted secrets: none of them is in a log, an answer, a worker or a bucket.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::support::appliance::{Appliance, ApplianceBuilder};
use super::support::keys::{KeyServer, TOKEN};
use super::support::servers::{ServerKind, Servers, keys_of};
use super::support::{media, program};

/// A secret key and a session token of AWS, in the environment of the daemon.
const AWS_SECRET: &str = "planted/aws+secret/4711";
const AWS_TOKEN: &str = "planted-session-token-4712";
/// Key of the streams. No other text has these bytes.
const STREAM_KEY: [u8; 16] = *b"planted_key_4713";

/// Texts and bytes that must not come out, by name.
struct Planted(BTreeMap<&'static str, Vec<u8>>);

impl Planted {
    fn new() -> Self {
        let texts = [
            ("AWS secret", AWS_SECRET.to_owned()),
            ("AWS secret, encoded", AWS_SECRET.replace('/', "%2F").replace('+', "%2B")),
            ("AWS token", AWS_TOKEN.to_owned()),
            ("token of the key endpoint", TOKEN.to_owned()),
            ("stream key in hex", hex::encode(STREAM_KEY)),
            ("stream key in large hex", hex::encode_upper(STREAM_KEY)),
            ("stream key as a list", format!("{STREAM_KEY:?}")),
        ];
        let mut planted: BTreeMap<_, _> =
            texts.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
        planted.insert("stream key", STREAM_KEY.to_vec());
        Self(planted)
    }

    fn add(&mut self, name: &'static str, text: &str) {
        assert!(text.len() >= 16, "{name}: {text}");
        self.0.insert(name, text.as_bytes().to_vec());
    }

    /// Panics if one of the secrets is in these bytes.
    fn assert_absent(&self, place: &str, bytes: &[u8]) {
        for (name, secret) in &self.0 {
            let found = bytes.windows(secret.len()).position(|window| window == secret);
            if let Some(at) = found {
                let line = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |line| line + 1);
                let line = String::from_utf8_lossy(&bytes[line..(at + 40).min(bytes.len())]);
                panic!("{place} holds the {name}: {line}");
            }
        }
    }
}

/// The signature of a presigned URL.
fn signature(url: &str) -> String {
    let url = reqwest::Url::parse(url).unwrap();
    let found = url.query_pairs().find(|(name, _)| name == "X-Amz-Signature");
    found.unwrap().1.into_owned()
}

/// A daemon with secrets in its environment that logs everything.
fn loud(log: &Path) -> ApplianceBuilder {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "PLANTED"),
        ("AWS_SECRET_ACCESS_KEY", AWS_SECRET),
        ("AWS_SESSION_TOKEN", AWS_TOKEN),
        ("RUST_LOG", "trace"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Appliance::builder().environment(variables).log(log.to_owned())
}

/// Looks at a running worker from outside until the video has ended.
async fn watch_workers(appliance: &Appliance, id: &str, planted: &Planted) -> Value {
    let seen = AtomicUsize::new(0);
    let watched = appliance.wait_for(id, |video| {
        for pid in appliance.workers() {
            for file in ["environ", "cmdline"] {
                let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
                planted.assert_absent(&format!("{file} of a worker"), &bytes);
                seen.fetch_add(usize::from(!bytes.is_empty()), Ordering::Relaxed);
            }
            let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
            assert!(limits.is_empty() || dumps_no_core(&limits), "{limits}");
        }
        matches!(video["state"].as_str(), Some("ready" | "failed"))
    });
    let video = watched.await;
    assert!(seen.into_inner() > 0, "no worker was seen");
    video
}

fn dumps_no_core(limits: &str) -> bool {
    let line = limits.lines().find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
    words[4..6] == ["0", "0"]
}

/// Every answer that the API has, apart from new uploads, whose URLs are for their reader.
async fn assert_api_is_silent(appliance: &Appliance, ids: &[&str], planted: &Planted) {
    let mut paths: Vec<_> = [
        "/v1/system",
        "/v1/videos",
        "/metrics",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/none",
        "/",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend(ids.iter().map(|id| format!("/v1/videos/{id}")));
    for path in paths {
        let url = format!("{}{path}", appliance.api);
        let answer = appliance.http.get(url).send().await.unwrap();
        let head = format!("{:?}", answer.headers());
        planted.assert_absent(&format!("the head of {path}"), head.as_bytes());
        planted.assert_absent(&path, &answer.bytes().await.unwrap());
    }
}

/// Every object of both buckets but the sources.
async fn assert_buckets_are_silent(client: &aws_sdk_s3::Client, planted: &Planted) {
    let mut count = 0;
    for (bucket, prefix) in [
        ("public", ""),
        ("uploads", "records/"),
        ("uploads", "claims/"),
        ("uploads", "tombstones/"),
    ] {
        for key in keys_of(client, bucket, prefix).await {
            let object = client.get_object().bucket(bucket).key(&key).send().await.unwrap();
            let bytes = object.body.collect().await.unwrap().to_vec();
            planted.assert_absent(&format!("{bucket}/{key}"), &bytes);
            count += 1;
        }
    }
    assert!(count > 5, "{count} objects");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_an_appliance_with_an_embedded_store() {
    let Some(clip) = media::clip(360, "24", 20) else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let keys = KeyServer::start(folder.path().to_owned(), &STREAM_KEY);
    let appliance = loud(&log)
        .setting("encryption.kind", "aes-128")
        .setting("encryption.key_url", format!("{}/play/{{video_id}}", keys.url))
        .setting("encryption.key_endpoint", format!("{}/keys/{{video_id}}", keys.url))
        .setting("encryption.key_endpoint_token", TOKEN)
        .setting("queue.max_attempts", 2)
        .start();
    let mut planted = Planted::new();
    let root: Value = serde_json::from_slice(
        &std::fs::read(appliance.data_dir().join("credentials.json")).unwrap(),
    )
    .unwrap();
    planted.add("root secret", root["secret_access_key"].as_str().unwrap());
    let create = ["create", "--name", "x", "--bucket", "uploads", "--prefix", "a/", "--read"];
    let mut command = program();
    command.args(["s3-key", "--data-dir"]).arg(appliance.data_dir()).args(create).arg("--json");
    let key: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    planted.add("secret of a key", key["secret_access_key"].as_str().unwrap());

    // A job that succeeds, one whose key is not to be had at first, and one that fails.
    let answer = appliance.ask("film.mp4", clip.metadata().unwrap().len()).await;
    planted.add("signature of an upload", &signature(answer["upload"]["url"].as_str().unwrap()));
    assert_eq!(appliance.put(&answer["upload"], std::fs::read(&clip).unwrap()).await.status(), 200);
    let film = answer["video_id"].as_str().unwrap();
    let video = watch_workers(&appliance, film, &planted).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    keys.fail(1);
    let (late, _) = appliance.publish("late.mp4", &clip).await;
    let junk = appliance.upload("junk.mp4", vec![7; 5000]).await;
    assert_eq!(appliance.wait_for_end(&junk).await["state"], "failed");
    // Requests that are refused, with their signatures.
    let url = answer["upload"]["url"].as_str().unwrap();
    let refused = appliance.http.get(url).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let body = refused.bytes().await.unwrap();
    let secrets = Planted([("root secret", planted.0["root secret"].clone())].into());
    secrets.assert_absent("a refusal", &body);

    assert_api_is_silent(&appliance, &[film, &late, &junk], &planted).await;
    assert_buckets_are_silent(&appliance.s3_client(), &planted).await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", appliance.pid())).unwrap();
    assert!(dumps_no_core(&limits), "{limits}");
    let logged = std::fs::read(&log).unwrap();
    assert!(logged.len() > 10_000, "the log has {} bytes", logged.len());
    planted.assert_absent("the log", &logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_an_appliance_on_s3_and_sqs() {
    let Some(clip) = media::clip(360, "24", 3) else { return };
    let Some(servers) = Servers::start(ServerKind::Moto).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let environment = servers.environment(&servers.endpoint, &servers.endpoint).into_iter();
    let own = environment.filter(|(name, _)| !name.contains("_ACCESS_KEY"));
    let appliance = loud(&log)
        .environment(own)
        .setting("encryption.kind", "aes-128")
        .setting("encryption.key_url", "/keys/{video_id}")
        .setting("encryption.key_hex", hex::encode(STREAM_KEY))
        .store_url(&servers.endpoint)
        .start();
    let mut planted = Planted::new();
    let answer = appliance.ask("film.mp4", clip.metadata().unwrap().len()).await;
    planted.add("signature of an upload", &signature(answer["upload"]["url"].as_str().unwrap()));
    let put = appliance.put(&answer["upload"], std::fs::read(&clip).unwrap()).await;
    assert_eq!(put.status(), 200);
    let id = answer["video_id"].as_str().unwrap();
    let video = watch_workers(&appliance, id, &planted).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    assert_api_is_silent(&appliance, &[id], &planted).await;
    assert_buckets_are_silent(&servers.s3, &planted).await;
    planted.assert_absent("the log", &std::fs::read(&log).unwrap());
}

#[test]
fn faults_of_settings_hold_no_secret() {
    let planted = Planted::new();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir][..], &["validate"]]
    {
        let mut command = program();
        command
            .args(arguments)
            // A key without encryption, and two buckets of one name.
            .env("LADDERD__ENCRYPTION__KEY_HEX", hex::encode(STREAM_KEY))
            .env("LADDERD__ENCRYPTION__KEY_ENDPOINT_TOKEN", TOKEN)
            .env("LADDERD__STORE__PUBLIC_BUCKET", "uploads")
            .env("AWS_SECRET_ACCESS_KEY", AWS_SECRET);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(64));
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(String::from_utf8_lossy(&said).contains("encryption.kind"));
        planted.assert_absent(arguments[0], &said);
    }
}

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// Runs a program as nobody, or as the user of the test if that is not root.
fn as_user(program: &str) -> String {
    if rustix::process::geteuid().is_root() {
        format!("setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups -- {program}")
    } else {
        program.to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_of_the_user_cannot_look_into_the_daemon() {
    let Some(clip) = media::clip(360, "24", 20) else { return };
    let folder = tempfile::tempdir().unwrap();
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody.clone()).unwrap();
    let script = folder.path().join("ladderd");
    let program = as_user(env!("CARGO_BIN_EXE_ladderd"));
    std::fs::write(&script, format!("#!/bin/sh\nexec {program} \"$@\"\n")).unwrap();
    std::fs::set_permissions(&script, everybody).unwrap();
    let data_dir = tempfile::tempdir().unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(data_dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let cache = data_dir.path().join("cache").display().to_string();
    let appliance = Appliance::builder()
        .program(&script)
        .data_dir(data_dir)
        .environment([("XDG_CACHE_HOME".to_owned(), cache)])
        .start();
    let can_read = |pid: &str, file: &str| {
        let command = format!("{} /proc/{pid}/{file}", as_user("head -c 1"));
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        output.status.success()
    };
    let id = appliance.upload("film.mp4", std::fs::read(clip).unwrap()).await;
    appliance.wait_for(&id, |video| video["playable"] == true).await;
    let daemon = appliance.pid().to_string();
    for file in ["environ", "maps"] {
        assert!(!can_read(&daemon, file), "{file}");
    }
    // The files are there, and a worker is open.
    assert!(can_read(&daemon, "status"));
    let workers = appliance.workers();
    assert!(workers.iter().any(|pid| can_read(&pid.to_string(), "environ")), "{workers:?}");
    assert_eq!(appliance.wait_for_end(&id).await["state"], "ready");
}
