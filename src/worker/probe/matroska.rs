//! Reads the subtitle tracks, facts of the video tracks and chapters of a Matroska file (RFC 9559).
//!
//! GStreamer has no caps for some subtitle formats and no parser for others. For the rest its
//! discoverer may miss the language, because it does not wait for the first text of a stream.

mod chapters;
mod video;

use crate::domain::media::{SubtitleStream, SubtitleText};
use crate::worker::elements::range_source::Client;

pub(crate) use chapters::chapters;
pub(crate) use video::{VideoTrack, video_tracks};

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const TRACKS: u32 = 0x1654_AE6B;
const CHAPTERS: u32 = 0x1043_A770;
const SEEK_HEAD: u32 = 0x114D_9B74;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_NUMBER: u32 = 0xD7;
const TRACK_UID: u32 = 0x73C5;
const CODEC_ID: u32 = 0x86;
const NAME: u32 = 0x536E;
const LANGUAGE: u32 = 0x22_B59C;
const LANGUAGE_BCP47: u32 = 0x22_B59D;

/// Largest `Tracks` element that is read. Attachments such as fonts are stored elsewhere.
const MAX_TRACKS_BYTES: u64 = 4 << 20;
/// Elements that are skipped in search of another one.
const MAX_SKIPPED_ELEMENTS: usize = 64;
/// Longest header of an element: an id of 4 and a size of 8 bytes.
const HEADER_BYTES: usize = 12;

/// Returns the subtitle tracks with the stream ids that GStreamer gives them, which begin with
/// `prefix`. Files of other formats have none.
pub(crate) fn subtitles(client: &Client, prefix: &str) -> Vec<SubtitleStream> {
    let tracks = read_tracks(client).unwrap_or_default();
    let entries = Elements(&tracks).filter(|(id, _)| *id == TRACK_ENTRY);
    entries.filter_map(|(_, entry)| subtitle(entry, prefix)).collect()
}

/// Reads the `Tracks` element.
fn read_tracks(client: &Client) -> Option<Vec<u8>> {
    read_body(client, &find_element(client, TRACKS)?, MAX_TRACKS_BYTES)
}

/// An element of the file.
struct Found {
    id: u32,
    /// Offset of its body.
    body_at: u64,
    /// Bytes of its body; `None` if it goes on to the end.
    bytes: Option<u64>,
    /// Offset of the first element in the segment.
    segment_at: u64,
}

/// Finds an element of the segment. Writers put descriptions before the first cluster, so the search ends there.
fn find_element(client: &Client, wanted: u32) -> Option<Found> {
    let (mut at, mut segment_at) = (0, 0);
    for _ in 0..MAX_SKIPPED_ELEMENTS {
        let found = Found { segment_at, ..element_at(client, at)? };
        match (found.id, found.bytes) {
            (id, _) if id == wanted => return Some(found),
            (SEGMENT, _) => (at, segment_at) = (found.body_at, found.body_at),
            (CLUSTER, _) | (_, None) => return None,
            (_, Some(bytes)) => at = found.body_at.checked_add(bytes)?,
        }
    }
    None
}

/// The element at this offset.
fn element_at(client: &Client, at: u64) -> Option<Found> {
    let mut header = [0; HEADER_BYTES];
    let len = client.read(at, &mut header).ok()?;
    let (id, bytes, header_len) = element_header(header.get(..len)?)?;
    Some(Found { id, body_at: at.checked_add(header_len as u64)?, bytes, segment_at: 0 })
}

/// Reads the body of an element; `None` for one that is larger.
fn read_body(client: &Client, found: &Found, max_bytes: u64) -> Option<Vec<u8>> {
    let bytes = found.bytes.filter(|bytes| *bytes <= max_bytes)?;
    let mut body = vec![0; usize::try_from(bytes).ok()?];
    let len = client.read(found.body_at, &mut body).ok()?;
    body.truncate(len);
    Some(body)
}

/// The body of the first element with this id.
fn find(elements: &[u8], wanted: u32) -> Option<&[u8]> {
    Elements(elements).find(|(id, _)| *id == wanted).map(|(_, bytes)| bytes)
}

fn integer(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Parses a `TrackEntry`. Returns none for tracks that are no subtitles, or have no number.
fn subtitle(entry: &[u8], prefix: &str) -> Option<SubtitleStream> {
    let number = |id| find(entry, id).map(integer);
    let text = |id| find(entry, id).map(|bytes| String::from_utf8_lossy(bytes).replace('\0', ""));
    let codec = text(CODEC_ID)?;
    let (codec, text_format) = match codec.as_str() {
        "S_TEXT/UTF8" | "S_TEXT/ASCII" => (codec, Some(SubtitleText::Raw)),
        "S_TEXT/ASS" | "S_TEXT/SSA" | "S_ASS" | "S_SSA" => (codec, Some(SubtitleText::Ass)),
        "S_TEXT/WEBVTT" => (codec, Some(SubtitleText::WebVtt)),
        "D_WEBVTT/SUBTITLES" | "D_WEBVTT/CAPTIONS" => (codec, Some(SubtitleText::WebVttBlock)),
        // Bitmap formats, by GStreamer's names: the plan leaves them out with a note.
        "S_HDMV/PGS" => ("subpicture/x-pgs".to_owned(), None),
        "S_VOBSUB" => ("subpicture/x-dvd".to_owned(), None),
        "S_DVBSUB" => ("subpicture/x-dvb".to_owned(), None),
        _ => return None,
    };
    let (number, uid) = (number(TRACK_NUMBER)?, number(TRACK_UID)?);
    Some(SubtitleStream {
        stream_id: format!("{prefix}/{number:03}:{uid:03}"),
        codec,
        text: text_format,
        // RFC 9559: the default language is English.
        language: text(LANGUAGE_BCP47).or_else(|| text(LANGUAGE)).or(Some("eng".to_owned())),
        title: text(NAME),
    })
}

/// Iterates over the ids and bodies of consecutive elements, up to the first malformed one.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (id, size, header_len) = element_header(self.0)?;
        let rest = self.0.get(header_len..)?;
        let (bytes, rest) = rest.split_at_checked(usize::try_from(size?).ok()?)?;
        self.0 = rest;
        Some((id, bytes))
    }
}

/// Parses the header of an element: its id, the size of its body (none if unknown) and the length
/// of the header in bytes.
fn element_header(bytes: &[u8]) -> Option<(u32, Option<u64>, usize)> {
    let first = *bytes.first()?;
    let id_len = first.leading_zeros() as usize + 1;
    let id = bytes.get(..id_len).filter(|_| id_len <= 4)?;
    let id = id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let first = *bytes.get(id_len)?;
    let size_len = first.leading_zeros() as usize + 1;
    let size = bytes.get(id_len..id_len + size_len).filter(|_| size_len <= 8)?;
    let size = size.iter().fold(0, |size, byte| size << 8 | u64::from(*byte));
    let mask = (1_u64 << (7 * size_len)) - 1;
    let size = size & mask;
    Some((id, (size != mask).then_some(size), id_len + size_len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &[u8], bytes: &[u8]) -> Vec<u8> {
        let len = u8::try_from(bytes.len()).unwrap();
        [id, &[0x40, len], bytes].concat()
    }

    #[test]
    fn a_track_is_read_with_language_and_title() {
        let entry = [
            element(&[0xD7], &[3]),
            element(&[0x73, 0xC5], &[0x10, 0x34, 0x5A]),
            element(&[0x86], b"S_TEXT/WEBVTT"),
            element(&[0x53, 0x6E], b"Subs"),
            element(&[0x22, 0xB5, 0x9C], b"ger\0"),
        ]
        .concat();
        let read = subtitle(&entry, "hash").unwrap();
        assert_eq!(read.stream_id, "hash/003:1061978");
        assert_eq!((read.text, read.title.as_deref()), (Some(SubtitleText::WebVtt), Some("Subs")));
        assert_eq!(read.language.as_deref(), Some("ger"));
        let list = [element(&[0xEC], b"void"), element(&[0xAE], &entry)].concat();
        let ids: Vec<u32> = Elements(&list).map(|(id, _)| id).collect();
        assert_eq!(ids, [0xEC, TRACK_ENTRY]);
    }

    #[test]
    fn truncated_and_unknown_elements_end_the_iteration() {
        assert_eq!(element_header(&[0x18, 0x53, 0x80, 0x67, 0xFF]), Some((SEGMENT, None, 5)));
        assert_eq!(element_header(&[0xAE, 0x01, 0, 0, 0, 0, 0, 0, 9]), Some((0xAE, Some(9), 9)));
        for broken in [&[][..], &[0xAE], &[0x00, 0x81, 1], &[0xAE, 0x00, 1], &[0xAE, 0x40]] {
            assert_eq!(element_header(broken), None, "{broken:?}");
        }
        assert_eq!(Elements(&[0xAE, 0x85, 1, 2]).count(), 0);
        assert!(subtitle(&element(&[0x86], b"S_TEXT/UTF8"), "hash").is_none(), "no number");
    }
}
