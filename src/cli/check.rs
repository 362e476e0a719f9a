//! `ladderd check`: the broken rules of a stream.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use serde::Serialize;

use super::exit::{self, Exit, OrExit as _};
use super::output;
use crate::app;
use crate::check::files::{self, Files, Folder, Http};
use crate::check::keys::Keys;
use crate::check::{Origin, check_present};
use crate::domain::conformance::rules::Rule;
use crate::domain::conformance::{Finding, Level, Report};
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names;

/// Checks the stream at `target` (a folder, a playlist or a URL) and prints the report. `token` opens the URL
/// of a private stream. Findings of `ignored` rules are left out.
/// [`Exit::Failed`] if a binding rule is broken, [`Exit::Unchecked`] if the multivariant playlist
/// cannot be read, or if no rule is broken and a part could not be checked.
pub(super) fn check(
    target: &str,
    json: bool,
    key_hex: Option<&str>,
    token: Option<&str>,
    ignored: &[String],
) -> Result<Exit, exit::Error> {
    let keys = match key_hex {
        Some(text) => {
            let key = Keys::parse_hex(text).context("--key-hex takes 32 hex digits");
            Keys::known(key.or_exit(Exit::Usage)?)
        }
        None => Keys::fetched(),
    };
    let (files, main) = open(target, token)?;
    let report = app::runtime()?.block_on(check_present(files.as_ref(), &keys, &main, Origin::Any));
    let report = report.with_context(|| {
        let [main, target] =
            [main.as_str(), target].map(|text| text.split('?').next().unwrap_or_default());
        format!("failed to read {main} of {target}")
    });
    let mut report = report.or_exit(Exit::Unchecked)?;
    report.ignore(ignored);
    if json {
        output::print_json(&Explained::of(&report))?;
    } else {
        output::print(&text(&report))?;
    }
    Ok(verdict(&report))
}

/// Checks a stream of our own in a folder. `key` decrypts its segments; without one they must be plain.
///
/// # Errors
/// If the multivariant playlist cannot be read.
pub(super) async fn folder(path: &Path, key: Option<&StreamKey>) -> Result<Report, files::Error> {
    let keys = key.map_or_else(Keys::none, |key| Keys::known(key.key.0));
    Box::pin(check_present(&Folder(path.to_owned()), &keys, names::MAIN, Origin::Own)).await
}

/// [`Exit::Failed`] if a binding rule is broken, [`Exit::Unchecked`] if none is, but a part could not be checked.
pub(super) fn verdict(report: &Report) -> Exit {
    if report.musts().next().is_some() {
        Exit::Failed
    } else if report.is_complete() {
        Exit::Ok
    } else {
        Exit::Unchecked
    }
}

fn open(target: &str, token: Option<&str>) -> Result<(Box<dyn Files>, String), exit::Error> {
    if target.starts_with("http://") || target.starts_with("https://") {
        let url = reqwest::Url::parse(target);
        let mut url = url.with_context(|| format!("{target} is not a URL")).or_exit(Exit::Usage)?;
        if let Some(token) = token {
            url.query_pairs_mut().append_pair("token", token);
        }
        let name = url.path_segments().and_then(Iterator::last).unwrap_or_default().to_owned();
        let name = if name.is_empty() { names::MAIN.to_owned() } else { name };
        let main = url.query().map_or_else(|| name.clone(), |query| format!("{name}?{query}"));
        let http = Http::new(url.join("./").or_exit(Exit::Usage)?).or_exit(Exit::Unchecked)?;
        return Ok((Box::new(http), main));
    }
    if token.is_some() {
        let error = anyhow::anyhow!("--token is for the URL of a private stream, not for {target}");
        Err::<(), _>(error).or_exit(Exit::Usage)?;
    }
    let path = PathBuf::from(target);
    if path.is_dir() {
        return Ok((Box::new(Folder(path)), names::MAIN.to_owned()));
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.filter(|_| path.is_file()).with_context(|| {
        format!("{target} is not a folder with {}, a playlist or a URL", names::MAIN)
    });
    let name = name.or_exit(Exit::Unchecked)?;
    let folder = path.parent().unwrap_or(&path).to_owned();
    Ok((Box::new(Folder(folder)), name.to_owned()))
}

/// The report for programs: with the rules that the findings name.
#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    report: &'a Report,
    rules: BTreeMap<&'a str, &'static Rule>,
}

impl<'a> Explained<'a> {
    fn of(report: &'a Report) -> Self {
        let ids = report.findings.iter().map(|finding| finding.rule.as_str());
        let rules = ids.filter_map(|id| Some((id, Rule::find(id)?))).collect();
        Self { report, rules }
    }
}

/// The report for people: measures, findings and their numbers, one a line.
fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    for playlist in &report.measured {
        lines.push(format!(
            "{}: {} segments, {:.3} s, {:.0} kbit/s, peak {:.0} kbit/s, {}: {}",
            playlist.uri,
            playlist.segments,
            playlist.duration_secs,
            playlist.average_bps / 1000.0,
            playlist.peak_bps / 1000.0,
            if playlist.codec.is_empty() { "unknown codec" } else { &playlist.codec },
            coverage(&playlist.not_checked)
        ));
    }
    // The rule is said once, behind its first finding.
    let mut said = BTreeSet::new();
    for finding in &report.findings {
        lines.push(line(finding));
        if let Some(rule) = Rule::find(&finding.rule).filter(|rule| said.insert(rule.id)) {
            lines.push(format!("  {} {}", rule.says, rule.mend));
        }
    }
    for note in &report.not_checked {
        lines.push(format!("NOT CHECKED {}: {}", note.place, note.reason));
    }
    let musts = report.musts().count();
    let shoulds = report.findings.len() - musts;
    lines.push(match report.not_checked.len() {
        0 => format!("{musts} MUST, {shoulds} SHOULD"),
        notes => format!("{musts} MUST, {shoulds} SHOULD, {notes} not checked"),
    });
    lines.join("\n") + "\n"
}

/// Whether a rendition was checked, and why not.
fn coverage(not_checked: &[String]) -> String {
    if not_checked.is_empty() {
        return "checked".to_owned();
    }
    format!("not checked: {}", not_checked.join("; "))
}

/// One finding for people.
pub(super) fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
    };
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let time = finding.time_ms.map(|ms| format!(" at {}", clock(ms))).unwrap_or_default();
    format!("{level} {}: {}{line}{time}: {}", finding.rule, finding.place, finding.message)
}

/// A time such as `0:12.012` or `1:02:03.000`.
fn clock(milliseconds: u64) -> String {
    let (secs, ms) = (milliseconds / 1000, milliseconds % 1000);
    let (hours, mins, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    match hours {
        0 => format!("{mins}:{secs:02}.{ms:03}"),
        _ => format!("{hours}:{mins:02}:{secs:02}.{ms:03}"),
    }
}
