//! Encryption of segments with AES-128 in CBC mode and PKCS7 padding (RFC 8216, 4.3.2.4). Every
//! segment has a random initialization vector.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use bytes::Bytes;

use crate::domain::hls::key::{Iv, Key, KeyTag, StreamKey};
use crate::domain::hls::key_frames::{KeyFrame, KeyFrames};

/// The key of one rendition, and the initialization vectors that its playlists have to state.
pub(super) struct Encryption {
    key: StreamKey,
    segment_ivs: Vec<Iv>,
    iframe_ivs: Vec<Iv>,
}

/// A segment after encryption.
pub(super) struct EncryptedSegment {
    pub(super) segment: Bytes,
    /// A second file with the key frames: a part of an encrypted segment cannot be decrypted alone.
    /// Each key frame follows a copy of PAT and PMT and is encrypted by itself.
    pub(super) iframes: Bytes,
    /// Places of the key frames in `iframes`.
    pub(super) key_frames: KeyFrames,
    segment_iv: Iv,
    iframe_ivs: Vec<Iv>,
}

/// A key frame reaches beyond the end of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key frame at byte {offset} with {len} bytes lies outside its segment")]
pub struct OutsideSegment {
    offset: u64,
    len: u64,
}

impl Encryption {
    pub(super) fn new(key: StreamKey) -> Self {
        Self { key, segment_ivs: Vec::new(), iframe_ivs: Vec::new() }
    }

    pub(super) fn key(&self) -> &StreamKey {
        &self.key
    }

    /// Records the initialization vectors of the next segment and its key frames.
    pub(super) fn add(&mut self, segment: &EncryptedSegment) {
        self.segment_ivs.push(segment.segment_iv);
        self.iframe_ivs.extend_from_slice(&segment.iframe_ivs);
    }

    /// Tags of a playlist of the segments.
    pub(super) fn segment_tag(&self) -> KeyTag<'_> {
        KeyTag { uri: &self.key.uri, ivs: &self.segment_ivs }
    }

    /// Tags of the I-frame playlist.
    pub(super) fn iframe_tag(&self) -> KeyTag<'_> {
        KeyTag { uri: &self.key.uri, ivs: &self.iframe_ivs }
    }
}

/// Encrypts a segment, and each of its key frames once more by itself.
///
/// # Errors
/// [`OutsideSegment`] if a key frame does not lie in the segment.
pub(super) fn encrypt_segment(
    key: &StreamKey,
    plain: &[u8],
    found: KeyFrames,
) -> Result<EncryptedSegment, OutsideSegment> {
    let (segment, segment_iv) = encrypt(key, plain);
    let mut key_frames =
        KeyFrames { tables_len: 0, frames: Vec::with_capacity(found.frames.len()) };
    let (mut iframes, mut iframe_ivs) = (Vec::new(), Vec::new());
    for frame in found.frames {
        let tables = part(plain, 0, found.tables_len)?;
        let alone = [tables, part(plain, frame.offset, frame.len)?].concat();
        let (bytes, iv) = encrypt(key, &alone);
        let (offset, len) = (iframes.len() as u64, bytes.len() as u64);
        key_frames.frames.push(KeyFrame { offset, len, ..frame });
        iframe_ivs.push(iv);
        iframes.extend(bytes);
    }
    let (segment, iframes) = (segment.into(), iframes.into());
    Ok(EncryptedSegment { segment, iframes, key_frames, segment_iv, iframe_ivs })
}

/// Decrypts a segment. `None` if it was not encrypted with this key and vector.
#[must_use]
pub fn decrypt_segment(key: &Key, iv: &Iv, bytes: &[u8]) -> Option<Vec<u8>> {
    let cipher = cbc::Decryptor::<Aes128>::new(&key.0.into(), &(*iv).into());
    cipher.decrypt_padded_vec::<Pkcs7>(bytes).ok()
}

/// Encrypts the bytes with a fresh initialization vector.
fn encrypt(key: &StreamKey, plain: &[u8]) -> (Vec<u8>, Iv) {
    let iv = rand::random::<Iv>();
    let cipher = cbc::Encryptor::<Aes128>::new(&key.key.0.into(), &iv.into());
    (cipher.encrypt_padded_vec::<Pkcs7>(plain), iv)
}

fn part(bytes: &[u8], offset: u64, len: u64) -> Result<&[u8], OutsideSegment> {
    let usize = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    bytes
        .get(usize(offset)..usize(offset).saturating_add(usize(len)))
        .ok_or(OutsideSegment { offset, len })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StreamKey {
        StreamKey { key: Key([7; 16]), uri: "k".to_owned() }
    }

    fn decrypt(bytes: &[u8], iv: Iv) -> Vec<u8> {
        decrypt_segment(&Key([7; 16]), &iv, bytes).unwrap()
    }

    #[test]
    fn a_segment_and_its_key_frames_decrypt_each_by_itself() {
        let plain: Vec<u8> = (0..=255).cycle().take(188 * 20).collect();
        let frame = |packet: u64, packets: u64| KeyFrame {
            offset: packet * 188,
            len: packets * 188,
            pts: 9,
        };
        let found = KeyFrames { tables_len: 376, frames: vec![frame(2, 3), frame(11, 4)] };
        let encrypted = encrypt_segment(&key(), &plain, found.clone()).unwrap();
        // PKCS7 adds a block to a whole number of blocks.
        assert_eq!(encrypted.segment.len(), plain.len() + 16);
        assert_eq!(decrypt(&encrypted.segment, encrypted.segment_iv), plain);
        assert_eq!(decrypt_segment(&Key([7; 16]), &encrypted.segment_iv, &plain[..15]), None);
        let frames = encrypted.key_frames.frames.iter().zip(&encrypted.iframe_ivs);
        for (before, (frame, iv)) in found.frames.iter().zip(frames) {
            let bytes = part(&encrypted.iframes, frame.offset, frame.len).unwrap();
            let alone = [&plain[..376], part(&plain, before.offset, before.len).unwrap()].concat();
            assert_eq!(decrypt(bytes, *iv), alone);
            assert_eq!(frame.pts, before.pts);
        }
        let mut ivs = encrypted.iframe_ivs.clone();
        ivs.push(encrypted.segment_iv);
        ivs.sort_unstable();
        ivs.dedup();
        assert_eq!(ivs.len(), 3, "an initialization vector is used twice");
    }

    #[test]
    fn a_key_frame_outside_its_segment_is_an_error() {
        let frames = vec![KeyFrame { offset: 100, len: 101, pts: 0 }];
        let found = KeyFrames { tables_len: 0, frames };
        let error = encrypt_segment(&key(), &[0; 200], found).map(drop).unwrap_err();
        assert_eq!(error, OutsideSegment { offset: 100, len: 101 });
    }
}
