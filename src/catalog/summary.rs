//! Figures of the whole index, for metrics.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::index::{Error, name};
use super::refresh::Catalog;
use crate::domain::backlog::Waiting;
use crate::domain::catalog::created_ms;
use crate::domain::video::VideoState;

/// Most queued videos that are looked at for the backlog; those beyond count as the mean of these.
const SAMPLED: i64 = 2000;

/// Figures of the whole index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Number of videos by state, each state once.
    pub states: Vec<(String, u64)>,
    /// The queued videos.
    pub waiting: Waiting,
    /// When the oldest queued video was created, in milliseconds since 1970.
    pub oldest_ms: Option<i64>,
    /// Whether the index has been compared with the buckets since it was made.
    pub is_complete: bool,
}

impl Catalog {
    /// Figures of the whole index.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn summary(&self) -> Result<Summary, Error> {
        self.0.index.call(|connection| summary(connection)).await
    }

    /// Time since the oldest change that was heard of and not read.
    #[must_use]
    pub fn lag(&self) -> Duration {
        let since = *self.0.behind_since.lock();
        since.map_or(Duration::ZERO, |since: Instant| since.elapsed())
    }
}

pub(super) fn summary(connection: &Connection) -> rusqlite::Result<Summary> {
    let mut states: Vec<(String, u64)> =
        VideoState::ALL.iter().map(|state| (name(*state), 0)).collect();
    let sql = "SELECT state, count(*) FROM video GROUP BY state";
    let mut counted = connection.prepare_cached(sql)?;
    let mut rows = counted.query(())?;
    while let Some(row) = rows.next()? {
        let (state, count): (String, i64) = (row.get(0)?, row.get(1)?);
        if let Some((_, known)) = states.iter_mut().find(|(known, _)| *known == state) {
            *known = u64::try_from(count).unwrap_or_default();
        }
    }
    let queued = name(VideoState::Queued);
    let total = states.iter().find(|(state, _)| *state == queued).map_or(0, |(_, count)| *count);
    let mut sampled = connection.prepare_cached(
        "SELECT count(secs), total(secs), count(*) - count(secs),
                total(CASE WHEN secs IS NULL THEN bytes END), min(n)
         FROM (SELECT n, facts ->> '$.job.duration_secs' AS secs,
                      facts ->> '$.upload.size_bytes' AS bytes
               FROM video JOIN facts USING (n) WHERE state = ?1 ORDER BY n LIMIT ?2)",
    )?;
    let (waiting, oldest) = sampled.query_row(params![queued, SAMPLED], |row| {
        let count = |value: i64| u64::try_from(value).unwrap_or_default();
        let waiting = Waiting {
            known: count(row.get(0)?),
            known_secs: row.get(1)?,
            sized: count(row.get(2)?),
            sized_bytes: row.get(3)?,
            unseen: 0,
        };
        Ok((waiting, row.get::<_, Option<i64>>(4)?))
    })?;
    Ok(Summary {
        states,
        waiting: waiting.scaled_to(total),
        oldest_ms: oldest.map(created_ms),
        is_complete: connection.prepare_cached("SELECT 1 FROM comparison")?.exists(())?,
    })
}
