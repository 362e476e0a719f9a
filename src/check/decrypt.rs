//! Encrypted segments: what EXT-X-KEY says of them (RFC 8216, 4.3.2.4), and what is in them.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use bytes::Bytes;
use m3u8_rs::{KeyMethod, MediaPlaylist, MediaSegment};

use super::files::Files;
use super::keys::{Key, Keys};
use crate::domain::conformance::Report;

/// Rule of what EXT-X-KEY says, and of how a segment is encrypted.
const RULE: &str = "RFC 8216 4.3.2.4";
/// Name of the finding that a key is not to be had.
const NO_KEY: &str = "key";
/// Size of a block of AES.
const BLOCK_BYTES: usize = 16;

/// How the segments of one playlist are encrypted, from one to the next.
pub(super) struct Decryption<'a> {
    files: &'a dyn Files,
    keys: &'a Keys,
    path: &'a str,
    version: usize,
    /// Media sequence number of the next segment: its initialization vector, where none is stated.
    sequence: u128,
    state: State,
    /// Whether any segment was encrypted.
    has_locks: bool,
}

/// What applies from the last EXT-X-KEY on.
#[derive(Clone, Copy)]
enum State {
    Plain,
    Aes128 {
        key: Key,
        iv: Option<[u8; BLOCK_BYTES]>,
    },
    /// It was told why.
    Locked,
}

impl<'a> Decryption<'a> {
    /// Begins with the first segment of a playlist.
    pub(super) fn new(
        files: &'a dyn Files,
        keys: &'a Keys,
        path: &'a str,
        playlist: &MediaPlaylist,
    ) -> Self {
        let version = playlist.version.unwrap_or(1);
        let sequence = u128::from(playlist.media_sequence);
        Self { files, keys, path, version, sequence, state: State::Plain, has_locks: false }
    }

    /// Whether any segment was encrypted. If nothing of a playlist was read then, it was told why.
    pub(super) fn has_locks(&self) -> bool {
        self.has_locks
    }

    /// Goes on to a segment. Returns how to open it.
    pub(super) async fn next(&mut self, segment: &MediaSegment, report: &mut Report) -> Lock {
        let unread = segment.unknown_tags.iter().find(|tag| tag.tag == "X-KEY");
        if let Some(key) = &segment.key {
            self.state = self.judge(key, report).await;
        } else if let Some(tag) = unread {
            // The parser wants an IV with METHOD=NONE, and a METHOD always.
            let attributes = tag.rest.as_deref().unwrap_or_default();
            self.state = if attributes.split([',', ':']).any(|part| part.trim() == "METHOD=NONE") {
                State::Plain
            } else {
                report.must(RULE, self.path, "an EXT-X-KEY has no METHOD");
                State::Locked
            };
        }
        let number = self.sequence.to_be_bytes();
        self.sequence += 1;
        let lock = match self.state {
            State::Plain => Lock::Open,
            State::Aes128 { key, iv } => Lock::Aes128 { key, iv: iv.unwrap_or(number) },
            State::Locked => Lock::Shut,
        };
        self.has_locks |= lock.is_encrypted();
        lock
    }

    /// What an EXT-X-KEY says.
    async fn judge(&self, stated: &m3u8_rs::Key, report: &mut Report) -> State {
        let path = self.path;
        match &stated.method {
            KeyMethod::None => {
                if stated.uri.is_some() || stated.iv.is_some() || stated.keyformat.is_some() {
                    report.must(RULE, path, "METHOD=NONE has other attributes");
                }
                return State::Plain;
            }
            KeyMethod::AES128 => {}
            KeyMethod::SampleAES => {
                let text = "METHOD is SAMPLE-AES: this check opens AES-128 only, so look at what \
                            it was made of";
                report.must(NO_KEY, path, text);
                return State::Locked;
            }
            KeyMethod::Other(method) => {
                let text = format!("METHOD is {method:?} and none of NONE, AES-128, SAMPLE-AES");
                report.must(RULE, path, text);
                return State::Locked;
            }
        }
        let iv = stated.iv.as_deref().map(vector);
        if iv == Some(None) {
            let text = format!("IV is {:?} and not 0x with 32 hex digits", stated.iv);
            report.must(RULE, path, text);
            return State::Locked;
        }
        self.judge_version(stated, report);
        let Some(uri) = &stated.uri else {
            report.must(RULE, path, "an EXT-X-KEY with METHOD=AES-128 has no URI");
            return State::Locked;
        };
        match stated.keyformat.as_deref() {
            None | Some("identity") => match self.keys.get(self.files, path, uri).await {
                Ok(key) => State::Aes128 { key, iv: iv.flatten() },
                Err(reason) => {
                    let text = format!(
                        "the key {uri} cannot be had: {reason}; give it with --key-hex, or let its \
                         server answer"
                    );
                    report.must(NO_KEY, path, text);
                    State::Locked
                }
            },
            Some(format) => {
                let text = format!("KEYFORMAT is {format:?}: give the key with --key-hex");
                report.must(NO_KEY, path, text);
                State::Locked
            }
        }
    }

    /// Attributes that are younger than the version that the playlist states (RFC 8216, 7).
    fn judge_version(&self, stated: &m3u8_rs::Key, report: &mut Report) {
        let versions = [
            ("IV", stated.iv.is_some(), 2),
            ("KEYFORMAT", stated.keyformat.is_some(), 5),
            ("KEYFORMATVERSIONS", stated.keyformatversions.is_some(), 5),
        ];
        for (attribute, is_there, needed) in versions {
            if is_there && self.version < needed {
                let version = self.version;
                let text = format!("{attribute} needs EXT-X-VERSION {needed}, there is {version}");
                report.must("RFC 8216 7", self.path, text);
            }
        }
    }
}

/// How one segment, or a picture that is encrypted by itself, is opened.
#[derive(Clone, Copy)]
pub(super) enum Lock {
    /// It is not encrypted.
    Open,
    /// By this key.
    Aes128 { key: Key, iv: [u8; BLOCK_BYTES] },
    /// Not at all.
    Shut,
}

impl Lock {
    /// Whether it is encrypted.
    pub(super) fn is_encrypted(self) -> bool {
        !matches!(self, Self::Open)
    }

    /// The bytes as they were before they were encrypted. `None` if they cannot be had: then it was
    /// told why.
    pub(super) fn open(self, place: &str, bytes: &Bytes, report: &mut Report) -> Option<Bytes> {
        let (key, iv) = match self {
            Self::Open => return Some(bytes.clone()),
            Self::Aes128 { key, iv } => (key, iv),
            Self::Shut => return None,
        };
        if bytes.is_empty() || !bytes.len().is_multiple_of(BLOCK_BYTES) {
            let text = format!("{} bytes are no whole blocks of AES: it was cut", bytes.len());
            report.must(RULE, place, text);
            return None;
        }
        let cipher = cbc::Decryptor::<Aes128>::new(&key.into(), &iv.into());
        let Ok(plain) = cipher.decrypt_padded_vec::<Pkcs7>(bytes) else {
            let text = "the padding is not PKCS7: it was cut, or the key is another one";
            report.must(RULE, place, text);
            return None;
        };
        if !is_media(&plain) {
            let text = "what comes out is no media: the key or the IV is another one";
            report.must(RULE, place, text);
            return None;
        }
        Some(plain.into())
    }
}

/// 128 bits in hexadecimal (RFC 8216, 4.2).
fn vector(text: &str) -> Option<[u8; BLOCK_BYTES]> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let mut iv = [0; BLOCK_BYTES];
    hex::decode_to_slice(digits, &mut iv).ok()?;
    Some(iv)
}

/// Whether it begins as segments do: a packet of a transport stream, a box of ISO 14496-12, or the
/// first line of `WebVTT`.
fn is_media(bytes: &[u8]) -> bool {
    const SYNC: u8 = 0x47;
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_box = bytes.get(4..8).is_some_and(|kind| kind.iter().all(is_letter));
    bytes.first() == Some(&SYNC) || is_box || bytes.starts_with(b"WEBVTT")
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockModeEncrypt;

    use super::super::files::Fetched;
    use super::*;

    /// A folder in which nothing is but a key.
    struct OneKey;

    #[async_trait::async_trait]
    impl Files for OneKey {
        async fn get(&self, path: &str) -> Result<Fetched, String> {
            match path {
                "360p/key" => Ok(Fetched { bytes: vec![7; 16].into(), served: None }),
                "360p/short" => Ok(Fetched { bytes: vec![7; 15].into(), served: None }),
                _ => Err("there is no such file".to_owned()),
            }
        }
    }

    /// What is said of a playlist with these lines before its only segment, of this version.
    async fn rules(version: usize, lines: &str, bytes: &[u8]) -> (Vec<String>, Option<Bytes>) {
        let text = format!(
            "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-TARGETDURATION:6\n\
             #EXT-X-MEDIA-SEQUENCE:3\n{lines}\n#EXTINF:6.0,\nseg.ts\n#EXT-X-ENDLIST\n"
        );
        let playlist = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
        let (keys, mut report) = (Keys::fetched(), Report::default());
        let mut decryption = Decryption::new(&OneKey, &keys, "360p/index.m3u8", &playlist);
        let lock = decryption.next(&playlist.segments[0], &mut report).await;
        let plain = lock.open("360p/seg.ts", &Bytes::copy_from_slice(bytes), &mut report);
        let rules = report.findings.iter().map(|finding| finding.rule.clone()).collect();
        (rules, plain)
    }

    fn encrypted(plain: &[u8], key: u8, iv: u128) -> Vec<u8> {
        let (key, iv) = ([key; 16], iv.to_be_bytes());
        let cipher = cbc::Encryptor::<Aes128>::new(&key.into(), &iv.into());
        cipher.encrypt_padded_vec::<Pkcs7>(plain)
    }

    #[tokio::test]
    async fn what_the_key_says_is_judged() {
        const IV: &str = "IV=0x0000000000000000000000000000000A";
        let plain = [&[0x47_u8][..], &[0; 187]].concat();
        let good = encrypted(&plain, 7, 10);
        let table: [(usize, String, &[u8], &[&str]); 15] = [
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
            (6, format!("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"key\",{IV}"), &good, &[NO_KEY]),
            // Cut within a block, and between two.
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key\",{IV}"), &good[..100], &[RULE]),
            (6, format!("#EXT-X-KEY:METHOD=AES-128,URI=\"key\",{IV}"), &good[..96], &[RULE]),
        ];
        for (version, line, bytes, expected) in table {
            let (found, opened) = rules(version, &line, bytes).await;
            assert_eq!(found, expected, "{line}");
            let is_plain = opened.is_some_and(|opened| opened == plain);
            assert_eq!(is_plain, expected.is_empty() || expected == ["RFC 8216 7"], "{line}");
        }
    }

    #[tokio::test]
    async fn without_an_iv_the_sequence_number_is_it() {
        let plain = [0x47; 188];
        let line = "#EXT-X-KEY:METHOD=AES-128,URI=\"key\"";
        let (found, opened) = rules(1, line, &encrypted(&plain, 7, 3)).await;
        assert_eq!((found, opened.as_deref()), (Vec::new(), Some(&plain[..])));
        let (found, _) = rules(1, line, &encrypted(&plain, 7, 3 << 120)).await;
        assert_eq!(found, [RULE], "another IV");
        let (found, _) = rules(1, line, &encrypted(&plain, 8, 3)).await;
        assert_eq!(found, [RULE], "another key");
    }
}
