//! Helpers of all tests.

pub mod appliance;
pub mod certificates;
pub mod clock;
pub mod damage;
pub mod doubles;
pub mod edit_lists;
pub mod elements;
pub mod fidelity;
pub mod fleet;
pub mod hostile;
pub mod keys;
pub mod media;
pub mod mutation;
pub mod origin;
pub mod private;
pub mod proxy;
pub mod receiver;
pub mod run;
pub mod servers;
pub mod stream;
pub mod transport_stream;
pub mod tunnel;

use std::path::PathBuf;

/// A requirement that a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The corpus of real files (see [`corpus_folder`]).
    Corpus,
    /// Headless Chromium and Node.
    Chromium,
    /// The properties of all `GStreamer` elements: the file that `LADDERD_GST_ELEMENTS` names.
    Elements,
    /// ffmpeg and ffprobe.
    Ffmpeg,
    /// systemd-analyze.
    Systemd,
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
    /// promtool of Prometheus.
    Promtool,
    /// moto and `LocalStack`.
    Servers,
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Corpus => "corpus",
            Self::Chromium => "chromium",
            Self::Elements => "elements",
            Self::Ffmpeg => "ffmpeg",
            Self::Systemd => "systemd",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Promtool => "promtool",
            Self::Servers => "servers",
        }
    }
}

/// Reports that a test cannot run here and why. Panics where `LADDERD_REQUIRE` (names with commas
/// between them) has the need.
pub fn skip(need: Need, why: &str) {
    let required = std::env::var("LADDERD_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name.trim() == need.name()),
        "LADDERD_REQUIRE names {}, but {why}",
        need.name()
    );
    println!("SKIP: {why}");
}

/// The folder of the corpus: `LADDERD_CORPUS`, or `../shared/media` where that is not set.
pub fn corpus_folder() -> PathBuf {
    let named = std::env::var_os("LADDERD_CORPUS").map(PathBuf::from);
    root().join(named.unwrap_or_else(|| "../shared/media".into()))
}

/// A real file of the first part of the corpus, `dev`, or `None` (reported as a skip) where the corpus
/// is not there.
pub fn corpus(file: &str) -> Option<PathBuf> {
    corpus_file(&format!("dev/{file}"))
}

/// A file of the corpus by its path in it.
pub fn corpus_file(file: &str) -> Option<PathBuf> {
    let path = corpus_folder().join(file);
    if path.is_file() {
        return Some(path);
    }
    skip(Need::Corpus, &format!("the corpus file {file} is not there"));
    None
}

/// Folder of the package.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// An HTTP client that keeps no connection open: a server that a test stops or kills closes its
/// connections.
pub fn http_client() -> reqwest::Client {
    // Fails where it is installed already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

/// The program under test, without the developer's settings.
pub fn program() -> std::process::Command {
    program_at(env!("CARGO_BIN_EXE_ladderd").as_ref())
}

/// Serves a router on a thread of its own, as long as the runtime lives. Returns its URL as well.
pub fn serve_apart(router: axum::Router) -> (String, tokio::runtime::Runtime) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
    (url, runtime)
}

/// A copy of the program under test, without the developer's settings.
pub fn program_at(path: &std::path::Path) -> std::process::Command {
    let mut command = std::process::Command::new(path);
    for (name, _) in std::env::vars() {
        if name.starts_with("LADDERD_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// The environment variable of a setting: `LADDERD__QUEUE__MAX_ATTEMPTS` of `queue.max_attempts`.
pub fn environment_variable(key: &str) -> String {
    format!("LADDERD__{}", key.replace('.', "__").to_uppercase())
}

/// Whether ffmpeg and ffprobe are installed. Reports a skip where they are not.
pub fn has_ffmpeg() -> bool {
    let is_installed = |program: &str| {
        let mut command = std::process::Command::new(program);
        command.arg("-version").output().is_ok()
    };
    let has = is_installed("ffmpeg") && is_installed("ffprobe");
    if !has {
        skip(Need::Ffmpeg, "ffmpeg is not installed");
    }
    has
}
