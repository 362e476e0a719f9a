//! Program tables of a transport stream (ISO 13818-1, 2.4.4), which may span several packets.

use std::collections::HashMap;

use super::super::audio_frames::Framing;

/// Format of an elementary stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    H264,
    Hevc,
    Audio(Framing),
    /// Timed metadata, for ID3.
    Metadata,
    /// Private data, cues for advertisements and other streams that players ignore.
    Ignored,
    /// A video or audio format that this check does not read.
    Unknown(&'static str),
}

/// One elementary stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) pid: u16,
    pub(super) format: Format,
    /// Whether frames are encrypted in parts (SAMPLE-AES).
    pub(super) is_encrypted: bool,
}

/// A table that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// The PIDs of the program maps.
    Association(Vec<u16>),
    Map {
        clock: u16,
        streams: Vec<Stream>,
    },
}

/// Puts sections together, by PID.
#[derive(Default)]
pub(super) struct Sections {
    partial: HashMap<u16, Vec<u8>>,
}

/// Longest section, header included.
const MAX_SECTION_BYTES: usize = 1024 + 3;

impl Sections {
    /// Adds the payload of a packet. Calls `found` with each table that is whole, or with its fault.
    pub(super) fn add(
        &mut self,
        pid: u16,
        is_start: bool,
        payload: &[u8],
        mut found: impl FnMut(Result<Table, String>),
    ) {
        let mut rest = payload;
        if is_start {
            let Some((pointer, behind)) = payload.split_first() else { return };
            let Some((end, begin)) = behind.split_at_checked(usize::from(*pointer)) else {
                found(Err(format!("the pointer of a table in PID {pid} leads behind its packet")));
                return;
            };
            if let Some(mut section) = self.partial.remove(&pid) {
                section.extend_from_slice(end);
                whole(&section, &mut found);
            }
            rest = begin;
            while let Some(len) = section_len(rest).filter(|len| *len <= rest.len()) {
                whole(&rest[..len], &mut found);
                rest = &rest[len..];
            }
            if rest.first().is_some_and(|id| *id != 0xFF) {
                self.partial.insert(pid, rest.to_vec());
            }
            return;
        }
        let Some(section) = self.partial.get_mut(&pid) else { return };
        section.extend_from_slice(rest);
        let len = section_len(section);
        if len.is_some_and(|len| len <= section.len()) || section.len() > MAX_SECTION_BYTES {
            whole(section, &mut found);
            self.partial.remove(&pid);
        }
    }
}

/// Length of the section that begins here; `None` if it cannot be told, or there is none.
fn section_len(bytes: &[u8]) -> Option<usize> {
    let [id, second, third, ..] = *bytes else { return None };
    (id != 0xFF).then_some((usize::from(second & 0xF) << 8 | usize::from(third)) + 3)
}

fn whole(section: &[u8], found: &mut impl FnMut(Result<Table, String>)) {
    let id = section.first().copied().unwrap_or(0xFF);
    let name = match id {
        0 => "PAT",
        2 => "PMT",
        _ => return,
    };
    let Some(section) = section_len(section).and_then(|len| section.get(..len)) else {
        found(Err(format!("the {name} is cut off")));
        return;
    };
    if crc(section) != 0 {
        found(Err(format!("the CRC of the {name} is wrong")));
        return;
    }
    // Bit 0: the table is in force.
    let [_, _, _, _, _, version, _, _, body @ .., _, _, _, _] = section else {
        found(Err(format!("the {name} is too short")));
        return;
    };
    if version & 1 == 0 {
        return;
    }
    let table = if id == 0 { Some(association(body)) } else { map(body) };
    found(table.ok_or_else(|| format!("the {name} is damaged")));
}

/// CRC of a section together with its checksum: zero if they match (annex A).
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |mut crc, byte| {
        crc ^= u32::from(*byte) << 24;
        for _ in 0..8 {
            crc = if crc & 0x8000_0000 != 0 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
        }
        crc
    })
}

fn pid(bytes: &[u8]) -> u16 {
    u16::from(bytes[0] & 0x1F) << 8 | u16::from(bytes[1])
}

fn association(body: &[u8]) -> Table {
    // Program zero is the network's table.
    let programs = body.chunks_exact(4).filter(|entry| entry[..2] != [0, 0]);
    Table::Association(programs.map(|entry| pid(&entry[2..])).collect())
}

fn map(body: &[u8]) -> Option<Table> {
    let (head, rest) = body.split_at_checked(4)?;
    let mut rest = rest.get(usize::from(pid(&head[2..]) & 0xFFF)..)?;
    let mut streams = Vec::new();
    while let Some((entry, behind)) = rest.split_at_checked(5) {
        let len = usize::from(pid(&entry[3..]) & 0xFFF);
        let (descriptors, next) = behind.split_at_checked(len)?;
        let format = format(entry[0], descriptors);
        let is_encrypted = matches!(entry[0], 0xDB | 0xCF | 0xC1 | 0xC2);
        streams.push(Stream { pid: pid(&entry[1..]), format, is_encrypted });
        rest = next;
    }
    Some(Table::Map { clock: pid(head), streams })
}

/// Format by `stream_type`; the descriptors tell that of private streams.
fn format(kind: u8, descriptors: &[u8]) -> Format {
    match kind {
        0x1B | 0xDB => Format::H264,
        0x24 | 0x25 => Format::Hevc,
        0x0F | 0xCF => Format::Audio(Framing::Adts),
        0x03 | 0x04 => Format::Audio(Framing::MpegAudio),
        0x81 | 0x87 | 0xC1 | 0xC2 => Format::Audio(Framing::Ac3),
        0x15 => Format::Metadata,
        0x06 => private(descriptors),
        0x11 => Format::Unknown("AAC in LATM"),
        0x01 | 0x02 => Format::Unknown("MPEG-2 video"),
        0x10 => Format::Unknown("MPEG-4 video"),
        0x1F | 0x20 => Format::Unknown("scalable or multiview H.264"),
        0x21 => Format::Unknown("JPEG 2000 video"),
        0x33 => Format::Unknown("VVC video"),
        0x82..=0x85 => Format::Unknown("DTS audio"),
        _ => Format::Ignored,
    }
}

fn private(descriptors: &[u8]) -> Format {
    let mut rest = descriptors;
    while let [tag, len, behind @ ..] = rest {
        let Some((body, next)) = behind.split_at_checked(usize::from(*len)) else { break };
        match (*tag, body) {
            (0x6A | 0x7A, _) | (5, [b'A', b'C', b'-', b'3', ..] | [b'E', b'A', b'C', b'3', ..]) => {
                return Format::Audio(Framing::Ac3);
            }
            (5, [b'H', b'E', b'V', b'C', ..]) => return Format::Hevc,
            (5, [b'O', b'p', b'u', b's', ..]) => {
                return Format::Unknown("Opus in a transport stream");
            }
            (5, [b'A', b'V', b'0', b'1', ..]) => {
                return Format::Unknown("AV1 in a transport stream");
            }
            (5, [b'I', b'D', b'3', b' ', ..]) => return Format::Metadata,
            (0x7B, _) => return Format::Unknown("DTS audio"),
            _ => {}
        }
        rest = next;
    }
    Format::Ignored
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A section with a correct checksum.
    pub(in super::super) fn section(id: u8, body: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(body.len() + 9).unwrap().to_be_bytes();
        let head = [id, 0xB0 | high, low, 0, 1, 0xC1, 0, 0];
        let section = [&head[..], body].concat();
        let sum = crc(&section).to_be_bytes();
        [section, sum.to_vec()].concat()
    }

    fn tables(payloads: &[(bool, Vec<u8>)]) -> Vec<Result<Table, String>> {
        let (mut sections, mut found) = (Sections::default(), Vec::new());
        for (is_start, payload) in payloads {
            sections.add(32, *is_start, payload, |table| found.push(table));
        }
        found
    }

    #[test]
    fn tables_span_packets_and_their_checksums_count() {
        let entry = [0x1B, 0xE1, 0, 0xF0, 0, 0x15, 0xE1, 2, 0xF0, 0];
        let long: Vec<u8> = [&[0xE1, 0, 0xF0, 200][..], &[0; 200], &entry].concat();
        let map = section(2, &long);
        let expected = Table::Map {
            clock: 256,
            streams: vec![
                Stream { pid: 256, format: Format::H264, is_encrypted: false },
                Stream { pid: 258, format: Format::Metadata, is_encrypted: false },
            ],
        };
        let begin = [&[0][..], &map[..150]].concat();
        let whole = [(true, begin.clone()), (false, map[150..].to_vec())];
        assert_eq!(tables(&whole), [Ok(expected.clone())]);
        // The next section begins behind the end of the first one.
        let rest = u8::try_from(map.len() - 150).unwrap();
        let pointed = [&[rest][..], &map[150..], &map].concat();
        let both = [(true, begin.clone()), (true, pointed)];
        assert_eq!(tables(&both), [Ok(expected.clone()), Ok(expected)]);
        let mut damaged = map[150..].to_vec();
        damaged[3] ^= 1;
        let found = tables(&[(true, begin), (false, damaged)]);
        assert_eq!(found, [Err("the CRC of the PMT is wrong".to_owned())]);
        let found = tables(&[(true, [&[0][..], &section(0, &[0, 1, 0xE0, 0x20])].concat())]);
        assert_eq!(found, [Ok(Table::Association(vec![32]))]);
    }

    #[test]
    fn private_streams_are_told_by_their_descriptors() {
        let table: [(&[u8], Format); 6] = [
            (&[], Format::Ignored),
            (&[0x6A, 1, 0], Format::Audio(Framing::Ac3)),
            (&[0x0A, 1, 0, 0x7A, 1, 0], Format::Audio(Framing::Ac3)),
            (b"\x05\x04HEVC", Format::Hevc),
            (b"\x05\x04ID3 ", Format::Metadata),
            (b"\x05\x09", Format::Ignored),
        ];
        for (descriptors, expected) in table {
            assert_eq!(format(6, descriptors), expected, "{descriptors:?}");
        }
    }
}
