//! `ladderd transcode` and `ladderd plan`: one local file, without store and queue.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use super::exit::{self, Exit, OrExit as _};
use super::output::{print, print_json, say};
use super::{backends, check};
use crate::app;
use crate::domain::backend::{self, Backend};
use crate::domain::conformance::Finding;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names::{self, Layout};
use crate::domain::outcome::Fault;
use crate::domain::plan::Plan;
use crate::domain::video::{BackendFailure, RenditionView};
use crate::job::follow::{FollowError, Observer, Step, WorkerSettings, follow};
use crate::job::{self, fallback};
use crate::publish::Publication;
use crate::publish::folder::Folder;
use crate::settings::Settings;
use crate::source::file::LocalFile;
use crate::worker::parent::{self, Output, Report, Worker};

/// Prints the plan of a file.
pub(super) fn plan(settings: &Settings, input: &Path) -> Result<Exit, exit::Error> {
    app::runtime()?.block_on(async {
        let mut worker = start(settings, input, &choose(settings, None).await?, true)?;
        loop {
            match worker.next().await {
                Ok(Some(Output::Report(Report::Planned { plan }))) => {
                    print_json(&plan)?;
                    worker.kill().await;
                    return Ok(Exit::Ok);
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(anyhow::anyhow!("the worker ended without a plan").into()),
                Err(error) => {
                    say_stderr(&error);
                    return Ok(failed(&error, false)?);
                }
            }
        }
    })
}

/// Options of `ladderd transcode`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print events as JSON, one object per line, instead of a progress bar.
    #[arg(long)]
    json: bool,
    /// Value of `{video_id}` in the settings of `[encryption]` [default: file name without its
    /// extension].
    #[arg(long, value_name = "ID")]
    video_id: Option<String>,
    /// Encode with this backend only, such as `cpu`; `ladderd backends` lists them.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Skip the check of the written stream.
    #[arg(long)]
    no_check: bool,
}

impl Options {
    fn video_id(&self, input: &Path) -> String {
        let of_file = || input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.video_id.clone().unwrap_or_else(of_file)
    }
}

/// Encodes a file into a folder and checks the stream there. A backend that fails, or whose stream breaks a
/// binding rule, is followed by the next one. [`Exit::Failed`] if the last one fails.
pub(super) fn transcode(
    settings: &Settings,
    input: &Path,
    outdir: &Path,
    options: &Options,
) -> Result<Exit, exit::Error> {
    let json = options.json;
    app::runtime()?.block_on(async {
        std::fs::create_dir_all(outdir)
            .with_context(|| format!("failed to create {}", outdir.display()))?;
        let encryption = app::open_encryption(settings).or_exit(Exit::Failed)?;
        let key = match encryption.key_of(&options.video_id(input)).await {
            Ok(key) => key,
            Err(error) => return Ok(failed(&error, json)?),
        };
        let mut backends = choose(settings, options.backend.as_deref()).await?;
        let mut show = Show::new(json);
        let target = Target { outdir, key: key.as_ref(), is_checked: !options.no_check };
        let renditions = loop {
            let worker = start(settings, input, &backends, false)?;
            let error = match target.encode(worker, &mut show).await? {
                Ok(renditions) => break renditions,
                Err(error) => error,
            };
            show.bar.finish_and_clear();
            if let job::Error::Worker(error) = &error {
                say_stderr(error);
            }
            let failure = fallback::backend_failure(&error, show.backend.take());
            backends = failure.as_ref().map_or_else(Vec::new, |failure| without(backends, failure));
            let Some(failure) = failure.filter(|_| !backends.is_empty()) else {
                return Ok(failed(&error, json)?);
            };
            show.fell_back(&failure)?;
        };
        show.done(outdir, &renditions)?;
        Ok(Exit::Ok)
    })
}

/// The backends without the one that failed.
fn without(mut backends: Vec<Backend>, failure: &BackendFailure) -> Vec<Backend> {
    backends.retain(|backend| backend.label() != failure.backend);
    backends
}

/// The folder that a stream is written to. Each backend overwrites the files of the one before.
struct Target<'a> {
    outdir: &'a Path,
    key: Option<&'a StreamKey>,
    /// Whether the written stream is checked.
    is_checked: bool,
}

impl Target<'_> {
    /// Follows a worker to its end, writes its output to the folder and checks it. The inner error is one
    /// of the encode, after which another backend may be tried.
    async fn encode(
        &self,
        mut worker: Worker,
        show: &mut Show,
    ) -> Result<Result<Vec<RenditionView>, job::Error>, exit::Error> {
        let begin = |plan: &Plan| {
            let folder = Arc::new(Folder::new(self.outdir));
            Publication::start(folder, Layout::of_folder(), plan, self.key.cloned())
        };
        let publication = match follow(&mut worker, begin, show).await {
            Ok(publication) => publication,
            Err(FollowError::Job(error)) => return Ok(Err(error)),
            Err(FollowError::Observer(error)) => return Err(error.into()),
        };
        let finished = match publication.finish().await {
            Ok(finished) => finished,
            Err(error) => return Ok(Err(error.into())),
        };
        // main.m3u8 is written last.
        let flipped = finished.flip().await.or_exit(Exit::Failed)?;
        show.finish();
        if self.is_checked
            && let Some(finding) = self.check(show.json).await?
        {
            return Ok(Err(job::Error::NotConformant(finding)));
        }
        Ok(Ok(flipped.renditions().to_vec()))
    }

    /// Checks the written stream, prints the broken rules and returns the first that is binding.
    /// [`Exit::Unchecked`] if the stream cannot be read.
    async fn check(&self, json: bool) -> Result<Option<Finding>, exit::Error> {
        let report = check::folder(self.outdir, self.key).await;
        let report = report
            .with_context(|| format!("failed to read the stream in {}", self.outdir.display()))
            .or_exit(Exit::Unchecked)?;
        if json {
            let findings = &report.findings;
            let musts = report.musts().count();
            print_line(&json!({
                "event": "checked", "musts": musts, "shoulds": findings.len() - musts,
                "findings": findings,
            }))?;
        } else {
            for finding in &report.findings {
                say(&check::line(finding));
            }
        }
        Ok(report.musts().next().cloned())
    }
}

/// Available backends, the one of the highest priority first; only `wanted` if it is given.
async fn choose(settings: &Settings, wanted: Option<&str>) -> anyhow::Result<Vec<Backend>> {
    let tried = backends::tried_in_sandbox(settings).await?;
    if let Some(wanted) = wanted {
        let missing = backend::missing(&[wanted.to_owned()], &tried.statuses);
        anyhow::ensure!(missing.is_empty(), missing.join("; "));
    }
    let mut backends = tried.backends;
    backends.retain(|backend| wanted.is_none_or(|wanted| backend.recipe.name == wanted));
    backends.sort_by_key(|backend| std::cmp::Reverse(backend.recipe.priority));
    anyhow::ensure!(!backends.is_empty(), "no backend is available; see `ladderd backends`");
    Ok(backends)
}

fn start(
    settings: &Settings,
    input: &Path,
    backends: &[Backend],
    plan_only: bool,
) -> anyhow::Result<Worker> {
    let program = app::program(&settings.log.gstreamer)?;
    let source =
        LocalFile::open(input).with_context(|| format!("failed to open {}", input.display()))?;
    let worker = WorkerSettings {
        program: &program,
        ladder: &settings.ladder,
        encode: &settings.encode,
        limits: &settings.limits,
        jobs: &settings.jobs,
        sandbox: settings.sandbox.mode,
    };
    Ok(worker.start(Arc::new(source), backends.to_vec(), plan_only)?)
}

/// Prints the end of the worker's standard error.
fn say_stderr(error: &parent::Error) {
    if let Some(stderr) = error.stderr() {
        say(stderr);
    }
}

/// Prints a failure with its code.
fn failed(error: &impl Fault, json: bool) -> std::io::Result<Exit> {
    if json {
        let line = json!({ "event": "failed", "code": error.code(), "message": error.to_string() });
        print_line(&line)?;
    } else {
        say(&format!("ladderd: {error} [{}]", error.code()));
    }
    Ok(Exit::Failed)
}

/// Prints one event of `--json`.
fn print_line(event: &impl Serialize) -> std::io::Result<()> {
    print(&(serde_json::to_string(event)? + "\n"))
}

/// Display of the progress: a bar on a terminal, lines elsewhere, or JSON.
struct Show {
    json: bool,
    bar: ProgressBar,
    began: Instant,
    /// Time from the start to the written stream.
    took: Duration,
    duration_ns: Option<u64>,
    /// Backend that encodes; `None` before the worker has chosen one.
    backend: Option<String>,
}

impl Observer for Show {
    type Error = anyhow::Error;

    fn received(&mut self, output: &Output) -> anyhow::Result<()> {
        self.output(output)
    }

    /// A folder is shown when it is finished.
    fn published(&mut self, _publication: &Publication, _step: Step) {}
}

impl Show {
    fn new(json: bool) -> Self {
        let has_bar = !json && std::io::stderr().is_terminal();
        let bar = if has_bar { ProgressBar::new(0) } else { ProgressBar::hidden() };
        Self {
            json,
            bar,
            began: Instant::now(),
            took: Duration::ZERO,
            duration_ns: None,
            backend: None,
        }
    }

    fn output(&mut self, output: &Output) -> anyhow::Result<()> {
        match output {
            Output::Report(report) => {
                if self.json {
                    print_line(report)?;
                }
                self.report(report)
            }
            Output::Segment(segment) if self.json => {
                let line = json!({
                    "event": "segment", "rendition": segment.rendition, "number": segment.number,
                    "start_ns": segment.start_ns, "duration_ns": segment.duration_ns,
                    "bytes": segment.bytes.len(),
                });
                Ok(print_line(&line)?)
            }
            Output::Segment(_) | Output::Thumbnail(..) | Output::Piece(_) => Ok(()),
        }
    }

    fn report(&mut self, report: &Report) -> anyhow::Result<()> {
        match report {
            Report::Planned { plan } => {
                self.duration_ns = plan.duration_ns;
                self.backend = Some(plan.backend.clone());
                if !self.json {
                    say(&describe(plan));
                }
                if let Some(ns) = plan.duration_ns {
                    self.bar.set_length(ns / 1_000_000);
                    let template = "{wide_bar} {percent:>3} %  {msg}  {eta} left";
                    self.bar.set_style(ProgressStyle::with_template(template)?);
                }
            }
            Report::Progress { position_ns } => {
                self.bar.set_position(position_ns / 1_000_000);
                self.bar.set_message(format!("{:.2}x", speed(*position_ns, self.began.elapsed())));
            }
            Report::Warning { message, .. } => {
                if !self.json {
                    self.bar.suspend(|| say(&format!("warning: {message}")));
                }
            }
            Report::Probed { .. }
            | Report::Restarted
            | Report::Rendition { .. }
            | Report::Cue { .. }
            | Report::Done { .. } => {}
        }
        Ok(())
    }

    /// Ends the display of the progress once the stream is written.
    fn finish(&mut self) {
        self.took = self.began.elapsed();
        self.bar.finish_and_clear();
    }

    /// Reports that a backend failed and the next one starts.
    fn fell_back(&self, failure: &BackendFailure) -> anyhow::Result<()> {
        let BackendFailure { backend, code, message, .. } = failure;
        if self.json {
            let line = json!({
                "event": "backend-failed", "backend": backend, "code": code, "message": message,
            });
            return Ok(print_line(&line)?);
        }
        say(&format!(
            "warning: {backend} failed, the next backend starts from the beginning: {message}"
        ));
        Ok(())
    }

    /// Reports the finished stream.
    fn done(&self, outdir: &Path, renditions: &[RenditionView]) -> std::io::Result<()> {
        let playlist = outdir.join(names::MAIN);
        if self.json {
            return print_line(
                &json!({ "event": "ready", "playlist": playlist, "renditions": renditions }),
            );
        }
        let took = self.took;
        let speed = self.duration_ns.map(|ns| format!(", {:.2}x", speed(ns, took)));
        let speed = speed.unwrap_or_default();
        say(&format!("ready in {:.1} s{speed}: {}", took.as_secs_f64(), playlist.display()));
        Ok(())
    }
}

/// Seconds of video encoded per second.
#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn speed(position_ns: u64, took: Duration) -> f64 {
    position_ns as f64 / 1e9 / took.as_secs_f64().max(0.001)
}

/// The plan in one line, followed by its notes.
fn describe(plan: &Plan) -> String {
    let rungs: Vec<String> = plan
        .video
        .rungs
        .iter()
        .map(|r| format!("{} ({}x{})", r.label(), r.width, r.height))
        .collect();
    let notes: Vec<String> = plan.notes.iter().map(|note| format!("\nnote: {note}")).collect();
    let notes = notes.concat();
    format!(
        "{} at {:.3} frames/s on {}, {} audio, {} subtitles{notes}",
        rungs.join(", "),
        plan.video.fps.as_f64(),
        plan.backend,
        plan.audio.len(),
        plan.subtitles.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_that_breaks_a_binding_rule_fails() {
        let dir = tempfile::tempdir().unwrap();
        let multivariant = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\n360p/index.m3u8\n";
        std::fs::write(dir.path().join(names::MAIN), multivariant).unwrap();
        let target = Target { outdir: dir.path(), key: None, is_checked: true };
        assert!(target.check(true).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_stream_that_cannot_be_read_is_unchecked() {
        let dir = tempfile::tempdir().unwrap();
        let target = Target { outdir: dir.path(), key: None, is_checked: true };
        assert_eq!(target.check(false).await.unwrap_err().exit, Exit::Unchecked);
    }
}
