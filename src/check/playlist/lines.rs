//! Lines of a playlist (RFC 8216, 4.1).

use super::faults::{Faults, LINES};

/// A line that is not blank and not a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Number from 1.
    pub(super) number: usize,
    pub(super) content: Content,
}

/// Content of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Tag(Tag),
    Uri(String),
}

/// A tag without its `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) name: String,
    /// The text behind the colon; `None` without a colon.
    pub(super) value: Option<String>,
}

/// Decodes the text. Bytes that are not UTF-8 become replacement characters.
pub(super) fn decode(bytes: &[u8], faults: &mut Faults) -> String {
    let line_of = |at: usize| bytes[..at].split(|byte| *byte == b'\n').count();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            let at = error.valid_up_to();
            faults.must(LINES, line_of(at), format!("byte {at} is not UTF-8"));
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    match text.strip_prefix('\u{FEFF}') {
        Some(rest) => {
            faults.must(
                LINES,
                1,
                "the file begins with a byte order mark (BOM), which must not be there",
            );
            rest.to_owned()
        }
        None => text,
    }
}

/// Splits the text into tags and URIs.
pub(super) fn split(text: &str, faults: &mut Faults) -> Vec<Line> {
    let mut lines = Vec::new();
    for (at, raw) in text.split('\n').enumerate() {
        let number = at + 1;
        let line = raw.strip_suffix('\r').unwrap_or(raw);
        if let Some(control) = line.chars().find(|c| c.is_control() && *c != '\t') {
            let text = format!("the line has the control character U+{:04X}", u32::from(control));
            faults.must(LINES, number, text);
        }
        let trimmed = line.trim();
        if trimmed.len() != line.trim_end().len() && !trimmed.is_empty() {
            faults.should(LINES, number, "the line begins with white space");
        }
        if trimmed.is_empty() {
            continue;
        }
        let content = match trimmed.strip_prefix('#') {
            Some(tag) if tag.starts_with("EXT") => Content::Tag(Tag::parse(tag)),
            Some(comment) => {
                let lower = comment.trim_start().to_ascii_uppercase();
                if lower.starts_with("EXTINF:") || lower.starts_with("EXT-X-") || lower == "EXTM3U"
                {
                    let text = format!(
                        "#{comment} reads as a comment: a tag begins with #EXT in capital letters"
                    );
                    faults.must(LINES, number, text);
                }
                continue;
            }
            None => Content::Uri(trimmed.to_owned()),
        };
        lines.push(Line { number, content });
    }
    lines
}

impl Tag {
    fn parse(text: &str) -> Self {
        match text.split_once(':') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: text.trim_end().to_owned(), value: None },
        }
    }

    /// The text behind the colon, or nothing.
    pub(super) fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}
