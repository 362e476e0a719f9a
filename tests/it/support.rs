//! What the tests share.

pub mod appliance;
pub mod damage;
pub mod doubles;
pub mod elements;
pub mod keys;
pub mod media;
pub mod proxy;
pub mod run;
pub mod servers;

use std::path::PathBuf;

/// What a test needs and a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The real files in `../shared/media/dev`.
    Corpus,
    /// Headless Chromium and Node.
    Chromium,
    /// ffmpeg and ffprobe.
    Ffmpeg,
    /// systemd-analyze.
    Systemd,
    /// moto and LocalStack.
    Servers,
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Corpus => "corpus",
            Self::Chromium => "chromium",
            Self::Ffmpeg => "ffmpeg",
            Self::Systemd => "systemd",
            Self::Servers => "servers",
        }
    }
}

/// Says that a test cannot run here and why; a failure where `LADDERD_REQUIRE` names the need.
pub fn skip(need: Need, why: &str) {
    let required = std::env::var("LADDERD_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name.trim() == need.name()),
        "LADDERD_REQUIRE names {}, but {why}",
        need.name()
    );
    println!("SKIP: {why}");
}

/// A real file of the corpus, or `None` (said as a skip) where the corpus is not there.
pub fn corpus(file: &str) -> Option<PathBuf> {
    let path = root().join("../shared/media/dev").join(file);
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

/// A client of HTTP. It keeps no connection: a server that was stopped for a while, or killed, has
/// closed it meanwhile, which is a matter of the connection and of no test.
pub fn http_client() -> reqwest::Client {
    // Fails where it is installed already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap()
}

/// The program under test.
pub fn program() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ladderd"));
    // What the developer has set must not change a test.
    for (name, _) in std::env::vars() {
        if name.starts_with("LADDERD_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// Whether a program is there to be called.
pub fn has(program: &str) -> bool {
    let found = std::process::Command::new(program)
        .arg("-version")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
    found.is_ok()
}
