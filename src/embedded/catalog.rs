//! Rows of objects, multipart uploads and parts. Every function runs in the transaction of its
//! caller.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::convert::to_i64;
use super::headers::Headers;

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS objects (
        -- Never reused: events are ordered by it.
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        etag TEXT NOT NULL,
        size INTEGER NOT NULL,
        headers TEXT NOT NULL,
        modified_ms INTEGER NOT NULL,
        UNIQUE (bucket, key)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS object_blobs (
        object_id INTEGER NOT NULL REFERENCES objects (id) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        blob TEXT NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (object_id, seq)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS object_blobs_by_blob ON object_blobs (blob);
    CREATE TABLE IF NOT EXISTS uploads (
        id TEXT PRIMARY KEY,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        headers TEXT NOT NULL,
        began_ms INTEGER NOT NULL,
        -- Entity tag of the completed object: a client may repeat the completion.
        completed_etag TEXT
    ) STRICT;
    CREATE TABLE IF NOT EXISTS parts (
        upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        blob TEXT NOT NULL,
        size INTEGER NOT NULL,
        md5 TEXT NOT NULL,
        modified_ms INTEGER NOT NULL,
        PRIMARY KEY (upload_id, number)
    ) STRICT;
    CREATE INDEX IF NOT EXISTS parts_by_blob ON parts (blob);
    -- Blobs that lost their row, to be removed from disk. The triggers keep it complete: a blob is named by
    -- an object, named by a part, or garbage.
    CREATE TABLE IF NOT EXISTS garbage (blob TEXT PRIMARY KEY) STRICT;
    CREATE TRIGGER IF NOT EXISTS blob_of_object_discarded AFTER DELETE ON object_blobs BEGIN
        INSERT OR IGNORE INTO garbage VALUES (OLD.blob);
    END;
    CREATE TRIGGER IF NOT EXISTS blob_of_part_discarded AFTER DELETE ON parts BEGIN
        INSERT OR IGNORE INTO garbage VALUES (OLD.blob);
    END;
    CREATE TRIGGER IF NOT EXISTS blob_of_part_replaced AFTER UPDATE OF blob ON parts BEGIN
        INSERT OR IGNORE INTO garbage VALUES (OLD.blob);
    END;
    CREATE TRIGGER IF NOT EXISTS blob_taken_over AFTER INSERT ON object_blobs BEGIN
        DELETE FROM garbage WHERE blob = NEW.blob;
    END;
    CREATE TABLE IF NOT EXISTS store_generation (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        generation INTEGER NOT NULL
    ) STRICT;
";

/// An object without its bytes.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) id: i64,
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) size: u64,
    pub(super) headers: Headers,
    pub(super) modified: Timestamp,
}

/// An object to be written.
pub(super) struct NewObject {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) headers: Headers,
    /// Blobs with their sizes in bytes, in order.
    pub(super) blobs: Vec<(String, u64)>,
}

/// A stored part.
pub(super) struct PartRow {
    pub(super) number: i32,
    pub(super) blob: String,
    pub(super) size: u64,
    pub(super) md5: String,
    pub(super) modified: Timestamp,
}

/// A multipart upload.
pub(super) struct UploadRow {
    pub(super) headers: Headers,
    pub(super) completed_etag: Option<String>,
}

const OBJECT_COLUMNS: &str = "id, key, etag, size, headers, modified_ms";

fn object(row: &rusqlite::Row<'_>) -> rusqlite::Result<Object> {
    let headers: String = row.get(4)?;
    Ok(Object {
        id: row.get(0)?,
        key: row.get(1)?,
        etag: row.get(2)?,
        size: unsigned(row.get(3)?),
        headers: serde_json::from_str(&headers).unwrap_or_default(),
        modified: timestamp(row.get(5)?),
    })
}

/// Looks up the object of a key.
pub(super) fn find(db: &Connection, bucket: &str, key: &str) -> rusqlite::Result<Option<Object>> {
    let sql = format!("SELECT {OBJECT_COLUMNS} FROM objects WHERE bucket = ?1 AND key = ?2");
    db.prepare_cached(&sql)?.query_row([bucket, key], object).optional()
}

/// The first object in key order whose key is greater than `after` and at least `from`.
pub(super) fn next(
    db: &Connection,
    bucket: &str,
    after: &str,
    from: &str,
) -> rusqlite::Result<Option<Object>> {
    let sql = format!(
        "SELECT {OBJECT_COLUMNS} FROM objects
         WHERE bucket = ?1 AND key > ?2 AND key >= ?3 ORDER BY key LIMIT 1"
    );
    db.prepare_cached(&sql)?.query_row([bucket, after, from], object).optional()
}

/// Blobs of an object with their sizes in bytes, in order.
pub(super) fn blobs(db: &Connection, object_id: i64) -> rusqlite::Result<Vec<(String, u64)>> {
    db.prepare_cached("SELECT blob, size FROM object_blobs WHERE object_id = ?1 ORDER BY seq")?
        .query_map([object_id], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?
        .collect()
}

/// Inserts the object in place of the one that has its key. Returns the new id.
pub(super) fn replace(
    db: &Transaction<'_>,
    new: &NewObject,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    delete(db, &new.bucket, &new.key)?;
    let size: u64 = new.blobs.iter().map(|(_, size)| size).sum();
    db.execute(
        "INSERT INTO objects (bucket, key, etag, size, headers, modified_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            new.bucket,
            new.key,
            new.etag,
            to_i64(size),
            headers_text(&new.headers),
            now.as_millisecond()
        ],
    )?;
    let id = db.last_insert_rowid();
    for (seq, (blob, size)) in (0_i64..).zip(&new.blobs) {
        db.execute(
            "INSERT INTO object_blobs (object_id, seq, blob, size) VALUES (?1, ?2, ?3, ?4)",
            params![id, seq, blob, to_i64(*size)],
        )?;
    }
    Ok(id)
}

/// Deletes the object, if any.
pub(super) fn delete(db: &Transaction<'_>, bucket: &str, key: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM objects WHERE bucket = ?1 AND key = ?2", [bucket, key]).map(drop)
}

/// Inserts a multipart upload that begins now.
pub(super) fn begin_upload(
    db: &Transaction<'_>,
    id: &str,
    bucket: &str,
    key: &str,
    headers: &Headers,
) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO uploads (id, bucket, key, headers, began_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, bucket, key, headers_text(headers), Timestamp::now().as_millisecond()],
    )
    .map(drop)
}

/// Looks up the upload with this id to this key.
pub(super) fn upload(
    db: &Connection,
    id: &str,
    bucket: &str,
    key: &str,
) -> rusqlite::Result<Option<UploadRow>> {
    let sql =
        "SELECT headers, completed_etag FROM uploads WHERE id = ?1 AND bucket = ?2 AND key = ?3";
    db.query_row(sql, [id, bucket, key], |row| {
        let headers: String = row.get(0)?;
        let headers = serde_json::from_str(&headers).unwrap_or_default();
        Ok(UploadRow { headers, completed_etag: row.get(1)? })
    })
    .optional()
}

/// Inserts a part, in place of the one that has its number.
pub(super) fn put_part(
    db: &Transaction<'_>,
    upload_id: &str,
    part: &PartRow,
) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO parts (upload_id, number, blob, size, md5, modified_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (upload_id, number) DO UPDATE SET blob = excluded.blob, size = excluded.size,
             md5 = excluded.md5, modified_ms = excluded.modified_ms",
        params![
            upload_id,
            part.number,
            part.blob,
            to_i64(part.size),
            part.md5,
            part.modified.as_millisecond()
        ],
    )
    .map(drop)
}

/// Parts of an upload, ordered by number.
pub(super) fn parts(db: &Connection, upload_id: &str) -> rusqlite::Result<Vec<PartRow>> {
    let sql = "SELECT number, blob, size, md5, modified_ms FROM parts
               WHERE upload_id = ?1 ORDER BY number";
    db.prepare_cached(sql)?
        .query_map([upload_id], |row| {
            Ok(PartRow {
                number: row.get(0)?,
                blob: row.get(1)?,
                size: unsigned(row.get(2)?),
                md5: row.get(3)?,
                modified: timestamp(row.get(4)?),
            })
        })?
        .collect()
}

/// Marks an upload as completed and deletes the rows of its parts. The object takes over the blobs of
/// those that it has.
pub(super) fn complete_upload(db: &Transaction<'_>, id: &str, etag: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM parts WHERE upload_id = ?1", [id])?;
    db.execute("UPDATE uploads SET completed_etag = ?2 WHERE id = ?1", [id, etag]).map(drop)
}

/// Deletes an upload with its parts.
pub(super) fn delete_upload(db: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    db.execute("DELETE FROM uploads WHERE id = ?1", [id]).map(drop)
}

/// Uploads that are not completed: id, key and time of their beginning, ordered by key.
pub(super) fn open_uploads(
    db: &Connection,
    bucket: &str,
) -> rusqlite::Result<Vec<(String, String, Timestamp)>> {
    let sql = "SELECT id, key, began_ms FROM uploads
               WHERE bucket = ?1 AND completed_etag IS NULL ORDER BY key, began_ms";
    db.prepare_cached(sql)?
        .query_map([bucket], |row| Ok((row.get(0)?, row.get(1)?, timestamp(row.get(2)?))))?
        .collect()
}

/// Deletes uploads that began longer ago than `older_than`, with their parts. Returns their number.
pub(super) fn delete_stale_uploads(
    db: &Transaction<'_>,
    older_than: Duration,
) -> rusqlite::Result<usize> {
    let age = i64::try_from(older_than.as_millis()).unwrap_or(i64::MAX);
    let limit = Timestamp::now().as_millisecond().saturating_sub(age);
    db.execute("DELETE FROM uploads WHERE began_ms <= ?1", [limit])
}

/// Every blob that an object or a part names.
pub(super) fn named_blobs(db: &Connection) -> rusqlite::Result<HashSet<String>> {
    let sql = "SELECT blob FROM object_blobs UNION SELECT blob FROM parts";
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Every blob that a row names, garbage included.
pub(super) fn all_blobs(db: &Connection) -> rusqlite::Result<HashSet<String>> {
    let sql =
        "SELECT blob FROM object_blobs UNION SELECT blob FROM parts UNION SELECT blob FROM garbage";
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// The blobs of these that no row names.
pub(super) fn unnamed(db: &Connection, blobs: Vec<String>) -> rusqlite::Result<Vec<String>> {
    let mut is_named = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM object_blobs WHERE blob = ?1)
             OR EXISTS (SELECT 1 FROM parts WHERE blob = ?1)
             OR EXISTS (SELECT 1 FROM garbage WHERE blob = ?1)",
    )?;
    let mut unnamed = Vec::new();
    for blob in blobs {
        if !is_named.query_row([&blob], |row| row.get(0))? {
            unnamed.push(blob);
        }
    }
    Ok(unnamed)
}

/// Up to `limit` blobs that lost their row.
pub(super) fn garbage(db: &Connection, limit: u32) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached("SELECT blob FROM garbage LIMIT ?1")?
        .query_map([limit], |row| row.get(0))?
        .collect()
}

/// Forgets blobs that were removed from disk.
pub(super) fn forget_garbage(db: &Transaction<'_>, blobs: &[String]) -> rusqlite::Result<()> {
    let mut delete = db.prepare_cached("DELETE FROM garbage WHERE blob = ?1")?;
    blobs.iter().try_for_each(|blob| delete.execute([blob]).map(drop))
}

/// The generation of the store that this database belongs to; 0 before the first start.
pub(super) fn generation(db: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT generation FROM store_generation";
    Ok(db.query_row(sql, [], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Sets the generation.
pub(super) fn set_generation(db: &Connection, generation: i64) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO store_generation (id, generation) VALUES (1, ?1)";
    db.execute(sql, [generation]).map(drop)
}

/// A position in the list of all objects, which are in the order of bucket and key.
#[derive(Default)]
pub(super) struct Cursor {
    bucket: String,
    key: String,
}

impl Cursor {
    /// Returns up to `limit` objects behind the position, each with its bucket, and moves behind them. An
    /// empty page is the end.
    pub(super) fn next_page(
        &mut self,
        db: &Connection,
        limit: u32,
    ) -> rusqlite::Result<Vec<(String, Object)>> {
        let sql = format!(
            "SELECT {OBJECT_COLUMNS}, bucket FROM objects WHERE (bucket, key) > (?1, ?2)
             ORDER BY bucket, key LIMIT ?3"
        );
        let page: Vec<(String, Object)> = db
            .prepare_cached(&sql)?
            .query_map(params![self.bucket, self.key, limit], |row| {
                Ok((row.get(6)?, object(row)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        if let Some((bucket, object)) = page.last() {
            (self.bucket, self.key) = (bucket.clone(), object.key.clone());
        }
        Ok(page)
    }
}

fn headers_text(headers: &Headers) -> String {
    serde_json::to_string(headers).unwrap_or_else(|_| "{}".to_owned())
}

fn unsigned(size: i64) -> u64 {
    u64::try_from(size).unwrap_or_default()
}

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}
