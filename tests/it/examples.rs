//! The programs in `examples/`, as their pages say that they are run.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::browser::{browse, has_browser};
use super::support::appliance::Appliance;
use super::support::{Need, media, root, skip};

/// Secret of the webhook, which the test delivers.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A program that ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts the back end of the course. Returns its URL.
fn start_course(appliance: &Appliance) -> (Program, String) {
    let mut node = Command::new("node");
    node.arg("server.mjs").current_dir(root().join("examples/express-react"));
    node.env("LADDERD_URL", &appliance.api).env("PORT", "0").env("WEBHOOK_SECRET", SECRET);
    let mut child = node.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().last().unwrap().to_owned();
    (Program(child), url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_course_with_express_and_react_uploads_and_plays_private_lessons() {
    if !has_browser() {
        return;
    }
    if !root().join("examples/express-react/public/page.js").is_file() {
        skip(Need::Chromium, "examples/express-react is not built (make examples)");
        return;
    }
    let Some(clip) = media::clip(360, "25", 5) else { return };
    let appliance = Appliance::start();
    let (_program, url) = start_course(&appliance);
    let arguments = [url.as_str(), clip.to_str().unwrap(), &appliance.api, SECRET];
    let (result, is_success) = browse("course.mjs", &arguments).await;
    // The browser tells of no refused request: that of the forged delivery is not the page's.
    assert_eq!(result["errors"], json!([]), "{result:#}");
    assert_eq!((&result["forged"], &result["delivered"]), (&json!(401), &json!(204)), "{result:#}");
    assert!(result["played"].as_f64().unwrap() > 1.0 && is_success, "{result:#}");
    let (_, list) = appliance.get("/v1/videos").await;
    let video = &list["videos"][0];
    assert_eq!(
        (&video["visibility"], &video["title"]),
        (&json!("private"), &json!("The first lesson"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_uploaded_by_python_and_the_failures_are_listed() {
    let python = root().join("target/tools/python-example/bin/python3");
    if !python.is_file() {
        skip(Need::Servers, "httpx is not installed (make test-deps)");
        return;
    }
    let Some(clip) = media::silent_clip(640, 360, "25", 2) else { return };
    // The second file goes in parts.
    let mut appliance = Appliance::builder()
        .setting("uploads.single_put_max_bytes", 5_242_880)
        .setting("uploads.part_size_bytes", 5_242_880)
        .start();
    appliance.authorize();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(&clip, folder.path().join("beach.mp4")).unwrap();
    std::fs::File::create(folder.path().join("zeros.mp4")).unwrap().set_len(5_242_890).unwrap();
    let mut program = Command::new(python);
    program.arg(root().join("examples/python/upload_folder.py")).arg(folder.path()).arg("holidays");
    program.env("LADDERD_URL", &appliance.api).env("LADDERD_TOKEN", appliance.own_token());
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}{errors}");
    let lines: Vec<&str> = said.lines().collect();
    let (_, list) = appliance.get("/v1/videos").await;
    let videos = list["videos"].as_array().unwrap();
    let ready: Vec<&Value> = videos.iter().filter(|video| video["state"] == "ready").collect();
    assert_eq!((videos.len(), ready.len(), lines.len()), (2, 1, 2), "{said}{errors}");
    assert_eq!(ready[0]["tags"], json!(["holidays"]));
    assert_eq!(lines[0], format!("beach.mp4: {}", ready[0]["playback_url"].as_str().unwrap()));
    assert!(lines[1].starts_with("zeros.mp4: failed: not-media: "), "{said}");
}
