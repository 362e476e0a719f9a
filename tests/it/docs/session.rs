//! The commands of blocks marked `sh run`, run as they stand in the pages against one appliance.
//!
//! Names of the examples are replaced by those of the test. A block succeeds if its last command does and no command
//! before it fails; a request fails on every status from 400 on.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::pages::{Page, pages};
use crate::support::appliance::Appliance;
use crate::support::media;

/// Pages with blocks `sh run`, in the order in which their commands run: first those of somebody without an account.
const PAGES: [&str; 7] = [
    "docs/start/first-video.md",
    "docs/how-to/migrate-from-ffmpeg.md",
    "docs/how-to/upload.md",
    "docs/how-to/embed-the-player.md",
    "docs/how-to/private-videos.md",
    "docs/how-to/put-on-the-internet.md",
    "docs/how-to/give-out-s3-keys.md",
];

/// The same for somebody who has a token.
const PAGES_WITH_TOKEN: [&str; 5] = [
    "docs/how-to/edit-videos.md",
    "docs/how-to/watch-a-box.md",
    "docs/how-to/webhooks.md",
    "docs/how-to/migrate-from-mux.md",
    "docs/how-to/care-for-the-store.md",
];

/// Commands of the system that a test leaves alone, and requests that fail as such.
const FUNCTIONS: &str = "\
set -euo pipefail
curl() { command curl --silent --show-error --fail-with-body \"$@\"; }
sudo() { \"$@\"; }
systemctl() { :; }
";

struct Session<'a> {
    appliance: &'a Appliance,
    folder: &'a Path,
    id: String,
    token: Option<String>,
}

impl Session<'_> {
    /// Runs the blocks of a page that have this info string, as one script. Returns standard output.
    async fn run(&self, page: &str, info: &str) -> String {
        let page = Page::at(page);
        let blocks = page.blocks.iter().filter(|(label, _)| label == info);
        let text: String = blocks.map(|(_, text)| text.as_str()).collect();
        assert!(!text.is_empty(), "{} has no block {info}", page.path.display());
        let (api, s3) = (&self.appliance.api, &self.appliance.s3);
        let backup = self.folder.join("backup").display().to_string();
        let data_dir = self.appliance.data_dir().display().to_string();
        let script = text
            .replace("https://video.example.com", api)
            .replace("localhost:8080", api.trim_start_matches("http://"))
            .replace("http://127.0.0.1:8081", s3)
            .replace("/var/lib/ladderd", &data_dir)
            .replace("/backup", &backup)
            .replace("5f2b9c1d7e3a40688d10", &self.id)
            .replace("VIDEO_ID", &self.id)
            .replace("target/debug/ladderd", "ladderd")
            // The clip of the test is small.
            .replace("rung=720p", "rung=360p");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_ladderd"));
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", program.parent().unwrap().display());
        let mut command = Command::new("bash");
        command.args(["-c", &format!("{FUNCTIONS}{script}")]).current_dir(self.folder);
        command.env("PATH", path).env("ID", &self.id).env("API", api);
        command.env("LADDERD_URL", api).env("LADDERD__DATA_DIR", data_dir);
        command.env("XDG_STATE_HOME", self.folder.join("state"));
        if let Some(token) = &self.token {
            command.env("TOKEN", token).env("LADDERD_TOKEN", token);
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {script}\n{said}\n{errors}", page.path.display());
        said
    }
}

#[test]
fn every_page_with_commands_that_run_is_run() {
    for page in pages() {
        let runs = page.blocks.iter().any(|(info, _)| info.starts_with("sh run"));
        let path = page.path.to_str().unwrap();
        let is_listed = PAGES.contains(&path) || PAGES_WITH_TOKEN.contains(&path);
        assert_eq!(runs, is_listed, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_commands_do_what_they_say() {
    let Some(clip) = media::clip(360, "25", 4) else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(clip, folder.path().join("film.mp4")).unwrap();
    std::fs::write(
        folder.path().join("film.en.vtt"),
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nA tone\n",
    )
    .unwrap();
    let poster = ["-v", "error", "-i", "film.mp4", "-frames:v", "1", "poster.png"];
    let made = Command::new("ffmpeg").args(poster).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    let mut appliance = Appliance::builder()
        .setting("pulls.allow_private", true)
        .setting("webhooks.allow_private", true)
        .start();
    let (id, _) = appliance.publish("film.mp4", &folder.path().join("film.mp4")).await;
    let mut session =
        Session { appliance: &appliance, folder: folder.path(), id: id.clone(), token: None };
    for page in PAGES {
        session.run(page, "sh run").await;
    }
    assert!(folder.path().join("out/main.m3u8").is_file());
    appliance.authorize();
    let (_, list) = appliance.get("/v1/videos").await;
    let titles: Vec<&Value> =
        list["videos"].as_array().unwrap().iter().map(|v| &v["title"]).collect();
    assert!(titles.contains(&&Value::from("My film")), "{list:#}");
    let (_, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    assert_eq!(video["visibility"], "private", "{video:#}");

    let token = Some(appliance.own_token().to_owned());
    session = Session { appliance: &appliance, folder: folder.path(), id: id.clone(), token };
    for page in PAGES_WITH_TOKEN {
        session.run(page, "sh run").await;
    }
    let (_, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    assert_eq!(video["text_tracks"][0]["language"], "en", "{video:#}");

    // The store is lost, and the backup brings it back.
    let before = appliance.keys("uploads", "").await;
    appliance.terminate();
    let stopped =
        Session { appliance: &appliance, folder: folder.path(), id: id.clone(), token: None };
    stopped.run("docs/how-to/care-for-the-store.md", "sh run stopped").await;
    appliance.restart();
    appliance.authorize();
    let after = appliance.keys("uploads", "").await;
    let lost: Vec<_> =
        before.iter().filter(|key| key.starts_with("streams/") && !after.contains(key)).collect();
    assert!(lost.is_empty() && !before.is_empty(), "{lost:?}");
    let (_, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    assert_eq!(video["state"], "ready", "{video:#}");
}
