//! Access keys that are limited to a part of a bucket. They are rows of the database, so a daemon and the command
//! line share them, and a revoked key ends at once.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use super::grant::Grant;
use crate::db::Db;

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS access_keys (
        id TEXT PRIMARY KEY,
        secret TEXT NOT NULL,
        name TEXT NOT NULL,
        bucket TEXT NOT NULL,
        prefix TEXT NOT NULL,
        reads INTEGER NOT NULL,
        writes INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER
    ) STRICT;
";

const COLUMNS: &str = "id, name, bucket, prefix, reads, writes, created_ms, expires_ms";

/// An access key without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessKey {
    /// Id of the key: `LADDERD` and 16 hex digits.
    pub id: String,
    /// Name that its creator gave it.
    pub name: String,
    /// Rights of its holder.
    #[serde(flatten)]
    pub grant: Grant,
    /// Time of its creation.
    pub created: Timestamp,
    /// End of its validity; `None` for a key that does not expire.
    pub expires: Option<Timestamp>,
}

impl AccessKey {
    /// Whether the key has expired at this time.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Creates a key with a random id and secret, which is returned beside it.
///
/// # Errors
/// If the database cannot be written.
pub fn create(
    db: &Db,
    name: &str,
    grant: Grant,
    expires: Option<Timestamp>,
) -> rusqlite::Result<(AccessKey, String)> {
    let id = format!("LADDERD{}", hex::encode_upper(rand::random::<[u8; 8]>()));
    let secret = hex::encode(rand::random::<[u8; 20]>());
    let key = AccessKey { id, name: name.to_owned(), grant, created: Timestamp::now(), expires };
    db.blocking(|connection| {
        connection.execute_batch(SCHEMA)?;
        let sql = "INSERT INTO access_keys VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let AccessKey { id, name, grant, created, expires } = &key;
        let Grant { bucket, prefix, reads, writes } = grant;
        let (created, expires) = (created.as_millisecond(), expires.map(Timestamp::as_millisecond));
        let row = params![id, secret, name, bucket, prefix, reads, writes, created, expires];
        connection.execute(sql, row)
    })?;
    Ok((key, secret))
}

/// All keys, the oldest first.
///
/// # Errors
/// If the database cannot be read.
pub fn list(db: &Db) -> rusqlite::Result<Vec<AccessKey>> {
    db.blocking(|connection| {
        connection.execute_batch(SCHEMA)?;
        let sql = format!("SELECT {COLUMNS} FROM access_keys ORDER BY created_ms, id");
        connection.prepare(&sql)?.query_map([], access_key)?.collect()
    })
}

/// Ends a key. Returns whether there was one with this id.
///
/// # Errors
/// If the database cannot be written.
pub fn revoke(db: &Db, id: &str) -> rusqlite::Result<bool> {
    db.blocking(|connection| {
        connection.execute_batch(SCHEMA)?;
        Ok(connection.execute("DELETE FROM access_keys WHERE id = ?1", [id])? > 0)
    })
}

/// The key with this id and its secret.
pub(super) fn find(db: &Connection, id: &str) -> rusqlite::Result<Option<(AccessKey, String)>> {
    let sql = format!("SELECT {COLUMNS}, secret FROM access_keys WHERE id = ?1");
    let found = |row: &Row<'_>| Ok((access_key(row)?, row.get("secret")?));
    db.prepare_cached(&sql)?.query_row([id], found).optional()
}

fn access_key(row: &Row<'_>) -> rusqlite::Result<AccessKey> {
    let time = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MIN);
    Ok(AccessKey {
        id: row.get("id")?,
        name: row.get("name")?,
        grant: Grant {
            bucket: row.get("bucket")?,
            prefix: row.get("prefix")?,
            reads: row.get("reads")?,
            writes: row.get("writes")?,
        },
        created: time(row.get("created_ms")?),
        expires: row.get::<_, Option<i64>>("expires_ms")?.map(time),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_their_id_until_they_are_revoked() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("db.sqlite")).unwrap();
        assert_eq!(list(&db).unwrap(), []);
        let grant = Grant {
            bucket: "uploads".to_owned(),
            prefix: "team-a/".to_owned(),
            reads: false,
            writes: true,
        };
        let expires = Timestamp::from_millisecond(1_900_000_000_000).unwrap();
        let (key, secret) = create(&db, "cutter", grant.clone(), Some(expires)).unwrap();
        let (other, _) = create(&db, "viewer", grant, None).unwrap();
        assert_ne!(key.id, other.id);
        let found = db.blocking(|connection| find(connection, &key.id)).unwrap();
        let (stored, stored_secret) = found.unwrap();
        assert_eq!((stored.grant, stored.expires), (key.grant.clone(), Some(expires)));
        assert_eq!((stored_secret.len(), stored_secret), (40, secret));
        assert!(key.is_expired(expires) && !other.is_expired(Timestamp::MAX));
        assert!(revoke(&db, &key.id).unwrap() && !revoke(&db, &key.id).unwrap());
        let names: Vec<_> = list(&db).unwrap().into_iter().map(|key| key.name).collect();
        assert_eq!(names, ["viewer"]);
        assert!(db.blocking(|connection| find(connection, &key.id)).unwrap().is_none());
    }
}
