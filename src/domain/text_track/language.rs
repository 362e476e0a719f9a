//! Language tags of BCP 47 (RFC 5646), as far as they name a language that people speak.

use crate::domain::plan::shortest_language;

/// Longest tag in characters: RFC 5646, 4.4.1 asks for 35.
const MAX_CHARS: usize = 35;

/// Parses a language tag and writes it as RFC 5646, 2.1.1 recommends: `EN-latn-us` becomes `en-Latn-US`. A
/// three-letter code becomes the two-letter code of the same language, if there is one.
///
/// # Errors
/// If the text is not a language tag, with the reason.
pub fn parse(text: &str) -> Result<String, String> {
    let wrong =
        || format!("{text:?} is no language tag: use one of BCP 47, such as en, de-CH or zh-Hant");
    if text.len() > MAX_CHARS {
        return Err(wrong());
    }
    let mut parts = text.split('-').peekable();
    let language = parts.next().unwrap_or_default().to_ascii_lowercase();
    if !is_alphabetic(&language, 2..=3) {
        return Err(wrong());
    }
    let mut tag = shortest_language(&language).to_owned();
    let mut push = |part: String| {
        tag.push('-');
        tag.push_str(&part);
    };
    if let Some(script) = parts.next_if(|part| is_alphabetic(part, 4..=4)) {
        let (first, rest) = script.split_at(1);
        push(format!("{}{}", first.to_ascii_uppercase(), rest.to_ascii_lowercase()));
    }
    let is_region = |part: &&str| {
        is_alphabetic(part, 2..=2) || (part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit()))
    };
    if let Some(region) = parts.next_if(is_region) {
        push(region.to_ascii_uppercase());
    }
    let is_variant = |part: &&str| {
        let is_alphanumeric = part.bytes().all(|b| b.is_ascii_alphanumeric());
        let begins_with_digit = part.starts_with(|c: char| c.is_ascii_digit());
        is_alphanumeric && ((5..=8).contains(&part.len()) || (part.len() == 4 && begins_with_digit))
    };
    while let Some(variant) = parts.next_if(is_variant) {
        push(variant.to_ascii_lowercase());
    }
    if parts.next().is_some() { Err(wrong()) } else { Ok(tag) }
}

fn is_alphabetic(part: &str, len: std::ops::RangeInclusive<usize>) -> bool {
    len.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_parsed_and_written_in_one_way() {
        let table = [
            ("en", Some("en")),
            ("EN", Some("en")),
            ("eng", Some("en")),
            ("ger-ch", Some("de-CH")),
            ("pt-br", Some("pt-BR")),
            ("ZH-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("de-1996", Some("de-1996")),
            ("sl-rozaj-BISKE", Some("sl-rozaj-biske")),
            ("haw", Some("haw")),
            ("", None),
            ("e", None),
            ("english", None),
            ("en_US", None),
            ("en-", None),
            ("en--US", None),
            ("en-US-", None),
            ("en-x-private", None),
            ("en/..", None),
            ("e\u{f1}", None),
            ("sl-rozaj-rozaj-rozaj-rozaj-rozaj-rozaj", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).ok().as_deref(), expected, "{text:?}");
            if let Some(tag) = expected {
                assert_eq!(parse(tag).as_deref(), Ok(tag), "{text:?} is written in one way");
            }
        }
    }
}
