//! Reads a transport stream from begin to end, with its timestamps on one timeline.
//!
//! `tsdemux` takes its time from program clock references, and loses time where they are rare, missing or
//! jump. With timestamps on the bytes that it gets, and told to ignore the references, it takes the time from
//! the PES headers, which are rewritten here.

use std::collections::HashSet;

use super::client::Client;
use crate::domain::program_map;
use crate::domain::programs::{self, PACKET_BYTES, SYNC};
use crate::domain::ts_timeline::{TICKS_PER_SECOND, TsTimeline};

/// Distances between packets: plain, with a time code in front of each (Blu-ray, AVCHD), and with parity.
const STRIDES: [usize; 3] = [188, 192, 204];
/// Packets in a row that begin with [`SYNC`] in a transport stream.
const PROOF_PACKETS: usize = 8;
/// Bytes at the begin in which the first timestamp of each stream is looked for.
const HEAD_BYTES: u64 = 2 << 20;
/// Bytes at the end in which the last timestamp is looked for.
const TAIL_BYTES: u64 = 2 << 20;
/// Packets that are read at once.
const CHUNK_PACKETS: usize = 340;
/// First bytes of a frame of DTS (ETSI TS 102 114, 5.3).
const DTS_SYNC: [u8; 4] = [0x7F, 0xFE, 0x80, 0x01];
/// Types under which recorders write DTS without saying so: private data, and that of Blu-ray discs. `tsdemux`
/// knows it by [`DTS_TYPE`].
const UNNAMED_TYPES: [u8; 2] = [0x06, 0x82];
const DTS_TYPE: u8 = 0x8A;

/// Where the packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Framing {
    /// Offset of the first packet.
    first: usize,
    /// Distance between the packets in bytes.
    stride: usize,
}

/// A transport stream that is being read.
#[derive(Debug)]
pub(super) struct TransportStream {
    client: Client,
    stride: usize,
    at: u64,
    timeline: TsTimeline,
    /// Packets with the tables of the program, if they come late: without them, a demuxer drops what precedes.
    tables: Vec<u8>,
    /// Streams of DTS.
    dts: HashSet<u16>,
    /// Duration up to the last timestamp, in ticks of 90 kHz; an estimate where the clock has changed.
    pub(super) duration_ticks: u64,
}

/// A run of packets.
pub(super) struct Chunk {
    /// Bytes of the packets, without what a container puts between them.
    pub(super) bytes: Vec<u8>,
    /// Time of the first PES packet in it, in ticks of 90 kHz.
    pub(super) ticks: Option<u64>,
}

impl TransportStream {
    /// Opens the source; `None` if it is no transport stream.
    pub(super) fn open(client: &Client) -> Option<Self> {
        // Sources of other formats are read no further.
        find_framing(client)?;
        let mut head = vec![0; usize::try_from(HEAD_BYTES).ok()?];
        let len = client.read(0, &mut head).ok()?;
        head.truncate(len);
        let Framing { first, stride } = framing(&head)?;
        let mut firsts = Vec::new();
        let mut seen = HashSet::new();
        for (pid, ticks) in timestamps(head.get(first..)?, stride) {
            if seen.insert(pid) {
                firsts.push(ticks);
            }
        }
        let timeline = TsTimeline::starting_at(&firsts);
        let duration_ticks = last_ticks(client, &timeline).unwrap_or_else(|| {
            scaled_ticks(head.get(first..).unwrap_or_default(), stride, client, &timeline)
        });
        let dts = dts_streams(head.get(first..)?, stride);
        let mut tables = tables(head.get(first..)?, stride);
        tables.chunks_mut(PACKET_BYTES).for_each(|packet| name_dts(packet, &dts));
        let (client, at) = (client.clone(), first as u64);
        Some(Self { client, stride, at, timeline, tables, dts, duration_ticks })
    }

    /// Reads the next packets; `None` at the end.
    ///
    /// # Errors
    /// The source cannot be read.
    pub(super) fn next_chunk(&mut self) -> std::io::Result<Option<Chunk>> {
        let mut bytes = vec![0; CHUNK_PACKETS * self.stride];
        let len = self.client.read(self.at, &mut bytes)?;
        bytes.truncate(len);
        let mut chunk = Chunk { bytes: std::mem::take(&mut self.tables), ticks: None };
        let mut at = 0;
        while let Some(packet) = bytes.get_mut(at..at + PACKET_BYTES) {
            if packet.first() != Some(&SYNC) {
                at += 1;
                continue;
            }
            if let Some(pes) = pes_header(packet) {
                let ticks = self.rewrite(pes);
                chunk.ticks = chunk.ticks.or(ticks);
            } else {
                name_dts(packet, &self.dts);
            }
            chunk.bytes.extend_from_slice(packet);
            at += self.stride;
        }
        self.at += at.max(1) as u64;
        Ok((len > 0).then_some(chunk))
    }

    /// Rewrites the timestamps of a PES header. Returns its time.
    fn rewrite(&mut self, pes: &mut [u8]) -> Option<u64> {
        let [has_pts, has_dts] = stated(pes);
        let (pts, dts) =
            (has_pts.then(|| read(pes, 9))??, has_dts.then(|| read(pes, 14)).flatten());
        // The DTS rises steadily, and the PTS is near to it.
        let dts = dts.map(|dts| self.timeline.map(dts));
        let pts = self.timeline.map(pts);
        write(pes, 9, pts);
        if let Some(dts) = dts {
            write(pes, 14, dts);
        }
        Some(dts.map_or(pts, |dts| dts.min(pts)))
    }
}

/// Whether the source is a transport stream.
pub(crate) fn is_transport_stream(client: &Client) -> bool {
    find_framing(client).is_some()
}

/// Finds the packets in the first ones of a source.
fn find_framing(client: &Client) -> Option<Framing> {
    let mut head = vec![0; STRIDES[2] * (PROOF_PACKETS + 2)];
    let len = client.read(0, &mut head).unwrap_or(0);
    framing(head.get(..len)?)
}

/// Finds the packets.
fn framing(head: &[u8]) -> Option<Framing> {
    let is_sync = |at: usize| head.get(at) == Some(&SYNC);
    STRIDES.into_iter().find_map(|stride| {
        let packets = PROOF_PACKETS.min(head.len() / stride);
        let proves = |first: &usize| {
            packets > 1
                && (0..packets)
                    .all(|n| is_sync(first + n * stride) || first + n * stride >= head.len())
        };
        (0..stride).find(proves).map(|first| Framing { first, stride })
    })
}

/// Stream and first timestamp of each PES packet that has one.
fn timestamps(bytes: &[u8], stride: usize) -> impl Iterator<Item = (u16, u64)> {
    bytes.chunks(stride).filter_map(|packet| {
        let mut packet: [u8; PACKET_BYTES] = packet.get(..PACKET_BYTES)?.try_into().ok()?;
        let pid = pid_of(&packet);
        let pes = pes_header(&mut packet)?;
        let [has_pts, has_dts] = stated(pes);
        let at = if has_dts { 14 } else { 9 };
        Some((pid, has_pts.then(|| read(pes, at))??))
    })
}

/// The first packets with a program association table and the program map tables that it names, one packet
/// each (ISO 13818-1, 2.4.4).
fn tables(bytes: &[u8], stride: usize) -> Vec<u8> {
    let packets = || bytes.chunks(stride).filter_map(|packet| packet.get(..PACKET_BYTES));
    let begins = |packet: &[u8], pid: u16| pid_of(packet) == pid && packet[1] & 0x40 != 0;
    let Some(association) = packets().find(|packet| begins(packet, 0)) else { return Vec::new() };
    let entries = programs::association_table(association).unwrap_or_default();
    let maps =
        entries.into_iter().filter_map(|(_, pid)| packets().find(|packet| begins(packet, pid)));
    std::iter::once(association).chain(maps).flatten().copied().collect()
}

/// The streams with a PES packet that begins with a frame of DTS.
fn dts_streams(bytes: &[u8], stride: usize) -> HashSet<u16> {
    let of_packet = |packet: &[u8]| {
        let mut packet: [u8; PACKET_BYTES] = packet.get(..PACKET_BYTES)?.try_into().ok()?;
        let pid = pid_of(&packet);
        let pes = pes_header(&mut packet)?;
        let payload = pes.get(9 + usize::from(*pes.get(8)?)..)?;
        payload.starts_with(&DTS_SYNC).then_some(pid)
    };
    bytes.chunks(stride).filter_map(of_packet).collect()
}

/// Names streams of DTS in a packet with a program map.
fn name_dts(packet: &mut [u8], dts: &HashSet<u16>) {
    if dts.is_empty() {
        return;
    }
    program_map::rename_streams(packet, |pid, kind| {
        (dts.contains(&pid) && UNNAMED_TYPES.contains(&kind)).then_some(DTS_TYPE)
    });
}

fn pid_of(packet: &[u8]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

/// Fewest bytes in a second of a recording. A duration that leaves fewer spans a change of clock.
const MIN_BYTES_PER_SECOND: u64 = 1000;

/// Time of the last timestamps, in ticks.
fn last_ticks(client: &Client, timeline: &TsTimeline) -> Option<u64> {
    let bytes = client.source_bytes();
    let begin = bytes.saturating_sub(TAIL_BYTES);
    let mut tail = vec![0; usize::try_from(bytes - begin).unwrap_or(0)];
    let len = client.read(begin, &mut tail).unwrap_or(0);
    tail.truncate(len);
    let Framing { first, stride } = framing(&tail)?;
    let found = timestamps(tail.get(first..)?, stride);
    let most = (bytes / MIN_BYTES_PER_SECOND + 10) * TICKS_PER_SECOND.unsigned_abs();
    found.map(|(_, ticks)| timeline.since_begin(ticks)).max().filter(|last| *last <= most)
}

/// The duration, if the whole source has as many bytes in a second as its head.
fn scaled_ticks(head: &[u8], stride: usize, client: &Client, timeline: &TsTimeline) -> u64 {
    let mut timeline = timeline.clone();
    let latest = timestamps(head, stride).map(|(_, ticks)| timeline.map(ticks)).max().unwrap_or(0);
    let scaled =
        u128::from(latest) * u128::from(client.source_bytes()) / (head.len().max(1) as u128);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// The begin of the PES packet that begins in this packet.
fn pes_header(packet: &mut [u8]) -> Option<&mut [u8]> {
    let &[_, flags, _, control, ..] = &*packet else { return None };
    let begins = flags & 0x40 != 0 && flags & 0x80 == 0;
    let is_scrambled = control & 0xc0 != 0;
    let pes = packet.get_mut(programs::payload_at(packet)?..)?;
    let is_pes = begins && !is_scrambled && pes.starts_with(&[0, 0, 1]);
    // Streams with the optional header (table 2-21): private 1, audio, video, and extended.
    let has_header = matches!(pes.get(3)?, 0xbd | 0xc0..=0xef | 0xfd);
    (is_pes && has_header).then_some(pes)
}

/// Whether a PES header has a PTS, and a DTS.
fn stated(pes: &[u8]) -> [bool; 2] {
    let flags = pes.get(7).copied().unwrap_or(0);
    let len = usize::from(pes.get(8).copied().unwrap_or(0));
    let has_pts = flags & 0x80 != 0 && len >= 5 && pes.len() >= 14;
    [has_pts, has_pts && flags & 0x40 != 0 && len >= 10 && pes.len() >= 19]
}

/// Reads a timestamp: 33 bits with three marker bits in five bytes.
fn read(pes: &[u8], at: usize) -> Option<u64> {
    let bytes: &[u8; 5] = pes.get(at..at + 5)?.try_into().ok()?;
    // The marker is the last bit of the first, third and fifth byte.
    let parts =
        [(0, 1, 0x07, 30), (1, 0, 0xff, 22), (2, 1, 0x7f, 15), (3, 0, 0xff, 7), (4, 1, 0x7f, 0)];
    let part = |(byte, marker, mask, shift): (usize, u32, u64, u32)| {
        (u64::from(bytes[byte]) >> marker & mask) << shift
    };
    Some(parts.into_iter().map(part).sum())
}

/// Writes a timestamp in the place of another one.
fn write(pes: &mut [u8], at: usize, ticks: u64) {
    let Some(bytes) = pes.get_mut(at..at + 5) else { return };
    let byte = |shift: u32, mask: u64| u8::try_from(ticks >> shift & mask).unwrap_or(0);
    bytes[0] = bytes[0] & 0xf1 | byte(30, 7) << 1;
    bytes[1] = byte(22, 0xff);
    bytes[2] = byte(15, 0x7f) << 1 | 1;
    bytes[3] = byte(7, 0xff);
    bytes[4] = byte(0, 0x7f) << 1 | 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of this PID whose payload begins a PES packet with a PTS and a DTS.
    fn packet(pid: u16, pts: u64, dts: u64) -> Vec<u8> {
        let [high, low] = pid.to_be_bytes();
        let mut packet = vec![SYNC, 0x40 | high, low, 0x10];
        packet.extend([0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10, 0x31, 0, 1, 0, 1, 0x11, 0, 1, 0, 1]);
        packet.resize(PACKET_BYTES, 0xff);
        write(&mut packet[4..], 9, pts);
        write(&mut packet[4..], 14, dts);
        packet
    }

    #[test]
    fn packets_are_found_at_each_distance() {
        let plain = packet(0x100, 0, 0);
        for (stride, first) in [(188, 0), (188, 100), (192, 4), (204, 0)] {
            let mut bytes = vec![0; first];
            for _ in 0..20 {
                bytes.extend(&plain);
                bytes.resize(bytes.len() + stride - PACKET_BYTES, 0);
            }
            assert_eq!(framing(&bytes), Some(Framing { first, stride }), "{stride} {first}");
        }
        for other in [&b""[..], b"G", &[0; 4000], b"GIF89a", &[SYNC; 200]] {
            assert_eq!(framing(other), None, "{:?}", other.get(..6));
        }
    }

    #[test]
    fn timestamps_are_read_as_they_were_written() {
        for (pts, dts) in [(0, 0), ((1 << 33) - 1, 1), (0x1_2345_6789, 0xffff_ffff)] {
            let mut packet = packet(0x100, pts, dts);
            let pes = pes_header(&mut packet).unwrap();
            assert_eq!(stated(pes), [true, true]);
            assert_eq!((read(pes, 9), read(pes, 14)), (Some(pts), Some(dts)));
        }
        let found: Vec<_> = timestamps(&packet(0x1abc, 7, 5), PACKET_BYTES).collect();
        assert_eq!(found, [(0x1abc, 5)]);
    }

    #[test]
    fn other_packets_have_no_timestamps() {
        let good = packet(0x100, 9, 9);
        let with = |at: usize, byte: u8| {
            let mut packet = good.clone();
            packet[at] = byte;
            packet
        };
        let table = [
            ("a continuation", with(1, 0x01)),
            ("an error", with(1, 0xc1)),
            ("scrambled", with(3, 0x90)),
            ("no payload", with(3, 0x20)),
            ("a long adaptation field", {
                let mut packet = with(3, 0x30);
                packet[4] = 183;
                packet
            }),
            ("a table", with(6, 0)),
            ("padding", with(7, 0xbe)),
            ("no PTS", with(11, 0)),
            ("a header that is too short", with(12, 3)),
        ];
        for (name, packet) in table {
            assert_eq!(timestamps(&packet, PACKET_BYTES).count(), 0, "{name}");
        }
        for len in 0..PACKET_BYTES {
            assert_eq!(timestamps(&good[..len], PACKET_BYTES).count(), 0);
        }
    }

    #[test]
    fn streams_of_dts_are_found_by_their_frames() {
        let with_frame = |pid, frame: [u8; 4]| {
            let mut packet = packet(pid, 0, 0);
            packet[23..27].copy_from_slice(&frame);
            packet
        };
        let other = with_frame(0x102, [0x0B, 0x77, 0x80, 0x01]);
        let file = [packet(0x100, 0, 0), with_frame(0x101, DTS_SYNC), other].concat();
        assert_eq!(dts_streams(&file, PACKET_BYTES), HashSet::from([0x101]));
        for len in 0..file.len() {
            assert!(dts_streams(&file[..len], PACKET_BYTES).len() <= 1);
        }
    }

    #[test]
    fn tables_are_found_behind_media() {
        let section = |pid: u16, body: &[u8]| {
            let [high, low] = pid.to_be_bytes();
            let mut packet = vec![SYNC, 0x40 | high, low, 0x10, 0];
            packet.extend(body);
            packet.resize(PACKET_BYTES, 0xff);
            packet
        };
        // Network information at 0x10, and program 1 at 0x1000.
        let programs = [0, 0xb0, 17, 0, 1, 0xc1, 0, 0, 0, 0, 0xe0, 0x10, 0, 1, 0xf0, 0, 1, 2, 3, 4];
        let (association, map) = (section(0, &programs), section(0x1000, &[2, 0xb0, 13]));
        let media = packet(0x100, 0, 0);
        let file = [&media[..], &media, &map, &media, &association, &media, &map].concat();
        assert_eq!(tables(&file, PACKET_BYTES), [&association[..], &map].concat());
        assert!(tables(&media, PACKET_BYTES).is_empty());
        for len in 0..30 {
            let mut cut = association.clone();
            cut[7] = len;
            tables(&cut, PACKET_BYTES);
            cut[4] = len * 8;
            tables(&cut, PACKET_BYTES);
        }
    }
}
