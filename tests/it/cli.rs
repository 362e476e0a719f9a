//! The command line.

use super::support::appliance::Appliance;
use super::support::{corpus, media, program};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = program().args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_the_commands_and_hides_the_inner_ones() {
    let (code, help, _) = run(&["--help"]);
    assert_eq!(code, Some(0));
    for command in ["serve", "transcode", "plan", "validate"] {
        assert!(help.contains(command), "{help}");
    }
    assert!(!help.contains("worker") && !help.contains("trial"), "{help}");
    let (_, help, _) = run(&["serve", "--help"]);
    for flag in ["--config", "--data-dir", "--listen", "--s3-listen"] {
        assert!(help.contains(flag), "{help}");
    }
}

#[test]
fn the_default_settings_are_valid() {
    let (code, _, said) = run(&["validate"]);
    assert_eq!(code, Some(0), "{said}");
    let cpu = said.lines().find(|line| line.starts_with("cpu")).unwrap();
    assert!(cpu.contains(" available "), "{said}");
}

#[test]
fn all_faults_of_settings_are_reported_at_once_with_exit_code_64() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bad.toml");
    std::fs::write(&file, "[http]\nlisten = \"nowhere\"\n[queue]\nlease_secs = 1\n").unwrap();
    let file = file.display().to_string();
    let (code, _, said) = run(&["validate", "--config", &file]);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("http.listen") && said.contains("queue.lease_secs"), "{said}");
    assert_eq!(run(&["serve", "--config", &file]).0, Some(64));
}

#[test]
fn plan_prints_the_rungs_of_a_file() {
    let portrait = corpus("portrait_576x1024_16s.mp4");
    let portrait = portrait.or_else(|| media::silent_clip(576, 1024, "25", 2));
    let Some(input) = portrait else { return };
    let (code, plan, said) = run(&["plan", &input.display().to_string()]);
    assert_eq!(code, Some(0), "{said}");
    let plan: ladderd::domain::plan::Plan = serde_json::from_str(&plan).unwrap();
    let sizes: Vec<_> = plan.video.rungs.iter().map(|rung| (rung.width, rung.height)).collect();
    assert_eq!(sizes, [(480, 854), (360, 640)]);
}

#[test]
fn a_missing_input_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().display().to_string();
    let (code, _, said) = run(&["transcode", "/no/such/film.mp4", &out]);
    assert_eq!(code, Some(1));
    assert!(said.contains("/no/such/film.mp4"), "{said}");
}

#[test]
fn a_second_appliance_refuses_a_data_directory_in_use() {
    let first = Appliance::start();
    let data = first.data_dir().display().to_string();
    let (code, _, said) = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data]);
    assert_eq!(code, Some(1));
    assert!(said.contains("another ladderd"), "{said}");
}

#[test]
fn a_folder_can_be_checked_without_ca_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("none");
    let output = program()
        .arg("check")
        .arg(dir.path())
        .env("SSL_CERT_FILE", &nowhere)
        .env("SSL_CERT_DIR", &nowhere)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 MUST, 0 SHOULD"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
