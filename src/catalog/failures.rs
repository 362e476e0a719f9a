//! Failure codes of the videos of the index.

use rusqlite::{Connection, params};

use super::index::{Error, Index};
use super::refresh::Catalog;
use crate::domain::job::VideoId;

/// Videos that are named for each code.
const NAMED: usize = 5;

/// The videos that show an error with one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// Text of the code. A newer release on another box may have made it.
    pub code: String,
    /// Number of videos.
    pub count: u64,
    /// When the latest of them failed, in milliseconds since 1970; `None` while all of them wait for another attempt.
    pub latest_ms: Option<i64>,
    /// The latest five of them.
    pub video_ids: Vec<VideoId>,
}

impl Catalog {
    /// The failures of all videos by code, the most frequent code first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn failures(&self) -> Result<Vec<Failures>, Error> {
        self.0.index.failures().await
    }
}

impl Index {
    /// The failures of all videos by code, the most frequent code first.
    pub(super) async fn failures(&self) -> Result<Vec<Failures>, Error> {
        self.call(|connection| failures(connection)).await
    }
}

fn failures(connection: &Connection) -> rusqlite::Result<Vec<Failures>> {
    let mut counts = connection.prepare_cached(
        "SELECT code, count(*), max(failed_ms) FROM video WHERE code IS NOT NULL
         GROUP BY code ORDER BY count(*) DESC, code",
    )?;
    let mut latest = connection.prepare_cached(
        "SELECT id FROM video WHERE code = ?1 ORDER BY failed_ms DESC, n DESC LIMIT ?2",
    )?;
    let mut found = Vec::new();
    let mut rows = counts.query(())?;
    while let Some(row) = rows.next()? {
        let code: String = row.get(0)?;
        let count: i64 = row.get(1)?;
        let named = i64::try_from(NAMED).unwrap_or_default();
        let ids: Vec<String> =
            latest.query_map(params![code, named], |row| row.get(0))?.collect::<Result<_, _>>()?;
        found.push(Failures {
            count: u64::try_from(count).unwrap_or_default(),
            latest_ms: row.get(2)?,
            video_ids: ids.iter().filter_map(|id| VideoId::parse(id)).collect(),
            code,
        });
    }
    Ok(found)
}
