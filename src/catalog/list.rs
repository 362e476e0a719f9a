//! Pages of the index.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::index::{Error, Index, name};
use crate::domain::catalog::{Cursor, Query, Sort, first_place, match_all};
use crate::domain::job::VideoId;
use crate::domain::view::Known;

/// Most videos that are counted for the total of a list, and of a search: the full text takes longer to count.
const COUNTED: i64 = 100_000;
const COUNTED_BY_WORDS: i64 = 10_000;

/// The full text, and the video of each of its rows.
const JOINED_WORDS: &str = "FROM words CROSS JOIN video v ON v.n = words.rowid";

/// One page.
#[derive(Debug)]
pub struct Page {
    /// Facts of the videos of the page, in order.
    pub videos: Vec<(VideoId, Known)>,
    /// Where it ended, unless it is the last one.
    pub next: Option<Cursor>,
    /// Number of videos on all pages, as far as they were counted.
    pub total: u64,
    /// Whether all videos are in the index: it has been compared with the buckets since it was made.
    pub is_complete: bool,
}

impl Index {
    /// One page.
    pub(super) async fn list(&self, query: Query) -> Result<Page, Error> {
        self.call(move |connection| page(connection, &query)).await
    }
}

fn page(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let is_complete = connection.prepare_cached("SELECT 1 FROM comparison")?.exists(())?;
    let text = query.text.as_deref().map(match_all);
    let Some(text) = text.map_or(Some(None), |words| words.map(Some)) else {
        // A search without a word finds nothing.
        return Ok(Page { videos: Vec::new(), next: None, total: 0, is_complete });
    };
    let all = Statement::of(query, text.as_deref());
    let known_total = query.cursor.as_ref().map(|cursor| cursor.total);
    let total = known_total.map_or_else(|| all.count(connection), Ok)?;
    let mut rows = all.after(query).rows(connection, query)?;
    let is_last = rows.len() <= query.limit;
    rows.truncate(query.limit);
    let by_title = matches!(query.sort, Sort::Title | Sort::TitleDescending);
    let next = rows.last().filter(|_| !is_last).map(|row| Cursor {
        place: row.place,
        total,
        title: by_title.then(|| row.sort_title.clone()),
    });
    let known = |row: Row| {
        // Facts of another release are read anew soon: the version of the tables differs.
        let facts = serde_json::from_str(&row.facts).ok()?;
        Some((VideoId::parse(&row.id)?, facts))
    };
    let videos = rows.into_iter().filter_map(known).collect();
    Ok(Page { videos, next, total, is_complete })
}

struct Row {
    place: i64,
    id: String,
    sort_title: String,
    facts: String,
}

/// Condition that the state is one of so many.
fn is_one_of(states: usize) -> String {
    format!("v.state IN ({})", vec!["?"; states].join(", "))
}

/// The videos that a query matches.
#[derive(Clone)]
struct Statement {
    /// `FROM` and `WHERE`.
    from: String,
    /// The place of a video in the tables that the statement reads first.
    place: &'static str,
    /// Whether the full text is searched.
    is_search: bool,
    /// Whether it decides alone.
    is_words_alone: bool,
    /// Number of states, whose values come first, if an index of the states is read; else 0.
    indexed_states: usize,
    values: Vec<Value>,
}

impl Statement {
    fn of(query: &Query, text: Option<&str>) -> Self {
        // The first table is read in the order of its places, and the others are looked up.
        let (from, place) = match (text, &query.tag) {
            (Some(_), None) => (JOINED_WORDS, "words.rowid"),
            (_, Some(_)) => ("FROM tag t CROSS JOIN video v ON v.n = t.n", "t.n"),
            (None, None) => ("FROM video v", "v.n"),
        };
        let from = format!("{from} WHERE 1");
        let narrows = query.tag.is_some()
            || query.code.is_some()
            || query.fingerprint.is_some()
            || !query.states.is_empty();
        let is_search = text.is_some();
        let is_words_alone = is_search && !narrows;
        // Each once: their rows are put together.
        let states: BTreeSet<String> = query.states.iter().map(|state| name(*state)).collect();
        let is_by_state = !is_search && query.tag.is_none();
        let indexed_states = if is_by_state { states.len() } else { 0 };
        let values = Vec::new();
        let mut statement = Self { from, place, is_search, is_words_alone, indexed_states, values };
        if let Some(tag) = &query.tag {
            statement.and("t.tag = ?", [Value::from(tag.clone())]);
        }
        if let Some(text) = text {
            // Beside a tag, all matches are read once: a look into the tags for each of them takes longer.
            let matches = if query.tag.is_some() {
                "t.n IN (SELECT rowid FROM words WHERE words MATCH ?)"
            } else {
                "words MATCH ?"
            };
            statement.and(matches, [Value::from(text.to_owned())]);
        }
        if !query.states.is_empty() {
            let marks = is_one_of(states.len());
            statement.and(&marks, states.into_iter().map(Value::from));
        }
        if let Some(fingerprint) = &query.fingerprint {
            statement.and("v.fingerprint = ?", [Value::from(fingerprint.clone())]);
        }
        if let Some(code) = query.code {
            statement.and("v.code = ?", [Value::from(code.as_str().to_owned())]);
        }
        let first = |at: Timestamp| Value::from(first_place(at.as_millisecond()));
        if let Some(after) = query.created_after {
            statement.and(&format!("{place} >= ?"), [first(after)]);
        }
        if let Some(before) = query.created_before {
            statement.and(&format!("{place} < ?"), [first(before)]);
        }
        statement
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.from.push_str(" AND ");
        self.from.push_str(condition);
        self.values.extend(values);
    }

    /// The part after the cursor.
    fn after(mut self, query: &Query) -> Self {
        let Some(cursor) = query.cursor.clone() else { return self };
        let (at, title) = (Value::from(cursor.place), cursor.title.map(Value::from));
        let place = self.place;
        match query.sort {
            Sort::Newest => self.and(&format!("{place} < ?"), [at]),
            Sort::Oldest => self.and(&format!("{place} > ?"), [at]),
            Sort::Title => self.and("(v.sort_title, v.n) > (?, ?)", title.into_iter().chain([at])),
            Sort::TitleDescending => {
                self.and("(v.sort_title, v.n) < (?, ?)", title.into_iter().chain([at]));
            }
        }
        self
    }

    fn count(&self, connection: &Connection) -> rusqlite::Result<u64> {
        // Tables that narrow nothing are not read.
        let from = if self.is_words_alone {
            self.from.replacen(JOINED_WORDS, "FROM words", 1)
        } else {
            self.from.clone()
        };
        let most = if self.is_search { COUNTED_BY_WORDS } else { COUNTED };
        let sql = format!("SELECT count(*) FROM (SELECT 1 {from} LIMIT {most})");
        let mut statement = connection.prepare_cached(&sql)?;
        let total: i64 = statement.query_row(params_from_iter(&self.values), |row| row.get(0))?;
        Ok(u64::try_from(total).unwrap_or_default())
    }

    /// The rows of a page, and one more if there is a next page.
    fn rows(&self, connection: &Connection, query: &Query) -> rusqlite::Result<Vec<Row>> {
        let (from, place) = (&self.from, self.place);
        let order = match query.sort {
            Sort::Newest => format!("{place} DESC"),
            Sort::Oldest => format!("{place} ASC"),
            Sort::Title => "v.sort_title ASC, v.n ASC".to_owned(),
            Sort::TitleDescending => "v.sort_title DESC, v.n DESC".to_owned(),
        };
        let limit = query.limit + 1;
        let part = |from: &str| {
            format!("SELECT v.n, v.id, v.sort_title {from} ORDER BY {order} LIMIT {limit}")
        };
        let states = self.indexed_states;
        let (sql, values) = if states > 1 {
            // One index has the order of one state alone: the beginnings of all are put together. Sorting all rows
            // of six states takes 43 ms among 100,000 videos, and this 0.1 ms.
            let from = from.replacen(&is_one_of(states), "v.state = ?", 1);
            let parts = vec![format!("SELECT * FROM ({})", part(&from)); states];
            let order = order.replace("v.", "");
            let sql = format!("{} ORDER BY {order} LIMIT {limit}", parts.join(" UNION ALL "));
            let (states, others) = self.values.split_at(states);
            let values = states.iter().flat_map(|state| std::iter::once(state).chain(others));
            (sql, values.cloned().collect())
        } else {
            (part(from), self.values.clone())
        };
        let mut statement = connection.prepare_cached(&sql)?;
        // Looked up for the rows of the page alone: a sort would carry those of all rows.
        let mut facts = connection.prepare_cached("SELECT facts FROM facts WHERE n = ?1")?;
        let rows = statement.query_map(params_from_iter(&values), |row| {
            let place: i64 = row.get(0)?;
            let facts = facts.query_row([place], |row| row.get(0))?;
            Ok(Row { place, id: row.get(1)?, sort_title: row.get(2)?, facts })
        })?;
        rows.collect()
    }
}
