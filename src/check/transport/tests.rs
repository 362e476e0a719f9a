//! Streams are written here packet by packet, so that each test says what it needs.

use proptest::prelude::*;

use super::super::codec::Codec;
use super::tables::tests::section;
use super::*;

/// Writes packets with rising counters.
#[derive(Default)]
struct Writer {
    counters: HashMap<u16, u8>,
    bytes: Vec<u8>,
}

impl Writer {
    /// The PAT, and a PMT at PID 32 with these streams as type and PID.
    fn new(streams: &[(u8, u16)]) -> Self {
        let mut writer = Self::default();
        writer.tables(streams);
        writer
    }

    fn tables(&mut self, streams: &[(u8, u16)]) {
        let entry = |(kind, pid): &(u8, u16)| {
            let [high, low] = pid.to_be_bytes();
            [*kind, 0xE0 | high, low, 0xF0, 0]
        };
        let entries: Vec<u8> = streams.iter().flat_map(entry).collect();
        let map = section(2, &[&[0xE1, 0, 0xF0, 0][..], &entries].concat());
        self.packet(0, true, &[&[0][..], &section(0, &[0, 1, 0xE0, 32])].concat(), 0);
        self.packet(32, true, &[&[0][..], &map].concat(), 0);
    }

    /// One packet, with these flags of its adaptation field.
    fn packet(&mut self, pid: u16, is_start: bool, payload: &[u8], flags: u8) {
        let counter = self.counters.entry(pid).or_insert(0);
        let [high, low] = pid.to_be_bytes();
        let start = if is_start { 0x40 } else { 0 };
        let is_table = pid == 0 || pid == 32;
        let room = if is_table { 184 } else { 182 };
        assert!(payload.len() <= room);
        let mut packet = vec![SYNC, start | high, low, 0x10 | *counter];
        if is_table {
            packet.extend_from_slice(payload);
            packet.resize(PACKET_BYTES, 0xFF);
        } else {
            packet[3] |= 0x20;
            packet.push(u8::try_from(183 - payload.len()).unwrap());
            packet.push(flags);
            packet.resize(PACKET_BYTES - payload.len(), 0xFF);
            packet.extend_from_slice(payload);
        }
        *counter = (*counter + 1) % 16;
        self.bytes.extend_from_slice(&packet);
    }

    /// A PES packet with this presentation time.
    fn pes(&mut self, pid: u16, pts: Option<u64>, data: &[u8]) {
        let mut pes = vec![0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0];
        if let Some(pts) = pts {
            (pes[7], pes[8]) = (0x80, 5);
            let bits = 0x21_0001_0001
                | (pts >> 30 & 7) << 33
                | (pts >> 15 & 0x7FFF) << 17
                | (pts & 0x7FFF) << 1;
            pes.extend_from_slice(&bits.to_be_bytes()[3..]);
        }
        pes.extend_from_slice(data);
        for (number, part) in pes.chunks(182).enumerate() {
            self.packet(pid, number == 0, part, 0);
        }
    }
}

const VIDEO: u16 = 256;
const AUDIO: u16 = 257;
const BOTH: [(u8, u16); 2] = [(0x1B, VIDEO), (0x0F, AUDIO)];
const IDR: &[u8] = &[0, 0, 0, 1, 9, 0xF0, 0, 0, 0, 1, 0x65, 0x88, 1];
const OTHER: &[u8] = &[0, 0, 0, 1, 9, 0xF0, 0, 0, 0, 1, 0x41, 0x9A, 1];
const ADTS: [u8; 16] = *b"\xff\xf1\x50\x80\x02\x1f\xfc123456789";

fn faults(segment: &Segment) -> Vec<(&'static str, &str)> {
    segment.faults.iter().map(|fault| (fault.rule, fault.text.as_str())).collect()
}

fn alone(writer: &Writer) -> Segment {
    read(&writer.bytes, &mut Continuity::default())
}

#[test]
fn frames_are_not_packets() {
    let mut writer = Writer::new(&BOTH);
    // Two frames in the first packet; the third frame begins in it and ends in the second one, with a fourth.
    writer.pes(VIDEO, Some(90_000), &[IDR, OTHER, &OTHER[..12]].concat());
    writer.pes(VIDEO, Some(99_000), &[&OTHER[12..], OTHER].concat());
    // One and a half frames, then the rest.
    writer.pes(AUDIO, Some(90_000), &[&ADTS[..], &ADTS[..7]].concat());
    writer.pes(AUDIO, Some(94_000), &[&ADTS[7..], &ADTS[..]].concat());
    let segment = alone(&writer);
    assert!(segment.faults.is_empty(), "{:?}", segment.faults);
    let frames: Vec<_> = segment.frames.iter().map(|f| (f.pts, f.bytes, f.is_idr)).collect();
    let expected =
        [(90_000, 13, true), (93_000, 13, false), (96_000, 13, false), (99_000, 13, false)];
    assert_eq!(frames, expected);
    assert_eq!(segment.not_checked.len(), 1, "{:?}", segment.not_checked);
    let audio = segment.audio.unwrap();
    assert_eq!((audio.frames, audio.samples, audio.first_pts), (3, 3072, 90_000));
    assert_eq!((segment.video_streams, segment.audio_streams), (1, 1));
}

#[test]
fn streams_that_players_ignore_are_ignored() {
    let streams = [(0x1B, VIDEO), (0x15, 258), (0x06, 259), (0x86, 260), (0x03, AUDIO)];
    let mut writer = Writer::new(&streams);
    writer.pes(258, Some(90_000), b"ID3 and more");
    writer.pes(259, None, b"private");
    writer.pes(260, None, &[]);
    writer.pes(VIDEO, Some(90_000), IDR);
    let mut layer3 = vec![0; 417];
    layer3[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x64]);
    writer.pes(AUDIO, Some(90_000), &layer3);
    let segment = alone(&writer);
    assert!(segment.faults.is_empty(), "{:?}", segment.faults);
    assert_eq!(segment.audio.map(|audio| audio.codec), Some(Codec::Mp3));
    assert_eq!((segment.video_streams, segment.audio_streams), (1, 1));
}

#[test]
fn counters_and_times_continue_from_segment_to_segment() {
    let mut writer = Writer::new(&BOTH);
    writer.pes(VIDEO, Some(90_000), IDR);
    let mut continuity = Continuity::default();
    assert!(faults(&read(&writer.bytes, &mut continuity)).is_empty());
    writer.bytes.clear();
    writer.tables(&BOTH);
    writer.pes(VIDEO, Some(93_000), IDR);
    assert!(faults(&read(&writer.bytes, &mut continuity)).is_empty());
    // The same segment again.
    let again = read(&writer.bytes, &mut continuity);
    let texts = faults(&again).iter().map(|(_, text)| (*text).to_owned()).collect::<Vec<_>>();
    assert!(texts.iter().any(|text| text.contains("decode times")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("counter")), "{texts:?}");
    continuity.reset();
    assert!(faults(&read(&writer.bytes, &mut continuity)).is_empty());
}

#[test]
fn repeated_packets_and_flagged_discontinuities_are_legal() {
    let mut writer = Writer::new(&BOTH);
    writer.pes(VIDEO, Some(90_000), IDR);
    let last = writer.bytes[writer.bytes.len() - PACKET_BYTES..].to_vec();
    writer.bytes.extend_from_slice(&last);
    // A null packet has any counter.
    writer.counters.insert(NULL_PID, 9);
    writer.packet(NULL_PID, false, &[0; 182], 0);
    writer.packet(NULL_PID, false, &[0; 182], 0);
    writer.counters.insert(VIDEO, 12);
    let before = writer.bytes.len();
    writer.pes(VIDEO, Some(900), OTHER);
    writer.bytes[before + 5] = 0x80;
    let segment = alone(&writer);
    assert_eq!(segment.frames.len(), 2);
    assert!(segment.faults.is_empty(), "{:?}", segment.faults);
}

type Change = fn(Vec<u8>) -> Vec<u8>;

#[test]
fn damages_have_their_rules() {
    let sound = || {
        let mut writer = Writer::new(&BOTH);
        writer.pes(VIDEO, Some(90_000), &[IDR, &[0xAB; 400]].concat());
        writer.pes(AUDIO, Some(90_000), &ADTS);
        writer.bytes
    };
    let table: [(&str, &str, Change); 9] = [
        (SEQUENTIAL, "whole number of packets", |b| b[..b.len() - 9].to_vec()),
        (SEQUENTIAL, "sync byte 0x47 is missing at byte 376", |mut b| {
            b.insert(376, 0);
            b
        }),
        (SEQUENTIAL, "counter of PID 256 jumps from 0 to 2", |mut b| {
            b.drain(3 * 188..4 * 188);
            b
        }),
        (SEQUENTIAL, "error flag", |mut b| {
            b[377] |= 0x80;
            b
        }),
        (SEQUENTIAL, "adaptation field", |mut b| {
            b[3 * 188 + 4] = 184;
            b
        }),
        (SEQUENTIAL, "PID 256 begins before its PMT", |b| {
            [&b[376..564], &b[..376], &b[564..]].concat()
        }),
        (SEQUENTIAL, "the last audio frame", |mut b| {
            let len = b.len();
            b[len - 11] = 0x5F;
            b
        }),
        (STRUCTURE, "the CRC of the PMT is wrong", |mut b| {
            b[188 + 20] ^= 1;
            b
        }),
        (STRUCTURE, "no PAT", |b| b[376..].to_vec()),
    ];
    assert!(faults(&read(&sound(), &mut Continuity::default())).is_empty());
    for (rule, text, change) in table {
        let segment = read(&change(sound()), &mut Continuity::default());
        let found = segment.faults.iter().any(|f| f.rule == rule && f.text.contains(text));
        assert!(found, "{text}: {:?}", segment.faults);
    }
}

#[test]
fn tables_may_stand_in_an_initialization_section() {
    let tables = Writer::new(&BOTH);
    let mut writer = Writer::default();
    writer.pes(VIDEO, Some(90_000), IDR);
    let mut continuity = Continuity::default();
    continuity.set_init(&tables.bytes);
    for _ in 0..2 {
        let segment = read(&writer.bytes, &mut continuity);
        assert_eq!((segment.frames.len(), faults(&segment).len()), (1, 0), "{:?}", segment.faults);
        continuity.reset();
    }
}

#[test]
fn samples_encrypted_in_parts_are_read_and_said_to_be() {
    let mut writer = Writer::new(&[(0xDB, VIDEO), (0xCF, AUDIO)]);
    writer.pes(VIDEO, Some(90_000), IDR);
    writer.pes(AUDIO, Some(90_000), &ADTS);
    let segment = alone(&writer);
    assert!(segment.faults.is_empty(), "{:?}", segment.faults);
    assert_eq!((segment.frames.len(), segment.audio.is_some()), (1, true));
    assert_eq!(segment.not_checked.len(), 2, "{:?}", segment.not_checked);
}

proptest! {
    #[test]
    fn any_bytes_are_read(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let mut writer = Writer::new(&[(0x1B, VIDEO), (0x24, 258), (0x0F, AUDIO), (0x81, 259)]);
        for pid in [VIDEO, AUDIO, 258, 259] {
            writer.pes(pid, Some(90_000), &bytes);
            writer.pes(pid, None, IDR);
        }
        let mut continuity = Continuity::default();
        drop(read(&bytes, &mut continuity));
        for (at, value) in changes {
            let at = at.index(writer.bytes.len());
            writer.bytes[at] = value;
        }
        drop(read(&writer.bytes, &mut continuity));
        drop(read(&writer.bytes, &mut continuity));
    }
}
