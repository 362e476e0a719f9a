//! Commands of the command line that use the API: upload, videos, show, trace, retry, rm.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::appliance::Appliance;
use super::support::{media, program};

/// A command for this appliance, with a state directory of its own.
fn command(api: &str, state: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).env("LADDERD_URL", api).env("XDG_STATE_HOME", state);
    command
}

/// Exit code, standard output and standard error of a command.
async fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_uploads_lists_shows_and_deletes() {
    let Some(clip) = media::silent_clip(640, 360, "25", 2) else { return };
    let mut appliance = Appliance::serving();
    appliance.authorize();
    let state = tempfile::tempdir().unwrap();
    let token = appliance.own_token().to_owned();
    let ladderd = async |arguments: &[&str]| {
        let mut command = command(&appliance.api, state.path(), arguments);
        command.env("LADDERD_TOKEN", &token);
        run(command).await
    };
    let clip = clip.display().to_string();
    let options =
        ["upload", &clip, "--wait", "--json", "--title", "A film", "--tag", "a", "--tag", "b"];
    let (code, said, errors) = ladderd(&options).await;
    assert_eq!(code, Some(0), "{errors}");
    let video: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&video["state"], &video["title"]),
        (&"ready".into(), &"A film".into()),
        "{video:#}"
    );
    assert_eq!(video["tags"], serde_json::json!(["a", "b"]));
    let id = video["id"].as_str().unwrap();

    let text = tempfile::tempdir().unwrap();
    let text = text.path().join("text.mp4");
    std::fs::create_dir_all(text.parent().unwrap()).unwrap();
    std::fs::write(&text, "no video").unwrap();
    let (code, said, errors) = ladderd(&["upload", text.to_str().unwrap(), "--wait"]).await;
    assert_eq!((code, said.as_str()), (Some(1), ""), "{errors}");

    let (code, said, _) = ladderd(&["videos", "--json", "--limit", "1"]).await;
    let listed: Vec<Value> = serde_json::from_str(&said).unwrap();
    assert_eq!((code, listed.len()), (Some(0), 1));
    let failed = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(listed[0]["state"], "failed", "{said}");
    let (_, said, _) = ladderd(&["videos", "--json", "--state", "failed", "--q", "text"]).await;
    let listed: Vec<Value> = serde_json::from_str(&said).unwrap();
    assert!(listed.len() == 1 && listed[0]["id"] == failed, "{said}");
    let (code, _, errors) = ladderd(&["videos", "--state", "lost"]).await;
    assert!(code == Some(1) && errors.contains("state: must be"), "{errors}");
    let (code, said, _) = ladderd(&["videos"]).await;
    assert_eq!((code, said.lines().count()), (Some(0), 2), "{said}");
    assert!(said.lines().any(|line| line.starts_with(id) && line.ends_with("A film")), "{said}");

    let (code, said, _) = ladderd(&["show", id]).await;
    assert!(code == Some(0) && said.contains("state       ready"), "{said}");
    let (code, said, errors) = ladderd(&["trace", id]).await;
    assert!(
        code == Some(0) && said.contains("\nmain  ") && said.contains("plays after"),
        "{errors}{said}"
    );
    let (_, said, _) = ladderd(&["trace", id, "--json"]).await;
    assert_steps(&serde_json::from_str(&said).unwrap());
    let (code, _, errors) = ladderd(&["retry", id, &failed]).await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("the video is ready already"), "{errors}");
    assert!(
        errors.contains(&format!("{failed} queued")),
        "the others are done all the same: {errors}"
    );
    let (code, _, errors) = ladderd(&["rm", id]).await;
    assert_eq!(code, Some(0), "{errors}");
    let (code, _, errors) = ladderd(&["show", "00000000000000000000"]).await;
    assert_eq!(code, Some(66), "{errors}");
    assert!(errors.contains("does not exist"), "{errors}");
}

/// The steps of a finished video: all of them, in the order of their begins, and each ends after its begin.
fn assert_steps(trace: &Value) {
    let spans = trace["spans"].as_array().unwrap();
    let time = |span: &Value, name: &str| span[name].as_f64().unwrap();
    assert!(spans.is_sorted_by_key(|span| time(span, "start_ms")), "{trace:#}");
    assert!(spans.iter().all(|span| time(span, "start_ms") <= time(span, "end_ms")), "{trace:#}");
    let steps = "queue place look-up claim look-again events sweep key target start sandbox gstreamer discover frame-times \
                 plan graph first-frame encode segment upload event-playlist main worker finish additions gate flip";
    for step in steps.split_whitespace() {
        assert!(spans.iter().any(|span| span["step"] == step), "{step} is missing: {trace:#}");
    }
    let of = |step: &str| spans.iter().filter(|span| span["step"] == step).count();
    assert!(
        of("encode") >= 2 && of("encode") == of("segment") && of("segment") == of("upload"),
        "{trace:#}"
    );
    let discover = spans.iter().find(|span| span["step"] == "discover").unwrap();
    let work = &discover["work"];
    assert!(work["reads"].as_u64() > Some(0) && work["request_bytes"].as_u64() > Some(0), "{work}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_continues_an_upload_that_was_killed() {
    let appliance = Appliance::builder()
        .setting("uploads.single_put_max_bytes", 1000)
        .setting("uploads.part_size_bytes", 5_242_880)
        .start();
    let dir = tempfile::tempdir().unwrap();
    let film = dir.path().join("film.mp4");
    std::fs::File::create(&film).unwrap().set_len(40 * 5_242_880 + 10).unwrap();
    let upload = || command(&appliance.api, dir.path(), &["upload", film.to_str().unwrap()]);
    let mut first = upload().stderr(Stdio::null()).spawn().unwrap();
    let kept = dir.path().join("ladderd/uploads");
    let (path, before) = loop {
        let file = std::fs::read_dir(&kept).ok().and_then(|mut files| files.next());
        let begun = file.and_then(|file| std::fs::read(file.unwrap().path()).ok());
        let begun = begun.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        if let Some(begun) = begun {
            let (video, upload) = (&begun["video_id"], &begun["upload"]["upload_id"]);
            let path =
                format!("/v1/uploads/{}/{}", video.as_str().unwrap(), upload.as_str().unwrap());
            let (_, status) = appliance.get(&path).await;
            let parts = status["parts"].as_array().unwrap().len();
            if parts > 0 {
                break (path, parts);
            }
        }
        assert!(first.try_wait().unwrap().is_none(), "it ended before it was killed");
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    first.kill().unwrap();
    first.wait().unwrap();
    let (_, status) = appliance.get(&path).await;
    assert!((before..41).contains(&status["parts"].as_array().unwrap().len()), "{status:#}");

    let (code, said, errors) = run(upload()).await;
    assert_eq!(code, Some(0), "{errors}");
    let id = said.trim();
    assert!(path.contains(id), "the same video: {path} {id}");
    let video = appliance.wait_for_end(id).await;
    assert_eq!(video["error"]["code"], "not-media", "zeros are no video: {video:#}");
    let (_, list) = appliance.get("/v1/videos").await;
    assert_eq!(list["videos"].as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!(std::fs::read_dir(kept).unwrap().count(), 0, "nothing is kept of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_have_exit_codes_of_their_own() {
    let appliance = Appliance::serving();
    let dir = tempfile::tempdir().unwrap();
    let api = appliance.api.clone();
    let missing = dir.path().join("none.mp4").display().to_string();
    let table: &[(&str, &[&str], i32)] = &[
        (&api, &["upload", &missing], 66),
        (&api, &["upload", "a.mp4", "b.mp4", "--title", "x"], 64),
        (&api, &["upload"], 64),
        (&api, &["rm", "../tokens"], 66),
        ("nowhere", &["videos"], 64),
    ];
    for (url, arguments, expected) in table {
        let (code, said, errors) = run(command(url, dir.path(), arguments)).await;
        assert_eq!(code, Some(*expected), "{arguments:?}: {said}{errors}");
    }
    // Without a URL, the daemon of this machine is asked.
    let local = |data: &Path| {
        let mut command = command("", dir.path(), &["videos", "--json"]);
        command.env_remove("LADDERD_URL").env("LADDERD__DATA_DIR", data);
        command
    };
    let (code, said, errors) = run(local(appliance.data_dir())).await;
    assert_eq!((code, said.trim()), (Some(0), "[]"), "{errors}");
    assert_eq!(run(local(dir.path())).await.0, Some(69));
    let mut wrong = command(&api, dir.path(), &["videos"]);
    wrong.env("LADDERD_TOKEN", "ldr_wrong");
    let (code, _, errors) = run(wrong).await;
    assert!(code == Some(1) && errors.contains("the token is not known"), "{errors}");
}
