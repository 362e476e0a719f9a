//! The table of dead letters.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::queue::{DeadLetter, DeadLetterCursor};

/// The dead letters after a place, the latest first: those of a page and one more, if there is a next page.
pub(super) fn list(
    transaction: &Transaction<'_>,
    limit: usize,
    after: Option<&DeadLetterCursor>,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, body, reason, receive_count, died_at_ms FROM dead_letters
         WHERE (died_at_ms, id) < (?1, ?2) ORDER BY died_at_ms DESC, id DESC LIMIT ?3",
    )?;
    let (died_at_ms, id) = after.map_or((i64::MAX, ""), |after| (after.died_at_ms, &after.id));
    let count = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    statement.query_map(params![died_at_ms, id, count], letter)?.collect()
}

/// The dead letter with this id.
pub(super) fn find(
    transaction: &Transaction<'_>,
    id: &str,
) -> rusqlite::Result<Option<DeadLetter>> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, body, reason, receive_count, died_at_ms FROM dead_letters WHERE id = ?1",
    )?;
    statement.query_row([id], letter).optional()
}

/// Removes the dead letter with this id. False if there is none.
pub(super) fn remove(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<bool> {
    let removed = transaction.execute("DELETE FROM dead_letters WHERE id = ?1", [id])?;
    Ok(removed > 0)
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        body: row.get(1)?,
        reason: Some(row.get(2)?),
        receive_count: row.get(3)?,
        died_at: Timestamp::from_millisecond(row.get(4)?).unwrap_or_default(),
    })
}
