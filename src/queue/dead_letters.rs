//! Dead letters, and pages of them.

use jiff::Timestamp;

/// A message that is not delivered any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Id among the dead letters.
    pub id: String,
    /// Text of the message, not parsed.
    pub body: String,
    /// Why it is dead; `None` if SQS moved it by itself.
    pub reason: Option<String>,
    /// Number of deliveries.
    pub receive_count: u32,
    /// When it became a dead letter. For a message that SQS moved by itself: when it was sent.
    pub died_at: Timestamp,
}

/// A page of dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetters {
    /// The dead letters, the latest first.
    pub letters: Vec<DeadLetter>,
    /// Place of the next page; `None` on the last one.
    pub next: Option<DeadLetterCursor>,
}

/// Place in the list of dead letters: that of the last one of a page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterCursor {
    /// When it died, in milliseconds since 1970.
    pub(super) died_at_ms: i64,
    /// Its id.
    pub(super) id: String,
}

impl DeadLetterCursor {
    /// Longest id in bytes; those of SQS are UUIDs.
    const MAX_ID_BYTES: usize = 128;

    fn of(letter: &DeadLetter) -> Self {
        Self { died_at_ms: letter.died_at.as_millisecond(), id: letter.id.clone() }
    }

    /// The text of the cursor.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}.{}", self.died_at_ms, self.id)
    }

    /// Reads the text of a cursor; `None` if it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (died_at_ms, id) = text.split_once('.')?;
        let is_id = (1..=Self::MAX_ID_BYTES).contains(&id.len());
        Some(Self { died_at_ms: died_at_ms.parse().ok()?, id: id.to_owned() }).filter(|_| is_id)
    }
}

impl DeadLetters {
    /// The page after `after` of these dead letters, in any order. There may be more than a page holds.
    pub(super) fn page(
        mut letters: Vec<DeadLetter>,
        limit: usize,
        after: Option<&DeadLetterCursor>,
    ) -> Self {
        letters.retain(|letter| after.is_none_or(|after| DeadLetterCursor::of(letter) < *after));
        letters.sort_by_key(|letter| std::cmp::Reverse(DeadLetterCursor::of(letter)));
        let is_last = letters.len() <= limit;
        letters.truncate(limit);
        let next = letters.last().filter(|_| !is_last).map(DeadLetterCursor::of);
        Self { letters, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(id: &str, died_at_ms: i64) -> DeadLetter {
        DeadLetter {
            id: id.to_owned(),
            body: String::new(),
            reason: None,
            receive_count: 1,
            died_at: Timestamp::from_millisecond(died_at_ms).unwrap(),
        }
    }

    #[test]
    fn pages_follow_each_other_also_within_a_millisecond() {
        let all = [letter("a", 1), letter("c", 2), letter("b", 2), letter("d", 3)];
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = DeadLetters::page(all.to_vec(), 1, after.as_ref());
            seen.extend(page.letters.into_iter().map(|letter| letter.id));
            let Some(next) = page.next else { break };
            after = DeadLetterCursor::parse(&next.to_text());
        }
        assert_eq!(seen, ["d", "c", "b", "a"]);
    }

    #[test]
    fn texts_that_are_no_cursor_are_refused() {
        for text in ["", ".", "1", "1.", "x.a", &format!("1.{}", "x".repeat(129))] {
            assert_eq!(DeadLetterCursor::parse(text), None, "{text}");
        }
    }
}
