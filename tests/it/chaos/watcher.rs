//! Players: they read multivariant playlist, media playlists and segments of every video, again and
//! again, and note what no player may see.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use m3u8_rs::{MasterPlaylist, MediaPlaylist};
use serde_json::Value;

use super::book::{Book, Expect, Film, count};
use super::dice::Dice;
use super::rig::Rig;

/// Pause between two looks of one player.
const PAUSE: Duration = Duration::from_millis(150);
/// Pause before a player reads again what was not there.
const RETRY: Duration = Duration::from_millis(250);

/// Observations of one life of a video so far.
#[derive(Default)]
struct Shown {
    /// The finished stream was.
    finished: bool,
    /// By URI: the segments of a media playlist, with their durations.
    playlists: HashMap<String, Vec<String>>,
    /// By URI: length in bytes of a segment.
    segments: HashMap<String, usize>,
}

/// The end of a read.
enum Read {
    Bytes(Vec<u8>),
    /// 403 or 404.
    Missing,
    /// Not answered for longer than an outage excuses.
    Failed(String),
}

/// The end of a look.
enum Look {
    /// Nothing was shown yet.
    Dark,
    /// An event playlist.
    Growing,
    /// The finished stream of this attempt.
    Finished(String),
    /// The video changed during the look; the next one will tell.
    Stale,
    Broken(String),
}

/// State that the players share.
pub struct Watcher {
    pub rig: Arc<Rig>,
    pub book: Arc<Book>,
    shown: Mutex<HashMap<(String, u32), Shown>>,
}

impl Watcher {
    pub fn new(rig: Arc<Rig>, book: Arc<Book>) -> Arc<Self> {
        Arc::new(Self { rig, book, shown: Mutex::default() })
    }

    /// Looks at unfinished videos, and at random ones in between, until this is dropped.
    pub async fn run(self: Arc<Self>, mut dice: Dice) {
        loop {
            let alive = |film: &Film| film.expect == Expect::Alive;
            let unfinished = self.book.films(|film| alive(film) && !film.is_done);
            let film = if dice.percent(70) { dice.pick(&unfinished) } else { None };
            let film = film.or_else(|| dice.pick(&self.book.films(alive)));
            if let Some(film) = film {
                self.watch(&film).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks once, and notes what was seen. Returns whether the latest version is finished.
    pub async fn watch(&self, film: &Film) -> bool {
        let look = self.look(film).await;
        count(&self.book.tally.looks);
        match look {
            Look::Dark | Look::Growing | Look::Stale => false,
            Look::Finished(attempt) => self.note_finished(film, &attempt).await,
            Look::Broken(why) => {
                self.book.note_broken(film, &why);
                false
            }
        }
    }

    /// Reads the completion record: which version the finished stream shows.
    async fn note_finished(&self, film: &Film, attempt: &str) -> bool {
        let Read::Bytes(text) = self.read(&format!("{}/job.json", film.id)).await else {
            return false;
        };
        let Ok(record) = serde_json::from_slice::<Value>(&text) else { return false };
        if record["outcome"] != "ready" || record["attempt_id"] != attempt {
            return false;
        }
        let version = record["source_etag"].as_str().unwrap_or_default().to_owned();
        let mut is_latest = false;
        self.book.change(&film.id, |now| {
            is_latest = version == now.version;
            now.finished.entry(version).or_default().insert(attempt.to_owned());
            if is_latest && now.life == film.life {
                now.is_done = true;
            }
        });
        is_latest
    }

    async fn look(&self, film: &Film) -> Look {
        let life = (film.id.clone(), film.life);
        let was_finished =
            self.shown.lock().unwrap().get(&life).is_some_and(|shown| shown.finished);
        let text = match self.read(&format!("{}/main.m3u8", film.id)).await {
            Read::Bytes(text) => text,
            Read::Missing if was_finished => {
                return Look::Broken("the finished stream is gone".to_owned());
            }
            Read::Missing => return Look::Dark,
            Read::Failed(why) => return Look::Broken(why),
        };
        let Ok(main) = m3u8_rs::parse_master_playlist_res(&text) else {
            return Look::Broken("main.m3u8 is no playlist".to_owned());
        };
        let uris = uris_of(&main);
        let attempt = uris[0].split('/').next().unwrap_or_default().to_owned();
        let is_finished = !uris.iter().any(|uri| uri.ends_with("event.m3u8"));
        if was_finished && !is_finished {
            return Look::Broken("a finished stream became a growing one".to_owned());
        }
        for uri in &uris {
            match self.rendition(film, &attempt, uri).await {
                Ok(()) => {}
                Err(look) => return look,
            }
        }
        if is_finished {
            self.shown.lock().unwrap().entry(life).or_default().finished = true;
            return Look::Finished(attempt);
        }
        Look::Growing
    }

    /// Reads a media playlist and its segments.
    async fn rendition(&self, film: &Film, attempt: &str, uri: &str) -> Result<(), Look> {
        let text = self.named(film, attempt, uri).await?;
        let Ok(playlist) = m3u8_rs::parse_media_playlist_res(&text) else {
            return Err(Look::Broken(format!("{uri} is no playlist")));
        };
        let segments = segments_of(&playlist);
        let life = (film.id.clone(), film.life);
        let earlier = {
            let mut shown = self.shown.lock().unwrap();
            let shown = shown.entry(life.clone()).or_default();
            shown.playlists.insert(uri.to_owned(), segments.clone()).unwrap_or_default()
        };
        // Another player may have put in a later state than this one read; it only looks shorter.
        let is_grown = segments.starts_with(&earlier) || earlier.starts_with(&segments);
        let may_grow = uri.ends_with("event.m3u8") || earlier.is_empty();
        if !is_grown || (!may_grow && segments != earlier) {
            return Err(Look::Broken(format!("{uri} changed from {earlier:?} to {segments:?}")));
        }
        let folder = uri.rsplit_once('/').map_or("", |(folder, _)| folder);
        for segment in &playlist.segments {
            let uri = format!("{folder}/{}", segment.uri);
            let len = self.named(film, attempt, &uri).await?.len();
            let mut shown = self.shown.lock().unwrap();
            let shown = shown.entry(life.clone()).or_default();
            // I-frame playlists name ranges of the same objects.
            if *shown.segments.entry(uri.clone()).or_insert(len) != len || len == 0 {
                return Err(Look::Broken(format!("{uri} has {len} bytes now")));
            }
        }
        Ok(())
    }

    /// Reads what a playlist names. It must be there for as long as `main.m3u8` names its attempt.
    async fn named(&self, film: &Film, attempt: &str, path: &str) -> Result<Vec<u8>, Look> {
        let began = Instant::now();
        loop {
            match self.read(&format!("{}/{path}", film.id)).await {
                Read::Bytes(bytes) => return Ok(bytes),
                Read::Failed(why) => return Err(Look::Broken(why)),
                Read::Missing => {}
            }
            let Read::Bytes(main) = self.read(&format!("{}/main.m3u8", film.id)).await else {
                return Err(Look::Stale);
            };
            if !String::from_utf8_lossy(&main).contains(attempt) {
                return Err(Look::Stale);
            }
            if !self.rig.outages.excuse(began) {
                return Err(Look::Broken(format!("{path} is named and missing")));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// GET of a public object. Tries again while an outage excuses errors.
    async fn read(&self, key: &str) -> Read {
        let began = Instant::now();
        loop {
            count(&self.book.tally.players_reads);
            let url = format!("{}/public/{key}", self.rig.store_url);
            let why = match self.rig.http.get(url).send().await {
                Ok(answer) => match answer.status().as_u16() {
                    200 => match answer.bytes().await {
                        Ok(bytes) => return Read::Bytes(unzipped(&bytes)),
                        Err(error) => error.to_string(),
                    },
                    403 | 404 => return Read::Missing,
                    status => status.to_string(),
                },
                Err(error) => error.to_string(),
            };
            if !self.rig.outages.excuse(began) {
                return Read::Failed(format!("{key}: {why}"));
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// URIs of all media playlists.
fn uris_of(main: &MasterPlaylist) -> Vec<String> {
    let variants = main.variants.iter().map(|variant| variant.uri.clone());
    let others = main.alternatives.iter().filter_map(|media| media.uri.clone());
    let mut uris: Vec<String> = variants.chain(others).collect();
    uris.sort();
    uris.dedup();
    uris
}

fn segments_of(playlist: &MediaPlaylist) -> Vec<String> {
    let text = |segment: &m3u8_rs::MediaSegment| {
        let range = segment.byte_range.as_ref().map(|range| (range.length, range.offset));
        format!("{} {} {range:?}", segment.uri, segment.duration)
    };
    playlist.segments.iter().map(text).collect()
}

fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let read = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut plain);
    if read.is_ok() { plain } else { bytes.to_vec() }
}
