//! The service itself: who executes the checks, and risky settings.

use super::subject::Subject;
use crate::domain::doctor::{Check, Examiner, Finding, Severity, mend};

/// Host name of the machine; empty if Linux does not tell.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

pub(super) fn examine(subject: &Subject) -> Vec<Finding> {
    let user = rustix::process::geteuid().as_raw();
    let data_dir = subject.config.data_dir.display();
    let daemon = match subject.examiner() {
        Examiner::Service => {
            let pid = std::process::id();
            Finding::ok(Check::Daemon, format!("process {pid} of user {user} serves {data_dir}"))
        }
        Examiner::Command => {
            let what = format!(
                "no daemon answers in {data_dir}: the checks ran as user {user}, outside of the unit's restrictions"
            );
            Finding::new(Check::Daemon, Severity::Note, what).mend(mend::no_service())
        }
    };
    let risks = subject.config.risks.iter();
    let risks = risks
        .map(|(setting, risk)| Finding::new(Check::Settings, Severity::Note, *risk).of(setting));
    let mut found: Vec<Finding> = risks.collect();
    if found.is_empty() {
        found.push(Finding::ok(Check::Settings, "none of them is risky"));
    }
    found.insert(0, daemon);
    found
}
