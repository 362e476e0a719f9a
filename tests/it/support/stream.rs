//! Streams as `ladderd transcode` makes them, and the report of `ladderd check` about them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use m3u8_rs::{MasterPlaylist, MediaPlaylist};
use serde_json::Value;

use super::doubles::Doubles;
use super::{environment_variable, program};

/// Transcodes a file with the default settings.
pub fn transcode(input: &Path) -> Stream {
    Transcode::new(input).run()
}

/// A run of `ladderd transcode --json`.
pub struct Transcode {
    program: Command,
    input: PathBuf,
    folder: Folder,
    /// Whether the run checks its own stream. Most tests run `ladderd check` if they need it.
    is_checked: bool,
}

/// The folder of a stream: chosen by the test, or temporary and removed with the stream.
enum Folder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Transcode {
    pub fn new(input: &Path) -> Self {
        let folder = Folder::Temporary(tempfile::tempdir().unwrap());
        Self { program: program(), input: input.to_owned(), folder, is_checked: false }
    }

    /// Runs on the machine that these doubles stand for.
    pub fn on(mut self, machine: &Doubles) -> Self {
        self.program.envs(machine.environment());
        self
    }

    /// Sets a setting by its key, such as `encode.segment`.
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.program.env(environment_variable(key), value);
        self
    }

    /// Writes into this folder instead of a temporary one.
    pub fn into_folder(mut self, folder: &Path) -> Self {
        self.folder = Folder::Given(folder.to_owned());
        self
    }

    /// Checks the stream at the end of the run.
    pub fn checked(mut self) -> Self {
        self.is_checked = true;
        self
    }

    /// Runs to the end, which must be a success.
    pub fn run(self) -> Stream {
        let name = self.input.display().to_string();
        let (folder, output) = self.finish();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{name}: {stderr}\n{stdout}");
        let events = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Stream { folder, events, stderr }
    }

    /// Runs to the end, a failure included.
    pub fn output(self) -> Output {
        self.finish().1
    }

    fn finish(mut self) -> (Folder, Output) {
        let out = match &self.folder {
            Folder::Given(path) => path.as_path(),
            Folder::Temporary(dir) => dir.path(),
        };
        self.program.args(["transcode", "--json"]).arg(&self.input).arg(out);
        if !self.is_checked {
            self.program.arg("--no-check");
        }
        let output = self.program.output().unwrap();
        (self.folder, output)
    }
}

/// A stream in a folder.
pub struct Stream {
    folder: Folder,
    events: Vec<Value>,
    /// Standard error of the run that made it.
    pub stderr: String,
}

impl Stream {
    pub fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Given(path) => path,
            Folder::Temporary(dir) => dir.path(),
        }
    }

    /// A file of the stream.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder().join(file)
    }

    /// Path of the multivariant playlist, as ffmpeg takes it.
    pub fn main(&self) -> String {
        self.path("main.m3u8").display().to_string()
    }

    /// Path of a rendition's VOD playlist, as ffmpeg takes it.
    pub fn index(&self, rendition: &str) -> String {
        self.path(rendition).join("index.m3u8").display().to_string()
    }

    /// A text file of the stream.
    pub fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    pub fn multivariant(&self) -> MasterPlaylist {
        let bytes = std::fs::read(self.path("main.m3u8")).unwrap();
        m3u8_rs::parse_master_playlist_res(&bytes).unwrap()
    }

    /// A media playlist by its file, such as `360p/index.m3u8`.
    pub fn playlist(&self, file: &str) -> MediaPlaylist {
        m3u8_rs::parse_media_playlist_res(&std::fs::read(self.path(file)).unwrap()).unwrap()
    }

    /// Durations of a rendition's segments in seconds.
    pub fn durations(&self, rendition: &str) -> Vec<f32> {
        let playlist = self.playlist(&format!("{rendition}/index.m3u8"));
        playlist.segments.iter().map(|segment| segment.duration).collect()
    }

    /// The event of this name that the run reported.
    pub fn event(&self, name: &str) -> &Value {
        let found = self.events.iter().find(|event| event["event"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {:#?}", self.events))
    }

    /// The plan that the stream was made by.
    pub fn plan(&self) -> &Value {
        &self.event("planned")["plan"]
    }

    pub fn check(&self) -> Report {
        check(self.folder(), &[])
    }
}

/// The report of `ladderd check --json`.
#[derive(Debug)]
pub struct Report {
    /// Whether it ended with success: no binding rule is broken.
    pub is_sound: bool,
    /// The report itself.
    pub json: Value,
}

impl Report {
    /// Numbers of the binding rules that are broken.
    pub fn musts(&self) -> Vec<String> {
        let findings = self.json["findings"].as_array().unwrap().iter();
        let musts = findings.filter(|finding| finding["level"] == "MUST");
        musts.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    }

    /// Panics where a binding rule is broken.
    pub fn assert_sound(&self) {
        assert!(self.is_sound && self.musts().is_empty(), "{:#}", self.json);
    }

    /// Panics where there is any finding, advice included.
    pub fn assert_without_findings(&self) {
        self.assert_sound();
        assert_eq!(self.json["findings"], serde_json::json!([]));
    }
}

/// Runs `ladderd check --json` on a folder or a URL, with these further arguments.
pub fn check(target: impl AsRef<OsStr>, arguments: &[&str]) -> Report {
    let output = program().args(["check", "--json"]).arg(target).args(arguments).output().unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let report = Report { is_sound: output.status.success(), json };
    assert_eq!(report.is_sound, report.musts().is_empty(), "{:#}", report.json);
    report
}

/// Runs `ladderd check --json` on a URL while the appliance that serves it runs on.
pub async fn check_url(url: &str) -> Report {
    let url = url.to_owned();
    tokio::task::spawn_blocking(move || check(url, &[])).await.unwrap()
}
