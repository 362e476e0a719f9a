//! Tags of the videos of the index.

use rusqlite::{Connection, params};

use super::index::{Error, Index};
use super::refresh::Catalog;

/// Jumps from one tag to the next in the primary key: the time follows from the number of tags, not of videos.
const NEXT_TAGS: &str = "
    WITH RECURSIVE one (tag) AS (
        SELECT min(tag) FROM tag WHERE tag >= ?1
        UNION ALL
        SELECT (SELECT min(tag.tag) FROM tag WHERE tag.tag > one.tag) FROM one
        WHERE substr(one.tag, 1, length(?1)) = ?1
    )
    SELECT tag FROM one WHERE substr(tag, 1, length(?1)) = ?1 LIMIT ?2";

impl Catalog {
    /// The first `limit` tags that begin with `prefix`, in order.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn tags(&self, prefix: String, limit: usize) -> Result<Vec<String>, Error> {
        self.0.index.tags(prefix, limit).await
    }
}

impl Index {
    /// The first `limit` tags that begin with `prefix`, in order.
    pub(super) async fn tags(&self, prefix: String, limit: usize) -> Result<Vec<String>, Error> {
        self.call(move |connection| tags(connection, &prefix, limit)).await
    }
}

fn tags(connection: &Connection, prefix: &str, limit: usize) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(NEXT_TAGS)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.query_map(params![prefix, limit], |row| row.get(0))?.collect()
}
