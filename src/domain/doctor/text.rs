//! A report for people.

use super::{Examiner, Finding, Report, Severity};

/// Columns of the text before the sentences.
const INDENT: usize = 11;
/// Columns of a whole line. Commands are never broken.
const WIDTH: usize = 100;

/// Whether a report has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Letters alone.
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

/// The report as text: groups, one line for each finding that is fine, and the reason and remedy of the others.
#[must_use]
pub fn text(report: &Report, style: Style) -> String {
    let mut lines = vec![head(report)];
    let mut group = "";
    for finding in &report.findings {
        if finding.group != group {
            group = &finding.group;
            lines.push(format!("\n{group}\n"));
        }
        lines.extend(lines_of(finding, style));
    }
    let counts: Vec<String> = Severity::WORST_FIRST
        .into_iter()
        .map(|severity| (report.count(severity), severity))
        .filter(|(count, _)| *count > 0)
        .map(|(count, severity)| counted(count, severity))
        .collect();
    lines.push(format!("\n{}\n", counts.join(", ")));
    lines.concat()
}

fn head(report: &Report) -> String {
    let who = match report.by {
        Examiner::Service => "the running service",
        Examiner::Command => "this command, as no service answers",
    };
    let host = if report.host.is_empty() { "this machine" } else { &report.host };
    #[expect(clippy::cast_precision_loss, reason = "a time for people")]
    let secs = report.took_ms as f64 / 1000.0;
    format!("ladderd {} on {host}, examined by {who} in {secs:.1} s\n", report.version)
}

fn counted(count: usize, severity: Severity) -> String {
    let many = if count == 1 { "" } else { "s" };
    match severity {
        Severity::Ok | Severity::Skipped => format!("{count} {}", severity.name()),
        Severity::Note | Severity::Warning | Severity::Error => {
            format!("{count} {}{many}", severity.name())
        }
    }
}

fn lines_of(finding: &Finding, style: Style) -> Vec<String> {
    let Finding { id, severity, subject, what, why, mend, .. } = finding;
    let mark = match severity {
        Severity::Ok | Severity::Skipped | Severity::Note => severity.name().to_owned(),
        Severity::Warning | Severity::Error => severity.name().to_uppercase(),
    };
    let mark = format!("{mark:<8}");
    let mark = match (style, severity) {
        (Style::Plain, _) => mark,
        (Style::Coloured, Severity::Ok) => format!("\x1b[32m{mark}\x1b[0m"),
        (Style::Coloured, Severity::Skipped | Severity::Note) => format!("\x1b[2m{mark}\x1b[0m"),
        (Style::Coloured, Severity::Warning) => format!("\x1b[33m{mark}\x1b[0m"),
        (Style::Coloured, Severity::Error) => format!("\x1b[1;31m{mark}\x1b[0m"),
    };
    let subject = if subject.is_empty() { String::new() } else { format!(" [{subject}]") };
    let sentence = wrapped(&format!("{id}{subject}: {what}"), "");
    let mut lines = vec![format!("  {mark} {sentence}\n")];
    if *severity >= Severity::Warning {
        lines.push(format!("{:INDENT$}{}\n", "", wrapped(why, "why   ")));
    }
    if let Some(mend) = mend {
        // Commands are copied: no line of them is broken.
        let mend = mend.replace('\n', &format!("\n{:1$}", "", INDENT + 6));
        lines.push(format!("{:INDENT$}mend  {mend}\n", ""));
    }
    lines
}

/// Words in lines of [`WIDTH`] columns, the first one with a label in front.
fn wrapped(words: &str, label: &str) -> String {
    let indent = INDENT + label.len();
    let (mut text, mut column) = (label.to_owned(), indent);
    for (at, word) in words.split_whitespace().enumerate() {
        let width = word.chars().count();
        if at > 0 && column + 1 + width > WIDTH {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if at > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Check, mend, sorted, worst};
    use super::*;

    #[test]
    fn a_report_is_grouped_and_says_what_to_do() {
        let long = "the clock of this machine is 412 s behind that of the store, which answered at \
                    2026-12-01T02:19:39Z";
        let findings = sorted(vec![
            Finding::ok(Check::Backends, "x264enc encodes 61 frames per second").of("cpu"),
            Finding::new(Check::Clock, Severity::Error, long).mend(mend::tasks()),
            Finding::new(Check::Webhooks, Severity::Skipped, "there are no endpoints"),
            Finding::new(Check::Permissions, Severity::Warning, "denied")
                .of("up")
                .mend(mend::slow_disk()),
        ]);
        let report = Report {
            version: "0.1.0".to_owned(),
            host: "box".to_owned(),
            by: Examiner::Service,
            began_at: "2026-12-01T02:19:39Z".to_owned(),
            took_ms: 1250,
            worst: worst(&findings),
            findings,
        };
        let expected = "\
ladderd 0.1.0 on box, examined by the running service in 1.2 s

Machine
  ERROR    clock: the clock of this machine is 412 s behind that of the store, which answered at
           2026-12-01T02:19:39Z
           why   S3 refuses requests whose time is off by more than 15 minutes; sessions and signed
                 URLs end too early or late.
           mend  systemctl set-property ladderd TasksMax=4096

Encoding
  ok       backends [cpu]: x264enc encodes 61 frames per second

Store
  WARNING  bucket-permissions [up]: denied
           why   A missing right shows late: in the first long upload, the first delete or the first
                 retry.
           mend  # look for other writers and for errors of the disk, or move data_dir to a faster disk
                 cat /proc/pressure/io; journalctl -k -p err -n 20 --no-pager

Network
  skipped  webhooks: there are no endpoints

1 error, 1 warning, 1 skipped, 1 ok
";
        assert_eq!(text(&report, Style::Plain), expected);
        let coloured = text(&report, Style::Coloured);
        assert!(coloured.contains("\x1b[1;31mERROR   \x1b[0m clock"), "{coloured}");
    }
}
