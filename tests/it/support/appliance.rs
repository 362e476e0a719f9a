//! A whole appliance: the real program on free ports, with a data directory of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// How long anything in a test may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The data of an appliance that may be started more than once.
pub struct Home {
    dir: tempfile::TempDir,
    environment: Vec<(String, String)>,
    store_url: Option<String>,
}

impl Default for Home {
    fn default() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), environment: Vec::new(), store_url: None }
    }
}

impl Home {
    /// A home with these variables set, such as `LADDERD__QUEUE__MAX_ATTEMPTS`.
    pub fn with(environment: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { environment: environment.iter().map(owned).collect(), ..Self::default() }
    }

    /// A box of a fleet: its store and queue are elsewhere.
    pub fn of_fleet(
        store_url: &str,
        settings: Vec<(String, String)>,
        more: &[(&str, &str)],
    ) -> Self {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self {
            environment: settings.into_iter().chain(more).collect(),
            store_url: Some(store_url.to_owned()),
            ..Self::default()
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Starts the appliance and waits until it says that it is there.
    pub fn start(&self) -> Appliance {
        self.start_with(&[])
    }

    /// The same with further arguments.
    pub fn start_with(&self, arguments: &[&str]) -> Appliance {
        let mut child = super::program()
            .args(["serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.path())
            .args(arguments)
            .env("LADDERD__QUEUE__RETRY__FIRST_SECS", "1")
            .env("RUST_LOG", "info,aws=warn")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let urls: Vec<&str> =
            line.split([' ', '(', ')', '\n']).filter(|word| word.starts_with("http://")).collect();
        let (api, s3) = match (&urls[..], &self.store_url) {
            ([api, s3], None) => ((*api).to_owned(), (*s3).to_owned()),
            ([api], Some(s3)) => ((*api).to_owned(), s3.clone()),
            _ => panic!("the appliance said {line:?}"),
        };
        let keys = match std::fs::read(self.path().join("credentials.json")) {
            Ok(text) => serde_json::from_slice(&text).unwrap(),
            Err(_) => json!({"access_key_id": "test", "secret_access_key": "test"}),
        };
        Appliance { child, api, s3, keys, http: crate::support::http_client() }
    }

    /// The database, as somebody who looks into the files would see it.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path().join("ladderd.sqlite")).unwrap()
    }
}

/// A running appliance. It is killed when this is dropped.
pub struct Appliance {
    child: Child,
    /// URL of the API.
    pub api: String,
    /// URL of the store.
    pub s3: String,
    keys: Value,
    /// A client.
    pub http: reqwest::Client,
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Appliance {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits until it has gone by itself.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// Pids of the workers that run now.
    pub fn workers(&self) -> Vec<i32> {
        super::run::workers_of(self.pid())
    }

    /// An S3 client with the appliance's own keys.
    pub fn s3_client(&self) -> aws_sdk_s3::Client {
        let key = |name: &str| self.keys[name].as_str().unwrap().to_owned();
        let (id, secret) = (key("access_key_id"), key("secret_access_key"));
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&self.s3)
            .credentials_provider(Credentials::new(id, secret, None, None, "test"))
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// GET from the API.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.http.get(format!("{}{path}", self.api)).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Asks for an upload.
    pub async fn ask(&self, filename: &str, size: u64) -> Value {
        let body = json!({"filename": filename, "size_bytes": size, "content_type": "video/mp4"});
        let url = format!("{}/v1/uploads", self.api);
        let response = self.http.post(url).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }

    /// Uploads these bytes as a browser would. Returns the video's id.
    pub async fn upload(&self, filename: &str, bytes: Vec<u8>) -> String {
        let answer = self.ask(filename, bytes.len() as u64).await;
        let put = self.put(&answer["upload"], bytes).await;
        assert_eq!(put.status(), 200, "{}", put.text().await.unwrap());
        answer["video_id"].as_str().unwrap().to_owned()
    }

    /// PUTs to a presigned URL with the headers that came with it.
    pub async fn put(&self, upload: &Value, bytes: Vec<u8>) -> reqwest::Response {
        let headers: HeaderMap = upload["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| {
                let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
                (HeaderName::from_bytes(name.as_bytes()).unwrap(), value)
            })
            .collect();
        let url = upload["url"].as_str().unwrap();
        // A client may leave it out where it is 0, but the signature covers it.
        let length = bytes.len().to_string();
        let put = self.http.put(url).headers(headers).header("content-length", length);
        put.body(bytes).send().await.unwrap()
    }

    /// Waits until the video is as `wanted` says.
    pub async fn wait_for(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                last = self.get(&format!("/v1/videos/{id}")).await.1;
                if wanted(&last) {
                    return last.clone();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let waited = waited.await;
        waited.unwrap_or_else(|_| panic!("the video does not become as it should: {last:#}"))
    }

    /// Waits until the video is ready or failed.
    pub async fn wait_for_end(&self, id: &str) -> Value {
        self.wait_for(id, |video| matches!(video["state"].as_str(), Some("ready" | "failed"))).await
    }

    /// Waits until the queue holds nothing, and returns its depth.
    pub async fn wait_for_empty_queue(&self) -> Value {
        let mut depth = Value::Null;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                depth = self.get("/v1/system").await.1["queue"].clone();
                if depth["visible"] == 0 && depth["in_flight"] == 0 {
                    return depth.clone();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("the queue does not become empty: {depth}"))
    }

    /// A public object as a player would read it: status, headers and (unzipped) bytes.
    pub async fn public(&self, key: &str) -> (u16, HeaderMap, Vec<u8>) {
        let response = self.http.get(format!("{}/public/{key}", self.s3)).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = response.bytes().await.unwrap().to_vec();
        if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
            let mut plain = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain)
                .unwrap();
            bytes = plain;
        }
        (status, headers, bytes)
    }

    /// All keys of a bucket.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        super::servers::keys_of(&self.s3_client(), bucket, prefix).await
    }
}
