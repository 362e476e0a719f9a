//! Chapters of an MP4 or `QuickTime` file: a text track that another track names by `tref`/`chap`, or Nero's list
//! (`moov`/`udta`/`chpl`).

use mp4_atom::{Mdhd, Tkhd};

use super::{Mp4Box, ReadAt, movie};
use crate::domain::chapters::{Chapter, MAX_CHAPTERS, TITLE_CHARS};
use crate::worker::elements::range_source::Client;

/// Chapters that are read: one more than are published, so that the plan can tell.
const MAX_READ: usize = MAX_CHAPTERS + 1;
/// Bytes of a table of samples that are read: more entries than chapters.
const MAX_TABLE_BYTES: u64 = 32 << 10;
/// Bytes of a title that are read.
const MAX_TITLE_BYTES: usize = 4 * TITLE_CHARS;
/// Handlers of text tracks.
const TEXT: [&[u8; 4]; 2] = [b"text", b"sbtl"];
/// Tracks that are looked at as chapters: one per language.
const MAX_TRACKS: usize = 16;
/// Offset of the first entry of a table: behind a header of 8 bytes, version and flags, and the count.
const FIRST_ENTRY: usize = 16;

/// The chapters of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chapters {
    /// Ids of the text tracks that hold chapters and no subtitles.
    pub(crate) tracks: Vec<u32>,
    /// The chapters, of the first track that has some, else of the list.
    pub(crate) chapters: Vec<Chapter>,
}

/// Reads the chapters; other formats have none.
pub(crate) fn chapters(client: &Client) -> Chapters {
    read_chapters(&|at, target| client.read(at, target).unwrap_or(0))
}

fn read_chapters(read: ReadAt<'_>) -> Chapters {
    let Some(moov) = movie(read) else { return Chapters::default() };
    let tracks = || moov.tracks(read);
    let mut named: Vec<u32> =
        tracks().flat_map(|track| references(read, track)).take(MAX_TRACKS).collect();
    named.dedup();
    let mut found = Chapters::default();
    for track in tracks() {
        let header: Option<Tkhd> = track.child(read, *b"tkhd").and_then(|tkhd| tkhd.decode(read));
        let Some(id) = header.map(|header| header.track_id).filter(|id| named.contains(id)) else {
            continue;
        };
        // Images of chapters are a track that is named, too.
        let is_text = |media: &Mp4Box| matches!(media.handler(read), Some(handler) if TEXT.contains(&&handler));
        let Some(media) = track.child(read, *b"mdia").filter(is_text) else { continue };
        found.tracks.push(id);
        if found.chapters.is_empty() {
            found.chapters = of_track(read, media).unwrap_or_default();
        }
    }
    if found.chapters.is_empty() {
        found.chapters = of_list(read, moov).unwrap_or_default();
    }
    found
}

/// Ids of the tracks that this one names as its chapters.
fn references(read: ReadAt<'_>, track: Mp4Box) -> Vec<u32> {
    let chap = track.child(read, *b"tref").and_then(|tref| tref.child(read, *b"chap"));
    let bytes = chap.map(|chap| chap.bytes(read)).unwrap_or_default();
    words(bytes.get(8..).unwrap_or_default()).collect()
}

/// The chapters of a text track: each sample is a length of 16 bits and so many bytes of text.
fn of_track(read: ReadAt<'_>, media: Mp4Box) -> Option<Vec<Chapter>> {
    let header: Mdhd = media.child(read, *b"mdhd")?.decode(read)?;
    let timescale = u128::from(header.timescale).max(1);
    let table = media.child(read, *b"minf")?.child(read, *b"stbl")?;
    let entries = |kind| Some(table.child(read, kind)?.bytes_up_to(read, MAX_TABLE_BYTES));
    let times = times(&entries(*b"stts")?);
    let places = places(
        &sizes(&entries(*b"stsz")?)?,
        &entries(*b"stsc")?,
        &offsets(entries(*b"stco"), entries(*b"co64"))?,
    );
    let chapters = times.into_iter().zip(places).map(|(ticks, (at, size))| {
        let ns = u128::from(ticks) * 1_000_000_000 / timescale;
        Chapter { start_ns: u64::try_from(ns).unwrap_or(u64::MAX), title: title(read, at, size) }
    });
    Some(chapters.collect())
}

/// The start of each sample in ticks.
fn times(stts: &[u8]) -> Vec<u64> {
    let mut times = Vec::new();
    let mut now = 0_u64;
    for (count, delta) in pairs(stts.get(FIRST_ENTRY..).unwrap_or_default()) {
        for _ in 0..count {
            if times.len() == MAX_READ {
                return times;
            }
            times.push(now);
            now = now.saturating_add(delta.into());
        }
    }
    times
}

/// The size of each sample: all the same, or a list.
fn sizes(stsz: &[u8]) -> Option<Vec<u32>> {
    let (same, count) = pairs(stsz.get(12..)?).next()?;
    let count = MAX_READ.min(usize::try_from(count).ok()?);
    Some(if same > 0 {
        vec![same; count]
    } else {
        words(stsz.get(FIRST_ENTRY + 4..)?).take(count).collect()
    })
}

/// Where the chunks are.
fn offsets(stco: Option<Vec<u8>>, co64: Option<Vec<u8>>) -> Option<Vec<u64>> {
    if let Some(stco) = stco {
        return Some(words(stco.get(FIRST_ENTRY..)?).map(u64::from).collect());
    }
    let co64 = co64?;
    let chunks = pairs(co64.get(FIRST_ENTRY..)?);
    Some(chunks.map(|(high, low)| u64::from(high) << 32 | u64::from(low)).collect())
}

/// Offset and size of each sample.
fn places(sizes: &[u32], stsc: &[u8], chunks: &[u64]) -> Vec<(u64, u32)> {
    let entries = stsc.get(FIRST_ENTRY..).unwrap_or_default().as_chunks::<12>().0;
    let runs: Vec<(u32, u32)> = entries.iter().filter_map(|entry| pairs(entry).next()).collect();
    let mut sizes = sizes.iter().copied();
    let mut places = Vec::new();
    let mut run = 0;
    for (number, chunk) in (1_u32..).zip(chunks) {
        // An entry holds from its first chunk on.
        while runs.get(run + 1).is_some_and(|(first, _)| *first <= number) {
            run += 1;
        }
        let samples = runs.get(run).map_or(0, |(_, samples)| *samples);
        let mut at = *chunk;
        for _ in 0..samples {
            let Some(size) = sizes.next() else { return places };
            places.push((at, size));
            at = at.saturating_add(size.into());
        }
    }
    places
}

/// The text of a sample: UTF-16 if it begins with a byte order mark, else UTF-8.
fn title(read: ReadAt<'_>, at: u64, size: u32) -> String {
    let mut bytes = vec![0; MAX_TITLE_BYTES.min(usize::try_from(size).unwrap_or(0))];
    let len = read(at, &mut bytes);
    bytes.truncate(len);
    let Some((len, text)) = bytes.split_first_chunk::<2>() else { return String::new() };
    let text = text.get(..u16::from_be_bytes(*len).into()).unwrap_or(text);
    let utf16 = |of: fn([u8; 2]) -> u16| {
        let units = text.as_chunks::<2>().0.iter().skip(1).map(|unit| of(*unit));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match text {
        [0xFE, 0xFF, ..] => utf16(u16::from_be_bytes),
        [0xFF, 0xFE, ..] => utf16(u16::from_le_bytes),
        _ => String::from_utf8_lossy(text).into_owned(),
    }
}

/// The chapters of Nero's list: a count of 8 bits; each has a start in units of 100 ns, a length of 8 bits and a
/// text.
fn of_list(read: ReadAt<'_>, moov: Mp4Box) -> Option<Vec<Chapter>> {
    let chpl = moov.child(read, *b"udta")?.child(read, *b"chpl")?;
    let bytes = chpl.bytes_up_to(read, 255 * (9 + 255) + 17);
    let mut rest = bytes.get(8..)?;
    // Version 1 has four reserved bytes before the count.
    let skipped = if *rest.first()? == 0 { 4 } else { 8 };
    rest = rest.get(skipped..)?;
    let (count, mut rest) = rest.split_first()?;
    let mut chapters = Vec::new();
    for _ in 0..*count {
        let Some((start, after)) = rest.split_first_chunk::<8>() else { break };
        let Some((len, after)) = after.split_first() else { break };
        let Some((text, after)) = after.split_at_checked(usize::from(*len)) else { break };
        let start_ns = u64::from_be_bytes(*start).saturating_mul(100);
        chapters.push(Chapter { start_ns, title: String::from_utf8_lossy(text).into_owned() });
        rest = after;
    }
    Some(chapters)
}

/// The whole numbers of 32 bits in these bytes.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word))
}

/// The pairs of whole numbers of 32 bits in these bytes.
fn pairs(bytes: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    bytes.as_chunks::<8>().0.iter().filter_map(|pair| {
        let mut words = words(pair);
        Some((words.next()?, words.next()?))
    })
}

#[cfg(test)]
mod tests;
