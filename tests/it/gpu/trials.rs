//! Trial encodes, as `ladderd backends` reports them.

use serde_json::{Value, json};

use crate::support::appliance::{Appliance, TIMEOUT};
use crate::support::doubles::Doubles;
use crate::support::media;
use crate::support::program;

#[test]
fn the_trial_finds_every_kind_of_fault() {
    let doubles = Doubles::new("va 1.26.11+");
    let table = [
        ("open", "Failed to open session"),
        ("frames 20", "device lost"),
        ("crash 20", "ended without an answer (signal: 6"),
        ("garbage", "frames came out of"),
        ("no-idr", "is no IDR"),
        ("sessions 1", "Failed to open session"),
    ];
    for (fault, expected) in table {
        doubles.fault(fault);
        let backend = doubles.backend("vaapi");
        assert_eq!(backend["state"], "unavailable", "{fault}: {backend:#}");
        let reason = backend["reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{fault}: {reason}");
        assert!(reason.contains("vah264enc"), "{fault}: {reason}");
    }
    doubles.fault("");
    let backend = doubles.backend("vaapi");
    assert_eq!(backend["state"], "available", "{backend:#}");
    assert!(backend["trial_pixels_per_sec"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_encoder_that_hangs_is_given_up() {
    let doubles = Doubles::new("vaapi 1.22.0");
    doubles.fault("hang 20");
    let backend = doubles.backend("vaapi-legacy");
    assert_eq!(backend["state"], "unavailable");
    assert!(backend["reason"].as_str().unwrap().contains("hangs"), "{backend:#}");
}

#[test]
fn a_machine_without_a_gpu_encodes_on_the_cpu() {
    let output = program().args(["backends", "--json"]).output().unwrap();
    assert!(output.status.success());
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cpu = said["backends"].as_array().unwrap().iter().find(|b| b["name"] == "cpu").unwrap();
    assert_eq!((&cpu["state"], &cpu["encoder"]), (&"available".into(), &"x264enc".into()));
    let table = program().arg("backends").output().unwrap();
    let text = String::from_utf8_lossy(&table.stdout);
    for name in ["BACKEND", "nvenc", "nvdec", "vaapi", "vaapi-legacy", "qsv", "cpu"] {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in\n{text}");
    }
}

#[test]
fn the_trial_runs_on_each_gpu() {
    let doubles = Doubles::new("nvcodec 1.26.11+").with_devices(2);
    let output = doubles.program().args(["backends", "--json"]).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nvenc: Vec<(&Value, &Value)> = said["backends"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|backend| backend["name"] == "nvenc" && backend["state"] == "available")
        .map(|backend| (&backend["device"], &backend["encoder"]))
        .collect();
    let expected: [(Value, Value); 2] =
        [("".into(), "nvh264enc".into()), ("device1".into(), "nvh264device1enc".into())];
    let expected: Vec<(&Value, &Value)> = expected.iter().map(|(d, e)| (d, e)).collect();
    assert_eq!(nvenc, expected);
}

#[test]
fn a_missing_backend_of_jobs_required_backends_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("ladderd.toml");
    std::fs::write(&config, "[jobs]\nrequired_backends = [\"nvenc\", \"cpu\"]\n").unwrap();
    let output = program().arg("backends").arg("--config").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("jobs.required_backends: nvenc is not available"), "{said}");
    assert!(!said.contains("cpu is not"), "{said}");
    let serve = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--s3-listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path().join("data"))
        .arg("--config")
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(serve.status.code(), Some(1));
    let said = String::from_utf8_lossy(&serve.stderr);
    assert!(said.contains("nvenc is not available: there is no NVIDIA GPU"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn api_and_store_serve_while_backends_are_tried_and_jobs_wait() {
    let doubles = Doubles::new("va 1.26.11+");
    // The first trial takes its time.
    doubles.fault("hang 20");
    let appliance = Appliance::builder().environment(doubles.environment()).before_trials().start();
    let Some(clip) = media::clip(360, "30", 2) else { return };
    let id = appliance.upload("film.mp4", std::fs::read(&clip).unwrap()).await;
    for _ in 0..10 {
        let (status, ready) = appliance.get("/readyz").await;
        assert_eq!((status, &ready["jobs"], &ready["uploads"]), (503, &json!(false), &json!(true)));
        let parts = ready["components"].as_array().unwrap();
        let backends = parts.iter().find(|part| part["name"] == "backends").unwrap();
        let why = backends["why"].as_str().unwrap();
        assert!(why.contains("trials after the start are running"), "{why}");
        let (_, system) = appliance.get("/v1/system").await;
        assert_eq!((&system["backends"], &system["running_jobs"]), (&json!([]), &json!([])));
        // No job has received the message.
        let depth = (&system["queue"]["visible"], &system["queue"]["in_flight"]);
        assert_eq!(depth, (&json!(1), &json!(0)), "{system:#}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(appliance.get(&format!("/v1/videos/{id}")).await.1["state"], "queued");
    // The encoder that hangs is given up, and the others are tried.
    let began = std::time::Instant::now();
    while appliance.get("/readyz").await.0 != 200 {
        assert!(began.elapsed() < TIMEOUT, "the trials do not end");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let video = appliance.wait_for_end(&id).await;
    assert_eq!((&video["state"], &video["backend"]), (&json!("ready"), &json!("cpu")), "{video:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_ends_at_once_that_is_stopped_while_backends_are_tried() {
    let doubles = Doubles::new("va 1.26.11+");
    doubles.fault("hang 20");
    let mut appliance =
        Appliance::builder().environment(doubles.environment()).before_trials().start();
    let began = std::time::Instant::now();
    assert!(appliance.terminate().success());
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}
