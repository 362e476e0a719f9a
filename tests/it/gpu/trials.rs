//! Trial encodes, as `ladderd backends` reports them.

use serde_json::Value;

use crate::support::doubles::Doubles;
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
