//! Where a page ended. It names a place, not a video, so the list goes on after the video is deleted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::sort::Sort;

/// Longest cursor in characters.
const MAX_LEN: usize = 1024;

/// The last place of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Place in the order of creation.
    #[serde(rename = "n")]
    pub place: i64,
    /// Number of videos on all pages, as it was counted for the first one.
    #[serde(rename = "c")]
    pub total: u64,
    /// Title that the list is sorted by, if it is.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Cursor {
    /// The text of the cursor.
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the text of a cursor of a list in this order. `None` if it is none.
    #[must_use]
    pub fn parse(text: &str, sort: Sort) -> Option<Self> {
        let bytes = Some(text).filter(|text| text.len() <= MAX_LEN)?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
        let cursor: Self = serde_json::from_slice(&bytes).ok()?;
        let is_by_title = match sort {
            Sort::Newest | Sort::Oldest => false,
            Sort::Title | Sort::TitleDescending => true,
        };
        Some(cursor).filter(|cursor| cursor.title.is_some() == is_by_title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_in_its_own_order_only() {
        let cursors = [
            (Cursor { place: 7, total: 9, title: None }, Sort::Newest, Sort::Title),
            (
                Cursor { place: i64::MAX, total: 0, title: Some("ü\"".to_owned()) },
                Sort::Title,
                Sort::Oldest,
            ),
        ];
        for (cursor, sort, other) in cursors {
            let text = cursor.to_text();
            assert_eq!(Cursor::parse(&text, sort), Some(cursor));
            assert_eq!(Cursor::parse(&text, other), None);
        }
        let wrong = ["", "x", "e30", "\u{0}", "0123456789abcdef0123"];
        for text in wrong {
            assert_eq!(Cursor::parse(text, Sort::Newest), None, "{text}");
        }
    }
}
