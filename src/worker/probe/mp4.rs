//! The languages of the tracks of an MP4 or `QuickTime` file, as its own list of tracks says them
//! (ISO 14496-12, 8.4.2 and 8.4.6).
//!
//! GStreamer's discoverer may miss those of subtitles: it does not wait for the first text of a
//! stream, with which they come.

use mp4_atom::{Decode, Header, Mdhd, Tkhd};

use crate::worker::elements::range_source::Client;

/// Bytes of a box that are read: those that are asked for are shorter.
const MOST_BYTES: u64 = 256;
/// Boxes beside each other that are looked at. A file in fragments has two for each of them, but its
/// list of tracks comes before.
const MOST_BOXES: usize = 4096;
/// Type and length of a box are not longer.
const HEAD_BYTES: usize = 16;
/// With which boxes such a file begins.
const FIRST: [&[u8; 4]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];

/// Stream ids as GStreamer gives them, with the language of that track. `prefix` is that of all
/// streams.
pub(crate) fn languages(client: &Client, prefix: &str) -> Vec<(String, String)> {
    let tracks = of_tracks(&|at, target| client.read(at, target).unwrap_or(0));
    let named = tracks.into_iter().map(|(track, text)| (format!("{prefix}/{track:03}"), text));
    named.collect()
}

/// Fills the bytes from an offset on and returns how many there are.
type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> usize;

/// Numbers of tracks, and their languages.
fn of_tracks(read: ReadAt<'_>) -> Vec<(u32, String)> {
    let file = Piece { kind: *b"file", at: 0, end: u64::MAX };
    let is_mp4 = file.children(read).next().is_some_and(|first| FIRST.contains(&&first.kind));
    let list = file.child(read, *b"moov").filter(|_| is_mp4);
    let tracks = list.into_iter().flat_map(|list| list.children(read));
    tracks
        .filter(|piece| piece.kind == *b"trak")
        .filter_map(|track| of_track(read, track))
        .collect()
}

fn of_track(read: ReadAt<'_>, track: Piece) -> Option<(u32, String)> {
    let head: Tkhd = track.child(read, *b"tkhd")?.decode(read)?;
    let media = track.child(read, *b"mdia")?;
    let extended = media.child(read, *b"elng").and_then(|piece| {
        let body = piece.bytes(read);
        // A head of eight bytes, four of version and flags, then a text that ends with a zero.
        let text = body.get(12..)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    });
    let code = || Some(media.child(read, *b"mdhd")?.decode::<Mdhd>(read)?.language);
    // QuickTime's own numbers of languages make no letters.
    let is_language = |text: &String| {
        let mut letters = text.bytes();
        text != "und" && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let language = extended.filter(is_language).or_else(code).filter(is_language)?;
    Some((head.track_id, language))
}

/// A box: where it begins, and the first byte behind it.
#[derive(Clone, Copy)]
struct Piece {
    kind: [u8; 4],
    at: u64,
    end: u64,
}

impl Piece {
    /// What lies in it, up to what is broken. The file itself has no head.
    fn children(self, read: ReadAt<'_>) -> impl Iterator<Item = Self> {
        let mut at = if self.kind == *b"file" {
            0
        } else {
            self.at + head(read, self.at).map_or(8, |(_, len)| len)
        };
        std::iter::from_fn(move || {
            let (header, len) = head(read, at).filter(|_| at < self.end)?;
            let end = match header.size {
                Some(size) => at.checked_add(len)?.checked_add(u64::try_from(size).ok()?)?,
                None => self.end,
            };
            let piece = Self { kind: header.kind.into(), at, end: end.min(self.end) };
            at = end;
            Some(piece)
        })
        .take(MOST_BOXES)
    }

    fn child(self, read: ReadAt<'_>, kind: [u8; 4]) -> Option<Self> {
        self.children(read).find(|piece| piece.kind == kind)
    }

    /// Its bytes with their head, as far as they are read.
    fn bytes(self, read: ReadAt<'_>) -> Vec<u8> {
        let len = self.end.saturating_sub(self.at).min(MOST_BYTES);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = read(self.at, &mut bytes);
        bytes.truncate(read);
        bytes
    }

    fn decode<T: Decode>(self, read: ReadAt<'_>) -> Option<T> {
        T::decode(&mut self.bytes(read).as_slice()).ok()
    }
}

/// The head of the box that begins here, and its length.
fn head(read: ReadAt<'_>, at: u64) -> Option<(Header, u64)> {
    let mut bytes = [0; HEAD_BYTES];
    let len = read(at, &mut bytes);
    let bytes = bytes.get(..len)?;
    let mut rest = bytes;
    let header = Header::decode(&mut rest).ok()?;
    Some((header, u64::try_from(bytes.len() - rest.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 8).unwrap();
        [&len.to_be_bytes(), &kind, body].concat()
    }

    fn track(number: u8, language: u16, more: &[u8]) -> Vec<u8> {
        let mut head = [0; 84];
        head[15] = number;
        let mut media = [0; 24];
        media[20..22].copy_from_slice(&language.to_be_bytes());
        let media = [piece(*b"mdhd", &media), more.to_vec()].concat();
        piece(*b"trak", &[piece(*b"tkhd", &head), piece(*b"mdia", &media)].concat())
    }

    fn read(file: &[u8]) -> Vec<(u32, String)> {
        of_tracks(&|at, target| {
            let rest = usize::try_from(at).ok().and_then(|at| file.get(at..)).unwrap_or_default();
            let len = rest.len().min(target.len());
            target[..len].copy_from_slice(&rest[..len]);
            len
        })
    }

    const FRENCH: u16 = (6 << 10) | (18 << 5) | 1;
    const UNDETERMINED: u16 = (21 << 10) | (14 << 5) | 4;

    #[test]
    fn each_track_says_its_language() {
        let canadian = piece(*b"elng", b"\0\0\0\0fr-CA\0");
        let tracks = [
            piece(*b"mvhd", &[0; 100]),
            track(1, FRENCH, &[]),
            track(2, FRENCH, &canadian),
            track(3, UNDETERMINED, &[]),
            // English in QuickTime's own numbers.
            track(4, 0, &[]),
        ];
        let list = piece(*b"moov", &tracks.concat());
        // A box with a length of eight bytes.
        let large = [&[0, 0, 0, 1], b"mdat", &20_u64.to_be_bytes()[..], &[7; 4]].concat();
        let file = [piece(*b"ftyp", b"isom\0\0\0\0"), large, list].concat();
        assert_eq!(read(&file), [(1, "fra".to_owned()), (2, "fr-CA".to_owned())]);
        for cut in 0..file.len() {
            assert!(read(&file[..cut]).len() < 3);
        }
    }

    #[test]
    fn other_files_and_broken_ones_have_none() {
        let list = piece(*b"moov", &track(1, FRENCH, &[]));
        assert_eq!(read(&list).len(), 1);
        for file in [&b""[..], b"RIFF", &[0; 64], &[0xFF; 64], &[b"RIFFxxxx", &list[..]].concat()] {
            assert_eq!(read(file), []);
        }
        // A box that is shorter than its head, and one that says that it holds everything.
        assert_eq!(read(&[&[0, 0, 0, 3], b"free", &list[..]].concat()), []);
        assert_eq!(read(&[&[0xFF; 4], b"free", &list[..]].concat()), []);
    }
}
