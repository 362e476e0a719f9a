//! Sections and segments are written here box by box, so that each test says what it needs.

use proptest::prelude::*;

use super::*;

fn atom(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let len = u32::try_from(body.len() + 8).unwrap();
    [&len.to_be_bytes()[..], kind, &body].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// `AudioSpecificConfig` of AAC-LC with 48 kHz in stereo.
const LC: [u8; 2] = [0x11, 0x90];
/// `AudioSpecificConfig` of HE-AAC with a core of 24 kHz.
const HE: [u8; 4] = [0x2B, 0x11, 0x88, 0];

fn mp4a(config: &[u8]) -> Vec<u8> {
    let len = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let specific = [&[5, len(config)][..], config].concat();
    let decoder = [&[0x40, 0x15][..], &[0; 11], &specific].concat();
    let stream = [&[0, 1, 0, 4, len(&decoder)][..], &decoder].concat();
    let esds = atom(b"esds", &[&[0; 4], &[3, len(&stream)], &stream]);
    atom(b"mp4a", &[&[0; 16], &[0, 2, 0, 16, 0, 0, 0, 0, 0xBB, 0x80, 0, 0], &esds])
}

/// A visual sample entry of 640 x 360 pixels.
fn visual(kind: &[u8], boxes: &[&[u8]]) -> Vec<u8> {
    let size = [2, 0x80, 1, 0x68];
    atom(kind, &[&[0; 24], &size, &[0; 50], &boxes.concat()])
}

fn avc1() -> Vec<u8> {
    visual(b"avc1", &[&atom(b"avcC", &[&[1, 100, 0, 30, 0xFF, 0xE1, 0, 1, 0x67, 1, 0, 1, 0x68]])])
}

/// Durations in milliseconds and media times.
type Edits = &'static [(u32, i32)];

/// A track with this timescale, sample entry and edits (duration in milliseconds and media time).
fn trak(id: u32, timescale: u32, entry: &[u8], edits: &[(u32, i32)]) -> Vec<u8> {
    let tkhd = atom(b"tkhd", &[&words(&[7, 0, 0, id])]);
    let mdhd = atom(b"mdhd", &[&words(&[0, 0, 0, timescale, 0, 0])]);
    let stsd = atom(b"stsd", &[&words(&[0, 1]), entry]);
    let media = atom(b"mdia", &[&mdhd, &atom(b"minf", &[&atom(b"stbl", &[&stsd])])]);
    let rows: Vec<u8> =
        edits.iter().flat_map(|(ms, time)| words(&[*ms, time.cast_unsigned(), 0x1_0000])).collect();
    let count = u32::try_from(edits.len()).unwrap();
    let edits = atom(b"edts", &[&atom(b"elst", &[&words(&[0, count]), &rows])]);
    atom(b"trak", &[&tkhd, &edits, &media])
}

fn moov(traks: &[Vec<u8>]) -> Vec<u8> {
    let mvhd = atom(b"mvhd", &[&words(&[0, 0, 0, 1000])]);
    let trex = |id| atom(b"trex", &[&words(&[0, id, 1, 1024, 4, 0])]);
    atom(b"moov", &[&mvhd, &traks.concat(), &atom(b"mvex", &[&trex(1), &trex(2)])])
}

/// A fragment of one track, with this time and these rows of duration, size, flags and composition offset.
fn fragment(id: u32, time: u64, rows: &[(u32, &[u8], u32, i32)]) -> Vec<u8> {
    let count = u32::try_from(rows.len()).unwrap();
    let samples: Vec<u8> = rows
        .iter()
        .flat_map(|(duration, data, flags, composition)| {
            words(&[
                *duration,
                u32::try_from(data.len()).unwrap(),
                *flags,
                composition.cast_unsigned(),
            ])
        })
        .collect();
    let moof = |offset: u32| {
        let tfhd = atom(b"tfhd", &[&words(&[0x02_0000, id])]);
        let tfdt = atom(b"tfdt", &[&words(&[0x0100_0000]), &time.to_be_bytes()]);
        let trun = atom(b"trun", &[&words(&[0x0100_0F01, count, offset]), &samples]);
        atom(b"moof", &[&atom(b"traf", &[&tfhd, &tfdt, &trun])])
    };
    let len = u32::try_from(moof(0).len()).unwrap();
    let data: Vec<u8> = rows.iter().flat_map(|(_, data, _, _)| data.to_vec()).collect();
    [moof(len + 8), atom(b"mdat", &[&data])].concat()
}

const IDR: &[u8] = &[0, 0, 0, 2, 0x65, 0x88];
const OTHER: &[u8] = &[0, 0, 0, 2, 0x41, 0x9A];

fn read(moov: &[u8], segments: &[Vec<u8>]) -> Vec<Segment> {
    let mut fragments = Fragments::new(moov).unwrap();
    segments.iter().map(|segment| fragments.read(segment)).collect()
}

fn faults(segment: &Segment) -> Vec<&'static str> {
    segment.faults.iter().map(|fault| fault.rule).collect()
}

#[test]
fn edits_move_and_cut_what_is_presented() {
    // Priming of 2112 samples, a delay of 500 ms, and both.
    let frames: Vec<(u32, &[u8], u32, i32)> = vec![(1024, &[1, 2], 0, 0); 4];
    let table: [(Edits, u64, u64); 4] = [
        (&[], 0, 4096),
        (&[(0, 2112)], 0, 4096 - 2112),
        (&[(500, -1), (0, 0)], 45_000, 4096),
        (&[(500, -1), (0, 2112)], 45_000, 4096 - 2112),
    ];
    for (edits, first_pts, samples) in table {
        let moov = moov(&[trak(1, 48_000, &mp4a(&LC), edits)]);
        let segment = &read(&moov, &[fragment(1, 0, &frames)])[0];
        let audio = segment.audio.unwrap();
        assert_eq!((audio.first_pts, audio.samples), (first_pts, samples), "{edits:?}");
        assert_eq!(faults(segment), Vec::<&str>::new());
    }
    let moov = moov(&[trak(1, 90_000, &avc1(), &[(0, 3000)])]);
    let segment =
        &read(&moov, &[fragment(1, 0, &[(3000, IDR, 0, 3000), (3000, OTHER, 0x1_0000, -3000)])])[0];
    let times: Vec<u64> = segment.frames.iter().map(|frame| frame.pts).collect();
    assert_eq!(times, [0, (1 << 33) - 3000]);
}

#[test]
fn tracks_share_a_file_and_fragments_share_a_segment() {
    let moov = moov(&[trak(1, 30_000, &avc1(), &[]), trak(2, 48_000, &mp4a(&LC), &[])]);
    let far = 0x1_2345_6789_0000;
    let video = |time| fragment(1, time, &[(1001, IDR, 0, 0), (1001, OTHER, 0x1_0000, -7)]);
    let audio = |time| fragment(2, time, &[(1024, &[0; 9], 0, 0), (1024, &[0; 5], 0, 0)]);
    let begin = [atom(b"styp", &[b"msdh"]), atom(b"emsg", &[]), atom(b"prft", &[])].concat();
    let first = [begin, video(far), audio(0), video(far + 2002), audio(2048)].concat();
    let second = [video(far + 4004), audio(4096)].concat();
    let late = video(far + 6006 + 300);
    let found = read(&moov, &[first, second, late]);
    assert_eq!(faults(&found[0]), Vec::<&str>::new(), "{:?}", found[0].faults);
    assert_eq!((found[0].frames.len(), found[0].video_streams, found[0].audio_streams), (4, 1, 1));
    let audio = found[0].audio.unwrap();
    assert_eq!((audio.frames, audio.samples, audio.first_pts), (4, 4096, 0));
    assert_eq!(found[0].codecs.len(), 2);
    let step =
        super::super::segment::seconds_between(found[0].frames[0].pts, found[1].frames[0].pts);
    assert!((step - 4004.0 / 30_000.0).abs() < 0.000_02, "{step}");
    assert_eq!(faults(&found[1]), Vec::<&str>::new());
    assert_eq!(faults(&found[2]), ["7.3"]);
    let mut fragments = Fragments::new(&moov).unwrap();
    fragments.read(&video(0));
    fragments.reset();
    assert_eq!(faults(&fragments.read(&video(90_000))), Vec::<&str>::new());
}

#[test]
fn entries_tell_their_codecs() {
    let pasp = atom(b"pasp", &[&words(&[4, 3])]);
    let av1 = atom(b"av1C", &[&[0x81, 4, 0x4C, 0]]);
    let dvvc = atom(b"dvvC", &[&[1, 0, 16, 59, 0, 0]]);
    let hevc = atom(b"hvcC", &[&[1, 2, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93], &[0; 9], &[0]]);
    let sinf = |kind: &[u8]| {
        atom(b"sinf", &[&atom(b"frma", &[kind]), &atom(b"schm", &[&[0; 4], b"cbcs", &[0; 4]])])
    };
    let audio = |kind: &[u8], boxes: &[u8]| {
        atom(kind, &[&[0; 16], &[0, 6, 0, 16, 0, 0, 0, 0, 0xBB, 0x80, 0, 0], boxes])
    };
    let table = [
        (avc1(), "avc1.64001e", 0),
        (visual(b"av01", &[&av1, &pasp]), "av01.0.04M.10", 0),
        (visual(b"hvc1", &[&hevc]), "hvc1.2.4.L93.90", 0),
        (visual(b"dvh1", &[&hevc, &dvvc]), "dvh1.08.07", 0),
        (visual(b"vp09", &[&atom(b"vpcC", &[&[1, 0, 0, 0, 2, 31, 0xA2]])]), "vp09.02.31.10", 0),
        (
            visual(b"encv", &[&atom(b"avcC", &[&[1, 77, 64, 30, 0xFF, 0xE0, 0]]), &sinf(b"avc1")]),
            "avc1.4d401e",
            1,
        ),
        (mp4a(&LC), "mp4a.40.2", 0),
        (mp4a(&HE), "mp4a.40.5", 0),
        (audio(b"ac-3", &atom(b"dac3", &[&[0x10, 0x3D, 0xA0]])), "ac-3", 0),
        (audio(b"ec-3", &[]), "ec-3", 0),
        (audio(b"fLaC", &[]), "fLaC", 0),
        (audio(b"Opus", &[]), "Opus", 0),
        (audio(b"enca", &sinf(b"ac-3")), "ac-3", 1),
        (atom(b"wvtt", &[&[0; 8]]), "wvtt", 0),
        (atom(b"stpp", &[&[0; 8]]), "stpp.ttml.im1t", 0),
        (audio(b"iamf", &[]), "iamf", 1),
        (visual(b"avc1", &[]), "avc1", 1),
    ];
    for (entry, codec, not_checked) in table {
        let moov = moov(&[trak(1, 48_000, &entry, &[])]);
        let segment = &read(&moov, &[fragment(1, 0, &[])])[0];
        let codecs: Vec<String> = segment.codecs.iter().map(|c| c.codec.to_string()).collect();
        assert_eq!(codecs, [codec]);
        assert_eq!(segment.not_checked.len(), not_checked, "{codec}: {:?}", segment.not_checked);
    }
    let moov = moov(&[trak(1, 90_000, &visual(b"av01", &[&av1, &pasp]), &[])]);
    let segment =
        &read(&moov, &[fragment(1, 0, &[(3000, &[1], 0, 0), (3000, &[1], 0x1_0000, 0)])])[0];
    let keys: Vec<bool> = segment.frames.iter().map(|frame| frame.is_idr).collect();
    assert_eq!(keys, [true, false]);
    assert!(segment.format.unwrap().is_shown_at(853, 360));
}

#[test]
fn damages_have_their_rules() {
    let moov = moov(&[trak(1, 90_000, &avc1(), &[])]);
    let sound = fragment(1, 0, &[(3000, IDR, 0, 0), (3000, OTHER, 0x1_0000, 0)]);
    let table: [(Vec<u8>, &[&str]); 7] = [
        (sound.clone(), &[]),
        (fragment(1, 0, &[(3000, IDR, 0x1_0000, 0)]), &["7.4"]),
        (fragment(1, 0, &[(3000, &IDR[..5], 0x1_0000, 0)]), &["1.2"]),
        (fragment(3, 0, &[(3000, IDR, 0, 0)]), &[STRUCTURE]),
        (sound[..sound.len() - 1].to_vec(), &[STRUCTURE, STRUCTURE]),
        (atom(b"styp", &[]), &[STRUCTURE]),
        ([&sound[..], &[0, 0]].concat(), &[STRUCTURE]),
    ];
    for (number, (segment, expected)) in table.into_iter().enumerate() {
        assert_eq!(faults(&read(&moov, &[segment])[0]), expected, "{number}");
    }
    let cut = &sound[..sound.len() - OTHER.len()];
    let beginning = Fragments::new(&moov).unwrap().read_beginning(cut);
    assert_eq!((beginning.frames.len(), faults(&beginning).len()), (1, 0));
    assert_eq!(Fragments::new(&sound).err(), Some(InitError::NoMoov));
    // One byte of data, and a run that states four thousand million samples without a size.
    let mut endless = fragment(1, 0, &[(3000, IDR, 0, 0)]);
    let at = endless.windows(4).position(|kind| kind == b"trun").unwrap() + 4;
    endless[at + 2] = 0;
    endless[at + 3] = 1;
    endless[at + 4..at + 8].fill(0xFF);
    let segment = &read(&moov, &[endless])[0];
    assert!(segment.frames.len() < 2000 && !segment.faults.is_empty());
    let damaged = Fragments::new(&moov[..moov.len() - 1]).err().unwrap();
    assert!(damaged.to_string().contains("cut off"), "{damaged}");
}

proptest! {
    #[test]
    fn any_bytes_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let frames: Vec<(u32, &[u8], u32, i32)> = vec![(1001, IDR, 0, 0); 3];
        let mut section = moov(&[trak(1, 90_000, &avc1(), &[(0, 3)]), trak(2, 48_000, &mp4a(&HE), &[])]);
        let mut segment = [fragment(1, 0, &frames), fragment(2, u64::MAX, &frames)].concat();
        drop(Fragments::new(&bytes));
        drop(Fragments::new(&section).unwrap().read(&bytes));
        for (at, value) in &changes {
            let at = at.index(section.len());
            section[at] = *value;
        }
        for (at, value) in &changes {
            let at = at.index(segment.len());
            segment[at] = *value;
        }
        for section in [section, moov(&[trak(1, 90_000, &avc1(), &[(0, 3)])])] {
            if let Ok(mut fragments) = Fragments::new(&section) {
                drop(fragments.read(&segment));
                drop(fragments.read_beginning(&segment));
            }
        }
    }
}
