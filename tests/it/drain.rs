//! `ladderd drain` and `/v1/drain`: a box that gives its work away.

use serde_json::{Value, json};

use super::fleet::short_clip;
use super::support::appliance::Appliance;
use super::support::fleet::Fleet;
use super::support::program;
use super::support::servers::ServerKind;

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
