//! Programmes of a transport stream: the program association table (ISO 13818-1, 2.4.4.3).

/// Bytes of a packet (ISO 13818-1, 2.4.3.2).
pub const PACKET_BYTES: usize = 188;
/// First byte of a packet.
pub const SYNC: u8 = 0x47;
/// Packets in a row that must begin with [`SYNC`] for a stream to count as one.
const MIN_PACKETS: usize = 5;
/// Distances of packets: plain, and with a timecode of 4 bytes in front (M2TS).
const DISTANCES: [usize; 2] = [PACKET_BYTES, 192];

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
    let begins = packet.get(1)? & 0x40 != 0;
    let pid = u16::from_be_bytes([packet.get(1)? & 0x1F, *packet.get(2)?]);
    if packet.first() != Some(&SYNC) || pid != 0 || !begins {
        return None;
    }
    let has_adaptation = packet.get(3)? & 0x20 != 0;
    let skipped = if has_adaptation { usize::from(*packet.get(4)?) + 1 } else { 0 };
    let payload = packet.get(4 + skipped..)?;
    let section = payload.get(1 + usize::from(*payload.first()?)..)?;
    let len = usize::from(u16::from_be_bytes([section.get(1)? & 0x0F, *section.get(2)?]));
    // A header of 8 bytes, of which the length counts 5, and a checksum of 4.
    let entries = section.get(8..(3 + len).checked_sub(4)?)?;
    let number_and_pid = |entry: &[u8]| {
        let pid = u16::from_be_bytes([entry[2] & 0x1F, entry[3]]);
        (u16::from_be_bytes([entry[0], entry[1]]), pid)
    };
    // Number 0 is the network.
    Some(entries.chunks_exact(4).map(number_and_pid).filter(|(number, _)| *number != 0).collect())
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
    fn stream_ids_of_transport_streams_have_a_programme() {
        assert_eq!(of_stream_id("80b7:1/00000100"), Some(1));
        assert_eq!(of_stream_id("80b7/001"), None);
        assert_eq!(of_stream_id("80b7/001:4711"), None);
        assert_eq!(of_stream_id(""), None);
    }
}
