//! Keys of encrypted streams: the key, the URI from which players load it, and the `EXT-X-KEY` tags
//! of a playlist (RFC 8216, 4.3.2.4).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Placeholder of the video in a [`Template`].
const VIDEO_ID: &str = "{video_id}";
/// Every character but the unreserved ones of RFC 3986, 2.3: these are percent-encoded in an id.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Initialization vector of AES-128 in CBC mode.
pub type Iv = [u8; 16];

/// An AES-128 key. `Debug` redacts it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub [u8; 16]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(redacted)")
    }
}

impl Key {
    /// Parses exactly 32 hex digits; `None` for any other text.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut key = [0; 16];
        hex::decode_to_slice(text, &mut key).ok()?;
        Some(Self(key))
    }
}

/// The key of one stream, and the URI that its playlists name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamKey {
    /// Key that encrypts all segments of the stream.
    pub key: Key,
    /// URI from which players load the key.
    pub uri: String,
}

/// The `EXT-X-KEY` tags of one playlist: AES-128 with one key, and one initialization vector for
/// each entry in playlist order. Entries beyond the last vector have no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTag<'a> {
    /// URI from which players load the key.
    pub uri: &'a str,
    /// Initialization vectors, one for each entry.
    pub ivs: &'a [Iv],
}

impl KeyTag<'_> {
    /// The tag that precedes the entry with this index.
    pub(super) fn line(&self, entry: usize) -> Option<String> {
        let iv = self.ivs.get(entry)?;
        Some(format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{}\",IV=0x{}", self.uri, hex::encode(iv)))
    }
}

/// Reasons why a text is not a URL template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder other than `{video_id}`, or a brace without its counterpart.
    #[error("{0} is unknown; the one placeholder is {VIDEO_ID}")]
    Placeholder(String),
    /// A character that neither a URL nor a quoted string of a playlist can hold.
    #[error("{0:?} cannot be in a URL")]
    Character(char),
}

/// A URL in which `{video_id}` stands for the id of a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError`] with the offending part.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let rest = text.replace(VIDEO_ID, "");
        if let Some(at) = rest.find(['{', '}']) {
            let from = &rest[at..];
            let end = from.find('}').map_or(from.len(), |end| end + 1);
            return Err(TemplateError::Placeholder(from[..end].to_owned()));
        }
        let is_of_url = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\');
        match rest.chars().find(|c| !is_of_url(*c)) {
            Some(other) => Err(TemplateError::Character(other)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The URL of a video; the id is percent-encoded.
    #[must_use]
    pub fn fill(&self, video_id: &str) -> String {
        let id = utf8_percent_encode(video_id, RESERVED).to_string();
        self.0.replace(VIDEO_ID, &id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "00112233445566778899aAbBcCdDeEfF";

    #[test]
    fn a_key_is_32_hex_digits_and_never_printed() {
        let key = Key::from_hex(HEX).unwrap();
        assert_eq!((key.0[1], key.0[15]), (0x11, 0xFF));
        assert_eq!(format!("{key:?}"), "Key(redacted)");
        for wrong in ["", "00", &HEX[1..], &format!("{HEX}00"), &HEX.replace('0', "g")] {
            assert_eq!(Key::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_entry_has_a_tag_with_its_own_vector() {
        let uri = Template::parse("https://keys.example.com/{video_id}").unwrap().fill("0a1b");
        let tag = KeyTag { uri: &uri, ivs: &[[0; 16], [0xAB; 16]] };
        let line = "#EXT-X-KEY:METHOD=AES-128,URI=\"https://keys.example.com/0a1b\",IV=0x";
        assert_eq!(tag.line(1), Some(format!("{line}{}", "ab".repeat(16))));
        assert_eq!(tag.line(2), None);
    }

    #[test]
    fn templates_know_one_placeholder() {
        let filled = [
            ("https://k.example/{video_id}", "0a", "https://k.example/0a"),
            ("/{video_id}/k?v={video_id}", "a/b \"ü", "/a%2Fb%20%22%C3%BC/k?v=a%2Fb%20%22%C3%BC"),
            ("https://k.example/all.key", "0a", "https://k.example/all.key"),
        ];
        for (template, id, url) in filled {
            assert_eq!(Template::parse(template).unwrap().fill(id), url);
        }
        let wrong = [
            ("https://k.example/{id}", "{id} is unknown; the one placeholder is {video_id}"),
            (
                "https://k.example/{video_id",
                "{video_id is unknown; the one placeholder is {video_id}",
            ),
            ("https://k.example/}", "} is unknown; the one placeholder is {video_id}"),
            ("https://k.example/a b", "' ' cannot be in a URL"),
            ("https://k.example/\"", "'\"' cannot be in a URL"),
            ("https://k.example/\n", "'\\n' cannot be in a URL"),
        ];
        for (template, reason) in wrong {
            assert_eq!(Template::parse(template).unwrap_err().to_string(), reason);
        }
    }
}
