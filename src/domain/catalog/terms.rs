//! Searches as people type them, as expressions of SQLite's full text index.

/// Most words of a search.
const MAX_WORDS: usize = 16;

/// The expression that matches what has all words of a text, the last of them as the start of a word: people search
/// while they type. `None` if the text has no word.
///
/// Each word is in quotes, so that it is never an operator (<https://www.sqlite.org/fts5.html#full_text_query_syntax>).
#[must_use]
pub fn match_all(text: &str) -> Option<String> {
    // Names from macOS have their diacritics as characters of their own.
    let is_mark = |c: char| ('\u{300}'..='\u{36F}').contains(&c);
    let is_separator = |c: char| !c.is_alphanumeric() && !is_mark(c);
    let words: Vec<&str> =
        text.split(is_separator).filter(|word| !word.is_empty()).take(MAX_WORDS).collect();
    let (last, first) = words.split_last()?;
    let first: Vec<String> = first.iter().map(|word| format!("\"{word}\" ")).collect();
    let expression = format!("{}\"{last}\"*", first.concat());
    Some(expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_the_last_one_is_a_start() {
        let table = [
            ("", None),
            (" -*\" ", None),
            ("film", Some("\"film\"*")),
            ("Big buck_bunny.MP4", Some("\"Big\" \"buck\" \"bunny\" \"MP4\"*")),
            ("a OR b* NOT \"c\"", Some("\"a\" \"OR\" \"b\" \"NOT\" \"c\"*")),
            ("u\u{308}ber", Some("\"u\u{308}ber\"*")),
            ("über 中文", Some("\"über\" \"中文\"*")),
        ];
        for (text, expression) in table {
            assert_eq!(match_all(text).as_deref(), expression, "{text}");
        }
        assert_eq!(match_all(&"x ".repeat(50)).unwrap().matches('x').count(), MAX_WORDS);
    }
}
