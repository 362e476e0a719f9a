//! `ladderd import`: makes videos of the objects that are in a bucket already.

use std::io::IsTerminal;
use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde::Serialize;

use super::exit::{self, Exit};
use super::output::{print, print_json, say};
use crate::app;
use crate::domain::priority::Priority;
use crate::domain::visibility::Visibility;
use crate::import::{self, Library, Request, Step};
use crate::settings::Settings;

/// Options of `ladderd import`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Objects to import, such as `s3://library/films/`: a bucket, and the begin of their keys.
    #[arg(value_parser = place)]
    source: (String, String),
    /// Print what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Suffix of the objects, such as .mp4. Can be given several times [default: `sources.suffixes`].
    #[arg(long = "suffix", value_name = "SUFFIX")]
    suffixes: Vec<String>,
    /// Who may watch the videos [default: `videos.visibility`].
    #[arg(long)]
    visibility: Option<VisibilityArg>,
    /// Turn of the videos among those that wait.
    #[arg(long, default_value = "low")]
    priority: PriorityArg,
    /// Most objects per second.
    #[arg(long, value_name = "NUMBER", default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// Wait while this many messages or more are in the queue.
    #[arg(long, value_name = "NUMBER", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    max_queued: u64,
    /// Print the summary as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum VisibilityArg {
    Public,
    Private,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PriorityArg {
    High,
    Normal,
    Low,
}

/// Number of objects by what became of them.
#[derive(Debug, Default, Serialize)]
struct Summary {
    dry_run: bool,
    in_place: u64,
    copied: u64,
    known: u64,
    ignored: u64,
    failed: u64,
}

impl Summary {
    fn add(&mut self, step: &Step) {
        let count = match step {
            Step::InPlace => &mut self.in_place,
            Step::Copied(_) => &mut self.copied,
            Step::Known => &mut self.known,
            Step::Ignored(_) => &mut self.ignored,
            Step::Failed(_) => &mut self.failed,
        };
        *count += 1;
    }

    fn sentence(&self) -> String {
        let Self { dry_run, in_place, copied, known, ignored, failed } = self;
        let verb = if *dry_run { "would import" } else { "imported" };
        let imported = in_place + copied;
        format!(
            "{verb} {imported} objects, {copied} of them by a copy; {known} are videos already, {ignored} are no \
             sources, {failed} failed"
        )
    }
}

/// Bucket and prefix of an S3 URL.
fn place(text: &str) -> Result<(String, String), String> {
    let wrong = || "allowed: s3://bucket or s3://bucket/prefix".to_owned();
    let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(wrong());
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.001..=1000.0).contains(rate));
    rate.ok_or_else(|| "allowed: 0.001 to 1000".to_owned())
}

/// Imports the objects, whether the daemon runs or not.
pub(super) fn run(settings: &Settings, options: Options) -> Result<Exit, exit::Error> {
    let runtime = app::runtime()?;
    runtime
        .block_on(app::with_store(settings, async |store| {
            let (name, prefix) = options.source;
            let bucket = store.bucket(&name)?;
            let library = Library {
                private: &store.private,
                homes: &store.homes,
                sources: &settings.sources,
                enqueue: store.enqueue.as_ref(),
                inspect: store.inspect.as_ref(),
            };
            let request = Request {
                bucket,
                prefix,
                suffixes: options.suffixes,
                visibility: match options.visibility {
                    None => settings.videos.visibility,
                    Some(VisibilityArg::Public) => Visibility::Public,
                    Some(VisibilityArg::Private) => Visibility::Private,
                },
                priority: match options.priority {
                    PriorityArg::High => Priority::High,
                    PriorityArg::Normal => Priority::Normal,
                    PriorityArg::Low => Priority::Low,
                },
                rate_per_sec: options.rate,
                max_queued: options.max_queued,
                is_dry_run: options.dry_run,
            };
            let mut summary = Summary { dry_run: options.dry_run, ..Summary::default() };
            let bar = bar();
            let mut printed = Ok(());
            let ended = import::run(&library, &request, |key, size_bytes, step| {
                summary.add(step);
                bar.set_message(summary.sentence());
                if let Step::Failed(reason) = step {
                    bar.suspend(|| say(&format!("failed {key}: {reason}")));
                }
                if request.is_dry_run && !options.json {
                    let line = bar.suspend(|| dry_run_line(key, size_bytes, step));
                    printed = std::mem::replace(&mut printed, Ok(())).and(line);
                }
            });
            let ended = ended.await;
            bar.finish_and_clear();
            printed?;
            if options.json {
                print_json(&summary)?;
            } else {
                say(&summary.sentence());
            }
            ended?;
            Ok(if summary.failed == 0 { Exit::Ok } else { Exit::Failed })
        }))
        .map_err(exit::Error::from)
}

/// A line for people at a terminal, and nothing elsewhere.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn dry_run_line(key: &str, size_bytes: u64, step: &Step) -> std::io::Result<()> {
    match step {
        Step::InPlace => print(&format!("import {key} ({size_bytes} bytes)\n")),
        Step::Copied(to) => print(&format!("copy {key} to {to} ({size_bytes} bytes)\n")),
        Step::Known => print(&format!("skip {key}: it is a video already\n")),
        Step::Ignored(reason) => print(&format!("ignore {reason}\n")),
        Step::Failed(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_bucket_and_a_prefix() {
        let table = [
            ("s3://library", Some(("library", ""))),
            ("s3://library/", Some(("library", ""))),
            ("s3://library/a/b", Some(("library", "a/b"))),
            ("s3:///a", None),
            ("https://library/a", None),
            ("library/a", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(bucket, prefix)| (bucket.to_owned(), prefix.to_owned()));
            assert_eq!(place(text).ok(), expected, "{text}");
        }
        assert!(rate("0.5").is_ok());
        assert!(["0", "-1", "nan", "inf", "x"].into_iter().all(|text| rate(text).is_err()));
    }
}
