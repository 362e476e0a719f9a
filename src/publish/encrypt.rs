//! Segments on their way to the target, encrypted (RFC 8216, 4.3.2.4): AES-128 in CBC mode with
//! PKCS7 padding, and a random initialization vector for each.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use bytes::Bytes;

use crate::domain::hls::key::{self, StreamKey};
use crate::domain::hls::key_frames::{KeyFrame, KeyFrames};

/// What a lane encrypts with, and what its playlists have to say of that.
pub(super) struct Encryption {
    key: StreamKey,
    segment_lines: Vec<String>,
    picture_lines: Vec<String>,
}

/// A segment, encrypted.
pub(super) struct Sealed {
    /// The segment.
    pub(super) segment: Bytes,
    /// Its key frames once more, in a file of their own: a part of an encrypted segment cannot be
    /// read alone. Each follows a copy of the tables and is encrypted by itself.
    pub(super) pictures: Bytes,
    /// Where they lie in that file.
    pub(super) found: KeyFrames,
    segment_line: String,
    picture_lines: Vec<String>,
}

impl Encryption {
    pub(super) fn new(key: StreamKey) -> Self {
        Self { key, segment_lines: Vec::new(), picture_lines: Vec::new() }
    }

    /// What [`seal`] needs.
    pub(super) fn key(&self) -> StreamKey {
        self.key.clone()
    }

    /// Notes what the playlists will say of the segment.
    pub(super) fn note(&mut self, sealed: &Sealed) {
        self.segment_lines.push(sealed.segment_line.clone());
        self.picture_lines.extend_from_slice(&sealed.picture_lines);
    }

    /// A playlist of the segments, with their keys.
    pub(super) fn of_segments(&self, playlist: &str) -> String {
        key::before_segments(playlist, &self.segment_lines)
    }

    /// A playlist of the pictures, with their keys.
    pub(super) fn of_pictures(&self, playlist: &str) -> String {
        key::before_segments(playlist, &self.picture_lines)
    }
}

/// Encrypts a segment and the key frames that were found in it.
///
/// # Errors
/// If a key frame does not lie in the segment.
pub(super) fn seal(key: &StreamKey, plain: &[u8], found: KeyFrames) -> Result<Sealed, String> {
    let (segment, segment_line) = encrypt(key, plain);
    let mut sealed = Sealed {
        segment: segment.into(),
        pictures: Bytes::new(),
        found: KeyFrames { tables_len: 0, frames: Vec::with_capacity(found.frames.len()) },
        segment_line,
        picture_lines: Vec::new(),
    };
    let mut pictures = Vec::new();
    for frame in found.frames {
        let tables = part(plain, 0, found.tables_len)?;
        let alone = [tables, part(plain, frame.offset, frame.len)?].concat();
        let (bytes, line) = encrypt(key, &alone);
        let (offset, len) = (pictures.len() as u64, bytes.len() as u64);
        sealed.found.frames.push(KeyFrame { offset, len, ..frame });
        sealed.picture_lines.push(line);
        pictures.extend(bytes);
    }
    sealed.pictures = pictures.into();
    Ok(sealed)
}

/// The bytes, encrypted, and the line of a playlist that says how.
fn encrypt(key: &StreamKey, plain: &[u8]) -> (Vec<u8>, String) {
    let iv = rand::random::<[u8; 16]>();
    let cipher = cbc::Encryptor::<Aes128>::new(&key.key.0.into(), &iv.into());
    (cipher.encrypt_padded_vec::<Pkcs7>(plain), key.line(iv))
}

fn part(bytes: &[u8], offset: u64, len: u64) -> Result<&[u8], String> {
    let usize = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    bytes
        .get(usize(offset)..usize(offset).saturating_add(usize(len)))
        .ok_or_else(|| "a key frame lies outside its segment".to_owned())
}

#[cfg(test)]
mod tests {
    use aes::cipher::BlockModeDecrypt;

    use super::*;
    use crate::domain::hls::key::Key;

    fn key() -> StreamKey {
        StreamKey { key: Key([7; 16]), uri: "k".to_owned() }
    }

    /// Decrypts as the line of the playlist says.
    fn open(bytes: &[u8], line: &str) -> Vec<u8> {
        let hex = line.split("IV=0x").nth(1).unwrap();
        let mut iv = [0; 16];
        hex::decode_to_slice(hex, &mut iv).unwrap();
        let cipher = cbc::Decryptor::<Aes128>::new(&[7; 16].into(), &iv.into());
        cipher.decrypt_padded_vec::<Pkcs7>(bytes).unwrap()
    }

    #[test]
    fn a_segment_and_its_pictures_are_read_each_by_itself() {
        let plain: Vec<u8> = (0..=255).cycle().take(188 * 20).collect();
        let frame = |packet: u64, packets: u64| KeyFrame {
            offset: packet * 188,
            len: packets * 188,
            pts: 9,
        };
        let found = KeyFrames { tables_len: 376, frames: vec![frame(2, 3), frame(11, 4)] };
        let sealed = seal(&key(), &plain, found.clone()).unwrap();
        // A whole number of blocks gets one more.
        assert_eq!(sealed.segment.len(), plain.len() + 16);
        assert_eq!(open(&sealed.segment, &sealed.segment_line), plain);
        for (n, (frame, line)) in sealed.found.frames.iter().zip(&sealed.picture_lines).enumerate()
        {
            let sealed = part(&sealed.pictures, frame.offset, frame.len).unwrap();
            let before = found.frames[n];
            let alone = [&plain[..376], part(&plain, before.offset, before.len).unwrap()].concat();
            assert_eq!(open(sealed, line), alone);
            assert_eq!(frame.pts, before.pts);
        }
        let mut lines = sealed.picture_lines.clone();
        lines.push(sealed.segment_line);
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), 3, "no initialization vector is used twice");
    }

    #[test]
    fn a_picture_outside_its_segment_is_an_error() {
        let frames = vec![KeyFrame { offset: 100, len: 101, pts: 0 }];
        assert!(seal(&key(), &[0; 200], KeyFrames { tables_len: 0, frames }).is_err());
    }
}
