//! The subtitle tracks of a Matroska file, as its own list of tracks describes them (RFC 9559).
//!
//! GStreamer has no name for some of them, and others are not given to its parsers. Of the rest its
//! discoverer may miss the language: it does not wait for the first text of a stream.

use crate::domain::media::{SubtitleStream, SubtitleText};
use crate::worker::elements::range_source::Client;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_NUMBER: u32 = 0xD7;
const TRACK_UID: u32 = 0x73C5;
const CODEC_ID: u32 = 0x86;
const NAME: u32 = 0x536E;
const LANGUAGE: u32 = 0x22_B59C;
const LANGUAGE_BCP47: u32 = 0x22_B59D;

/// Bytes of a list of tracks that are read; those of fonts and pictures are not in it.
const MOST_BYTES: u64 = 4 << 20;
/// Elements that may come before it.
const MOST_ELEMENTS: usize = 64;
/// An id and a length are not longer.
const HEAD_BYTES: usize = 12;

/// Those tracks, each with the stream id that GStreamer gives it: `prefix` is that of all streams.
pub(crate) fn subtitles(client: &Client, prefix: &str) -> Vec<SubtitleStream> {
    let list = list_of_tracks(client).unwrap_or_default();
    let entries = Elements(&list).filter(|(id, _)| *id == TRACK_ENTRY);
    entries.filter_map(|(_, entry)| subtitle(entry, prefix)).collect()
}

/// Finds the list before the first cluster: nobody puts it behind.
fn list_of_tracks(client: &Client) -> Option<Vec<u8>> {
    let mut at = 0;
    for _ in 0..MOST_ELEMENTS {
        let mut head = [0; HEAD_BYTES];
        let len = client.read(at, &mut head).ok()?;
        let (id, size, head_len) = head_of(head.get(..len)?)?;
        at += head_len as u64;
        match (id, size) {
            (SEGMENT, _) => {}
            (CLUSTER, _) | (_, None) => return None,
            (TRACKS, Some(size)) if size <= MOST_BYTES => {
                let mut list = vec![0; usize::try_from(size).ok()?];
                let len = client.read(at, &mut list).ok()?;
                list.truncate(len);
                return Some(list);
            }
            (_, Some(size)) => at = at.checked_add(size)?,
        }
    }
    None
}

fn subtitle(entry: &[u8], prefix: &str) -> Option<SubtitleStream> {
    let find = |wanted| Elements(entry).find(|(id, _)| *id == wanted).map(|(_, bytes)| bytes);
    let number = |id| find(id).map(|bytes| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
    let text = |id| find(id).map(|bytes| String::from_utf8_lossy(bytes).replace('\0', ""));
    let codec = text(CODEC_ID)?;
    let (codec, reads) = match codec.as_str() {
        "S_TEXT/UTF8" | "S_TEXT/ASCII" => (codec, Some(SubtitleText::Raw)),
        "S_TEXT/ASS" | "S_TEXT/SSA" | "S_ASS" | "S_SSA" => (codec, Some(SubtitleText::Ass)),
        "S_TEXT/WEBVTT" => (codec, Some(SubtitleText::WebVtt)),
        "D_WEBVTT/SUBTITLES" | "D_WEBVTT/CAPTIONS" => (codec, Some(SubtitleText::WebVttBlock)),
        // Pictures, by the names that GStreamer has for them: they are left out with a note.
        "S_HDMV/PGS" => ("subpicture/x-pgs".to_owned(), None),
        "S_VOBSUB" => ("subpicture/x-dvd".to_owned(), None),
        "S_DVBSUB" => ("subpicture/x-dvb".to_owned(), None),
        _ => return None,
    };
    let (number, uid) = (number(TRACK_NUMBER)?, number(TRACK_UID)?);
    Some(SubtitleStream {
        stream_id: format!("{prefix}/{number:03}:{uid:03}"),
        codec,
        text: reads,
        // English is what the format says where the file says nothing.
        language: text(LANGUAGE_BCP47).or_else(|| text(LANGUAGE)).or(Some("eng".to_owned())),
        title: text(NAME),
    })
}

/// The elements that follow each other in these bytes, up to the first that is broken.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (id, size, head_len) = head_of(self.0)?;
        let rest = self.0.get(head_len..)?;
        let (bytes, rest) = rest.split_at_checked(usize::try_from(size?).ok()?)?;
        self.0 = rest;
        Some((id, bytes))
    }
}

/// Id and length of the element that begins here, and the bytes that both take. The length is none
/// where it is not known.
fn head_of(bytes: &[u8]) -> Option<(u32, Option<u64>, usize)> {
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
    fn a_track_is_read_with_its_names() {
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
    fn what_is_cut_or_unknown_ends_the_list() {
        assert_eq!(head_of(&[0x18, 0x53, 0x80, 0x67, 0xFF]), Some((SEGMENT, None, 5)));
        assert_eq!(head_of(&[0xAE, 0x01, 0, 0, 0, 0, 0, 0, 9]), Some((0xAE, Some(9), 9)));
        for broken in [&[][..], &[0xAE], &[0x00, 0x81, 1], &[0xAE, 0x00, 1], &[0xAE, 0x40]] {
            assert_eq!(head_of(broken), None, "{broken:?}");
        }
        assert_eq!(Elements(&[0xAE, 0x85, 1, 2]).count(), 0);
        assert!(subtitle(&element(&[0x86], b"S_TEXT/UTF8"), "hash").is_none(), "no number");
    }
}
