//! Text from processes that are not trusted: cut to a length, and without characters that could forge a
//! line of a log or steer a terminal.

/// Most characters of a sentence: messages of failures, warnings and notes.
pub const SENTENCE_CHARS: usize = 1_000;
/// Most characters of a name, such as that of an element or a codec.
pub const NAME_CHARS: usize = 100;

/// The text as one line of at most `max_chars` characters. Newlines and other control characters become
/// spaces.
#[must_use]
pub fn one_line(text: &str, max_chars: usize) -> String {
    let clean: String = text.trim().chars().map(|c| if steers(c) { ' ' } else { c }).collect();
    cut(&clean, max_chars)
}

/// The text with its lines, of at most `max_chars` characters: other control characters become spaces.
#[must_use]
pub fn lines(text: &str, max_chars: usize) -> String {
    let clean = text.trim().chars().map(|c| if steers(c) && c != '\n' { ' ' } else { c });
    cut(&clean.collect::<String>(), max_chars)
}

/// The first characters of a text. The last one is an ellipsis if there are more.
fn cut(text: &str, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    text.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect()
}

/// Whether a character ends a line, starts an escape sequence, or changes the direction of what follows.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_becomes_one_line_of_limited_length() {
        let table = [
            ("plain", "plain"),
            (" 2026 WARN forged\n2026 ERROR line\r\n", "2026 WARN forged 2026 ERROR line"),
            ("\u{1b}[2Jcleared\u{7}", "[2Jcleared"),
            ("right\u{202E}left\u{2028}next", "right left next"),
            ("0123456789x", "012345678…"),
            ("ééééééééééé", "ééééééééé…"),
            ("", ""),
        ];
        for (text, expected) in table {
            let max_chars = if text.chars().count() == 11 { 10 } else { 100 };
            assert_eq!(one_line(text, max_chars).trim(), expected, "{text:?}");
        }
        assert_eq!(lines("one\ntwo\u{1b}[1m\n", 100), "one\ntwo [1m");
    }

    proptest! {
        #[test]
        fn no_text_forges_a_line(text in "\\PC{0,20}|[\\x00-\\x1f\\u{2028}a]{0,40}", most in 1_usize..30) {
            let line = one_line(&text, most);
            prop_assert!(line.chars().count() <= most && !line.chars().any(steers), "{line:?}");
        }
    }
}
