//! A whole appliance: the real program on free ports, with a data directory of its own.

mod options;
mod tokens;
mod waits;

use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use aws_sdk_s3::config::Credentials;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::certificates::{Authority, Pair};

/// Anything in a test that takes longer counts as hung.
pub const TIMEOUT: Duration = Duration::from_mins(2);

/// The settings of an appliance to be started.
#[derive(Default)]
pub struct ApplianceBuilder {
    environment: Vec<(String, String)>,
    config: Option<String>,
    store_url: Option<String>,
    program: Option<PathBuf>,
    ports: [u16; 2],
    listen: Option<String>,
    data_dir: Option<tempfile::TempDir>,
    log: Option<PathBuf>,
    address: Option<&'static str>,
    http: Option<reqwest::Client>,
    before_trials: bool,
    logs_as_set: bool,
}

impl ApplianceBuilder {
    /// Sets a setting by its key, such as `queue.max_attempts`.
    pub fn setting(mut self, key: &str, value: impl Display) -> Self {
        self.environment.push((super::environment_variable(key), value.to_string()));
        self
    }

    /// Sets environment variables.
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(variables);
        self
    }

    /// Gives it a configuration file with this text.
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.to_owned());
        self
    }

    /// Uses a store at this URL, and a queue elsewhere, instead of the embedded ones.
    pub fn store_url(mut self, url: &str) -> Self {
        self.store_url = Some(url.to_owned());
        self
    }

    /// Runs this copy of the program.
    pub fn program(mut self, path: &Path) -> Self {
        self.program = Some(path.to_owned());
        self
    }

    /// Serves API and store on these ports instead of free ones, also after a restart.
    pub fn ports(mut self, api: u16, s3: u16) -> Self {
        self.ports = [api, s3];
        self
    }

    /// Serves the API at this address instead of a free port of the loopback interface.
    pub fn listen(mut self, address: &str) -> Self {
        self.listen = Some(address.to_owned());
        self
    }

    /// Uses this data directory.
    pub fn data_dir(mut self, data_dir: tempfile::TempDir) -> Self {
        self.data_dir = Some(data_dir);
        self
    }

    /// Appends the log to this file.
    pub fn log(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self
    }

    /// Listens on this address instead of 127.0.0.1.
    pub fn address(mut self, address: &'static str) -> Self {
        self.address = Some(address);
        self
    }

    /// Serves by TLS with a certificate of this authority.
    pub fn tls(mut self, authority: &Authority, pair: &Pair) -> Self {
        self.http = Some(authority.client());
        let (cert, key) = (pair.cert.display(), pair.key.display());
        self.setting("tls.cert", cert).setting("tls.key", key)
    }

    /// Starts the appliance and waits until it can run jobs.
    pub fn start(mut self) -> Appliance {
        let data_dir = self.data_dir.take().unwrap_or_else(|| tempfile::tempdir().unwrap());
        if let Some(text) = &self.config {
            let path = data_dir.path().join("ladderd.toml");
            std::fs::write(&path, text).unwrap();
            // It may hold secrets.
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
        }
        let Process { child, api, s3, keys } = self.spawn(data_dir.path()).unwrap();
        let http = self.http.clone().unwrap_or_else(super::http_client);
        Appliance { builder: self, data_dir, child, api, s3, keys, http, token: None }
    }

    /// Starts the program. Fails with what it printed if it ends at once.
    fn spawn(&self, data_dir: &Path) -> Result<Process, String> {
        let mut command = self.program.as_deref().map_or_else(super::program, super::program_at);
        let address = self.address.unwrap_or("127.0.0.1");
        let [api, s3] = self.ports.map(|port| format!("{address}:{port}"));
        let api = self.listen.clone().unwrap_or(api);
        command
            .args(["serve", "--listen", &api, "--s3-listen", &s3, "--data-dir"])
            .arg(data_dir)
            .env("LADDERD__QUEUE__RETRY__FIRST_SECS", "1")
            // Most tests look for what is left of a replaced stream.
            .env("LADDERD__JOBS__SUPERSEDED_SECS", "0")
            .env("RUST_LOG", "info,aws=warn")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped());
        if self.logs_as_set {
            command.env_remove("RUST_LOG");
        }
        if self.config.is_some() {
            command.arg("--config").arg(data_dir.join("ladderd.toml"));
        }
        if let Some(log) = &self.log {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
            command.stderr(file);
        }
        let mut child = command.spawn().unwrap();
        // It serves from its first line on, and can run jobs when it says what encodes them.
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let (mut said, mut is_up): (Vec<String>, bool) = (Vec::new(), false);
        for line in lines {
            is_up = self.before_trials || line.starts_with("ladderd encodes on ");
            said.push(line);
            if is_up {
                break;
            }
        }
        let line = said.first().filter(|_| is_up).cloned().unwrap_or_default();
        let urls: Vec<&str> =
            line.split([' ', '(', ')']).filter(|word| word.starts_with("http")).collect();
        let (api, s3) = match (&urls[..], &self.store_url) {
            ([api, s3], None) => ((*api).to_owned(), (*s3).to_owned()),
            ([api], Some(s3)) => ((*api).to_owned(), s3.clone()),
            _ => {
                child.kill().unwrap();
                child.wait().unwrap();
                return Err(format!("the appliance printed {said:?}"));
            }
        };
        let keys = match std::fs::read(data_dir.join("credentials.json")) {
            Ok(text) => serde_json::from_slice(&text).unwrap(),
            Err(_) => json!({"access_key_id": "test", "secret_access_key": "test"}),
        };
        Ok(Process { child, api, s3, keys })
    }
}

/// The parts that change with each start.
struct Process {
    child: Child,
    api: String,
    s3: String,
    keys: Value,
}

/// A running appliance. It is killed when this is dropped.
pub struct Appliance {
    builder: ApplianceBuilder,
    data_dir: tempfile::TempDir,
    child: Child,
    /// URL of the API.
    pub api: String,
    /// URL of the store.
    pub s3: String,
    keys: Value,
    pub http: reqwest::Client,
    token: Option<String>,
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Appliance {
    pub fn builder() -> ApplianceBuilder {
        ApplianceBuilder::default()
    }

    /// Starts an appliance with the default settings.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Starts an appliance with the default settings, for tests that do not look at its backends: jobs begin a little
    /// later.
    pub fn serving() -> Self {
        Self::builder().before_trials().start()
    }

    /// Starts it once more with the same data and settings, after it was killed or terminated.
    pub fn restart(&mut self) {
        self.try_restart().unwrap();
    }

    /// The same, or what it printed if it ends at once.
    pub fn try_restart(&mut self) -> Result<(), String> {
        self.kill();
        let process = self.builder.spawn(self.data_dir.path())?;
        (self.child, self.api) = (process.child, process.api);
        (self.s3, self.keys) = (process.s3, process.keys);
        Ok(())
    }

    /// Changes a setting for the next restart.
    pub fn set(&mut self, key: &str, value: impl Display) {
        self.builder.environment.push((super::environment_variable(key), value.to_string()));
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// A request to the API.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.api));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The database file of its embedded queue and store.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data_dir().join("ladderd.sqlite")).unwrap()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and waits for the end of the process.
    pub fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }

    /// Process ids of the workers that run now.
    pub fn workers(&self) -> Vec<i32> {
        super::run::workers_of(self.pid())
    }

    /// An S3 client with the appliance's own keys.
    pub fn s3_client(&self) -> aws_sdk_s3::Client {
        let key = |name: &str| self.keys[name].as_str().unwrap().to_owned();
        let (id, secret) = (key("access_key_id"), key("secret_access_key"));
        let keys = Credentials::new(id, secret, None, None, "test");
        super::servers::s3_client(&self.s3, "us-east-1", keys)
    }

    /// GET from the API.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.request(Method::GET, path).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Asks for an upload.
    pub async fn ask(&self, filename: &str, size: u64) -> Value {
        let body = json!({"filename": filename, "size_bytes": size, "content_type": "video/mp4"});
        let response = self.request(Method::POST, "/v1/uploads").json(&body).send().await.unwrap();
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

    /// Uploads a file and waits until its video is ready. Returns id and video.
    pub async fn publish(&self, filename: &str, file: &Path) -> (String, Value) {
        let id = self.upload(filename, std::fs::read(file).unwrap()).await;
        let video = self.wait_for_end(&id).await;
        assert_eq!(video["state"], "ready", "{video:#}");
        (id, video)
    }

    /// Starts a job that takes some seconds, and waits until its stream is playable. Returns the
    /// video's id; nothing without ffmpeg.
    pub async fn start_long_job(&self) -> Option<String> {
        let clip = super::media::clip(720, "30", 30)?;
        let id = self.upload("film.mp4", std::fs::read(clip).unwrap()).await;
        let video = self.wait_for(&id, |video| video["playable"] == true).await;
        assert_eq!(video["state"], "running", "{video:#}");
        Some(id)
    }

    /// The completion record of a video.
    pub async fn record(&self, id: &str) -> Value {
        let (_, _, record) = self.public(&format!("{id}/job.json")).await;
        serde_json::from_slice(&record).unwrap()
    }

    /// Deletes a video. Returns the status.
    pub async fn delete(&self, id: &str) -> u16 {
        let path = format!("/v1/videos/{id}");
        self.request(Method::DELETE, &path).send().await.unwrap().status().as_u16()
    }

    /// POST without a body to the API.
    pub async fn post(&self, path: &str) -> (u16, Value) {
        let response = self.request(Method::POST, path).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// A public object as a player reads it: status, headers and unzipped bytes.
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

    /// All keys of a bucket below a prefix. Without one, those of accounts and of events are left out: each start of
    /// an appliance makes some, and events outlive their videos.
    pub async fn keys(&self, bucket: &str, prefix: &str) -> Vec<String> {
        let mut keys = super::servers::keys_of(&self.s3_client(), bucket, prefix).await;
        let is_left_out = |key: &str| key.starts_with("auth/") || key.starts_with("outbox/");
        keys.retain(|key| !prefix.is_empty() || !is_left_out(key));
        keys
    }
}
