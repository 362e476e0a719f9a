//! `ladderd doctor` and `ladderd support-bundle`.

mod broken;
mod bundle;
mod embedded;
mod mends;

use std::process::Command;

use ladderd::domain::doctor::{Finding, Report, Severity};

use super::support::program;

/// Exit code, standard output and standard error of a command.
async fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A command with this environment.
fn command(environment: &[(String, String)], arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// The report of `ladderd doctor` with this environment. The exit code must be that of the report.
async fn report(environment: &[(String, String)], arguments: &[&str]) -> Report {
    let arguments = [&["doctor", "--json"], arguments].concat();
    let (code, said, errors) = run(command(environment, &arguments)).await;
    let report: Report =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}\n{errors}"));
    let expected = match report.worst {
        Severity::Ok | Severity::Skipped | Severity::Note => 0,
        Severity::Warning => 3,
        Severity::Error => 1,
    };
    assert_eq!(code, Some(expected), "{errors}");
    report
}

/// The worst finding of a check.
fn worst<'a>(report: &'a Report, id: &str) -> &'a Finding {
    let found = report.findings.iter().filter(|finding| finding.id == id);
    found.max_by_key(|finding| finding.severity).unwrap_or_else(|| panic!("{id} is missing"))
}

/// Panics unless each of these checks has this severity at worst.
fn assert_all(report: &Report, severity: Severity, ids: &[&str]) {
    for id in ids {
        let finding = worst(report, id);
        assert_eq!(finding.severity, severity, "{finding:#?}");
    }
}
