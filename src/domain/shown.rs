//! Whether a `main.m3u8` shows what its completion record says.

use std::collections::BTreeSet;

use super::job::VideoId;
use super::record::{JobOutcome, JobRecord};

/// State of the `main.m3u8` of a video with a completion record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All that it names is there, or there should be none.
    Whole,
    /// It is missing or names what is gone; this text names what is there.
    Damaged(String),
    /// The files of the stream are gone.
    Gone,
    /// It is damaged, and the record, of an earlier release, does not have its text.
    Unknown,
}

/// Compares a completion record with `main.m3u8` (`None`: there is none) and the keys below `<id>/`, which
/// were listed after both were read.
#[must_use]
pub fn compare(record: &JobRecord, main: Option<&str>, keys: &BTreeSet<&str>) -> Shown {
    let are_there = |text: &str| {
        let names = names_of(&record.id, text);
        !names.is_empty() && names.iter().all(|key| keys.contains(key.as_str()))
    };
    match record.outcome {
        JobOutcome::Failed => return Shown::Whole,
        JobOutcome::Ready => {}
    }
    if main.is_some_and(are_there) {
        return Shown::Whole;
    }
    match &record.main {
        Some(text) if are_there(text) => Shown::Damaged(text.clone()),
        Some(_) => Shown::Gone,
        None => Shown::Unknown,
    }
}

/// Folders of the media playlists that a multivariant playlist names, such as `a1/720p/`.
#[must_use]
pub fn folders_of(main: &str) -> BTreeSet<String> {
    let folder = |uri: String| uri.rsplit_once('/').map(|(folder, _)| format!("{folder}/"));
    uris_of(main).filter_map(folder).collect()
}

/// Keys of the media playlists that a multivariant playlist names.
fn names_of(id: &VideoId, text: &str) -> Vec<String> {
    uris_of(text).map(|uri| format!("{id}/{uri}")).collect()
}

/// URIs in a multivariant playlist: lines that are URIs, and the attribute `URI` of renditions and I-frame
/// playlists.
fn uris_of(text: &str) -> impl Iterator<Item = String> {
    let uri = |line: &str| {
        if !line.starts_with('#') {
            return Some(line.to_owned()).filter(|line| !line.is_empty());
        }
        let names_playlist =
            line.starts_with("#EXT-X-MEDIA:") || line.starts_with("#EXT-X-I-FRAME-STREAM-INF:");
        let (_, rest) = line.split_once("URI=\"").filter(|_| names_playlist)?;
        rest.split_once('"').map(|(uri, _)| uri.to_owned())
    };
    text.lines().filter_map(move |line| uri(line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",URI=\"a1/audio/index.m3u8\"\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"a1/720p/iframes.m3u8\"\n\
        #EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"https://keys/1\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1\na1/720p/index.m3u8\n";

    fn record(main: Option<&str>) -> JobRecord {
        let ready = JobRecord::ready(VideoId::of_source("uploads", "k"), "a1");
        JobRecord { main: main.map(str::to_owned), ..ready }
    }

    #[test]
    fn a_main_playlist_that_names_what_is_gone_is_damaged() {
        let id = VideoId::of_source("uploads", "k");
        let names = ["a1/audio/index.m3u8", "a1/720p/iframes.m3u8", "a1/720p/index.m3u8"];
        let keys: Vec<String> = names.iter().map(|name| format!("{id}/{name}")).collect();
        let all: BTreeSet<&str> = keys.iter().map(String::as_str).collect();
        let fewer: BTreeSet<&str> = keys[1..].iter().map(String::as_str).collect();
        let other = MAIN.replace("a1/", "a2/");
        let ready = record(Some(MAIN));
        let damaged = Shown::Damaged(MAIN.to_owned());
        assert_eq!(compare(&ready, Some(MAIN), &all), Shown::Whole);
        assert_eq!(compare(&ready, None, &all), damaged);
        assert_eq!(compare(&ready, Some(&other), &all), damaged);
        assert_eq!(compare(&ready, Some("#EXTM3U"), &all), damaged);
        assert_eq!(compare(&ready, Some(MAIN), &fewer), Shown::Gone);
        assert_eq!(compare(&record(None), None, &all), Shown::Unknown);
        let failed = JobRecord { outcome: JobOutcome::Failed, ..ready };
        assert_eq!(compare(&failed, None, &fewer), Shown::Whole);
        let folders = BTreeSet::from(["a1/720p/".to_owned(), "a1/audio/".to_owned()]);
        assert_eq!(folders_of(MAIN), folders);
    }
}
