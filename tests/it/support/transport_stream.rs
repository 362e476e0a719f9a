//! Changes to transport streams of ffmpeg, whose programme map has PID 0x1000 and fits into a packet.

use super::mutation::SplitMix64;

/// Bytes of a packet.
const PACKET: usize = 188;
/// PID of ffmpeg's programme map.
const MAP_PID: u16 = 0x1000;
/// PID of the first audio stream of ffmpeg.
pub const AUDIO_PID: u16 = 0x101;

/// Changes each programme map, whose bytes come without their checksum.
pub fn change_maps(bytes: &mut [u8], change: impl Fn(&mut Vec<u8>)) {
    for packet in bytes.chunks_exact_mut(PACKET).filter(|packet| pid(packet) == MAP_PID) {
        let begin = 5 + usize::from(packet[4]);
        let len = 3 + section_len(&packet[begin..]);
        let mut section = packet[begin..begin + len - 4].to_vec();
        change(&mut section);
        let len = section.len() + 4 - 3;
        section[1] = section[1] & 0xF0 | u8::try_from(len >> 8).unwrap();
        section[2] = u8::try_from(len & 0xFF).unwrap();
        section.extend(checksum(&section).to_be_bytes());
        packet[begin..begin + section.len()].copy_from_slice(&section);
    }
}

/// Gives the stream with this PID another type.
pub fn set_type(bytes: &mut [u8], stream: u16, kind: u8) {
    change_maps(bytes, |section| {
        let mut at = 12 + section_len(&section[9..]);
        while at < section.len() {
            if pid(&section[at..]) == stream {
                section[at] = kind;
            }
            at += 5 + section_len(&section[at + 2..]);
        }
    });
}

/// Lists a stream of this type more.
pub fn add_stream(bytes: &mut [u8], stream: u16, kind: u8) {
    let [high, low] = stream.to_be_bytes();
    change_maps(bytes, |section| section.extend([kind, 0xE0 | high, low, 0xF0, 0]));
}

/// Replaces all elementary data of a PID by noise; headers of packets stay.
pub fn fill_with_noise(bytes: &mut [u8], stream: u16) {
    let mut random = SplitMix64::new(1);
    for packet in bytes.chunks_exact_mut(PACKET).filter(|packet| pid(packet) == stream) {
        let mut at = 4;
        if packet[3] & 0x20 != 0 {
            at += 1 + usize::from(packet[4]);
        }
        if packet[1] & 0x40 != 0 {
            at += 9 + usize::from(packet[at + 8]);
        }
        packet[at..].fill_with(|| random.byte());
    }
}

/// PID of a packet, or of a stream in a programme map.
fn pid(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[1] & 0x1F, bytes[2]])
}

/// Length behind the first byte, in 12 bits.
fn section_len(bytes: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([bytes[1] & 0x0F, bytes[2]]))
}

/// Checksum of a section (ISO 13818-1, annex A).
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            if sum >> 31 == 1 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 }
        })
    })
}
