//! Edit lists of an MP4 or `QuickTime` file, and where they lie.

use std::collections::HashMap;

use mp4_atom::{Elst, Mdhd, Mvhd, Tkhd};

use super::{Mp4Box, ReadAt, movie};
use crate::domain::edits::{EditList, Edits, Entry, Scales};
use crate::worker::elements::range_source::Client;

/// Longest edit list that is read, in bytes.
const MAX_LIST_BYTES: u64 = 64 << 10;
/// Longest table of composition times that is read, in bytes: 24 hours at 60 frames per second.
const MAX_TABLE_BYTES: u64 = 48 << 20;
/// Bytes of the table that are read at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Bytes of a full box before its body (8.6.1.3): size, type, version, flags.
const FULL_HEADER_BYTES: u64 = 12;

/// Reads the edits of the video and audio tracks, and hides them from everything that reads the source
/// afterwards: their times are ours to apply. Leaves a file as it is if one of its lists cannot be followed.
pub(crate) fn take(client: &Client) -> Edits {
    let found = lists(&|at, target| client.read(at, target).unwrap_or(0));
    let Some((edits, places)) = found.filter(|(edits, _)| !edits.is_empty()) else {
        return Edits::default();
    };
    for place in places {
        // The name of a box that nobody reads.
        client.overlay(place, *b"skip");
    }
    edits
}

/// The edits, and the offsets at which the names of the boxes stand that hold them.
fn lists(read: ReadAt<'_>) -> Option<(Edits, Vec<u64>)> {
    let moov = movie(read)?;
    let header: Mvhd = moov.child(read, *b"mvhd")?.decode(read)?;
    let (mut tracks, mut places) = (HashMap::new(), Vec::new());
    for track in moov.tracks(read) {
        let track_header: Tkhd = track.child(read, *b"tkhd")?.decode(read)?;
        let media = track.child(read, *b"mdia")?;
        if !matches!(&media.handler(read)?, b"vide" | b"soun") {
            continue;
        }
        let timing: Mdhd = media.child(read, *b"mdhd")?.decode(read)?;
        let scales = Scales { movie: header.timescale, media: timing.timescale };
        let shift = shift(read, media);
        let edits = track.child(read, *b"edts");
        let list = match edits.and_then(|edits| edits.child(read, *b"elst")) {
            Some(list) => {
                let list: Elst = list.decode_up_to(read, MAX_LIST_BYTES)?;
                let entries: Vec<Entry> = list.entries.iter().map(entry).collect();
                let duration = Some(timing.duration).filter(|duration| *duration > 0);
                EditList::new(&entries, scales, shift, duration)?
            }
            None => EditList::whole(scales, shift),
        };
        tracks.insert(format!("{:03}", track_header.track_id), list);
        places.extend(edits.map(|edits| edits.begin + 4));
    }
    Some((Edits::new(tracks), places))
}

fn entry(entry: &mp4_atom::ElstEntry) -> Entry {
    let (whole, part) = (entry.media_rate.integer(), entry.media_rate.decimal());
    Entry {
        duration: entry.segment_duration,
        media_time: entry.media_time,
        rate: i32::from(whole) << 16 | i32::from(part),
    }
}

/// By how much GStreamer's demuxer moves the timestamps of a track so that none is negative: as `cslg` states
/// (8.6.1.4), else by the least offset of `ctts` (8.6.1.3).
fn shift(read: ReadAt<'_>, media: Mp4Box) -> u64 {
    let find = || {
        let table = media.child(read, *b"minf")?.child(read, *b"stbl")?;
        let offsets = table.child(read, *b"ctts")?;
        if let Some(stated) = table.child(read, *b"cslg") {
            let bytes = stated.bytes(read);
            let shift = bytes.get(12..16)?.try_into().ok()?;
            return Some(u64::from(u32::from_be_bytes(shift)));
        }
        least_offset(read, offsets).map(|least| u64::from(least.min(0).unsigned_abs()))
    };
    find().unwrap_or(0)
}

/// The least composition offset.
fn least_offset(read: ReadAt<'_>, table: Mp4Box) -> Option<i32> {
    let mut at = table.begin + FULL_HEADER_BYTES + 4;
    let end = table.end.min(at + MAX_TABLE_BYTES);
    let (mut chunk, mut least) = (vec![0; CHUNK_BYTES], None);
    while at < end {
        let want = usize::try_from(end - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let len = read(at, &mut chunk[..want]);
        let (entries, _) = chunk.get(..len)?.as_chunks::<8>();
        let found = entries.iter().map(|[_, _, _, _, offset @ ..]| i32::from_be_bytes(*offset));
        least = least.into_iter().chain(found).min();
        if len < want {
            break;
        }
        at += len as u64;
    }
    least
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mp4_box, reader};
    use super::*;

    fn full_box(kind: [u8; 4], words: &[u32]) -> Vec<u8> {
        let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        mp4_box(kind, &[&[0; 4][..], &words].concat())
    }

    /// A video track with 1000 units in a second.
    fn track(id: u8, edits: &[u8], table: &[u8]) -> Vec<u8> {
        let mut head = [0; 84];
        head[15] = id;
        let handler = mp4_box(*b"hdlr", &[&[0; 8][..], b"vide", &[0; 13]].concat());
        let minf = mp4_box(*b"minf", &mp4_box(*b"stbl", table));
        let timing = full_box(*b"mdhd", &[0, 0, 1000, 9000, 0]);
        let media = mp4_box(*b"mdia", &[timing, handler, minf].concat());
        let edits = if edits.is_empty() { Vec::new() } else { mp4_box(*b"edts", edits) };
        mp4_box(*b"trak", &[mp4_box(*b"tkhd", &head), edits, media].concat())
    }

    fn file(tracks: &[Vec<u8>]) -> Vec<u8> {
        let mut movie = [0; 100];
        movie[12..16].copy_from_slice(&1000_u32.to_be_bytes());
        let boxes = [mp4_box(*b"mvhd", &movie), tracks.concat()].concat();
        [mp4_box(*b"ftyp", b"isom\0\0\0\0"), mp4_box(*b"moov", &boxes)].concat()
    }

    /// Milliseconds at which a frame of track 1 at this time is shown.
    fn shown(edits: &Edits, ms: u64) -> Option<u64> {
        let track = edits.of_stream("x/001")?;
        track.parts(ms * 1_000_000, 40_000_000).next().map(|part| part.shown_ns / 1_000_000)
    }

    #[test]
    fn lists_are_read_and_found() {
        let edits = full_box(*b"elst", &[2, 80, 40, 1 << 16, 0, 400, 1 << 16]);
        let whole = file(&[track(1, &edits, &[]), track(2, &[], &[])]);
        let (found, places) = lists(&reader(&whole)).unwrap();
        assert_eq!(
            [0, 40, 80, 120, 400].map(|ms| shown(&found, ms)),
            [None, Some(0), Some(40), None, Some(80)]
        );
        let name = usize::try_from(places[0]).unwrap();
        assert_eq!((places.len(), &whole[name..name + 4]), (1, &b"edts"[..]));
        for cut in 0..whole.len() {
            lists(&reader(&whole[..cut]));
        }
    }

    #[test]
    fn negative_composition_offsets_are_known() {
        let table = full_box(*b"ctts", &[2, 5, 20, 1, (-40_i32).cast_unsigned()]);
        let (found, places) = lists(&reader(&file(&[track(1, &[], &table)]))).unwrap();
        assert_eq!((shown(&found, 0), places.len()), (Some(0), 0));
        let edits = full_box(*b"elst", &[1, 0, 0, 1 << 16]);
        let (found, _) = lists(&reader(&file(&[track(1, &edits, &table)]))).unwrap();
        assert_eq!([0, 40, 80].map(|ms| shown(&found, ms)), [None, Some(0), Some(40)]);
        let stated = [full_box(*b"cslg", &[60, 0, 0, 0, 0]), table].concat();
        let (found, _) = lists(&reader(&file(&[track(1, &edits, &stated)]))).unwrap();
        assert_eq!([0, 60, 100].map(|ms| shown(&found, ms)), [None, Some(0), Some(40)]);
    }

    #[test]
    fn files_without_edits_need_nothing() {
        let (found, places) = lists(&reader(&file(&[track(1, &[], &[])]))).unwrap();
        assert!(found.is_empty() && places.is_empty());
        // Played twice.
        let edits = full_box(*b"elst", &[2, 80, 40, 1 << 16, 80, 40, 1 << 16]);
        assert!(lists(&reader(&file(&[track(1, &edits, &[])]))).is_none());
        assert!(lists(&reader(b"RIFF\0\0\0\0AVI LIST")).is_none());
    }
}
