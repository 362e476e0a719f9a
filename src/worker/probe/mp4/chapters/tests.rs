use proptest::prelude::*;

use super::super::testing::{mp4_box, reader};
use super::*;

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A track with this id, handler and references to chapters; its samples lie in two chunks of two and one.
fn track(id: u8, handler: [u8; 4], chap: &[u32], offset: u32, sizes: &[u32]) -> Vec<u8> {
    let mut head = [0; 84];
    head[15] = id;
    let mut media = [0; 24];
    // 1,000 ticks per second.
    media[14] = 3;
    media[15] = 0xE8;
    let first_two: u32 = sizes.iter().take(2).sum();
    let count = u32::try_from(sizes.len()).unwrap();
    let table = [
        mp4_box(*b"stts", &numbers(&[0, 2, 1, 2_500, count, 4_000])),
        mp4_box(*b"stsz", &[numbers(&[0, 0, count]), numbers(sizes)].concat()),
        mp4_box(*b"stsc", &numbers(&[0, 2, 1, 2, 1, 2, 1, 1])),
        mp4_box(*b"stco", &numbers(&[0, 2, offset, offset + first_two])),
    ];
    let hdlr = [&[0; 8][..], &handler, &[0; 13]].concat();
    let minf = mp4_box(*b"minf", &mp4_box(*b"stbl", &table.concat()));
    let mdia = [mp4_box(*b"mdhd", &media), mp4_box(*b"hdlr", &hdlr), minf].concat();
    let tref = mp4_box(*b"tref", &mp4_box(*b"chap", &numbers(chap)));
    mp4_box(*b"trak", &[mp4_box(*b"tkhd", &head), tref, mp4_box(*b"mdia", &mdia)].concat())
}

fn sample(text: &[u8]) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
}

/// Text samples, and their sizes.
fn samples() -> (Vec<u8>, [u32; 3]) {
    let utf16: Vec<u8> = "\u{FEFF}Größe".encode_utf16().flat_map(u16::to_be_bytes).collect();
    // The style follows the text.
    let styled = [sample(b"End"), mp4_box(*b"encd", &[0, 0, 1, 0])].concat();
    let samples = [sample("Début".as_bytes()), sample(&utf16), styled];
    let sizes = [0, 1, 2].map(|at: usize| u32::try_from(samples[at].len()).unwrap());
    (samples.concat(), sizes)
}

fn list(version: u8, entries: &[(u64, &str)]) -> Vec<u8> {
    let mut body = vec![version, 0, 0, 0];
    body.resize(if version == 0 { 4 } else { 8 }, 0);
    body.push(u8::try_from(entries.len()).unwrap());
    for (start_ms, text) in entries {
        body.extend((start_ms * 10_000).to_be_bytes());
        body.push(u8::try_from(text.len()).unwrap());
        body.extend(text.bytes());
    }
    mp4_box(*b"udta", &mp4_box(*b"chpl", &body))
}

/// A file with the samples at its begin.
fn file(moov: &[Vec<u8>]) -> Vec<u8> {
    let ftyp = mp4_box(*b"ftyp", b"isom\0\0\0\0");
    [ftyp, mp4_box(*b"mdat", &samples().0), mp4_box(*b"moov", &moov.concat())].concat()
}

const SAMPLES_AT: u32 = 24;

fn read(file: &[u8]) -> Chapters {
    read_chapters(&reader(file))
}

fn found(file: &[u8]) -> (Vec<u32>, Vec<(u64, String)>) {
    let Chapters { tracks, chapters } = read(file);
    let of = |chapter: Chapter| (chapter.start_ns / 1_000_000, chapter.title);
    (tracks, chapters.into_iter().map(of).collect())
}

fn owned(chapters: &[(u64, &str)]) -> Vec<(u64, String)> {
    chapters.iter().map(|(ms, title)| (*ms, (*title).to_owned())).collect()
}

#[test]
fn chapters_come_from_the_named_text_track_or_from_the_list() {
    let (_, sizes) = samples();
    let movie = mp4_box(*b"mvhd", &[0; 100]);
    let video = |chap: &[u32]| track(1, *b"vide", chap, 0, &[4, 4, 4]);
    let text = |id| track(id, *b"text", &[], SAMPLES_AT, &sizes);
    let images = track(4, *b"vide", &[], SAMPLES_AT, &sizes);
    let of_track = owned(&[(0, "Début"), (2_500, "Größe"), (6_500, "End")]);
    let entries = [(0, "one"), (1_500, "two")];
    let table = [
        (vec![movie.clone(), video(&[3]), text(3)], vec![3], of_track.clone()),
        (vec![video(&[4, 3]), images, text(3), list(1, &entries)], vec![3], of_track.clone()),
        // A second language.
        (vec![video(&[3, 5]), text(3), text(5)], vec![3, 5], of_track),
        // Subtitles: no track names them as chapters.
        (vec![video(&[]), text(3)], vec![], vec![]),
        (vec![video(&[]), list(1, &entries)], vec![], owned(&entries)),
        (vec![video(&[]), list(0, &entries)], vec![], owned(&entries)),
        // A track without samples.
        (
            vec![video(&[3]), track(3, *b"text", &[], 0, &[]), list(1, &entries)],
            vec![3],
            owned(&entries),
        ),
    ];
    for (moov, tracks, chapters) in table {
        let whole = file(&moov);
        assert_eq!(found(&whole), (tracks, chapters));
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).chapters.len() <= 3);
        }
    }
    assert_eq!(read(b"RIFF\0\0\0\0AVI LIST"), Chapters::default());
}

#[test]
fn counts_and_lengths_that_a_file_claims_are_bounded() {
    let stts = numbers(&[0, 0, 0, 1, u32::MAX, u32::MAX, u32::MAX, u32::MAX]);
    assert_eq!(times(&stts).len(), MAX_READ);
    let sizes = sizes(&numbers(&[0, 0, 0, u32::MAX, u32::MAX])).unwrap();
    assert_eq!(sizes, vec![u32::MAX; MAX_READ]);
    let stsc = numbers(&[0, 0, 0, 0, 1, u32::MAX, 1]);
    let places = places(&sizes, &stsc, &[u64::MAX - 1, 0]);
    assert_eq!((places.len(), places[0].0, places[1].0), (MAX_READ, u64::MAX - 1, u64::MAX));
    let endless = |_: u64, target: &mut [u8]| {
        target.fill(b'x');
        target.len()
    };
    assert_eq!(title(&endless, 0, u32::MAX).len(), MAX_TITLE_BYTES - 2);
}

proptest! {
    #[test]
    fn any_file_is_read(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let (_, sizes) = samples();
        let moov = [track(1, *b"vide", &[3], 0, &[4]), track(3, *b"text", &[], SAMPLES_AT, &sizes), list(1, &[(0, "one")])];
        let mut bytes = file(&moov);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert!(read(&bytes).chapters.len() <= MAX_READ);
    }
}
