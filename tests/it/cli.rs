//! The command line: help, messages and exit codes.

use std::path::Path;
use std::process::Command;

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
fn a_variable_names_the_settings_file_of_all_commands() {
    let dir = tempfile::tempdir().unwrap();
    let bad = written(dir.path(), "bad.toml", "[http]\nlisten = \"nowhere\"\n");
    for arguments in [&["validate"][..], &["serve"], &["plan", "in.mp4"]] {
        let output = program().args(arguments).env("LADDERD_CONFIG", &bad).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("bad.toml: http.listen"), "{arguments:?}: {said}");
    }
    // The flag wins.
    let good = written(dir.path(), "good.toml", "");
    let flag = ["plan", "/no/such/film.mp4", "--config", &good];
    let output = program().args(flag).env("LADDERD_CONFIG", &bad).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() != Some(64) && said.contains("/no/such/film.mp4"), "{said}");
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
    assert_eq!(sizes, [(576, 1024), (480, 854), (360, 640)]);
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
    std::fs::write(dir.path().join("main.m3u8"), "no playlist").unwrap();
    let nowhere = dir.path().join("none");
    let output = program()
        .arg("check")
        .arg(dir.path())
        .env("SSL_CERT_FILE", &nowhere)
        .env("SSL_CERT_DIR", &nowhere)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("MUST RFC 8216 4.3.1.1: main.m3u8:1: "), "{text}");
}

/// Writes a file into a folder. Returns its path as an argument.
fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn assert_exits(cases: &[(&[&str], i32)]) {
    for (arguments, expected) in cases {
        let (code, out, said) = run(arguments);
        assert_eq!(code, Some(*expected), "{arguments:?}: {out}{said}");
    }
}

/// Exit code of a command that may open so many files.
fn exit_with_open_files(most: u32, command: &str) -> Option<i32> {
    let script = format!("ulimit -n {most}; exec \"$0\" {command}");
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &script]).arg(program().get_program()).output().unwrap();
    output.status.code()
}

#[test]
fn help_exits_with_0_and_wrong_arguments_with_64() {
    assert_exits(&[
        (&["--help"], 0),
        (&["--version"], 0),
        (&["check", "--help"], 0),
        (&[], 64),
        (&["nonsense"], 64),
        (&["serve", "--nonsense"], 64),
        (&["transcode", "in.mp4"], 64),
        (&["plan"], 64),
        (&["check"], 64),
        (&["validate", "--nonsense"], 64),
        (&["sandbox-test", "--nonsense"], 64),
        (&["backends", "--nonsense"], 64),
    ]);
}

#[test]
fn wrong_settings_exit_with_64() {
    let dir = tempfile::tempdir().unwrap();
    let bad = written(dir.path(), "bad.toml", "[http]\nlisten = \"nowhere\"\n");
    let out = dir.path().display().to_string();
    assert_exits(&[
        (&["serve", "--config", &bad], 64),
        (&["transcode", "in.mp4", &out, "--config", &bad], 64),
        (&["plan", "in.mp4", "--config", &bad], 64),
        (&["validate", "--config", &bad], 64),
        (&["backends", "--config", &bad], 64),
        (&["check", &out, "--key-hex", "short"], 64),
        (&["check", &out, "--token", "a.b.c"], 64),
        (&["check", "http://["], 64),
    ]);
}

#[test]
fn failures_exit_with_1() {
    let dir = tempfile::tempdir().unwrap();
    let file = written(dir.path(), "text.mp4", "no video");
    let needs = "[jobs]\nrequired_backends = [\"nonesuch\"]\n";
    let needs = written(dir.path(), "needs.toml", needs);
    let out = dir.path().join("out").display().to_string();
    assert_exits(&[
        (&["serve", "--listen", "127.0.0.1:0", "--data-dir", &file], 1),
        (&["transcode", &file, &out], 1),
        (&["plan", &file], 1),
        (&["check", &file], 1),
        (&["backends", "--config", &needs], 1),
    ]);
}

#[test]
fn streams_that_cannot_be_read_exit_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().display().to_string();
    let missing = dir.path().join("none.m3u8").display().to_string();
    // The port is free again once the listener is dropped.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/main.m3u8");
    for target in [empty, missing, url] {
        let (code, out, said) = run(&["check", "--json", &target]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{target}: {said}");
        assert!(said.contains(&target), "{said}");
    }
}

#[test]
fn sandbox_and_backends_that_cannot_be_tried_exit_with_2() {
    // Enough for the dynamic linker, too few for a child or a runtime.
    assert_eq!(exit_with_open_files(4, "sandbox-test"), Some(2));
    assert_eq!(exit_with_open_files(4, "backends"), Some(2));
    assert_eq!(exit_with_open_files(4, "validate"), Some(2));
}

#[test]
fn a_transcoded_stream_is_checked_and_exits_with_0_until_it_is_damaged() {
    let Some(input) = media::silent_clip(640, 360, "25", 2) else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().display().to_string();
    let (code, events, said) = run(&["transcode", "--json", &input.display().to_string(), &out]);
    assert_eq!(code, Some(0), "{events}{said}");
    let events = events.lines().map(|line| serde_json::from_str(line).unwrap());
    let events: Vec<serde_json::Value> = events.collect();
    let checked = events.iter().find(|event| event["event"] == "checked").unwrap();
    assert_eq!(checked["musts"], 0, "{checked:#}");
    assert_eq!(events.last().unwrap()["event"], "ready");
    assert_eq!(run(&["check", &out]).0, Some(0));

    // A media playlist may be checked alone, and each rendition says that it was checked.
    let index = dir.path().join("360p/index.m3u8");
    let (code, report, said) = run(&["check", &index.display().to_string()]);
    assert_eq!(code, Some(0), "{report}{said}");
    assert!(report.lines().next().unwrap().ends_with(": checked"), "{report}");

    std::fs::remove_file(index).unwrap();
    let (code, report, said) = run(&["check", &out]);
    assert_eq!(code, Some(1), "{report}{said}");
    let (code, report, said) = run(&["check", "--ignore", "RFC 8216 6.2.1", &out]);
    assert_eq!(code, Some(2), "nothing is known about the rendition: {report}{said}");
    assert!(report.contains("not checked: "), "{report}");
}
