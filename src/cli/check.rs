//! `ladderd check`: the broken rules of a stream.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::exit::{self, Exit, OrExit as _};
use super::output;
use crate::app;
use crate::check::files::{self, Files, Folder, Http};
use crate::check::keys::Keys;
use crate::check::{Origin, check_present};
use crate::domain::conformance::{Finding, Level, Report};
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names;

/// Checks the stream at `target` (a folder, a playlist or a URL) and prints the report. `token` opens the URL
/// of a private stream.
/// [`Exit::Failed`] if a binding rule is broken, [`Exit::Unchecked`] if the multivariant playlist
/// cannot be read.
pub(super) fn check(
    target: &str,
    json: bool,
    key_hex: Option<&str>,
    token: Option<&str>,
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
    let report = report.or_exit(Exit::Unchecked)?;
    if json {
        output::print_json(&report)?;
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

/// [`Exit::Failed`] if a binding rule is broken.
pub(super) fn verdict(report: &Report) -> Exit {
    if report.musts().next().is_none() { Exit::Ok } else { Exit::Failed }
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

/// The report for people: measures, findings and their numbers, one a line.
fn text(report: &Report) -> String {
    let mut lines = Vec::new();
    for playlist in &report.measured {
        lines.push(format!(
            "{}: {} segments, {:.3} s, {:.0} kbit/s, peak {:.0} kbit/s, {}",
            playlist.uri,
            playlist.segments,
            playlist.duration_secs,
            playlist.average_bps / 1000.0,
            playlist.peak_bps / 1000.0,
            playlist.codec
        ));
    }
    for finding in &report.findings {
        lines.push(line(finding));
    }
    let musts = report.musts().count();
    lines.push(format!("{musts} MUST, {} SHOULD", report.findings.len() - musts));
    lines.join("\n") + "\n"
}

/// One finding for people.
pub(super) fn line(finding: &Finding) -> String {
    let level = match finding.level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
    };
    format!("{level} {}: {}: {}", finding.rule, finding.place, finding.message)
}
