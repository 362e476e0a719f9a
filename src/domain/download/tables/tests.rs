use mp4_atom::{Decode, Moov};

use super::*;

fn tables(timescale: u32, is_video: bool, frames: &[(u64, i32, usize, bool)]) -> Tables {
    let mut tables = Tables::default();
    for chunk in frames.chunks(2) {
        let sample = |&(dts, composition, len, is_sync)| Sample {
            data: vec![0; len],
            dts,
            composition,
            is_sync,
        };
        tables.add_chunk(&chunk.iter().map(sample).collect::<Vec<_>>());
    }
    let entry = if is_video {
        avc_entry((64, 36), &[0x67, 100, 0, 10, 1], &[0x68, 1]).unwrap()
    } else {
        mp4a_entry(timescale, 2, [0x12, 0x10])
    };
    let size = if is_video { (64, 36) } else { (0, 0) };
    tables.set_track(Track { timescale, entry, is_video, size });
    tables
}

#[test]
fn another_parser_reads_the_tables() {
    let video = [(900, 3600, 7, true), (4500, 7200, 5, false), (8100, 0, 4, false)];
    let video = tables(90_000, true, &video);
    let audio: Vec<_> = (0..4_u64).map(|n| (441 + n * 1024, 0, 3, true)).collect();
    let audio = tables(44_100, false, &audio);
    let head = head(&[&video, &audio]);
    let mut bytes = &head[..];
    drop(mp4_atom::Ftyp::decode(&mut bytes).unwrap());
    let moov = Moov::decode(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 16, "the head of the media data");
    assert_eq!(&bytes[8..], (7_u64 + 5 + 4 + 12 + 16).to_be_bytes());
    let [first, second] = &moov.trak[..] else { panic!("{moov:#?}") };
    let data = head.len() as u64;
    let places = |trak: &mp4_atom::Trak| trak.mdia.minf.stbl.co64.clone().unwrap().entries;
    assert_eq!(places(first), [data, data + 12 + 6]);
    assert_eq!(places(second), [data + 12, data + 12 + 6 + 4]);
    let stbl = &first.mdia.minf.stbl;
    assert_eq!(stbl.stss.as_ref().unwrap().entries, [1]);
    let mp4_atom::Codec::Avc1(avc) = &stbl.stsd.codecs[0] else { panic!("{stbl:#?}") };
    assert_eq!((avc.visual.width, avc.avcc.picture_parameter_sets.len()), (64, 1));
    let edits = |trak: &mp4_atom::Trak| {
        let list = trak.edts.clone().unwrap().elst.unwrap().entries;
        list.iter().map(|e| (e.segment_duration, e.media_time)).collect::<Vec<_>>()
    };
    // The first frame is shown at 4500; the sound begins at 900 of the same clock, and its begin is hidden.
    assert_eq!(edits(first), [(10_800, Some(3600))]);
    let [(shown, Some(1764))] = edits(second)[..] else { panic!("{:?}", edits(second)) };
    assert_eq!(shown, 4 * 1024 * 90_000 / 44_100 - 3600);
    let mp4_atom::Codec::Mp4a(aac) = &second.mdia.minf.stbl.stsd.codecs[0] else { panic!() };
    assert_eq!(aac.audio.channel_count, 2);
    let specific = aac.esds.es_desc.dec_config.dec_specific.clone().unwrap();
    assert_eq!((specific.profile, specific.freq_index, specific.chan_conf), (2, 4, 2));
}

#[test]
fn sound_that_begins_late_waits() {
    let video = tables(90_000, true, &[(0, 0, 1, true), (3600, 0, 1, true)]);
    let audio = tables(48_000, false, &[(480, 0, 1, true)]);
    let head = head(&[&video, &audio]);
    let moov = Moov::decode(&mut &head[32..]).unwrap();
    let list = moov.trak[1].edts.clone().unwrap().elst.unwrap().entries;
    assert_eq!((list[0].segment_duration, list[0].media_time), (900, None));
    assert_eq!(list[1].media_time, Some(0));
    assert!(moov.trak[0].mdia.minf.stbl.stss.is_none(), "all frames are key frames");
}
