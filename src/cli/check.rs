//! `ladderd check`: what is wrong with a stream, by rule.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::app;
use crate::check::files::{Files, Folder, Http};
use crate::check::keys::Keys;
use crate::domain::conformance::{Level, Report};
use crate::domain::hls::names;

/// Checks a folder, a playlist or a URL. Succeeds only if no binding rule is broken.
pub(super) fn check(target: &str, json: bool, key_hex: Option<&str>) -> anyhow::Result<ExitCode> {
    let (files, main) = open(target)?;
    let keys = match key_hex {
        Some(text) => Keys::known(Keys::parse_hex(text).context("--key-hex takes 32 hex digits")?),
        None => Keys::fetched(),
    };
    let report = app::runtime()?.block_on(crate::check::check(files.as_ref(), &keys, &main));
    let mut out = std::io::stdout();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", text(&report))?;
    }
    let is_sound = report.musts().next().is_none();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(target: &str) -> anyhow::Result<(Box<dyn Files>, String)> {
    if target.starts_with("http://") || target.starts_with("https://") {
        let url = reqwest::Url::parse(target).with_context(|| format!("{target} is no URL"))?;
        let name = url.path_segments().and_then(Iterator::last).unwrap_or_default().to_owned();
        let main = if name.is_empty() { names::MAIN.to_owned() } else { name };
        return Ok((Box::new(Http::new(url.join("./")?)?), main));
    }
    let path = PathBuf::from(target);
    if path.is_dir() {
        return Ok((Box::new(Folder(path)), names::MAIN.to_owned()));
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.filter(|_| path.is_file()).with_context(|| {
        format!("{target} is neither a folder with {}, nor a playlist, nor a URL", names::MAIN)
    })?;
    let folder = path.parent().unwrap_or(&path).to_owned();
    Ok((Box::new(Folder(folder)), name.to_owned()))
}

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
        let level = match finding.level {
            Level::Must => "MUST",
            Level::Should => "SHOULD",
        };
        lines.push(format!("{level} {}: {}: {}", finding.rule, finding.place, finding.message));
    }
    let musts = report.musts().count();
    lines.push(format!("{musts} MUST, {} SHOULD", report.findings.len() - musts));
    lines.join("\n") + "\n"
}
