//! `ladderd upload`: files become videos of an appliance.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};

use super::api::Api;
use super::options::{UploadOptions, text};
use super::send::{Outgoing, size_of};
use super::state::{Begun, Place};
use super::videos::path;
use crate::cli::exit::{self, Exit, OrExit as _};
use crate::cli::output::{print, say};

/// Pause between two looks at a video.
const POLL: Duration = Duration::from_secs(1);

/// Uploads the files, one after the other. The first failure decides the exit code; the others are uploaded all
/// the same.
pub(super) async fn upload(api: &Api, options: &UploadOptions) -> Result<Exit, exit::Error> {
    if options.title.is_some() && options.files.len() > 1 {
        let reason = anyhow!("--title is for a single file");
        return Err(exit::Error { exit: Exit::Usage, reason });
    }
    let (mut exit, mut ids) = (Exit::Ok, Vec::new());
    for file in &options.files {
        match one(api, file, options).await {
            Ok(id) => {
                if !options.wait {
                    report(api, &id, options.json).await?;
                }
                ids.push(id);
            }
            Err(error) => exit = failed(exit, &file.display().to_string(), &error),
        }
    }
    for id in ids.iter().filter(|_| options.wait) {
        match wait(api, id).await {
            Ok(()) => report(api, id, options.json).await?,
            Err(error) => exit = failed(exit, id, &error),
        }
    }
    Ok(exit)
}

/// Tells of a failure. Returns the exit code of the command.
fn failed(exit: Exit, of: &str, error: &exit::Error) -> Exit {
    say(&format!("ladderd: {of}: {:#}", error.reason));
    if exit == Exit::Ok { error.exit } else { exit }
}

/// Prints a video whose upload has ended.
async fn report(api: &Api, id: &str, json: bool) -> Result<(), exit::Error> {
    if !json {
        return Ok(print(&format!("{id}\n"))?);
    }
    let video = api.get(&path(id)).await?;
    Ok(print(&format!("{video}\n"))?)
}

/// Uploads a file, or what is missing of it. Returns the id of its video.
async fn one(api: &Api, file: &Path, options: &UploadOptions) -> Result<String, exit::Error> {
    let size = size_of(file).or_exit(Exit::NotFound)?;
    let place = Place::of(api.name(), file)?;
    let bar = progress(file, size)?;
    let outgoing = Outgoing { api, file, bar: &bar };
    if let Some(begun) = place.read() {
        match outgoing.send(&begun, size).await {
            Ok(()) => return Ok(ended(&place, &bar, begun)),
            // It has ended in another way: completed without a word, aborted, or expired.
            Err(error) if error.exit == Exit::NotFound => {
                if is_uploaded(api, &begun.video_id).await? {
                    return Ok(ended(&place, &bar, begun));
                }
                bar.set_position(0);
            }
            Err(error) => return Err(error),
        }
    }
    let mut answer =
        api.send(Method::POST, "/v1/uploads", Some(&request(file, size, options))).await?;
    let video_id = answer["video_id"].as_str().unwrap_or_default().to_owned();
    let mut upload = answer["upload"].take();
    upload.as_object_mut().and_then(|upload| upload.remove("parts"));
    let begun = Begun { video_id, upload };
    place.write(&begun)?;
    outgoing.send(&begun, size).await?;
    Ok(ended(&place, &bar, begun))
}

/// Forgets an upload that is complete. Returns the id of its video.
fn ended(place: &Place, bar: &ProgressBar, begun: Begun) -> String {
    place.clear();
    bar.finish_and_clear();
    begun.video_id
}

/// Whether the source of a video is there.
async fn is_uploaded(api: &Api, id: &str) -> Result<bool, exit::Error> {
    match api.get(&path(id)).await {
        Ok(video) => Ok(video["state"] != "uploading"),
        Err(error) if error.exit == Exit::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The request of an upload. Options that are not given are not sent.
fn request(file: &Path, size: u64, options: &UploadOptions) -> Value {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut request = json!({ "filename": name, "size_bytes": size });
    let given = [
        ("title", options.title.clone()),
        ("visibility", options.visibility.as_ref().map(text)),
        ("priority", options.priority.as_ref().map(text)),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            request[name] = value.into();
        }
    }
    if !options.tags.is_empty() {
        request["tags"] = json!(options.tags);
    }
    request
}

/// A bar on a terminal, nothing elsewhere.
fn progress(file: &Path, size: u64) -> Result<ProgressBar, exit::Error> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let template = "{msg}  {wide_bar}  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).map_err(anyhow::Error::from)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(ProgressBar::new(size).with_style(style).with_message(name))
}

/// Waits until a video is ready. [`Exit::Failed`] if it fails.
async fn wait(api: &Api, id: &str) -> Result<(), exit::Error> {
    let bar =
        if std::io::stderr().is_terminal() { ProgressBar::new(100) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{msg}  {wide_bar}  {percent:>3} %");
    bar.set_style(style.map_err(anyhow::Error::from)?);
    loop {
        let video = api.get(&path(id)).await?;
        match video["state"].as_str().unwrap_or_default() {
            "ready" => break bar.finish_and_clear(),
            "failed" | "deleting" => {
                bar.finish_and_clear();
                let said = video["error"]["message"].as_str().unwrap_or("the video is deleted");
                let reason = anyhow!(said.to_owned());
                return Err(exit::Error { exit: Exit::Failed, reason });
            }
            state => {
                let percent = video["progress"].as_f64().unwrap_or_default() * 100.0;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 100"
                )]
                bar.set_position(percent as u64);
                bar.set_message(state.to_owned());
            }
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
