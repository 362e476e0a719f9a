//! Clients: they upload, replace, delete and leave, and try again until they are answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ladderd::domain::job::VideoId;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::book::{Book, Expect, Film, count};
use super::dice::Dice;
use super::events;
use super::rig::Rig;

/// Videos that are not finished at the same time: enough for kills to meet some in every state.
const BACKLOG: usize = 8;
/// Clients at the same time.
const CLIENTS: usize = 4;
/// Pause of a client before it tries again.
const PAUSE: Duration = Duration::from_millis(500);
/// Time after which a client without success counts as locked out.
const PATIENCE: Duration = Duration::from_mins(15);

/// State that the clients share.
pub struct Uploader {
    pub rig: Arc<Rig>,
    pub book: Arc<Book>,
    pub clip: Vec<u8>,
}

/// A try of a client that may be repeated.
macro_rules! repeat {
    ($what:expr, $try:expr) => {{
        let began = Instant::now();
        loop {
            if let Some(done) = $try {
                break done;
            }
            assert!(began.elapsed() < PATIENCE, "a client is locked out: {}", $what);
            tokio::time::sleep(PAUSE).await;
        }
    }};
}

impl Uploader {
    /// Uploads this many times.
    pub async fn run(self: Arc<Self>, uploads: usize, mut dice: Dice) {
        let mut clients = JoinSet::new();
        for number in 0..uploads {
            while clients.len() >= CLIENTS || self.unfinished() >= BACKLOG {
                tokio::time::sleep(Duration::from_millis(50)).await;
                while let Some(ended) = clients.try_join_next() {
                    ended.unwrap();
                }
            }
            if dice.percent(2) {
                clients.spawn(Arc::clone(&self).abandon());
            }
            if dice.percent(14) {
                self.spawn_delete(&mut clients, &mut dice);
            }
            self.spawn_upload(&mut clients, &mut dice, number);
            if let Some(fleet) = &self.rig.fleet {
                events::disturb(&fleet.servers, &self.book, &mut dice).await;
            }
            count(&self.book.tally.uploads);
        }
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
    }

    fn unfinished(&self) -> usize {
        self.book.films(|film| film.expect == Expect::Alive && !film.is_done).len()
    }

    fn spawn_upload(self: &Arc<Self>, clients: &mut JoinSet<()>, dice: &mut Dice, number: usize) {
        // Each version has bytes of its own: the number, in an empty box at the end.
        let mut bytes = self.clip.clone();
        bytes.extend([&16_u32.to_be_bytes()[..], b"free", &(number as u64).to_be_bytes()].concat());
        let own = |film: &Film| film.key.is_some() && !film.is_busy;
        let alive = self.book.films(|film| own(film) && film.expect == Expect::Alive);
        // Deleted long enough ago for the store's clock, which may have whole seconds.
        let is_gone = |film: &Film| match film.expect {
            Expect::Deleted(at) => at.elapsed() > Duration::from_secs(3),
            Expect::Alive | Expect::Deleting => false,
        };
        let gone = self.book.films(|film| own(film) && is_gone(film));
        if dice.percent(20)
            && let Some(film) = dice.pick(&alive)
        {
            count(&self.book.tally.reuploads);
            let version = etag_of(&bytes);
            self.book.change(&film.id, |film| {
                (film.version, film.is_busy, film.is_done) = (version, true, false);
            });
            clients.spawn(Arc::clone(self).put(film.id, film.key.unwrap(), bytes));
        } else if dice.percent(20)
            && let Some(film) = dice.pick(&gone)
        {
            count(&self.book.tally.revivals);
            self.book.begin(&film.id, film.key.clone(), &etag_of(&bytes));
            clients.spawn(Arc::clone(self).put(film.id, film.key.unwrap(), bytes));
        } else if dice.percent(50) {
            clients.spawn(Arc::clone(self).upload(bytes));
        } else {
            let key = format!("in/{number}.mp4");
            let id = VideoId::of_source("uploads", &key).to_string();
            self.book.begin(&id, Some(key.clone()), &etag_of(&bytes));
            clients.spawn(Arc::clone(self).put(id, key, bytes));
        }
    }

    /// Puts a source under a key that the client chose.
    async fn put(self: Arc<Self>, id: String, key: String, bytes: Vec<u8>) {
        repeat!(key, {
            let put = self.rig.s3.put_object().bucket("uploads").key(&key);
            put.body(bytes.clone().into()).send().await.ok()
        });
        self.book.change(&id, |film| film.is_busy = false);
    }

    /// Asks the API for a URL of a new video.
    async fn ask(&self, size_bytes: usize) -> Value {
        let body = json!({"filename": "film.mp4", "size_bytes": size_bytes});
        repeat!("POST /v1/uploads", {
            let url = format!("{}/v1/uploads", self.rig.api());
            let answer = self.rig.http.post(url).json(&body).send().await;
            match answer {
                Ok(answer) if answer.status() == 201 => answer.json::<Value>().await.ok(),
                Ok(_) | Err(_) => None,
            }
        })
    }

    /// Uploads as a browser does: asks the API, then puts to the URL.
    async fn upload(self: Arc<Self>, bytes: Vec<u8>) {
        let answer = self.ask(bytes.len()).await;
        let id = answer["video_id"].as_str().unwrap();
        self.book.begin(id, None, &etag_of(&bytes));
        let url = answer["upload"]["url"].as_str().unwrap();
        repeat!(url, {
            let mut put = self.rig.http.put(url).body(bytes.clone());
            for (name, value) in answer["upload"]["headers"].as_object().unwrap() {
                put = put.header(name, value.as_str().unwrap());
            }
            // 412: an earlier try got through, though its answer was lost.
            let status = put.send().await.map(|answer| answer.status().as_u16());
            matches!(status, Ok(200 | 412)).then_some(())
        });
        self.book.change(id, |film| film.is_busy = false);
    }

    /// Asks for an upload in parts and leaves.
    async fn abandon(self: Arc<Self>) {
        self.ask(7_000_000).await;
        count(&self.book.tally.abandoned_uploads);
    }

    /// Deletes a video, rather one that is not finished.
    fn spawn_delete(self: &Arc<Self>, clients: &mut JoinSet<()>, dice: &mut Dice) {
        let may_go = |film: &Film| !film.is_busy && film.expect == Expect::Alive;
        let running = self.book.films(|film| may_go(film) && !film.is_done);
        let all = if running.is_empty() { self.book.films(may_go) } else { running };
        if let Some(film) = dice.pick(&all) {
            self.book.change(&film.id, |film| film.is_busy = true);
            clients.spawn(Arc::clone(self).delete(film.id));
        }
    }

    async fn delete(self: Arc<Self>, id: String) {
        let path = format!("/v1/videos/{id}");
        // A source that the API never heard of is unknown until a job has met it.
        repeat!(path, (self.status(reqwest::Method::GET, &path).await == Some(200)).then_some(()));
        self.book.change(&id, |film| film.expect = Expect::Deleting);
        repeat!(path, {
            let status = self.status(reqwest::Method::DELETE, &path).await;
            matches!(status, Some(202 | 204 | 404)).then_some(())
        });
        repeat!(path, (self.status(reqwest::Method::GET, &path).await == Some(404)).then_some(()));
        count(&self.book.tally.deletes);
        self.book.change(&id, |film| {
            (film.expect, film.is_busy) = (Expect::Deleted(Instant::now()), false);
        });
    }

    async fn status(&self, method: reqwest::Method, path: &str) -> Option<u16> {
        let url = format!("{}{path}", self.rig.api());
        let answer = self.rig.http.request(method, url).timeout(Duration::from_secs(40)).send();
        answer.await.ok().map(|answer| answer.status().as_u16())
    }
}

fn etag_of(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}
