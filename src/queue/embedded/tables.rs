//! The tables of the queue, and the statements that look for the next message.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        id TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        visible_at_ms INTEGER NOT NULL,
        receive_count INTEGER NOT NULL DEFAULT 0,
        -- Receipt of the current delivery; NULL while none has it.
        receipt TEXT UNIQUE,
        enqueued_at_ms INTEGER NOT NULL,
        -- 0 high, 1 normal, 2 low.
        priority INTEGER NOT NULL DEFAULT 1,
        -- Account that uploaded the video; empty for none.
        owner TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (visible_at_ms);
    -- Turns of owners, in the order in which they had them.
    CREATE TABLE IF NOT EXISTS owners (
        owner TEXT PRIMARY KEY,
        turn INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS dead_letters (
        id TEXT PRIMARY KEY,
        body TEXT NOT NULL,
        receive_count INTEGER NOT NULL,
        reason TEXT NOT NULL,
        died_at_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS dead_letters_by_time ON dead_letters (died_at_ms, id);
    -- Receipts of acknowledged messages: a consumer may repeat an acknowledgement.
    CREATE TABLE IF NOT EXISTS acknowledged (
        receipt TEXT PRIMARY KEY,
        at_ms INTEGER NOT NULL
    ) STRICT;
";

/// Columns of `messages` that databases of earlier releases lack.
const ADDED: [(&str, &str); 2] = [
    ("priority", "ALTER TABLE messages ADD COLUMN priority INTEGER NOT NULL DEFAULT 1"),
    ("owner", "ALTER TABLE messages ADD COLUMN owner TEXT NOT NULL DEFAULT ''"),
];

/// Finds the next message of an owner without a look at the others.
const BY_TURN: &str = "CREATE INDEX IF NOT EXISTS messages_by_turn
    ON messages (priority, owner, visible_at_ms)";

/// Owners whose last turn is more turns ago than this are forgotten.
const TURNS_KEPT: i64 = 100_000;

/// The owner of a visible message whose last turn is the longest ago. The index is read once for each owner, not
/// for each message.
const NEXT_OWNER: &str = "
    WITH RECURSIVE waiting (owner) AS (
        SELECT min(owner) FROM messages WHERE priority = ?1
        UNION ALL
        SELECT (SELECT min(m.owner) FROM messages m WHERE m.priority = ?1 AND m.owner > waiting.owner)
        FROM waiting WHERE waiting.owner IS NOT NULL
    ),
    first (owner, visible_at_ms) AS (
        SELECT w.owner, (SELECT min(m.visible_at_ms) FROM messages m
                         WHERE m.priority = ?1 AND m.owner = w.owner)
        FROM waiting w WHERE w.owner IS NOT NULL
    )
    SELECT first.owner FROM first LEFT JOIN owners ON owners.owner = first.owner
    WHERE first.visible_at_ms <= ?2
    ORDER BY coalesce(owners.turn, 0), first.visible_at_ms LIMIT 1";

/// Creates the tables, and adds what those of an earlier release lack.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SCHEMA)?;
    for (column, statement) in ADDED {
        let sql = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('messages') WHERE name = ?1)";
        if !connection.query_row(sql, [column], |row| row.get::<_, bool>(0))? {
            connection.execute_batch(statement)?;
        }
    }
    connection.execute_batch(BY_TURN)?;
    let sql = "DELETE FROM owners WHERE turn < (SELECT max(turn) FROM owners) - ?1";
    connection.execute(sql, [TURNS_KEPT]).map(drop)
}

/// The owner whose turn it is among the visible messages of a priority; an empty text is an owner, too.
pub(super) fn next_owner(
    transaction: &Transaction<'_>,
    priority: i64,
    now_ms: i64,
) -> rusqlite::Result<Option<String>> {
    let mut statement = transaction.prepare_cached(NEXT_OWNER)?;
    statement.query_row(params![priority, now_ms], |row| row.get(0)).optional()
}

/// Id, body and number of deliveries of the message of this owner that became visible first.
pub(super) fn first_of(
    transaction: &Transaction<'_>,
    priority: i64,
    owner: &str,
    now_ms: i64,
) -> rusqlite::Result<(String, String, u32)> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, body, receive_count FROM messages
         WHERE priority = ?1 AND owner = ?2 AND visible_at_ms <= ?3
         ORDER BY visible_at_ms, enqueued_at_ms, rowid LIMIT 1",
    )?;
    statement.query_row(params![priority, owner, now_ms], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
}

/// Notes that this owner had a turn now.
pub(super) fn note_turn(transaction: &Transaction<'_>, owner: &str) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO owners (owner, turn)
         VALUES (?1, 1 + (SELECT coalesce(max(turn), 0) FROM owners))
         ON CONFLICT (owner) DO UPDATE SET turn = excluded.turn",
    )?;
    statement.execute([owner]).map(drop)
}

/// Moves the message that a receipt leases to another priority, where it is visible. `Some(false)` if it has this
/// priority already; its owner is noted. `None` if the receipt leases nothing.
pub(super) fn move_to(
    transaction: &Transaction<'_>,
    receipt: &str,
    priority: i64,
    owner: &str,
    now_ms: i64,
) -> rusqlite::Result<Option<bool>> {
    let sql = "SELECT id, priority FROM messages WHERE receipt = ?1 AND visible_at_ms > ?2";
    let found = transaction.query_row(sql, params![receipt, now_ms], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    });
    let Some((id, current)) = found.optional()? else { return Ok(None) };
    if current == priority {
        let sql = "UPDATE messages SET owner = ?2 WHERE id = ?1";
        transaction.execute(sql, params![id, owner])?;
        return Ok(Some(false));
    }
    transaction.execute(
        "UPDATE messages SET priority = ?2, owner = ?3, visible_at_ms = ?4, receipt = NULL,
         receive_count = 0 WHERE id = ?1",
        params![id, priority, owner, now_ms],
    )?;
    Ok(Some(true))
}
