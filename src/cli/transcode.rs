//! `ladderd transcode` and `ladderd plan`: one local file, no store, no queue.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::app;
use crate::domain::backend::{self, Backend};
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names::Layout;
use crate::domain::outcome::Fault;
use crate::domain::plan::Plan;
use crate::encryption::Encryption;
use crate::publish::Publication;
use crate::publish::folder::Folder;
use crate::settings::Settings;
use crate::source::Source;
use crate::source::file::LocalFile;
use crate::worker::parent::{self, Output, Worker};
use crate::worker::protocol::{Event, Order};

/// Prints the plan of a file.
pub(super) fn plan(settings: &Settings, input: &Path) -> anyhow::Result<ExitCode> {
    app::runtime()?.block_on(async {
        let mut worker = start(settings, input, &choose(settings, None).await?, true)?;
        loop {
            match worker.next().await {
                Ok(Some(Output::Event(Event::Planned { plan }))) => {
                    print_line(&serde_json::to_string_pretty(&plan)?)?;
                    worker.kill().await;
                    return Ok(ExitCode::SUCCESS);
                }
                Ok(Some(_)) => {}
                Ok(None) => anyhow::bail!("the worker ended without a plan"),
                Err(error) => return Ok(failed(&error, false)?),
            }
        }
    })
}

/// What flags of `transcode` say.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print what happens as JSON, one object a line, instead of a progress bar.
    #[arg(long)]
    json: bool,
    /// What `{video_id}` stands for in the settings of `[encryption]` [default: the name of the
    /// file without its ending].
    #[arg(long, value_name = "ID")]
    video_id: Option<String>,
    /// Take this backend and no other, such as `cpu`; `ladderd backends` lists them.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
}

impl Options {
    fn video_id(&self, input: &Path) -> String {
        let of_file = || input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        self.video_id.clone().unwrap_or_else(of_file)
    }
}

/// Turns a file into a folder.
pub(super) fn transcode(
    settings: &Settings,
    input: &Path,
    outdir: &Path,
    options: &Options,
) -> anyhow::Result<ExitCode> {
    let json = options.json;
    app::runtime()?.block_on(async {
        std::fs::create_dir_all(outdir)
            .with_context(|| format!("{} cannot be made", outdir.display()))?;
        let encryption = Encryption::open(&settings.encryption)?;
        let key = match encryption.key_of(&options.video_id(input)).await {
            Ok(key) => key,
            Err(error) => return Ok(failed(&error, json)?),
        };
        let mut backends = choose(settings, options.backend.as_deref()).await?;
        let mut show = Show::new(json);
        let publication = loop {
            let worker = start(settings, input, &backends, false)?;
            let error = match encode(worker, &mut show, outdir, key.clone()).await? {
                Ok(publication) => break publication,
                Err(error) => error,
            };
            show.bar.finish_and_clear();
            backends = others(backends, show.backend.as_deref(), &error);
            if backends.is_empty() {
                return Ok(failed(&error, json)?);
            }
            // The next one writes the same files, and main.m3u8 comes last.
            show.fell_back(&error)?;
            show.backend = None;
        };
        let flipped = publication.finish().await?.flip().await?;
        show.done(&json!({
            "event": "ready",
            "playlist": outdir.join(crate::domain::hls::names::MAIN),
            "renditions": flipped.renditions(),
        }))?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The backends that may do better than the one that failed: none before one was chosen, or where the
/// failure is not a backend's.
fn others(mut backends: Vec<Backend>, failed: Option<&str>, error: &parent::Error) -> Vec<Backend> {
    let Some(failed) = failed.filter(|_| error.may_be_the_backends()) else { return Vec::new() };
    backends.retain(|backend| backend.label() != failed);
    backends
}

/// Follows a worker to its end, and writes what comes.
async fn encode(
    mut worker: Worker,
    show: &mut Show,
    outdir: &Path,
    key: Option<StreamKey>,
) -> anyhow::Result<Result<Publication, parent::Error>> {
    let mut publication = None;
    loop {
        let output = match worker.next().await {
            Ok(Some(output)) => output,
            Ok(None) => break,
            Err(error) => return Ok(Err(error)),
        };
        show.output(&output)?;
        match output {
            Output::Event(Event::Planned { plan }) => {
                let folder = Arc::new(Folder::new(outdir));
                let (layout, key) = (Layout::of_folder(), key.clone());
                publication = Some(Publication::start(folder, layout, &plan, key));
            }
            Output::Event(Event::Rendition { rendition, codec }) => {
                planned(publication.as_mut())?.set_codec(rendition, codec)?;
            }
            Output::Event(Event::Cue { subtitles, cue }) => {
                planned(publication.as_mut())?.add_cue(subtitles, cue)?;
            }
            Output::Segment(segment) => {
                planned(publication.as_mut())?.add_segment(segment).await?;
            }
            Output::Thumbnail(thumbnail, jpeg) => {
                planned(publication.as_mut())?.add_thumbnail(thumbnail, jpeg).await?;
            }
            Output::Event(_) => {}
        }
    }
    Ok(Ok(publication.context("the worker ended without a plan")?))
}

fn planned(publication: Option<&mut Publication>) -> anyhow::Result<&mut Publication> {
    publication.context("the worker encodes before it has a plan")
}

/// The backends that work here, the best first, or the one that was asked for.
async fn choose(settings: &Settings, wanted: Option<&str>) -> anyhow::Result<Vec<Backend>> {
    let tried = super::backends::tried(settings).await?;
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
        LocalFile::open(input).with_context(|| format!("{} cannot be opened", input.display()))?;
    let order = Order {
        source_bytes: source.size_bytes(),
        ladder: settings.ladder.clone(),
        encode: settings.encode.clone(),
        backends: backends.to_vec(),
        plan_only,
        limits: settings.limits.clone(),
        memory_bytes: settings.jobs.worker_memory_bytes,
    };
    let stall = Duration::from_secs(settings.jobs.stall_timeout_secs);
    Ok(Worker::spawn(&program, &order, Arc::new(source), stall)?)
}

fn failed(error: &impl Fault, json: bool) -> std::io::Result<ExitCode> {
    if json {
        let line = json!({ "event": "failed", "code": error.code(), "message": error.to_string() });
        print_line(&line.to_string())?;
    } else {
        super::say(&format!("ladderd: {error} [{}]", error.code()));
    }
    Ok(ExitCode::FAILURE)
}

/// Standard output is for machines and for plans; a closed pipe is an error, not a panic.
fn print_line(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

/// Shows what happens: a bar on a terminal, lines elsewhere, or JSON.
struct Show {
    json: bool,
    bar: ProgressBar,
    began: Instant,
    duration_ns: Option<u64>,
    /// The backend that encodes, once it was chosen.
    backend: Option<String>,
}

impl Show {
    fn new(json: bool) -> Self {
        let bar = if !json && std::io::stderr().is_terminal() {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        Self { json, bar, began: Instant::now(), duration_ns: None, backend: None }
    }

    fn output(&mut self, output: &Output) -> anyhow::Result<()> {
        match output {
            Output::Event(event) => {
                if self.json {
                    print_line(&serde_json::to_string(event)?)?;
                }
                self.event(event)
            }
            Output::Segment(segment) if self.json => {
                let line = json!({
                    "event": "segment", "rendition": segment.rendition, "number": segment.number,
                    "start_ns": segment.start_ns, "duration_ns": segment.duration_ns,
                    "bytes": segment.bytes.len(),
                });
                Ok(print_line(&line.to_string())?)
            }
            Output::Segment(_) | Output::Thumbnail(..) => Ok(()),
        }
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        match event {
            Event::Planned { plan } => {
                self.duration_ns = plan.duration_ns;
                self.backend = Some(plan.backend.clone());
                if !self.json {
                    super::say(&describe(plan));
                }
                if let Some(ns) = plan.duration_ns {
                    self.bar.set_length(ns / 1_000_000);
                    let template = "{wide_bar} {percent:>3} %  {msg}  {eta} left";
                    self.bar.set_style(ProgressStyle::with_template(template)?);
                }
            }
            Event::Progress { position_ns } => {
                self.bar.set_position(position_ns / 1_000_000);
                self.bar.set_message(format!("{:.2}x", self.speed(*position_ns)));
            }
            Event::Warning { message } => {
                if !self.json {
                    self.bar.suspend(|| super::say(&format!("warning: {message}")));
                }
            }
            Event::Probed { .. }
            | Event::Rendition { .. }
            | Event::Segment { .. }
            | Event::Cue { .. }
            | Event::Done { .. }
            | Event::Failed(_) => {}
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    fn speed(&self, position_ns: u64) -> f64 {
        position_ns as f64 / 1e9 / self.began.elapsed().as_secs_f64().max(0.001)
    }

    /// The backend failed, and the next is taken.
    fn fell_back(&self, error: &parent::Error) -> anyhow::Result<()> {
        let backend = self.backend.as_deref().unwrap_or_default();
        if self.json {
            let (code, message) = (error.code(), error.to_string());
            let line = json!({
                "event": "backend-failed", "backend": backend, "code": code, "message": message,
            });
            return Ok(print_line(&line.to_string())?);
        }
        super::say(&format!("warning: {backend} failed, the next backend begins anew: {error}"));
        Ok(())
    }

    fn done(&self, summary: &serde_json::Value) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        if self.json {
            print_line(&summary.to_string())?;
        } else {
            let speed =
                self.duration_ns.map_or(String::new(), |ns| format!(", {:.2}x", self.speed(ns)));
            let secs = self.began.elapsed().as_secs_f64();
            super::say(&format!("ready in {secs:.1} s{speed}: {}", summary["playlist"]));
        }
        Ok(())
    }
}

fn describe(plan: &Plan) -> String {
    let rungs: Vec<String> =
        plan.video.rungs.iter().map(|r| format!("{} ({}x{})", r.name, r.width, r.height)).collect();
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
    use crate::domain::backend::Sizes;
    use crate::domain::failure_code::FailureCode;
    use crate::domain::recipe::Recipe;
    use crate::worker::protocol::Failure;

    #[test]
    fn a_failure_before_a_backend_was_chosen_is_the_end() {
        let backend = |name: &str| {
            let recipe: Recipe = toml::from_str(include_str!("../../pipelines/cpu.toml")).unwrap();
            let recipe = Recipe { name: name.to_owned(), ..recipe };
            let sizes = Sizes::default();
            Backend { recipe, device: String::new(), sizes, pixels_per_sec: 1.0 }
        };
        let all = || vec![backend("nvenc"), backend("cpu")];
        let left = |failed, code| {
            let error = parent::Error::Failed(Failure::new(code, "no"));
            let labels =
                others(all(), failed, &error).iter().map(Backend::label).collect::<Vec<_>>();
            labels.join(" ")
        };
        assert_eq!(left(Some("nvenc"), FailureCode::PipelineFailed), "cpu");
        assert_eq!(left(Some("cpu"), FailureCode::PipelineFailed), "nvenc");
        assert_eq!(left(None, FailureCode::PipelineFailed), "", "or it would begin anew for ever");
        assert_eq!(left(Some("nvenc"), FailureCode::SourceDamaged), "", "no backend can help");
    }
}
