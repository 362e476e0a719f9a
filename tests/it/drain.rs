//! `ladderd drain` and `/v1/drain`: a box that gives its work away.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use super::fleet::short_clip;
use super::support::appliance::Appliance;
use super::support::fleet::Fleet;
use super::support::servers::ServerKind;
use super::support::{program, root};

/// Runs `ladderd drain` against this box. Returns exit code, standard output and standard error.
async fn drain(appliance: &Appliance, options: &[&str]) -> (Option<i32>, String, String) {
    let mut command = program();
    command.arg("drain").args(options).env("LADDERD_URL", &appliance.api);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

async fn state(appliance: &Appliance) -> Value {
    let (status, state) = appliance.get("/v1/drain").await;
    assert_eq!(status, 200, "{state:#}");
    state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_is_drained_hands_its_job_over_and_takes_none() {
    let Some(fleet) = Fleet::start(ServerKind::Moto).await else { return };
    let Some(clip) = short_clip() else { return };
    let first = fleet.appliance().start();
    assert_eq!(state(&first).await["state"], "off");
    let Some(id) = first.start_long_job().await else { return };
    // Where memory ends, the kernel ends workers first.
    for pid in first.workers() {
        let score = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        assert_eq!(score.trim(), "1000");
    }

    // With time enough, the job goes on.
    let (code, said, errors) =
        drain(&first, &["--wait", "--timeout", "1", "--grace", "3600"]).await;
    assert_eq!((code, said.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains("1 jobs and 0 pulls run"), "{errors}");
    let draining = state(&first).await;
    assert_eq!((&draining["state"], &draining["running_jobs"]), (&"draining".into(), &1.into()));
    assert_eq!(draining["video_ids"], json!([id]));
    let (status, ready) = first.get("/readyz").await;
    let daemon =
        ready["components"].as_array().unwrap().iter().find(|part| part["name"] == "daemon");
    assert_eq!(
        (status, &daemon.unwrap()["why"]),
        (503, &"the box is drained, and takes no jobs".into())
    );

    // Without, another box gets it. It does not count as an attempt.
    let (code, said, errors) = drain(&first, &["--wait", "--timeout", "60", "--grace", "0"]).await;
    assert_eq!(code, Some(0), "{errors}");
    assert!(said.contains("drained, nothing runs"), "{said}");
    assert!(first.workers().is_empty());
    let second = fleet.appliance().start();
    let video = fleet.assert_published_once(&second, &id).await;
    assert_eq!(video["attempt"], 1);

    // Uploads that it answers for are processed elsewhere, and nowhere while all boxes are drained.
    let (code, said, _) = drain(&second, &["--wait", "--grace", "0"]).await;
    assert!(code == Some(0) && said.contains("drained"), "{said}");
    let waiting = first.upload("film.mp4", clip.clone()).await;
    first.wait_for(&waiting, |video| video["state"] == "queued").await;
    assert_eq!(state(&second).await["state"], "drained");
    let (code, said, _) = drain(&second, &["--undo"]).await;
    assert!(code == Some(0) && said.contains("takes jobs"), "{said}");
    fleet.assert_published_once(&first, &waiting).await;
    assert_eq!(
        (state(&first).await["state"].clone(), second.get("/readyz").await.0),
        ("drained".into(), 200)
    );

    // A refused grace changes nothing.
    let body = json!({"grace_secs": 86_401});
    let refused = second.request(reqwest::Method::POST, "/v1/drain").json(&body);
    assert_eq!(refused.send().await.unwrap().status(), 400);
    assert_eq!(state(&second).await["state"], "off");
    drain(&first, &["--undo"]).await;
    assert_eq!(first.get("/readyz").await.0, 200);
    fleet.wait_until_done().await;
}

/// Probes look every few seconds, and each of their looks used to write two lines.
#[tokio::test(flavor = "multi_thread")]
async fn looks_at_a_box_that_is_not_ready_write_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut appliance = Appliance::builder().log(log.clone()).start();
    assert_eq!(appliance.get("/readyz").await.0, 200);
    for _ in 0..2 {
        let begun = appliance.request(reqwest::Method::POST, "/v1/drain").json(&json!({}));
        assert!(begun.send().await.unwrap().status().is_success());
        for _ in 0..5 {
            assert_eq!(appliance.get("/readyz").await.0, 503);
        }
        let ended = appliance.request(reqwest::Method::DELETE, "/v1/drain").send().await.unwrap();
        assert!(ended.status().is_success());
        assert_eq!(appliance.get("/readyz").await.0, 200);
    }
    appliance.terminate();
    let log = std::fs::read_to_string(log).unwrap();
    let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("a part of the box does not work"), 2, "{log}");
    assert_eq!(count("all parts of the box work again"), 2, "{log}");
    assert_eq!(count("ERROR"), 0, "{log}");
}

/// The metadata of an instance whose Auto Scaling group terminates it, or that is interrupted.
async fn metadata(is_interrupted: bool) -> String {
    let answer = move |request: axum::extract::Request| async move {
        let path = request.uri().path().strip_prefix("/latest/").unwrap_or_default().to_owned();
        let has_token = request.headers().get("x-aws-ec2-metadata-token").is_some();
        let state = if is_interrupted { "InService" } else { "Terminated" };
        let (status, body) = match path.as_str() {
            "api/token" if request.method() == "PUT" => (200, "token"),
            "meta-data/autoscaling/target-lifecycle-state" if has_token => (200, state),
            "meta-data/spot/instance-action" if has_token && is_interrupted => (200, "{}"),
            "meta-data/tags/instance/aws:autoscaling:groupName" if has_token => (200, "group"),
            "meta-data/instance-id" if has_token => (200, "i-1"),
            _ => (404, ""),
        };
        (axum::http::StatusCode::from_u16(status).unwrap(), body)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_script_drains_a_box_that_is_terminated() {
    let text = std::fs::read_to_string(root().join("docs/how-to/scale-out.md")).unwrap();
    let script = text.split("```sh\n").find(|block| block.starts_with("#!/bin/sh")).unwrap();
    let script = script.split("```").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let aws = folder.path().join("aws");
    std::fs::write(&aws, "#!/bin/sh\necho \"aws $*\"\n").unwrap();
    std::fs::set_permissions(&aws, PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ladderd"), folder.path().join("ladderd"))
        .unwrap();
    let mut appliance = Appliance::serving();
    appliance.authorize();
    let completed = "aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE \
                     --auto-scaling-group-name group --lifecycle-hook-name ladderd --instance-id i-1\n";
    for (is_interrupted, last) in [(true, ""), (false, completed)] {
        let here = script.replace("http://169.254.169.254", &metadata(is_interrupted).await);
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &here])
            .env_clear()
            .env("PATH", path)
            .env("LADDERD_URL", &appliance.api)
            .env("LADDERD__DATA_DIR", appliance.data_dir());
        let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
        let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(output.status.success(), "{said:?}");
        assert!(said[0].contains("drained, nothing runs") && said[0].ends_with(last), "{said:?}");
        assert_eq!(state(&appliance).await["state"], "drained");
        let ended = appliance.request(reqwest::Method::DELETE, "/v1/drain").send().await.unwrap();
        assert!(ended.status().is_success());
    }
}
