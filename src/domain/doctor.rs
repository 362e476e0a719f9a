//! What `ladderd doctor` finds: the checks, their findings, and the report of one examination.
//!
//! The effects are in [`crate::doctor`]; here are the decisions, as functions from facts to findings.

mod check;
pub mod events;
pub mod judge;
pub mod mend;
pub mod operations;
pub mod probe;
pub mod queues;
pub mod redact;
mod text;

use serde::{Deserialize, Serialize};

pub use self::check::{Check, Group, reference};
pub use self::mend::Mend;
pub use self::text::{Style, text};

/// How bad a finding is, the least first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Could not be examined here, or there is nothing to examine.
    Skipped,
    /// Good to know; nothing has to be done.
    Note,
    /// It works, and will fail or surprise some day.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// All of them, the worst first.
    pub const WORST_FIRST: [Self; 5] =
        [Self::Error, Self::Warning, Self::Note, Self::Skipped, Self::Ok];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DoctorFinding)]
pub struct Finding {
    /// Stable kebab-case id of the check. Several findings may have one id, with another `subject` each.
    pub id: String,
    /// Part of the appliance that it is about.
    pub group: String,
    /// How bad it is.
    pub severity: Severity,
    /// The bucket, queue, device or address that it is about; empty if there is one alone.
    pub subject: String,
    /// A sentence that says what was found.
    pub what: String,
    /// A sentence that says why it matters.
    pub why: String,
    /// Steps that mend it: lines for a shell, advice behind `# `. Nothing runs them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// A finding of this check.
    #[must_use]
    pub fn new(check: Check, severity: Severity, what: impl Into<String>) -> Self {
        Self {
            id: check.id().to_owned(),
            group: check.group().title().to_owned(),
            severity,
            subject: String::new(),
            what: what.into(),
            why: check.why().to_owned(),
            mend: None,
        }
    }

    /// As it should be.
    #[must_use]
    pub fn ok(check: Check, what: impl Into<String>) -> Self {
        Self::new(check, Severity::Ok, what)
    }

    /// The bucket, queue, device or address that it is about.
    #[must_use]
    pub fn of(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    /// Steps that mend it.
    #[must_use]
    pub fn mend(self, mend: Mend) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }

    /// The steps that mend it, if there are any.
    #[must_use]
    pub fn mend_by(self, mend: Option<Mend>) -> Self {
        Self { mend: mend.map(String::from), ..self }
    }
}

/// Who has executed the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Examiner {
    /// The running daemon, inside its own restrictions.
    Service,
    /// The command itself, as no daemon answers: with the rights and the environment of who called it.
    Command,
}

/// The findings of one examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DoctorReport)]
pub struct Report {
    /// Version of ladderd.
    pub version: String,
    /// Host name of the machine; empty if Linux does not tell.
    pub host: String,
    /// Who has executed the checks.
    pub by: Examiner,
    /// When the examination began, RFC 3339.
    pub began_at: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The worst severity of all findings.
    pub worst: Severity,
    /// The findings, group by group.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Number of findings with this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// The worst severity of these findings.
#[must_use]
pub fn worst(findings: &[Finding]) -> Severity {
    findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Ok)
}

/// The findings in the order of the checks, those of one check as they came.
#[must_use]
pub fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    let place = |finding: &Finding| Check::ALL.iter().position(|check| check.id() == finding.id);
    findings.sort_by_key(place);
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_counts_and_groups_stay_together() {
        let findings = vec![
            Finding::ok(Check::Webhooks, "2 endpoints"),
            Finding::new(Check::Clock, Severity::Warning, "9 s"),
            Finding::ok(Check::Backends, "x264enc").of("cpu"),
        ];
        assert_eq!(worst(&findings), Severity::Warning);
        assert_eq!(worst(&[]), Severity::Ok);
        let ids: Vec<String> = sorted(findings).into_iter().map(|found| found.id).collect();
        assert_eq!(ids, ["clock", "backends", "webhooks"]);
    }
}
