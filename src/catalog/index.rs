//! The rows of the index.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use parking_lot::RwLock;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};
use tokio::sync::Notify;

use super::schema;
use crate::db::Db;
use crate::domain::catalog::{created_ms, place, sort_title};
use crate::domain::job::VideoId;
use crate::domain::playback_urls::PlaybackUrls;
use crate::domain::video::VideoState;
use crate::domain::view::{Known, view};
use crate::store;

/// Name of the file in the data directory.
pub(super) const FILE: &str = "catalog.sqlite";

/// Shortest and longest time after which a video is looked at whose upload may have arrived.
const LOOK_MS: (i64, i64) = (4_000, 3_600_000);
/// Time after which a video is looked at that somebody works on, in case they have died.
const LOOK_AT_WORK_MS: i64 = 300_000;

/// Why the catalog does not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The index cannot be read or written.
    #[error("the catalog: {0}")]
    Index(#[from] rusqlite::Error),
    /// A bucket does not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A step of a delete failed.
    #[error(transparent)]
    Delete(#[from] crate::job::Error),
}

/// The index. It is replaced by an empty one if it is damaged.
pub(super) struct Index {
    path: PathBuf,
    db: RwLock<Db>,
    /// Somebody has found that rows are missing: it is compared with the buckets.
    pub(super) incomplete: Notify,
}

/// A video as the index has it.
pub(super) struct Row {
    place: i64,
    state: String,
    sort_title: String,
    texts: [String; 4],
    tags: Vec<String>,
    facts: String,
    look_ms: Option<i64>,
    expires_ms: Option<i64>,
    fingerprint: Option<String>,
    code: Option<String>,
    failed_ms: Option<i64>,
}

impl Index {
    /// Opens the index in this folder, or an empty one where that is impossible.
    pub(super) fn open(data_dir: &Path) -> rusqlite::Result<Self> {
        let path = data_dir.join(FILE);
        let db = open_or_replace(&path)?;
        Ok(Self { path, db: RwLock::new(db), incomplete: Notify::new() })
    }

    /// Runs `work` with the connection on a blocking thread. A damaged file is replaced by an empty one.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let db = self.db.read().clone();
        let done = db.call(work).await;
        if done.as_ref().is_err_and(is_damage) {
            let mut current = self.db.write();
            // Another caller may have replaced it already.
            if current.is_same(&db) {
                tracing::warn!("the catalog is damaged, it is made anew");
                remove(&self.path);
                *current = open_or_replace(&self.path)?;
                self.incomplete.notify_one();
            }
        }
        Ok(done?)
    }

    /// Replaces the row of a video by these facts; removes it if they are of none. `version`: that of the records
    /// at a comparison.
    pub(super) async fn put(
        &self,
        id: &VideoId,
        known: Known,
        version: String,
    ) -> Result<(), Error> {
        let row = row(id, known, Timestamp::now());
        let id = id.clone();
        self.call(move |connection| {
            let transaction = connection.transaction()?;
            write(&transaction, &id, row.as_ref(), &version)?;
            transaction.commit()
        })
        .await
    }

    /// Ids after `after`, up to `until`, with the versions of their records.
    pub(super) async fn versions(
        &self,
        after: Option<VideoId>,
        until: Option<VideoId>,
    ) -> Result<BTreeMap<String, String>, Error> {
        self.call(move |connection| {
            let sql = "SELECT id, version FROM video WHERE id > ?1 AND (?2 IS NULL OR id <= ?2)";
            let mut statement = connection.prepare_cached(sql)?;
            let (after, until) = (after.as_ref(), until.as_ref());
            let bounds = params![after.map_or("", VideoId::as_str), until.map(VideoId::as_str)];
            statement.query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// Up to `most` videos whose time in this column has come.
    pub(super) async fn due(&self, column: Due, most: i64) -> Result<Vec<VideoId>, Error> {
        let now = Timestamp::now().as_millisecond();
        let ids = self.call(move |connection| {
            let mut statement = connection.prepare_cached(column.sql())?;
            let ids: rusqlite::Result<Vec<String>> =
                statement.query_map(params![now, most], |row| row.get(0))?.collect();
            ids
        });
        Ok(ids.await?.iter().filter_map(|id| VideoId::parse(id)).collect())
    }

    /// Key of the source of a video, if its upload has not arrived.
    pub(super) async fn awaited(&self, id: &VideoId) -> Result<Option<String>, Error> {
        let id = id.clone();
        self.call(move |connection| {
            // One that is pulled may have failed.
            let sql = "SELECT facts ->> '$.upload.key' FROM video JOIN facts USING (n)
                WHERE id = ?1 AND state = ?2 AND facts ->> '$.pull' IS NULL";
            let values = params![id.as_str(), name(VideoState::Uploading)];
            let mut statement = connection.prepare_cached(sql)?;
            let key: Option<Option<String>> =
                statement.query_row(values, |row| row.get(0)).optional()?;
            Ok(key.flatten())
        })
        .await
    }

    /// Looks at a video later whose upload has not arrived.
    pub(super) async fn postpone(&self, id: &VideoId) -> Result<(), Error> {
        let (id, now_ms) = (id.clone(), Timestamp::now().as_millisecond());
        self.call(move |connection| {
            let mut place = connection.prepare_cached("SELECT n FROM video WHERE id = ?1")?;
            let Some(place) = place.query_row([id.as_str()], |row| row.get(0)).optional()? else {
                return Ok(());
            };
            let look_ms = next_look(created_ms(place), now_ms);
            let sql = "UPDATE video SET look_ms = ?2 WHERE n = ?1";
            connection.prepare_cached(sql)?.execute(params![place, look_ms]).map(drop)
        })
        .await
    }

    /// Tries to delete a video later whose end has come.
    pub(super) async fn postpone_end(&self, id: &VideoId) -> Result<(), Error> {
        let (id, next_ms) = (id.clone(), Timestamp::now().as_millisecond() + LOOK_AT_WORK_MS);
        self.call(move |connection| {
            let sql = "UPDATE video SET expires_ms = ?2 WHERE id = ?1";
            connection.prepare_cached(sql)?.execute(params![id.as_str(), next_ms]).map(drop)
        })
        .await
    }

    /// Notes that a comparison has ended.
    pub(super) async fn note_comparison(&self) -> Result<(), Error> {
        let now = Timestamp::now().as_millisecond();
        self.call(move |connection| {
            let sql = "INSERT OR REPLACE INTO comparison (id, ended_ms) VALUES (1, ?1)";
            connection.execute(sql, [now]).map(drop)
        })
        .await
    }
}

/// Columns with times at which something is due.
#[derive(Clone, Copy)]
pub(super) enum Due {
    /// An upload is awaited.
    Awaited,
    /// Somebody should be working on the video, and may have died.
    Work,
    /// The video is deleted.
    End,
}

impl Due {
    fn sql(self) -> &'static str {
        match self {
            Self::Awaited => {
                "SELECT id FROM video WHERE look_ms <= ?1 AND state = 'uploading' ORDER BY look_ms LIMIT ?2"
            }
            Self::Work => {
                "SELECT id FROM video WHERE look_ms <= ?1 AND state <> 'uploading' ORDER BY look_ms LIMIT ?2"
            }
            Self::End => "SELECT id FROM video WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2",
        }
    }
}

/// Whether an error means that the file is no index, or a damaged one.
fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn open_or_replace(path: &Path) -> rusqlite::Result<Db> {
    for _ in 0..2 {
        let opened = Db::open_rebuildable(path);
        match opened.and_then(|db| Ok((db.blocking(schema::prepare)?, db))) {
            Ok((true, db)) => return Ok(db),
            Ok((false, _)) => tracing::info!("the catalog is of another release, it is made anew"),
            Err(error) => tracing::warn!(%error, "the catalog cannot be opened, it is made anew"),
        }
        remove(path);
    }
    tracing::warn!(path = %path.display(), "the catalog is kept in memory");
    let db = Db::in_memory()?;
    db.blocking(schema::prepare)?;
    Ok(db)
}

/// Removes the file and those that SQLite keeps beside it.
fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // It may not be there.
        drop(std::fs::remove_file(name));
    }
}

/// The row of a video. `None` if the facts are of none.
fn row(id: &VideoId, known: Known, now: Timestamp) -> Option<Row> {
    // State and texts are the same whatever the URLs are.
    let urls = PlaybackUrls { public: String::new(), gateway: String::new() };
    let shown = view(id, &urls, known.clone())?;
    let created_at = known.upload.as_ref().map(|upload| &upload.created_at);
    let created_at = created_at.or(shown.timings.created_at.as_ref());
    let created = created_at.and_then(|at| at.parse::<Timestamp>().ok());
    let (created_ms, now_ms) = (created.map_or(0, Timestamp::as_millisecond), now.as_millisecond());
    let look_ms = match shown.state {
        VideoState::Uploading => Some(next_look(created_ms, now_ms)),
        VideoState::Queued | VideoState::Waiting | VideoState::Running | VideoState::Deleting => {
            // A long queue is not looked at all the time.
            Some(now_ms + (now_ms - created_ms).clamp(LOOK_AT_WORK_MS, LOOK_MS.1))
        }
        VideoState::Ready | VideoState::Failed => None,
    };
    let fingerprint = known.upload.as_ref().and_then(|upload| upload.fingerprint.clone());
    let code = shown.error.map(|error| error.code);
    // One that waits has not ended.
    let failed_at = shown.timings.finished_at.filter(|_| code.is_some());
    let failed_at = failed_at.and_then(|at| at.parse::<Timestamp>().ok());
    let metadata = shown.metadata;
    let is_deleted = shown.state == VideoState::Deleting;
    let expires_at = metadata.expires_at.filter(|_| !is_deleted);
    Some(Row {
        place: place(created_ms, id),
        state: name(shown.state),
        sort_title: sort_title(metadata.title.as_deref(), &shown.filename),
        texts: [
            metadata.title.unwrap_or_default(),
            shown.filename,
            metadata.description.unwrap_or_default(),
            metadata.tags.join(" "),
        ],
        tags: metadata.tags,
        facts: serde_json::to_string(&known.for_index()).unwrap_or_default(),
        look_ms,
        expires_ms: expires_at.map(Timestamp::as_millisecond),
        fingerprint,
        code,
        failed_ms: failed_at.map(Timestamp::as_millisecond),
    })
}

/// When an upload is looked for again that is asked for so long: the pause grows with it.
fn next_look(created_ms: i64, now_ms: i64) -> i64 {
    now_ms + (now_ms - created_ms).clamp(LOOK_MS.0, LOOK_MS.1)
}

/// Name of a state, as the API has it.
pub(super) fn name(state: VideoState) -> String {
    let name = serde_json::to_value(state).ok();
    name.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn write(
    transaction: &Transaction<'_>,
    id: &VideoId,
    row: Option<&Row>,
    version: &str,
) -> rusqlite::Result<()> {
    let sql = "SELECT n, facts FROM video JOIN facts USING (n) WHERE id = ?1";
    let mut known = transaction.prepare_cached(sql)?;
    let known: Option<(i64, String)> =
        known.query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    if let Some((n, facts)) = known {
        if let Some(row) = row.filter(|row| row.facts == facts) {
            // State and error follow from the facts.
            let sql = "UPDATE video SET version = ?2, look_ms = ?3, expires_ms = ?4, state = ?5 WHERE n = ?1";
            let values = params![n, version, row.look_ms, row.expires_ms, row.state];
            return transaction.prepare_cached(sql)?.execute(values).map(drop);
        }
        // The trigger removes the rest of it.
        transaction.prepare_cached("DELETE FROM video WHERE n = ?1")?.execute([n])?;
    }
    let Some(row) = row else { return Ok(()) };
    let n = free_place(transaction, row.place)?;
    let sql = "INSERT INTO video
        (n, id, state, sort_title, look_ms, expires_ms, version, code, failed_ms, fingerprint)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let Row { state, sort_title, look_ms, expires_ms, code, failed_ms, fingerprint, .. } = row;
    let id = id.as_str();
    let values = params![
        n,
        id,
        state,
        sort_title,
        look_ms,
        expires_ms,
        version,
        code,
        failed_ms,
        fingerprint
    ];
    transaction.prepare_cached(sql)?.execute(values)?;
    let mut facts = transaction.prepare_cached("INSERT INTO facts (n, facts) VALUES (?1, ?2)")?;
    facts.execute(params![n, row.facts])?;
    let sql =
        "INSERT INTO words (rowid, title, filename, description, tags) VALUES (?1, ?2, ?3, ?4, ?5)";
    let [title, filename, description, tags] = &row.texts;
    transaction.prepare_cached(sql)?.execute(params![n, title, filename, description, tags])?;
    let mut tag =
        transaction.prepare_cached("INSERT OR IGNORE INTO tag (tag, n) VALUES (?1, ?2)")?;
    for name in &row.tags {
        tag.execute(params![name, n])?;
    }
    Ok(())
}

/// The first free place from this one on: two ids may share their first digits.
fn free_place(transaction: &Transaction<'_>, mut place: i64) -> rusqlite::Result<i64> {
    let mut taken = transaction.prepare_cached("SELECT 1 FROM video WHERE n = ?1")?;
    while taken.exists([place])? {
        place += 1;
    }
    Ok(place)
}
