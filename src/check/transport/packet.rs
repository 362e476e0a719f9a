//! Packets of a transport stream, and the headers of PES packets (ISO 13818-1).

/// Rule for continuity counters and times.
pub(super) const SEQUENTIAL: &str = "7.2";
/// Size of a packet.
pub(super) const PACKET_BYTES: usize = 188;
/// First byte of each packet.
pub(super) const SYNC: u8 = 0x47;

/// One packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) pid: u16,
    /// A PES packet or a table begins in the payload.
    pub(super) is_start: bool,
    pub(super) counter: u8,
    /// `transport_scrambling_control`.
    pub(super) is_scrambled: bool,
    /// `discontinuity_indicator`: counters and clocks begin anew.
    pub(super) is_discontinuous: bool,
    /// Program clock reference, in ticks of 90 kHz.
    pub(super) pcr: Option<u64>,
    /// `None` if the packet has no payload.
    pub(super) payload: Option<&'a [u8]>,
}

impl<'a> Packet<'a> {
    /// Parses a packet; the error tells the fault.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let [_, second, third, fourth, ref rest @ ..] = *bytes else { return Err("is cut off") };
        if second & 0x80 != 0 {
            return Err("has its error flag set");
        }
        let mut packet = Self {
            pid: u16::from(second & 0x1F) << 8 | u16::from(third),
            is_start: second & 0x40 != 0,
            counter: fourth & 0xF,
            is_scrambled: fourth & 0xC0 != 0,
            is_discontinuous: false,
            pcr: None,
            payload: None,
        };
        let mut rest = rest;
        if fourth & 0x20 != 0 {
            let len = usize::from(*rest.first().ok_or("is cut off")?);
            let (field, behind) = rest[1..]
                .split_at_checked(len)
                .ok_or("has an adaptation field that is longer than the packet")?;
            if let Some(flags) = field.first() {
                packet.is_discontinuous = flags & 0x80 != 0;
                let pcr = field.get(1..6).filter(|_| flags & 0x10 != 0);
                packet.pcr = pcr.map(|pcr| {
                    let high = pcr[..4].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                    high << 1 | u64::from(pcr[4] >> 7)
                });
            }
            rest = behind;
        }
        packet.payload = (fourth & 0x10 != 0).then_some(rest);
        Ok(packet)
    }
}

/// The header of a PES packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PesHeader<'a> {
    pub(super) pts: Option<u64>,
    /// Decode time; the presentation time if none is stated.
    pub(super) dts: Option<u64>,
    /// The first bytes of the payload.
    pub(super) data: &'a [u8],
}

impl<'a> PesHeader<'a> {
    /// Parses the header; `None` if it is damaged.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(9)?;
        if head[..3] != [0, 0, 1] || head[6] & 0xC0 != 0x80 {
            return None;
        }
        let (fields, data) = rest.split_at_checked(usize::from(head[8]))?;
        let pts = if head[7] & 0x80 != 0 { Some(timestamp(fields)?) } else { None };
        let dts = if head[7] & 0xC0 == 0xC0 { Some(timestamp(fields.get(5..)?)?) } else { pts };
        Some(Self { pts, dts, data })
    }
}

/// A time of 33 bits in five bytes.
fn timestamp(bytes: &[u8]) -> Option<u64> {
    let bits = bytes.get(..5)?.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    // Each part ends with a marker bit.
    Some((bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF)
}
