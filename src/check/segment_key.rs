//! Encryption of segments: the rules for `EXT-X-KEY` (RFC 8216, 4.3.2.4), and decryption.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use bytes::Bytes;

use super::files::Files;
use super::keys::{Key, Keys};
use super::packed_audio::is_packed;
use super::playlist::{Key as KeyTag, KeyMethod, MediaPlaylist, MediaSegment};
use super::segment::is_fragmented;
use super::transport::is_transport;
use crate::domain::conformance::Report;

/// Rule for `EXT-X-KEY`, and for the encryption of segments.
const RULE: &str = "RFC 8216 4.3.2.4";
/// Name of the finding that a key cannot be had.
const NO_KEY: &str = "key";
/// Size of an AES block.
const BLOCK_BYTES: usize = 16;

type Iv = [u8; BLOCK_BYTES];

/// Follows the `EXT-X-KEY` tags of one playlist from segment to segment.
pub(super) struct Decryption<'a> {
    files: &'a dyn Files,
    keys: &'a Keys,
    path: &'a str,
    version: usize,
    /// Media sequence number of the next segment: its initialization vector, if none is stated.
    sequence: u128,
    current: CurrentKey,
    has_encrypted: bool,
}

/// The last `EXT-X-KEY`.
#[derive(Clone, Copy)]
enum CurrentKey {
    None,
    Aes128 {
        key: Key,
        iv: Option<Iv>,
    },
    /// Frames are encrypted in parts; their structure is in the clear.
    InParts,
    /// The key cannot be had; the report has the reason.
    Missing,
}

impl<'a> Decryption<'a> {
    /// Begins with the first segment of a playlist, whose path is `path`.
    pub(super) fn new(
        files: &'a dyn Files,
        keys: &'a Keys,
        path: &'a str,
        playlist: &MediaPlaylist,
    ) -> Self {
        let version = playlist.version.unwrap_or(1);
        let sequence = u128::from(playlist.media_sequence);
        let current = CurrentKey::None;
        Self { files, keys, path, version, sequence, current, has_encrypted: false }
    }

    /// Whether any segment so far is encrypted. If no segment of the playlist could be read then, the
    /// report has the reason.
    pub(super) fn has_encrypted(&self) -> bool {
        self.has_encrypted
    }

    /// Advances to a segment. Returns its key.
    pub(super) async fn next(&mut self, segment: &MediaSegment, report: &mut Report) -> SegmentKey {
        if let Some(key) = &segment.key {
            self.current = self.verify(key, report).await;
        }
        let number = self.sequence.to_be_bytes();
        self.sequence += 1;
        let key = match self.current {
            CurrentKey::None | CurrentKey::InParts => SegmentKey::None,
            CurrentKey::Aes128 { key, iv } => {
                SegmentKey::Aes128 { key, iv: iv.unwrap_or(number), has_own_iv: iv.is_some() }
            }
            CurrentKey::Missing => SegmentKey::Missing,
        };
        self.has_encrypted |= key.is_encrypted();
        key
    }

    async fn verify(&self, stated: &KeyTag, report: &mut Report) -> CurrentKey {
        let path = self.path;
        match &stated.method {
            KeyMethod::None => {
                if stated.uri.is_some() || stated.iv.is_some() || stated.keyformat.is_some() {
                    report.must(RULE, path, "EXT-X-KEY with METHOD=NONE has other attributes");
                }
                return CurrentKey::None;
            }
            KeyMethod::Aes128 => {}
            KeyMethod::SampleAes => return self.in_parts("SAMPLE-AES", stated, report),
            KeyMethod::Other(method) if method == "SAMPLE-AES-CTR" => {
                return self.in_parts(method, stated, report);
            }
            KeyMethod::Other(method) => {
                let text = format!("METHOD is {method:?}, expected NONE, AES-128 or SAMPLE-AES");
                report.must(RULE, path, text);
                return CurrentKey::Missing;
            }
        }
        let iv = stated.iv.as_deref().map(parse_iv);
        if iv == Some(None) {
            let text = format!("IV is {:?}, expected 0x and 32 hex digits", stated.iv);
            report.must(RULE, path, text);
            return CurrentKey::Missing;
        }
        self.verify_version(stated, report);
        let Some(uri) = &stated.uri else {
            report.must(RULE, path, "EXT-X-KEY with METHOD=AES-128 has no URI");
            return CurrentKey::Missing;
        };
        match stated.keyformat.as_deref() {
            None | Some("identity") => match self.keys.get(self.files, path, uri).await {
                Ok(key) => CurrentKey::Aes128 { key, iv: iv.flatten() },
                Err(error) => {
                    let text = format!(
                        "the key {uri} cannot be loaded: {error}; give it with --key-hex, or make its \
                         server answer"
                    );
                    report.must(NO_KEY, path, text);
                    CurrentKey::Missing
                }
            },
            Some(format) => {
                let text = format!("KEYFORMAT {format:?} is not supported: give it with --key-hex");
                report.must(NO_KEY, path, text);
                CurrentKey::Missing
            }
        }
    }

    /// Encryption of frames in parts, of which only the clear ones are checked.
    fn in_parts(&self, method: &str, stated: &KeyTag, report: &mut Report) -> CurrentKey {
        if self.keys.are_unexpected() {
            let text = format!("METHOD is {method}, but the stream should not be encrypted");
            report.must(NO_KEY, self.path, text);
            return CurrentKey::Missing;
        }
        if stated.uri.is_none() {
            report.must(RULE, self.path, format!("EXT-X-KEY with METHOD={method} has no URI"));
        }
        self.verify_version(stated, report);
        let text = format!("METHOD is {method}: the encrypted parts of the frames are not read");
        report.unchecked(self.path, text);
        CurrentKey::InParts
    }

    /// Attributes must not be newer than the version that the playlist states (RFC 8216, 7).
    fn verify_version(&self, stated: &KeyTag, report: &mut Report) {
        let attributes = [
            ("IV", stated.iv.is_some(), 2),
            ("KEYFORMAT", stated.keyformat.is_some(), 5),
            ("KEYFORMATVERSIONS", stated.keyformatversions.is_some(), 5),
        ];
        for (attribute, is_there, needed) in attributes {
            if is_there && self.version < needed {
                let version = self.version;
                let text = format!("{attribute} needs EXT-X-VERSION {needed}, found {version}");
                report.must("RFC 8216 7", self.path, text);
            }
        }
    }
}

/// Key of one segment, or of one key frame that is encrypted by itself.
#[derive(Clone, Copy)]
pub(super) enum SegmentKey {
    /// The segment is not encrypted.
    None,
    Aes128 {
        key: Key,
        iv: Iv,
        /// Whether the playlist states the initialization vector.
        has_own_iv: bool,
    },
    /// The segment is encrypted and the key cannot be had; the report has the reason.
    Missing,
}

impl SegmentKey {
    /// Whether the segment is encrypted.
    pub(super) fn is_encrypted(self) -> bool {
        !matches!(self, Self::None)
    }

    /// Decrypts an initialization section, whose key must state its initialization vector. A section in the
    /// clear stays as it is: its tag may stand before that of the key.
    pub(super) fn decrypt_init(
        self,
        place: &str,
        bytes: &Bytes,
        report: &mut Report,
    ) -> Option<Bytes> {
        if is_fragmented(bytes) || is_transport(bytes) {
            return Some(bytes.clone());
        }
        if let Self::Aes128 { has_own_iv: false, .. } = self {
            let text = "EXT-X-KEY has no IV, which an encrypted initialization section needs";
            report.must("RFC 8216 4.3.2.5", place, text);
        }
        self.decrypt(place, bytes, report)
    }

    /// Decrypts the segment. `None` if that fails; the report has the reason then.
    pub(super) fn decrypt(self, place: &str, bytes: &Bytes, report: &mut Report) -> Option<Bytes> {
        let (key, iv) = match self {
            Self::None => return Some(bytes.clone()),
            Self::Aes128 { key, iv, .. } => (key, iv),
            Self::Missing => return None,
        };
        if bytes.is_empty() || !bytes.len().is_multiple_of(BLOCK_BYTES) {
            let text = format!("{} bytes are not a whole number of AES blocks", bytes.len());
            report.must(RULE, place, text);
            return None;
        }
        let cipher = cbc::Decryptor::<Aes128>::new(&key.into(), &iv.into());
        let Ok(plain) = cipher.decrypt_padded_vec::<Pkcs7>(bytes) else {
            let text = "the padding is not PKCS7: the file is cut off or the key is wrong";
            report.must(RULE, place, text);
            return None;
        };
        if !is_media(&plain) {
            let text = "the decrypted bytes are not media: the key or the IV is wrong";
            report.must(RULE, place, text);
            return None;
        }
        Some(plain.into())
    }
}

/// Parses 128 bits in hexadecimal (RFC 8216, 4.2).
fn parse_iv(text: &str) -> Option<Iv> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let mut iv = [0; BLOCK_BYTES];
    hex::decode_to_slice(digits, &mut iv).ok()?;
    Some(iv)
}

/// Whether the bytes begin like a segment: with a packet of a transport stream, a box of ISO 14496-12,
/// packed audio, or the first line of `WebVTT`.
fn is_media(bytes: &[u8]) -> bool {
    const SYNC: u8 = 0x47;
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_box = bytes.get(4..8).is_some_and(|kind| kind.iter().all(is_letter));
    let is_text = bytes.starts_with(b"WEBVTT") || bytes.starts_with(b"\xEF\xBB\xBFWEBVTT");
    bytes.first() == Some(&SYNC) || is_box || is_text || is_packed(bytes)
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockModeEncrypt;

    use super::super::files::{Error, Fetched};
    use super::super::playlist::{Kind, Variables, parse};
    use super::*;

    /// Stands for a note that a part of the stream is not checked.
    const NOT_CHECKED: &str = "unchecked";

    /// A folder that holds keys only.
    struct OneKey;

    #[async_trait::async_trait]
    impl Files for OneKey {
        async fn get(&self, path: &str) -> Result<Fetched, Error> {
            match path {
                "360p/key" => Ok(Fetched { bytes: vec![7; 16].into(), served: None }),
                "360p/short" => Ok(Fetched { bytes: vec![7; 15].into(), served: None }),
                _ => Err(Error::Unreadable("no such file".to_owned())),
            }
        }
    }

    /// Rules that a playlist of this version breaks with these lines before its only segment, and the
    /// decrypted segment.
    async fn rules(version: usize, lines: &str, bytes: &[u8]) -> (Vec<String>, Option<Bytes>) {
        let text = format!(
            "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:6\n\
             #EXT-X-MEDIA-SEQUENCE:3\n{lines}\n#EXTINF:6.0,\nseg.ts\n#EXT-X-ENDLIST\n"
        );
        let Kind::Media(playlist) = parse(text.as_bytes(), "", &Variables::default()).kind else {
            panic!("not a media playlist")
        };
        let (keys, mut report) = (Keys::fetched(), Report::default());
        let mut decryption = Decryption::new(&OneKey, &keys, "360p/index.m3u8", &playlist);
        let key = decryption.next(&playlist.segments[0], &mut report).await;
        let plain = key.decrypt("360p/seg.ts", &Bytes::copy_from_slice(bytes), &mut report);
        let mut rules: Vec<_> =
            report.findings.iter().map(|finding| finding.rule.clone()).collect();
        rules.extend(report.not_checked.iter().map(|_| NOT_CHECKED.to_owned()));
        (rules, plain)
    }

    fn encrypted(plain: &[u8], key: u8, iv: u128) -> Vec<u8> {
        let (key, iv) = ([key; 16], iv.to_be_bytes());
        let cipher = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into());
        cipher.encrypt_padded_vec::<Pkcs7>(plain)
    }

    #[tokio::test]
    async fn key_tags_and_padding_are_verified() {
        const IV: &str = "IV=0x0000000000000000000000000000000A";
        let plain = [&[0x47_u8][..], &[0; 187]].concat();
        let good = encrypted(&plain, 7, 10);
        let table: [(usize, String, &[u8], &[&str]); 17] = [
            (6, String::new(), &plain, &[]),
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key\",{IV}"), &good, &[]),
            (6, "#EXT-X-KEY:METHOD=NONE".to_owned(), &plain, &[]),
            (1, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key\",{IV}"), &good, &["RFC 8216 7"]),
            (6, format!("#EXT-X-KEY:METHOD=ROT13,URI=\"key\",{IV}"), &good, &[RULE]),
            (6, format!("#EXT-X-KEY:METHOD=AES-128,{IV}"), &good, &[RULE]),
            (6, format!("#EXT-X-KEY:URI=\"key\",{IV}"), &good, &[RULE]),
            (6, "#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=10".to_owned(), &good, &[RULE]),
            (6, "#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=0x0A".to_owned(), &good, &[RULE]),
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"none\",{IV}"), &good, &[NO_KEY]),
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"short\",{IV}"), &good, &[NO_KEY]),
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"skd://k\",{IV}"), &good, &[NO_KEY]),
            (6, format!("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\",{IV}"), &plain, &[NOT_CHECKED]),
            (
                6,
                format!("#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"key\",{IV}"),
                &plain,
                &[NOT_CHECKED],
            ),
            (6, format!("#EXT-X-KEY:METHOD=SAMPLE-AES,{IV}"), &plain, &[RULE, NOT_CHECKED]),
            // Cut off within a block, and between two blocks.
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key\",{IV}"), &good[..100], &[RULE]),
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key\",{IV}"), &good[..96], &[RULE]),
        ];
        for (version, line, bytes, expected) in table {
            let (found, decrypted) = rules(version, &line, bytes).await;
            assert_eq!(found, expected, "{line}");
            let is_plain = decrypted.is_some_and(|decrypted| decrypted == plain);
            let is_read = expected.is_empty()
                || expected == ["RFC 8216 7"]
                || expected.contains(&NOT_CHECKED);
            assert_eq!(is_plain, is_read, "{line}");
        }
    }

    #[test]
    fn initialization_sections_are_decrypted_with_a_stated_iv() {
        let section = [&[0, 0, 0, 8][..], b"ftyp", &[0; 24]].concat();
        let bytes = Bytes::from(encrypted(&section, 7, 10));
        for (has_own_iv, expected) in [(true, &[][..]), (false, &["RFC 8216 4.3.2.5"])] {
            let key = SegmentKey::Aes128 { key: [7; 16], iv: 10_u128.to_be_bytes(), has_own_iv };
            let mut report = Report::default();
            for bytes in [&bytes, &Bytes::from(section.clone())] {
                let plain = key.decrypt_init("360p/init.mp4", bytes, &mut report);
                assert_eq!(plain.as_deref(), Some(&section[..]));
            }
            let found: Vec<_> = report.findings.iter().map(|f| f.rule.as_str()).collect();
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn without_an_iv_the_media_sequence_number_counts() {
        let plain = [0x47; 188];
        let line = "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"";
        let (found, decrypted) = rules(1, line, &encrypted(&plain, 7, 3)).await;
        assert_eq!((found, decrypted.as_deref()), (Vec::new(), Some(&plain[..])));
        let (found, _) = rules(1, line, &encrypted(&plain, 7, 3 << 120)).await;
        assert_eq!(found, [RULE], "another IV");
        let (found, _) = rules(1, line, &encrypted(&plain, 8, 3)).await;
        assert_eq!(found, [RULE], "another key");
    }
}
