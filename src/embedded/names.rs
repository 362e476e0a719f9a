//! Keys: which ones are accepted, and how listings show them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Result, s3_error};

/// Characters other than letters and digits that AWS does not encode in notifications and URL-encoded
/// listings. Spaces become `+`.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b' ');

/// Encodes a key as notifications and listings with `encoding-type=url` have it.
pub(super) fn url_encoded(key: &str) -> String {
    utf8_percent_encode(key, PLAIN).to_string().replace(' ', "+")
}

/// Whether XML 1.0 can carry the text unchanged: its characters (section 2.2) without the carriage return,
/// which parsers turn into a line feed.
pub(super) fn fits_xml(text: &str) -> bool {
    text.chars().all(|character| {
        matches!(character, '\t' | '\n' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
    })
}

/// Refuses the keys of new objects that no listing could show.
pub(super) fn check_key(key: &str) -> S3Result<()> {
    if fits_xml(key) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidArgument,
        "the key has a control character or another one that XML cannot carry"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_xml_cannot_carry_are_refused() {
        let table = [
            ("films/ä b+c.mp4", true),
            ("tab\tand\nline", true),
            ("\u{1F600}", true),
            ("", true),
            ("a\u{1}b", false),
            ("a\rb", false),
            ("a\u{0}", false),
            ("a\u{FFFE}", false),
            ("a\u{FFFF}", false),
        ];
        for (key, accepted) in table {
            assert_eq!(check_key(key).is_ok(), accepted, "{key:?}");
        }
    }

    #[test]
    fn encoded_keys_have_the_form_of_aws() {
        assert_eq!(url_encoded("a b/ü+&.mp4"), "a+b/%C3%BC%2B%26.mp4");
        assert_eq!(url_encoded("\u{1}"), "%01");
    }
}
