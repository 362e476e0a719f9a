//! Programmes of a transport stream: the program association table (ISO 13818-1, 2.4.4.3) and the program map
//! tables (2.4.4.8).

/// Bytes of a packet (ISO 13818-1, 2.4.3.2).
pub const PACKET_BYTES: usize = 188;
/// First byte of a packet.
pub const SYNC: u8 = 0x47;
/// Packets in a row that must begin with [`SYNC`] for a stream to count as one.
const MIN_PACKETS: usize = 5;
/// Distances of packets: plain, and with a timecode of 4 bytes in front (M2TS).
const DISTANCES: [usize; 2] = [PACKET_BYTES, 192];

/// Types of streams that no element here reads, with a name for people, and whether they are video (ISO 13818-1,
/// table 2-34, and the lists of ATSC and AVS).
const UNREAD: [(u8, &str, bool); 10] = [
    (0x2D, "MPEG-H audio", false),
    (0x2E, "MPEG-H audio", false),
    (0x33, "H.266 (VVC) video", true),
    (0x35, "EVC video", true),
    (0x42, "AVS video", true),
    (0x82, "DTS audio", false),
    (0x85, "DTS-HD audio", false),
    (0x8A, "DTS audio", false),
    (0xD2, "AVS2 video", true),
    (0xD4, "AVS3 video", true),
];

/// A stream that a map table lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedStream {
    /// Type of the stream (ISO 13818-1, table 2-34).
    pub kind: u8,
    /// PID of its packets.
    pub pid: u16,
}

impl ListedStream {
    /// The name of the format for people, and whether it is video, if nothing here reads it.
    #[must_use]
    pub fn unread(self) -> Option<(&'static str, bool)> {
        let found = UNREAD.iter().find(|(kind, ..)| *kind == self.kind);
        found.map(|(_, name, is_video)| (*name, *is_video))
    }
}

/// The streams that the first map table of a programme in these bytes lists in its first packet; without a
/// number, those of the first programme.
#[must_use]
pub fn streams(bytes: &[u8], program: Option<u16>) -> Vec<ListedStream> {
    let table = |distance: &usize| {
        let all: Vec<&[u8]> = packets(bytes, *distance)?.collect();
        let programs = all.iter().find_map(|packet| association_table(packet))?;
        let is_wanted = |(number, _): &&(u16, u16)| program.is_none_or(|wanted| wanted == *number);
        let map_pid = programs.iter().find(is_wanted)?.1;
        all.iter().find_map(|packet| map_table(packet, map_pid))
    };
    DISTANCES.iter().find_map(table).unwrap_or_default()
}

/// The streams of a packet that begins a map table with this PID.
fn map_table(packet: &[u8], map_pid: u16) -> Option<Vec<ListedStream>> {
    let section = section(packet, map_pid)?;
    let mut rest =
        section.get(12 + length(section.get(10..)?)?..end(section)?.min(section.len()))?;
    let mut streams = Vec::new();
    while let [kind, high, low, descriptors @ ..] = rest {
        let pid = u16::from_be_bytes([high & 0x1F, *low]);
        streams.push(ListedStream { kind: *kind, pid });
        rest = descriptors.get(2 + length(descriptors)?..).unwrap_or_default();
    }
    Some(streams)
}

/// Numbers of the programmes in the first association table of these bytes, in its order; none for other
/// formats.
#[must_use]
pub fn numbers(bytes: &[u8]) -> Vec<u16> {
    let packets = DISTANCES.iter().find_map(|distance| packets(bytes, *distance));
    let mut packets = packets.into_iter().flatten();
    let table = packets.find_map(association_table).unwrap_or_default();
    table.into_iter().map(|(number, _)| number).collect()
}

/// The packets at this distance, if there are some.
fn packets(bytes: &[u8], distance: usize) -> Option<impl Iterator<Item = &[u8]>> {
    let is_packet = |at: &usize| {
        let mut firsts = (0..MIN_PACKETS).map(|number| bytes.get(at + number * distance));
        firsts.all(|first| first == Some(&SYNC))
    };
    let first = (0..distance).find(is_packet)?;
    let packets = bytes.get(first..)?.chunks(distance);
    Some(packets.filter_map(|packet| packet.get(..PACKET_BYTES)))
}

/// The number of each programme, and the PID of its map table, of a packet that begins an association table;
/// `None` for other packets.
#[must_use]
pub fn association_table(packet: &[u8]) -> Option<Vec<(u16, u16)>> {
    let section = section(packet, 0)?;
    let entries = section.get(8..end(section)?)?;
    let number_and_pid = |entry: &[u8]| {
        let pid = u16::from_be_bytes([entry[2] & 0x1F, entry[3]]);
        (u16::from_be_bytes([entry[0], entry[1]]), pid)
    };
    // Number 0 is the network.
    Some(entries.chunks_exact(4).map(number_and_pid).filter(|(number, _)| *number != 0).collect())
}

/// Where the payload of a packet begins: behind the header, and the adaptation field if there is one (2.4.3.3).
/// `None` for a packet without a payload.
#[must_use]
pub fn payload_at(packet: &[u8]) -> Option<usize> {
    match packet.get(3)? & 0x30 {
        0x10 => Some(4),
        0x30 => Some(5 + usize::from(*packet.get(4)?)),
        _ => None,
    }
}

/// The section that begins in this packet, if the packet has this PID.
fn section(packet: &[u8], pid: u16) -> Option<&[u8]> {
    let begins = packet.get(1)? & 0x40 != 0;
    let found = u16::from_be_bytes([packet.get(1)? & 0x1F, *packet.get(2)?]);
    if packet.first() != Some(&SYNC) || found != pid || !begins {
        return None;
    }
    let has_adaptation = packet.get(3)? & 0x20 != 0;
    let skipped = if has_adaptation { usize::from(*packet.get(4)?) + 1 } else { 0 };
    let payload = packet.get(4 + skipped..)?;
    payload.get(1 + usize::from(*payload.first()?)..)
}

/// The end of a section without its checksum of 4 bytes. The length counts what is behind it.
fn end(section: &[u8]) -> Option<usize> {
    (3 + length(section.get(1..)?)?).checked_sub(4)
}

/// A length of 12 bits.
fn length(bytes: &[u8]) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes([bytes.first()? & 0x0F, *bytes.get(1)?])))
}

/// The PID of a stream, by the id that GStreamer gives streams of transport streams:
/// `<hash>:<programme>/<pid>`, in hexadecimal digits.
#[must_use]
pub fn pid_of_stream_id(id: &str) -> Option<u16> {
    of_stream_id(id)?;
    u16::from_str_radix(id.rsplit_once('/')?.1.trim_start_matches('0'), 16).ok()
}

/// The programme of a stream, by the id that GStreamer gives streams of transport streams:
/// `<hash>:<programme>/<pid>`.
#[must_use]
pub fn of_stream_id(id: &str) -> Option<u16> {
    id.rsplit_once('/')?.0.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pid: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = [&[SYNC, 0x40, pid, 0x10, 0][..], payload].concat();
        packet.resize(PACKET_BYTES, 0xFF);
        packet
    }

    fn table(programmes: &[u16]) -> Vec<u8> {
        let entries: Vec<u8> =
            programmes.iter().flat_map(|n| [n.to_be_bytes(), [0xE1, 0]].concat()).collect();
        let len = u8::try_from(entries.len() + 9).unwrap();
        [&[0, 0xB0, len, 0, 1, 0xC1, 0, 0], &entries[..], &[1, 2, 3, 4]].concat()
    }

    #[test]
    fn programmes_are_those_of_the_first_table() {
        let other = packet(7, &[1; 20]);
        let stream =
            [other.clone(), packet(0, &table(&[0, 3, 1])), packet(0, &table(&[9]))].concat();
        let more = [stream, other.repeat(4)].concat();
        assert_eq!(numbers(&more), [3, 1]);
        assert_eq!(numbers(&[&[0, SYNC, 2][..], &more].concat()), [3, 1], "in mid packet");
        let m2ts: Vec<u8> = more.chunks(PACKET_BYTES).flat_map(|p| [&[0; 4], p].concat()).collect();
        assert_eq!(numbers(&m2ts), [3, 1]);
        for cut in 0..more.len() {
            assert!(numbers(&more[..cut]).len() <= 2, "cut at {cut}");
        }
        for other in [&b""[..], b"RIFF", &[SYNC; 2000], &[0; 2000]] {
            assert_eq!(numbers(other), [0; 0]);
        }
    }

    #[test]
    fn streams_are_those_of_the_first_map_of_their_programme() {
        let map = |entries: &[u8]| {
            let len = u8::try_from(entries.len() + 9 + 4 + 2).unwrap();
            let head = [2, 0xB0, len, 0, 1, 0xC1, 0, 0, 0xE1, 0, 0xF0, 2, 9, 9];
            [&head[..], entries, &[1, 2, 3, 4]].concat()
        };
        let entries = [0x1B, 0xE1, 1, 0xF0, 1, 7, 0x82, 0xE1, 2, 0xF0, 0];
        let tables = [packet(0, &table(&[0, 3])), packet(0, &map(&entries)), vec![SYNC; 188]];
        let mut stream = [tables.concat(), packet(7, &[1; 20]).repeat(4)].concat();
        // The tables of these tests put all maps on PID 0x100.
        stream[PACKET_BYTES + 1] = 0x41;
        let expected =
            [ListedStream { kind: 0x1B, pid: 0x101 }, ListedStream { kind: 0x82, pid: 0x102 }];
        assert_eq!(streams(&stream, None), expected);
        assert_eq!(streams(&stream, Some(3)), expected);
        assert_eq!(streams(&stream, Some(4)), expected[..0]);
        assert_eq!(expected[0].unread(), None);
        assert_eq!(expected[1].unread(), Some(("DTS audio", false)));
        for cut in 0..stream.len() {
            assert!(streams(&stream[..cut], Some(3)).len() <= 2, "cut at {cut}");
        }
    }

    #[test]
    fn stream_ids_of_transport_streams_have_a_programme() {
        assert_eq!(of_stream_id("80b7:1/00000100"), Some(1));
        assert_eq!(pid_of_stream_id("80b7:1/00000100"), Some(0x100));
        assert_eq!(pid_of_stream_id("80b7/001"), None);
        assert_eq!(of_stream_id("80b7/001"), None);
        assert_eq!(of_stream_id("80b7/001:4711"), None);
        assert_eq!(of_stream_id(""), None);
    }
}
