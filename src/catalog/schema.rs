//! Tables of the index.

use rusqlite::Connection;

/// Version of the tables and of the facts in them. Another one in the file means that it is made anew.
pub(super) const VERSION: i64 = 4;

/// `video.n` is the place in the order of creation ([`place`](crate::domain::catalog::place)), and the rowid of the
/// full text: both are read newest first without sorting.
const TABLES: &str = "
    CREATE TABLE video (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL,
        sort_title TEXT NOT NULL,
        -- When the video is looked at without being changed; NULL: never.
        look_ms INTEGER,
        -- When the video is deleted; NULL: never.
        expires_ms INTEGER,
        -- Name that the uploader made from the content of the file; NULL: none.
        fingerprint TEXT,
        -- Failure code of the error that the video shows, and when it failed; NULL without an error.
        code TEXT,
        failed_ms INTEGER,
        -- Version of the records at the last comparison; empty once they have changed.
        version TEXT NOT NULL
    ) STRICT;
    CREATE INDEX by_state ON video (state, n);
    CREATE INDEX by_title ON video (sort_title, n);
    CREATE INDEX by_state_and_title ON video (state, sort_title, n);
    CREATE INDEX by_code ON video (code, n) WHERE code IS NOT NULL;
    CREATE INDEX by_failure ON video (code, failed_ms, n) WHERE code IS NOT NULL;
    -- Apart, so that counting and sorting read little: the facts as JSON.
    CREATE TABLE facts (
        n INTEGER PRIMARY KEY,
        facts TEXT NOT NULL
    ) STRICT;
    CREATE INDEX by_look ON video (look_ms) WHERE look_ms IS NOT NULL;
    CREATE INDEX by_fingerprint ON video (fingerprint, n) WHERE fingerprint IS NOT NULL;
    CREATE INDEX by_end ON video (expires_ms) WHERE expires_ms IS NOT NULL;
    CREATE TABLE tag (
        tag TEXT NOT NULL,
        n INTEGER NOT NULL,
        PRIMARY KEY (tag, n)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tags_of ON tag (n);
    CREATE VIRTUAL TABLE words USING fts5 (
        title, filename, description, tags,
        content='', contentless_delete=1, prefix='1 2 3',
        tokenize='unicode61 remove_diacritics 2'
    );
    CREATE TRIGGER gone AFTER DELETE ON video BEGIN
        DELETE FROM facts WHERE n = OLD.n;
        DELETE FROM tag WHERE n = OLD.n;
        DELETE FROM words WHERE rowid = OLD.n;
    END;
    CREATE TABLE comparison (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        ended_ms INTEGER NOT NULL
    ) STRICT;
";

/// Makes the tables, unless they are there. Returns false if those of another version are.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<bool> {
    let version: i64 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if version == VERSION {
        return Ok(true);
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if tables > 0 {
        return Ok(false);
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(true)
}
