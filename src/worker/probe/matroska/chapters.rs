//! Chapters of a Matroska file: the default edition (RFC 9559, 5.1.7).

use super::{
    CHAPTERS, CLUSTER, Client, Elements, SEEK_HEAD, find, find_element, integer, read_body,
};
use crate::domain::chapters::{Chapter, MAX_CHAPTERS};

const EDITION_ENTRY: u32 = 0x45B9;
const EDITION_FLAG_HIDDEN: u32 = 0x45BD;
const EDITION_FLAG_DEFAULT: u32 = 0x45DB;
const CHAPTER_ATOM: u32 = 0xB6;
const CHAPTER_TIME_START: u32 = 0x91;
const CHAPTER_FLAG_HIDDEN: u32 = 0x98;
const CHAPTER_FLAG_ENABLED: u32 = 0x4598;
const CHAPTER_DISPLAY: u32 = 0x80;
const CHAP_STRING: u32 = 0x85;
const SEEK: u32 = 0x4DBB;
const SEEK_ID: u32 = 0x53AB;
const SEEK_POSITION: u32 = 0x53AC;
const TIMESTAMP: u32 = 0xE7;
const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
const INFO: u32 = 0x1549_A966;

/// Largest element that is read.
const MAX_BYTES: u64 = 1 << 20;
/// Nanoseconds in a tick, if the file does not say so.
const DEFAULT_TICK_NS: u64 = 1_000_000;

/// Reads the chapters; other formats have none. The stream begins with the first cluster, whatever its time.
pub(crate) fn chapters(client: &Client) -> Vec<Chapter> {
    let Some(chapters) = read_chapters(client) else { return Vec::new() };
    let begin_ns = begin_ns(client).unwrap_or(0);
    let mut chapters = of_editions(&chapters);
    for chapter in &mut chapters {
        chapter.start_ns = chapter.start_ns.saturating_sub(begin_ns);
    }
    chapters
}

/// The body of the `Chapters` element: before the first cluster, else where the `SeekHead` says.
fn read_chapters(client: &Client) -> Option<Vec<u8>> {
    if let Some(found) = find_element(client, CHAPTERS) {
        return read_body(client, &found, MAX_BYTES);
    }
    let head = find_element(client, SEEK_HEAD)?;
    let position = position(&read_body(client, &head, MAX_BYTES)?)?;
    let found = super::element_at(client, head.segment_at.checked_add(position)?)?;
    (found.id == CHAPTERS).then(|| read_body(client, &found, MAX_BYTES))?
}

/// Where a `SeekHead` says that the chapters are: an offset from the first byte in the segment.
fn position(seek_head: &[u8]) -> Option<u64> {
    let is_chapters = |seek: &&[u8]| find(seek, SEEK_ID).map(integer) == Some(CHAPTERS.into());
    let mut seeks = Elements(seek_head).filter(|(id, _)| *id == SEEK).map(|(_, seek)| seek);
    seeks.find(is_chapters).and_then(|seek| find(seek, SEEK_POSITION)).map(integer)
}

/// Time of the first cluster.
fn begin_ns(client: &Client) -> Option<u64> {
    let info = find_element(client, INFO).and_then(|info| read_body(client, &info, MAX_BYTES));
    let tick_ns = info.and_then(|info| find(&info, TIMESTAMP_SCALE).map(integer));
    let cluster = find_element(client, CLUSTER)?;
    // The time is the first element of a cluster; some writers put a checksum before it.
    let mut bytes = vec![0; 64];
    let len = client.read(cluster.body_at, &mut bytes).ok()?;
    let time = find(bytes.get(..len)?, TIMESTAMP).map(integer)?;
    Some(time.saturating_mul(tick_ns.unwrap_or(DEFAULT_TICK_NS)))
}

/// The chapters of the default edition, else of the first that is not hidden.
fn of_editions(chapters: &[u8]) -> Vec<Chapter> {
    let is_set = |edition: &[u8], flag| find(edition, flag).map_or(0, integer) != 0;
    let editions = Elements(chapters).filter(|(id, _)| *id == EDITION_ENTRY);
    let shown = editions.map(|(_, edition)| edition).filter(|e| !is_set(e, EDITION_FLAG_HIDDEN));
    let edition = shown.min_by_key(|edition| !is_set(edition, EDITION_FLAG_DEFAULT));
    let atoms = Elements(edition.unwrap_or_default()).filter(|(id, _)| *id == CHAPTER_ATOM);
    atoms.filter_map(|(_, atom)| chapter(atom)).take(MAX_CHAPTERS + 1).collect()
}

/// Parses a chapter with its first title; `None` if it is hidden or disabled. Chapters inside of it are left out.
fn chapter(atom: &[u8]) -> Option<Chapter> {
    let flag = |id, default| find(atom, id).map_or(default, |value| integer(value) != 0);
    if flag(CHAPTER_FLAG_HIDDEN, false) || !flag(CHAPTER_FLAG_ENABLED, true) {
        return None;
    }
    let title = find(atom, CHAPTER_DISPLAY).and_then(|display| find(display, CHAP_STRING));
    let title = String::from_utf8_lossy(title.unwrap_or_default());
    Some(Chapter {
        start_ns: integer(find(atom, CHAPTER_TIME_START)?),
        title: title.trim_end_matches('\0').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(id: &[u8], bytes: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        [id, &[0x40 | high, low], bytes].concat()
    }

    fn atom(start_ms: u64, titles: &[&str], more: &[u8]) -> Vec<u8> {
        let start = element(&[0x91], &(start_ms * 1_000_000).to_be_bytes());
        let display = |title: &&str| element(&[0x80], &element(&[0x85], title.as_bytes()));
        let titles: Vec<u8> = titles.iter().flat_map(display).collect();
        element(&[0xB6], &[&start[..], &titles, more].concat())
    }

    fn edition(flags: &[(u8, u8)], atoms: &[Vec<u8>]) -> Vec<u8> {
        let flags = flags.iter().flat_map(|(id, value)| element(&[0x45, *id], &[*value]));
        element(&[0x45, 0xB9], &flags.chain(atoms.concat()).collect::<Vec<u8>>())
    }

    fn read(editions: &[Vec<u8>]) -> Vec<(u64, String)> {
        let of = |chapter: Chapter| (chapter.start_ns / 1_000_000, chapter.title);
        of_editions(&editions.concat()).into_iter().map(of).collect()
    }

    const HIDDEN: (u8, u8) = (0xBD, 1);
    const DEFAULT: (u8, u8) = (0xDB, 1);

    #[test]
    fn chapters_of_the_default_edition_are_read_unless_they_are_hidden() {
        let inner = atom(1_500, &["inside"], &[]);
        let atoms = [
            atom(0, &["Anfang", "Begin"], &[]),
            atom(1_000, &["two"], &inner),
            atom(2_000, &["hidden"], &element(&[0x98], &[1])),
            atom(3_000, &["disabled"], &element(&[0x45, 0x98], &[0])),
            atom(4_000, &[], &element(&[0x98], &[0])),
        ];
        let expected = [(0, "Anfang"), (1_000, "two"), (4_000, "")];
        let expected: Vec<_> = expected.iter().map(|(ms, t)| (*ms, (*t).to_owned())).collect();
        let other = [atom(7_000, &["other"], &[])];
        assert_eq!(read(&[edition(&[], &atoms)]), expected);
        assert_eq!(read(&[edition(&[], &other), edition(&[DEFAULT], &atoms)]), expected);
        assert_eq!(read(&[edition(&[HIDDEN, DEFAULT], &other), edition(&[], &atoms)]), expected);
        assert_eq!(read(&[edition(&[HIDDEN], &other)]), []);
        assert_eq!(read(&[]), []);
    }

    #[test]
    fn a_seek_head_says_where_chapters_are() {
        let seek = |id: [u8; 4], at: u16| {
            let position = element(&[0x53, 0xAC], &at.to_be_bytes());
            element(&[0x4D, 0xBB], &[element(&[0x53, 0xAB], &id), position].concat())
        };
        let head = [seek([0x16, 0x54, 0xAE, 0x6B], 60), seek([0x10, 0x43, 0xA7, 0x70], 900)];
        assert_eq!(position(&head.concat()), Some(900));
        assert_eq!(position(&head[0]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9),
            count in 0_u64..700,
        ) {
            let atoms: Vec<_> = (0..count).map(|number| atom(number, &["x"], &[])).collect();
            let mut bytes = edition(&[DEFAULT], &atoms);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            prop_assert!(of_editions(&bytes).len() <= MAX_CHAPTERS + 1);
            // Positions beyond the end of the file are no element.
            prop_assert!(position(&bytes).is_none());
        }
    }
}
