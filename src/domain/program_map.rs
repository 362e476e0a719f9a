//! The program map table of a transport stream (ISO 13818-1, 2.4.4.8): renames the types of its streams.

use super::programs::{SYNC, payload_at};

/// Table id of a program map.
const TABLE_ID: u8 = 2;
/// Bytes of a section before its descriptors.
const HEADER_BYTES: usize = 12;
/// Bytes of the checksum at the end of a section.
const CHECKSUM_BYTES: usize = 4;
/// Registration by which a programme is one of a Blu-ray disc: its types have meanings of their own.
const BLU_RAY: &[u8] = b"HDMV";

/// Renames the types of streams in a packet that holds a whole program map: `rename` gets PID and type of each.
/// Other packets, and those whose checksum is wrong, stay as they are. Returns whether a type has changed.
pub fn rename_streams(packet: &mut [u8], rename: impl Fn(u16, u8) -> Option<u8>) -> bool {
    let Some(section) = map_section(packet) else { return false };
    let Some(mut at) = length(section, 10).map(|len| HEADER_BYTES + len) else { return false };
    if section.get(HEADER_BYTES..at).is_none_or(|info| info.windows(4).any(|id| id == BLU_RAY)) {
        return false;
    }
    let end = section.len() - CHECKSUM_BYTES;
    let mut has_changed = false;
    while at + 5 <= end {
        let pid = u16::from_be_bytes([section[at + 1] & 0x1F, section[at + 2]]);
        if let Some(renamed) = rename(pid, section[at]) {
            has_changed |= section[at] != renamed;
            section[at] = renamed;
        }
        let Some(len) = length(section, at + 3) else { break };
        at += 5 + len;
    }
    if has_changed {
        let (body, checksum) = section.split_at_mut(end);
        checksum.copy_from_slice(&crc32(body).to_be_bytes());
    }
    has_changed
}

/// The section of a program map that begins in this packet and ends in it.
fn map_section(packet: &mut [u8]) -> Option<&mut [u8]> {
    let begins = packet.get(1)? & 0x40 != 0;
    if packet.first() != Some(&SYNC) || !begins {
        return None;
    }
    let payload = payload_at(packet)?;
    let begin = payload + 1 + usize::from(*packet.get(payload)?);
    let section = packet.get_mut(begin..)?;
    let len = 3 + length(section, 1)?;
    let section = section.get_mut(..len)?;
    let is_whole = len >= HEADER_BYTES + CHECKSUM_BYTES && section.first() == Some(&TABLE_ID);
    (is_whole && crc32(section) == 0).then_some(section)
}

/// A length of 12 bits.
fn length(section: &[u8], at: usize) -> Option<usize> {
    let bytes = section.get(at..at + 2)?;
    Some(usize::from(u16::from_be_bytes([bytes[0] & 0x0F, bytes[1]])))
}

/// The checksum of a section (annex A); 0 for a section with its checksum.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            let shifted = crc << 1;
            if crc >> 31 == 0 { shifted } else { shifted ^ 0x04C1_1DB7 }
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::programs::PACKET_BYTES;

    /// A packet with a program map: video at 0x100, and these streams from 0x101 on.
    fn map(info: &[u8], types: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, u8::try_from(info.len()).unwrap()];
        body.extend(info);
        body.extend([0x1B, 0xE1, 0, 0xF0, 0]);
        for (pid, kind) in (1_u8..).zip(types) {
            // With a descriptor of the language.
            body.extend([*kind, 0xE1, pid, 0xF0, 6, 0x0A, 4, b'u', b'n', b'd', 0]);
        }
        let len = u8::try_from(body.len() + CHECKSUM_BYTES).unwrap();
        let mut section = [&[TABLE_ID, 0xB0, len][..], &body].concat();
        section.extend(crc32(&section).to_be_bytes());
        let mut packet = [&[SYNC, 0x50, 0, 0x10, 0][..], &section].concat();
        packet.resize(PACKET_BYTES, 0xFF);
        packet
    }

    /// DTS at 0x102.
    fn rename(pid: u16, kind: u8) -> Option<u8> {
        (pid == 0x102 && matches!(kind, 0x06 | 0x82)).then_some(0x8A)
    }

    #[test]
    fn types_are_renamed_under_a_right_checksum() {
        let no_info = &[][..];
        let table = [
            (map(no_info, &[0x82, 0x82]), Some(map(no_info, &[0x82, 0x8A]))),
            (map(no_info, &[0x0F, 0x06, 0x06]), Some(map(no_info, &[0x0F, 0x8A, 0x06]))),
            (map(b"\x05\x04TEST", &[0x81, 0x82]), Some(map(b"\x05\x04TEST", &[0x81, 0x8A]))),
            (map(no_info, &[0x82]), None),
            (map(no_info, &[0x82, 0x8A]), None),
            (map(b"\x05\x04HDMV", &[0x81, 0x82]), None),
        ];
        for (before, expected) in table {
            let mut after = before.clone();
            assert_eq!(rename_streams(&mut after, rename), expected.is_some());
            assert_eq!(after, expected.unwrap_or(before));
        }
    }

    #[test]
    fn other_packets_stay_as_they_are() {
        let whole = map(&[], &[0x82, 0x82]);
        let with = |at: usize, byte: u8| {
            let mut packet = whole.clone();
            packet[at] = byte;
            packet
        };
        let section = 5;
        let table = [
            with(0, 0x48),
            with(1, 0x10),
            with(3, 0x20),
            with(3, 0x30),
            with(4, 60),
            with(section, 0),
            with(section + 2, 0xFF),
            with(section + 30, 0x99),
            whole[..40].to_vec(),
            Vec::new(),
        ];
        for mut packet in table {
            let before = packet.clone();
            assert!(!rename_streams(&mut packet, rename));
            assert_eq!(packet, before);
        }
    }

    proptest! {
        #[test]
        fn any_packet_is_read(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
            lengths in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let mut packet = map(&[], &[0x82, 0x82, 0x06]);
            for (at, byte) in changes {
                packet[at.index(PACKET_BYTES)] = byte;
            }
            rename_streams(&mut packet, rename);
            // Wrong lengths under a right checksum.
            let mut packet = map(&[], &[0x82, 0x82, 0x06]);
            let end = 8 + usize::from(packet[7]);
            for (at, byte) in lengths {
                packet[17 + at.index(end - 21)] = byte;
            }
            let checksum = crc32(&packet[5..end - CHECKSUM_BYTES]).to_be_bytes();
            packet[end - CHECKSUM_BYTES..end].copy_from_slice(&checksum);
            rename_streams(&mut packet, |_, kind| Some(kind ^ 1));
            prop_assert_eq!(crc32(&packet[5..end]), 0);
        }
    }
}
