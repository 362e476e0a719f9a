//! MPEG transport streams (ISO 13818-1): packets, tables, and the frames in elementary streams.

mod access_units;
mod packet;
mod streams;
mod tables;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use self::packet::{PACKET_BYTES, Packet, PesHeader, SEQUENTIAL, SYNC};
use self::streams::Elementary;
use self::tables::{Format, Sections, Stream, Table};
use super::segment::{Segment, seconds_between};

/// Rule for the structure of a transport stream.
const STRUCTURE: &str = "RFC 8216 3.2";
/// PID of packets without content.
const NULL_PID: u16 = 0x1FFF;

/// Counters, times and tables that continue from segment to segment.
#[derive(Default)]
pub(super) struct Continuity {
    counters: HashMap<u16, u8>,
    /// Decode time of the last PES packet, by PID.
    dts: HashMap<u16, u64>,
    clock: Option<u64>,
    /// Packets of an initialization section.
    init: Vec<u8>,
}

impl Continuity {
    /// Expects counters and times that do not continue those before (`EXT-X-DISCONTINUITY`).
    pub(super) fn reset(&mut self) {
        *self = Self { init: std::mem::take(&mut self.init), ..Self::default() };
    }

    /// Sets the initialization section: packets with tables.
    pub(super) fn set_init(&mut self, section: &[u8]) {
        self.init = section.to_vec();
    }
}

/// Whether the bytes begin as a transport stream does.
pub(super) fn is_transport(bytes: &[u8]) -> bool {
    let is_sync = |at: usize| bytes.get(at).is_none_or(|byte| *byte == SYNC);
    bytes.first() == Some(&SYNC) && is_sync(PACKET_BYTES) && is_sync(2 * PACKET_BYTES)
}

/// Reads a segment. `continuity` is the state behind the segments before it.
pub(super) fn read(bytes: &[u8], continuity: &mut Continuity) -> Segment {
    let init = std::mem::take(&mut continuity.init);
    let mut demuxer = Demuxer::new(continuity);
    for packet in init.chunks_exact(PACKET_BYTES).filter_map(|bytes| Packet::parse(bytes).ok()) {
        demuxer.tables(&packet);
    }
    demuxer.packets(bytes);
    let segment = demuxer.finish();
    continuity.init = init;
    segment
}

struct Demuxer<'a, 'b> {
    segment: Segment,
    sections: Sections,
    /// PIDs of program maps.
    maps: Vec<u16>,
    has_map: bool,
    clock_pid: Option<u16>,
    streams: Vec<Stream>,
    elementary: HashMap<u16, Elementary>,
    /// PIDs of PES packets before the program map.
    early: HashSet<u16>,
    /// Last payload by PID.
    payloads: HashMap<u16, &'b [u8]>,
    continuity: &'a mut Continuity,
}

impl<'a, 'b> Demuxer<'a, 'b> {
    fn new(continuity: &'a mut Continuity) -> Self {
        Self {
            segment: Segment::default(),
            sections: Sections::default(),
            maps: Vec::new(),
            has_map: false,
            clock_pid: None,
            streams: Vec::new(),
            elementary: HashMap::new(),
            early: HashSet::new(),
            payloads: HashMap::new(),
            continuity,
        }
    }

    fn packets(&mut self, bytes: &'b [u8]) {
        if !bytes.len().is_multiple_of(PACKET_BYTES) {
            let text = format!("{} bytes are not a whole number of packets", bytes.len());
            self.segment.fault(SEQUENTIAL, text);
        }
        let mut at = 0;
        while let Some(packet) = bytes.get(at..at + PACKET_BYTES) {
            if packet[0] != SYNC {
                let is_sync = |at: &usize| {
                    bytes[*at] == SYNC && bytes.get(at + PACKET_BYTES).is_none_or(|b| *b == SYNC)
                };
                let next = (at + 1..bytes.len()).find(is_sync).unwrap_or(bytes.len());
                let text = format!(
                    "the sync byte 0x47 is missing at byte {at}, the next one is at {next}"
                );
                self.segment.fault(SEQUENTIAL, text);
                at = next;
                continue;
            }
            match Packet::parse(packet) {
                Ok(packet) => self.packet(&packet),
                Err(fault) => {
                    let text = format!("the packet at byte {at} {fault}");
                    self.segment.fault(SEQUENTIAL, text);
                }
            }
            at += PACKET_BYTES;
        }
    }

    fn packet(&mut self, packet: &Packet<'b>) {
        let pid = packet.pid;
        if pid == NULL_PID || !self.continues(packet) {
            return;
        }
        self.clock(packet);
        let Some(payload) = packet.payload else { return };
        if pid == 0 || self.maps.contains(&pid) {
            self.tables(packet);
        } else if packet.is_scrambled {
            let text = format!("packets of PID {pid} are scrambled");
            self.segment.not_checked(text);
        } else if let Some(elementary) = self.elementary.get_mut(&pid) {
            if !packet.is_start {
                elementary.add(payload);
            } else if let Some(header) = PesHeader::parse(payload) {
                elementary.begin(&header);
            } else if elementary.is_read() {
                self.segment.fault(SEQUENTIAL, format!("a PES header of PID {pid} is damaged"));
            }
        } else if packet.is_start && payload.starts_with(&[0, 0, 1]) {
            self.early.insert(pid);
        }
    }

    /// Verifies the continuity counter. Returns whether the packet is new, and not a repetition.
    fn continues(&mut self, packet: &Packet<'b>) -> bool {
        let pid = packet.pid;
        if packet.is_discontinuous {
            self.continuity.counters.remove(&pid);
            // A new clock is one for all streams.
            let is_clock = packet.pcr.is_some() && self.clock_pid == Some(pid);
            for (_, elementary) in
                self.elementary.iter_mut().filter(|(own, _)| is_clock || **own == pid)
            {
                elementary.break_times();
            }
        }
        let Some(payload) = packet.payload else { return true };
        let counter = packet.counter;
        let before = self.payloads.insert(pid, payload);
        let Some(last) = self.continuity.counters.insert(pid, counter) else { return true };
        // A packet may be sent twice (2.4.3.3).
        if counter == last && before == Some(payload) {
            return false;
        }
        if counter != (last + 1) % 16 {
            let text = format!("continuity counter of PID {pid} jumps from {last} to {counter}");
            self.segment.fault(SEQUENTIAL, text);
        }
        true
    }

    /// Verifies that the program clock does not go back.
    fn clock(&mut self, packet: &Packet<'_>) {
        let Some(pcr) = packet.pcr.filter(|_| self.clock_pid == Some(packet.pid)) else { return };
        let last = self.continuity.clock.replace(pcr).filter(|_| !packet.is_discontinuous);
        let Some(last) = last else { return };
        let step = seconds_between(last, pcr);
        if step < 0.0 {
            let text = format!("the program clock (PCR) goes back by {:.3} s", -step);
            self.segment.fault(SEQUENTIAL, text);
        }
    }

    /// Reads a packet of a table.
    fn tables(&mut self, packet: &Packet<'_>) {
        let (pid, mut found) = (packet.pid, Vec::new());
        if pid != 0 && !self.maps.contains(&pid) {
            return;
        }
        let payload = packet.payload.unwrap_or_default();
        self.sections.add(pid, packet.is_start, payload, |table| found.push(table));
        for table in found {
            match table {
                Ok(Table::Association(maps)) => {
                    if maps.len() > 1 {
                        let text = format!("{} programs, expected one", maps.len());
                        self.segment.fault(STRUCTURE, text);
                    }
                    self.maps = maps;
                }
                Ok(Table::Map { clock, streams }) => {
                    self.has_map = true;
                    self.clock_pid = Some(clock);
                    self.add_streams(&streams);
                }
                Err(fault) => self.segment.fault(STRUCTURE, fault),
            }
        }
    }

    fn add_streams(&mut self, streams: &[Stream]) {
        for stream in streams {
            if self.elementary.contains_key(&stream.pid) {
                continue;
            }
            let pid = stream.pid;
            if self.early.remove(&pid) {
                let text = format!("PID {pid} begins before its PMT");
                self.segment.fault(SEQUENTIAL, text);
            }
            match stream.format {
                Format::H264 | Format::Hevc => self.segment.video_streams += 1,
                Format::Audio(_) => self.segment.audio_streams += 1,
                Format::Unknown(name) => {
                    self.segment.not_checked(format!("PID {pid} is {name}"));
                }
                Format::Metadata | Format::Ignored => {}
            }
            if stream.format == Format::Hevc {
                let text = format!("PID {pid} is HEVC, which must be in fragmented MP4");
                self.segment.fault("1.5", text);
            }
            if stream.is_encrypted {
                let text = format!("the frames of PID {pid} are encrypted (SAMPLE-AES)");
                self.segment.not_checked(text);
            }
            self.streams.push(*stream);
            self.elementary.insert(pid, Elementary::new(stream.format));
        }
    }

    /// Ends all streams, by rising PID.
    fn finish(mut self) -> Segment {
        // Segmenters begin each segment with new tables.
        self.continuity.counters.retain(|pid, _| *pid != 0 && !self.maps.contains(pid));
        if !self.has_map {
            self.segment.fault(STRUCTURE, "the segment has no PAT with a PMT");
        }
        self.streams.sort_by_key(|stream| stream.pid);
        for stream in &self.streams {
            let Some(elementary) = self.elementary.get(&stream.pid) else { continue };
            let last = self.continuity.dts.remove(&stream.pid);
            let last = elementary.finish(stream.pid, last, &mut self.segment);
            if let Some(last) = last {
                self.continuity.dts.insert(stream.pid, last);
            }
        }
        self.segment
    }
}
