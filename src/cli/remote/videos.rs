//! `ladderd videos`, `show`, `trace`, `retry` and `rm`.

use std::io::IsTerminal as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value;

use super::api::Api;
use crate::cli::exit::{self, Exit, OrExit as _};
use crate::cli::output::{print, print_json, say};
use crate::domain::trace::Trace;

/// Videos that one request returns at most.
const PAGE: usize = 200;

/// Prints the first `limit` videos that fit the filter.
pub(super) async fn list(
    api: &Api,
    filter: &[(&str, Option<String>)],
    limit: usize,
    json: bool,
) -> Result<Exit, exit::Error> {
    let (mut videos, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
    while videos.len() < limit {
        let size = (limit - videos.len()).min(PAGE).to_string();
        let mut query = vec![("limit", size.as_str())];
        query.extend(filter.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = api.call(Method::GET, api.url("/v1/videos", &query)?, None).await?;
        videos.extend(page["videos"].as_array().cloned().unwrap_or_default());
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if json {
        print_json(&videos)?;
    } else {
        let head = std::io::stdout().is_terminal();
        print(&table(&videos, head))?;
    }
    Ok(Exit::Ok)
}

/// One line per video: id, state, when it was created, name.
fn table(videos: &[Value], has_head: bool) -> String {
    let line = |cells: [&str; 4]| {
        let [id, state, created, name] = cells;
        format!("{id:<20}  {state:<9}  {created:<20}  {name}\n")
    };
    let head = has_head.then(|| line(["ID", "STATE", "CREATED", "NAME"]));
    let rows = videos.iter().map(|video| {
        let created = text(&video["timings"]["created_at"]);
        let created = created.get(..19).unwrap_or(created).replace('T', " ");
        line([text(&video["id"]), text(&video["state"]), &created, &name(video)])
    });
    head.into_iter().chain(rows).collect()
}

/// Title of a video, or the name of its file, in one line.
fn name(video: &Value) -> String {
    let name = video["title"].as_str().unwrap_or(text(&video["filename"]));
    name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Prints one video.
pub(super) async fn show(api: &Api, id: &str, json: bool) -> Result<Exit, exit::Error> {
    let video = api.get(&path(id)).await?;
    if json {
        print_json(&video)?;
    } else {
        print(&described(&video))?;
    }
    Ok(Exit::Ok)
}

/// Prints the trace of a video.
pub(super) async fn trace(api: &Api, id: &str, json: bool) -> Result<Exit, exit::Error> {
    let trace = api.get(&(path(id) + "/trace")).await?;
    if json {
        print_json(&trace)?;
    } else {
        let trace: Trace = serde_json::from_value(trace).or_exit(Exit::Failed)?;
        print(&trace.waterfall())?;
    }
    Ok(Exit::Ok)
}

/// A video for people: one fact a line.
fn described(video: &Value) -> String {
    let renditions = video["renditions"].as_array().into_iter().flatten();
    let renditions: Vec<&str> = renditions.map(|one| text(&one["name"])).collect();
    let percent = video["progress"].as_f64().filter(|_| video["state"] == "running");
    let secs = video["duration_secs"].as_f64().map(|secs| format!("{secs:.1} s"));
    let facts = [
        ("id", text(&video["id"]).to_owned()),
        ("name", name(video)),
        ("state", text(&video["state"]).to_owned()),
        ("progress", percent.map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default()),
        ("visibility", text(&video["visibility"]).to_owned()),
        ("created", text(&video["timings"]["created_at"]).to_owned()),
        ("duration", secs.unwrap_or_default()),
        ("renditions", renditions.join(", ")),
        ("playback", text(&video["playback_url"]).to_owned()),
        ("error", text(&video["error"]["message"]).to_owned()),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let lines: Vec<String> = facts.map(|(name, value)| format!("{name:<11} {value}\n")).collect();
    lines.concat()
}

/// Processes videos once more.
pub(super) async fn retry(api: &Api, ids: &[String]) -> Result<Exit, exit::Error> {
    each(ids, "queued", async |id| api.send(Method::POST, &(path(id) + "/retry"), None).await).await
}

/// Deletes videos.
pub(super) async fn remove(api: &Api, ids: &[String]) -> Result<Exit, exit::Error> {
    each(ids, "deleted", async |id| api.send(Method::DELETE, &path(id), None).await).await
}

/// Does something to each video. The first failure decides the exit code; the others are done all the same.
async fn each(
    ids: &[String],
    done: &str,
    act: impl AsyncFn(&str) -> Result<Value, exit::Error>,
) -> Result<Exit, exit::Error> {
    let mut exit = Exit::Ok;
    for id in ids {
        match act(id).await {
            Ok(_) => say(&format!("{id} {done}")),
            Err(error) => {
                say(&format!("ladderd: {id}: {:#}", error.reason));
                exit = if exit == Exit::Ok { error.exit } else { exit };
            }
        }
    }
    Ok(exit)
}

/// Path of a video. An id is one segment, whatever was typed.
pub(super) fn path(id: &str) -> String {
    format!("/v1/videos/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_video_is_one_line_of_a_table() {
        let video = json!({
            "id": "5f2b9c1d7e3a40688d10", "state": "ready", "filename": "film.mp4", "title": "A\nfilm",
            "timings": {"created_at": "2026-11-30T12:00:00.123Z"},
        });
        let expected = "5f2b9c1d7e3a40688d10  ready      2026-11-30 12:00:00   A film\n";
        assert_eq!(table(&[video], false), expected);
        let unnamed =
            json!({"id": "5f2b9c1d7e3a40688d10", "state": "new-state", "filename": "film.mp4"});
        assert!(table(&[unnamed], true).ends_with("new-state                        film.mp4\n"));
    }

    #[test]
    fn a_failed_video_says_why() {
        let video = json!({
            "id": "5f2b9c1d7e3a40688d10", "state": "failed", "filename": "film.mp4",
            "error": {"code": "not-media", "message": "the file is no video"},
        });
        let said = described(&video);
        assert!(said.contains("error       the file is no video\n"), "{said}");
        assert!(!said.contains("duration"), "{said}");
    }
}
