//! Reads the boxes of an MP4 or `QuickTime` file (ISO 14496-12): facts of its video tracks, chapters, and the
//! languages of all tracks (8.4.2 and 8.4.6).
//!
//! GStreamer's discoverer may miss the languages of subtitles, because it does not wait for the
//! first text of a stream.

mod audio;
mod chapters;
pub(crate) mod edits;
#[cfg(test)]
mod testing;
mod video;

use mp4_atom::{Decode, Header, Mdhd, Tkhd};

use crate::worker::elements::range_source::Client;

pub(crate) use audio::audio_tracks;
pub(crate) use chapters::chapters;
pub(crate) use video::{VideoTrack, video_tracks};

/// Bytes that are read of a box: `tkhd`, `mdhd` and `elng` are shorter.
const MAX_BOX_BYTES: u64 = 256;
/// Sibling boxes that are read. Fragmented files have two per fragment, but `moov` comes before
/// them.
const MAX_SIBLINGS: usize = 4096;
/// Longest header of a box: size, type and a 64-bit size.
const HEADER_BYTES: usize = 16;
/// Bytes of an `stsd` box before its entries.
const STSD_BYTES: u64 = 16;
/// Types of the first box of a file of this format.
const FIRST_BOXES: [&[u8; 4]; 7] = [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"];

/// Returns the stream ids that GStreamer gives the tracks, which begin with `prefix`, and the
/// language of each. Tracks without a language are left out; files of other formats have none.
pub(crate) fn languages(client: &Client, prefix: &str) -> Vec<(String, String)> {
    let tracks = track_languages(&|at, target| client.read(at, target).unwrap_or(0));
    tracks.into_iter().map(|(id, language)| (format!("{prefix}/{id:03}"), language)).collect()
}

/// The boxes of a file, as far as its end depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Samples come in fragments, as they are recorded; what the header says of their duration is a guess.
    pub(crate) is_fragmented: bool,
    /// The last box ends behind the end of the file.
    pub(crate) is_cut: bool,
}

/// Reads the layout of a file; `None` for other formats.
pub(crate) fn layout(client: &Client) -> Option<Layout> {
    layout_of(&|at, target| client.read(at, target).unwrap_or(0), client.source_bytes())
}

/// Whether samples come in fragments. Reads up to the first of them, and not the whole file as [`layout`].
pub(crate) fn is_fragmented(client: &Client) -> bool {
    let read: ReadAt<'_> = &|at, target| client.read(at, target).unwrap_or(0);
    is_mp4(read) && Mp4Box::FILE.children(read).any(|child| child.is_of_fragments(read))
}

fn layout_of(read: ReadAt<'_>, file_bytes: u64) -> Option<Layout> {
    let file = Mp4Box { kind: *b"file", begin: 0, end: u64::MAX };
    let mut boxes = file.children(read).peekable();
    boxes.peek().filter(|first| FIRST_BOXES.contains(&&first.kind))?;
    let mut layout = Layout { is_fragmented: false, is_cut: false };
    for child in boxes {
        layout.is_fragmented |= child.is_of_fragments(read);
        // A box without a size goes to the end of the file, wherever that is.
        layout.is_cut = child.end > file_bytes && child.end != u64::MAX;
    }
    Some(layout)
}

/// Reads from an offset into a slice; returns the number of bytes, fewer at the end of the file.
type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> usize;

/// Returns the track ids and their languages.
fn track_languages(read: ReadAt<'_>) -> Vec<(u32, String)> {
    let tracks = movie(read).into_iter().flat_map(|movie| movie.tracks(read));
    tracks.filter_map(|track| track_language(read, track)).collect()
}

/// The `moov` box; files of other formats have none.
fn movie(read: ReadAt<'_>) -> Option<Mp4Box> {
    Mp4Box::FILE.child(read, *b"moov").filter(|_| is_mp4(read))
}

/// Whether the file begins as files of this format do.
fn is_mp4(read: ReadAt<'_>) -> bool {
    let first = Mp4Box::FILE.children(read).next();
    first.is_some_and(|first| FIRST_BOXES.contains(&&first.kind))
}

/// Returns the id and the language of a `trak` box: the BCP 47 tag of `elng`, else the ISO 639-2
/// code of `mdhd`.
fn track_language(read: ReadAt<'_>, track: Mp4Box) -> Option<(u32, String)> {
    let header: Tkhd = track.child(read, *b"tkhd")?.decode(read)?;
    let media = track.child(read, *b"mdia")?;
    let extended = media.child(read, *b"elng").and_then(|elng| {
        let bytes = elng.bytes(read);
        // A header of 8 bytes, version and flags of 4, then a zero-terminated string.
        let text = bytes.get(12..)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    });
    let code = || Some(media.child(read, *b"mdhd")?.decode::<Mdhd>(read)?.language);
    // The numeric language codes of QuickTime decode to other characters than letters.
    let is_language = |text: &String| {
        let mut letters = text.bytes();
        text != "und" && letters.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let language = extended.filter(is_language).or_else(code).filter(is_language)?;
    Some((header.track_id, language))
}

/// A box of the file, or the file itself (`file`, which has no header).
#[derive(Clone, Copy)]
struct Mp4Box {
    kind: [u8; 4],
    /// Offset of its header.
    begin: u64,
    /// Offset behind its last byte.
    end: u64,
}

impl Mp4Box {
    /// The whole file.
    const FILE: Self = Self { kind: *b"file", begin: 0, end: u64::MAX };

    /// Iterates over the boxes inside, up to the first malformed one.
    fn children(self, read: ReadAt<'_>) -> impl Iterator<Item = Self> {
        let first = if self.kind == *b"file" {
            0
        } else {
            self.begin + header(read, self.begin).map_or(8, |(_, len)| len)
        };
        self.children_from(read, first)
    }

    /// Iterates over the boxes inside, from the one at this offset of the file.
    fn children_from(self, read: ReadAt<'_>, first: u64) -> impl Iterator<Item = Self> {
        let mut at = first;
        std::iter::from_fn(move || {
            let (header, len) = header(read, at).filter(|_| at < self.end)?;
            let end = match header.size {
                Some(size) => at.checked_add(len)?.checked_add(u64::try_from(size).ok()?)?,
                None => self.end,
            };
            let child = Self { kind: header.kind.into(), begin: at, end: end.min(self.end) };
            at = end;
            Some(child)
        })
        .take(MAX_SIBLINGS)
    }

    /// Whether it is a fragment, or announces some.
    fn is_of_fragments(self, read: ReadAt<'_>) -> bool {
        self.kind == *b"moof" || self.kind == *b"moov" && self.child(read, *b"mvex").is_some()
    }

    fn child(self, read: ReadAt<'_>, kind: [u8; 4]) -> Option<Self> {
        self.children(read).find(|child| child.kind == kind)
    }

    /// The tracks of a `moov` box.
    fn tracks(self, read: ReadAt<'_>) -> impl Iterator<Item = Self> {
        self.children(read).filter(|child| child.kind == *b"trak")
    }

    /// The handler of a `mdia` box, such as `vide` (8.4.3).
    fn handler(self, read: ReadAt<'_>) -> Option<[u8; 4]> {
        // A header of 8 bytes, version and flags of 4, `pre_defined` of 4.
        self.child(read, *b"hdlr")?.bytes(read).get(16..)?.first_chunk().copied()
    }

    /// Its bytes with the header, at most [`MAX_BOX_BYTES`].
    fn bytes(self, read: ReadAt<'_>) -> Vec<u8> {
        self.bytes_up_to(read, MAX_BOX_BYTES)
    }

    /// Its bytes with the header, at most `most`.
    fn bytes_up_to(self, read: ReadAt<'_>, most: u64) -> Vec<u8> {
        let len = self.end.saturating_sub(self.begin).min(most);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        let read = read(self.begin, &mut bytes);
        bytes.truncate(read);
        bytes
    }

    fn decode<T: Decode>(self, read: ReadAt<'_>) -> Option<T> {
        self.decode_up_to(read, MAX_BOX_BYTES)
    }

    /// Decodes a box that may be longer than [`MAX_BOX_BYTES`].
    fn decode_up_to<T: Decode>(self, read: ReadAt<'_>, most: u64) -> Option<T> {
        T::decode(&mut self.bytes_up_to(read, most).as_slice()).ok()
    }
}

/// Parses the header at this offset; returns it and its length in bytes.
fn header(read: ReadAt<'_>, at: u64) -> Option<(Header, u64)> {
    let mut bytes = [0; HEADER_BYTES];
    let len = read(at, &mut bytes);
    let bytes = bytes.get(..len)?;
    let mut rest = bytes;
    let header = Header::decode(&mut rest).ok()?;
    Some((header, u64::try_from(bytes.len() - rest.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::testing::{mp4_box, reader};
    use super::*;

    fn track(number: u8, language: u16, more: &[u8]) -> Vec<u8> {
        let mut head = [0; 84];
        head[15] = number;
        let mut media = [0; 24];
        media[20..22].copy_from_slice(&language.to_be_bytes());
        let media = [mp4_box(*b"mdhd", &media), more.to_vec()].concat();
        mp4_box(*b"trak", &[mp4_box(*b"tkhd", &head), mp4_box(*b"mdia", &media)].concat())
    }

    fn read(file: &[u8]) -> Vec<(u32, String)> {
        track_languages(&reader(file))
    }

    const FRENCH: u16 = (6 << 10) | (18 << 5) | 1;
    const UNDETERMINED: u16 = (21 << 10) | (14 << 5) | 4;

    #[test]
    fn each_track_has_its_language() {
        let canadian = mp4_box(*b"elng", b"\0\0\0\0fr-CA\0");
        let tracks = [
            mp4_box(*b"mvhd", &[0; 100]),
            track(1, FRENCH, &[]),
            track(2, FRENCH, &canadian),
            track(3, UNDETERMINED, &[]),
            // English as a numeric code of QuickTime.
            track(4, 0, &[]),
        ];
        let moov = mp4_box(*b"moov", &tracks.concat());
        // A box with a 64-bit size.
        let large = [&[0, 0, 0, 1], b"mdat", &20_u64.to_be_bytes()[..], &[7; 4]].concat();
        let file = [mp4_box(*b"ftyp", b"isom\0\0\0\0"), large, moov].concat();
        assert_eq!(read(&file), [(1, "fra".to_owned()), (2, "fr-CA".to_owned())]);
        for cut in 0..file.len() {
            assert!(read(&file[..cut]).len() < 3);
        }
    }

    #[test]
    fn fragments_and_cuts_are_seen() {
        let moov =
            |more: &[u8]| mp4_box(*b"moov", &[&mp4_box(*b"mvhd", &[0; 100])[..], more].concat());
        let ftyp = mp4_box(*b"ftyp", b"isom\0\0\0\0");
        let (mvex, moof) = (mp4_box(*b"mvex", &[]), mp4_box(*b"moof", &[1; 9]));
        let mdat = mp4_box(*b"mdat", &[2; 50]);
        let open = [&[0; 4], &b"mdat"[..], &[2; 50]].concat();
        let table = [
            ([&ftyp[..], &moov(&[]), &mdat].concat(), 0, Some((false, false))),
            ([&ftyp[..], &moov(&[]), &mdat].concat(), 20, Some((false, true))),
            ([&ftyp[..], &moov(&[]), &open].concat(), 20, Some((false, false))),
            ([&ftyp[..], &moov(&mvex), &moof, &mdat].concat(), 0, Some((true, false))),
            ([&ftyp[..], &moov(&mvex), &moof, &mdat, &moof].concat(), 3, Some((true, true))),
            (b"RIFF0000AVI LIST".to_vec(), 0, None),
        ];
        for (file, cut, expected) in table {
            let file = &file[..file.len() - cut];
            let found = layout_of(&reader(file), file.len() as u64);
            assert_eq!(found.map(|layout| (layout.is_fragmented, layout.is_cut)), expected);
        }
    }

    #[test]
    fn other_and_damaged_files_have_none() {
        let moov = mp4_box(*b"moov", &track(1, FRENCH, &[]));
        assert_eq!(read(&moov).len(), 1);
        for file in [&b""[..], b"RIFF", &[0; 64], &[0xFF; 64], &[b"RIFFxxxx", &moov[..]].concat()] {
            assert_eq!(read(file), []);
        }
        // A box that is shorter than its header, and one that claims all that follows.
        assert_eq!(read(&[&[0, 0, 0, 3], b"free", &moov[..]].concat()), []);
        assert_eq!(read(&[&[0xFF; 4], b"free", &moov[..]].concat()), []);
    }
}
