//! Reads a transport stream from begin to end, with its timestamps on one timeline.
//!
//! `tsdemux` takes its time from program clock references, and loses time where they are rare, missing or
//! jump. With timestamps on the bytes that it gets, and told to ignore the references, it takes the time from
//! the PES headers, which are rewritten here.

use std::collections::HashMap;

use super::client::Client;
use crate::domain::ts_timeline::TsTimeline;

/// Bytes of a packet (ISO 13818-1, 2.4.3.2).
const PACKET_BYTES: usize = 188;
/// First byte of a packet.
const SYNC: u8 = 0x47;
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
    /// Duration up to the last timestamp, in ticks of 90 kHz; a guess where clocks change.
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
        let mut head = vec![0; usize::try_from(HEAD_BYTES).ok()?];
        let len = client.read(0, &mut head).ok()?;
        head.truncate(len);
        let Framing { first, stride } = framing(&head)?;
        let mut firsts = Vec::new();
        let mut seen = HashMap::new();
        for (pid, ticks) in timestamps(head.get(first..)?, stride) {
            seen.entry(pid).or_insert_with(|| firsts.push(ticks));
        }
        let timeline = TsTimeline::starting_at(&firsts);
        let duration_ticks = last_ticks(client, stride, timeline.clone());
        Some(Self { client: client.clone(), stride, at: first as u64, timeline, duration_ticks })
    }

    /// Reads the next packets; `None` at the end.
    ///
    /// # Errors
    /// The source cannot be read.
    pub(super) fn next_chunk(&mut self) -> std::io::Result<Option<Chunk>> {
        let mut bytes = vec![0; CHUNK_PACKETS * self.stride];
        let len = self.client.read(self.at, &mut bytes)?;
        bytes.truncate(len);
        let mut chunk = Chunk { bytes: Vec::with_capacity(CHUNK_PACKETS * PACKET_BYTES), ticks: None };
        let mut at = 0;
        while let Some(packet) = bytes.get_mut(at..at + PACKET_BYTES) {
            if packet.first() != Some(&SYNC) {
                at += 1;
                continue;
            }
            if let Some(pes) = pes_header(packet) {
                let ticks = self.rewrite(pes);
                chunk.ticks = chunk.ticks.or(ticks);
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
        let (pts, dts) = (has_pts.then(|| read(pes, 9))??, has_dts.then(|| read(pes, 14)).flatten());
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
    let mut head = vec![0; STRIDES[2] * (PROOF_PACKETS + 2)];
    let len = client.read(0, &mut head).unwrap_or(0);
    framing(head.get(..len).unwrap_or_default()).is_some()
}

/// Finds the packets.
fn framing(head: &[u8]) -> Option<Framing> {
    let is_sync = |at: usize| head.get(at) == Some(&SYNC);
    STRIDES.into_iter().find_map(|stride| {
        let packets = PROOF_PACKETS.min(head.len() / stride);
        let proves = |first: &usize| {
            packets > 1 && (0..packets).all(|n| is_sync(first + n * stride) || first + n * stride >= head.len())
        };
        (0..stride).find(proves).map(|first| Framing { first, stride })
    })
}

/// Stream and first timestamp of each PES packet that has one.
fn timestamps(bytes: &[u8], stride: usize) -> impl Iterator<Item = (u16, u64)> {
    bytes.chunks(stride).filter_map(|packet| {
        let mut packet: [u8; PACKET_BYTES] = packet.get(..PACKET_BYTES)?.try_into().ok()?;
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let pes = pes_header(&mut packet)?;
        let [has_pts, has_dts] = stated(pes);
        let at = if has_dts { 14 } else { 9 };
        Some((pid, has_pts.then(|| read(pes, at))??))
    })
}

/// Time of the last timestamps, in ticks.
fn last_ticks(client: &Client, stride: usize, timeline: TsTimeline) -> u64 {
    let bytes = client.source_bytes();
    let begin = bytes.saturating_sub(TAIL_BYTES);
    let mut tail = vec![0; usize::try_from(bytes - begin).unwrap_or(0)];
    let len = client.read(begin, &mut tail).unwrap_or(0);
    tail.truncate(len);
    let Some(Framing { first, .. }) = framing(&tail) else { return 0 };
    let found = timestamps(tail.get(first..).unwrap_or_default(), stride);
    // Each is mapped by itself: nothing in between was read.
    found.map(|(_, ticks)| timeline.since_begin(ticks)).max().unwrap_or(0)
}

/// The begin of the PES packet that begins in this packet.
fn pes_header(packet: &mut [u8]) -> Option<&mut [u8]> {
    let &[_, flags, _, control, adaptation, ..] = &*packet else { return None };
    let begins = flags & 0x40 != 0 && flags & 0x80 == 0;
    let is_scrambled = control & 0xc0 != 0;
    let payload = match control & 0x30 {
        0x10 => 4,
        0x30 => 5 + usize::from(adaptation),
        _ => return None,
    };
    let pes = packet.get_mut(payload..)?;
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
    let [a, b, c, d, e] = bytes.map(u64::from);
    Some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
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
