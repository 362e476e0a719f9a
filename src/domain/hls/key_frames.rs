//! Key frames in segments: what an I-frame playlist points to.

use mpeg2ts::es::StreamType;
use mpeg2ts::ts::{ReadTsPacket, TsPacket, TsPacketReader, TsPayload};

use super::fragments;

/// What is looked at of a picture to find out whether it is a key frame: its parameter sets and
/// messages come before its first slice and are shorter than this.
const LOOKED_AT_BYTES: usize = 4096;

/// A key frame in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFrame {
    /// Where its packets begin, or the fragment that it begins.
    pub offset: u64,
    /// Bytes of its packets and of those of other streams between them, or of the head of its
    /// fragment and of it.
    pub len: u64,
    /// When it is shown, in 90 kHz ticks of the stream's clock.
    pub pts: u64,
}

/// The key frames of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFrames {
    /// Bytes of the tables that a transport stream begins with (PAT and PMT): a picture cannot be
    /// read without them.
    pub tables_len: u64,
    /// In the order of the stream.
    pub frames: Vec<KeyFrame>,
}

/// A picture that is being read.
struct Open {
    offset: u64,
    pts: u64,
    head: Vec<u8>,
}

/// Finds the key frames of the H.264 stream in a segment; none where there is no such stream. A
/// segment with an initialization section is fragmented MP4, one without a transport stream.
///
/// # Errors
/// What is wrong where it is neither.
pub fn find(init: Option<&[u8]>, segment: &[u8]) -> Result<KeyFrames, String> {
    match init {
        Some(init) => fragments::find(init, segment),
        None => find_in_transport(segment),
    }
}

fn find_in_transport(segment: &[u8]) -> Result<KeyFrames, String> {
    let mut reader = TsPacketReader::new(segment);
    let mut found = KeyFrames::default();
    let mut video = None;
    let mut open: Option<Open> = None;
    let mut at = 0;
    let mut only_tables = true;
    while let Some(packet) = reader.read_ts_packet().map_err(|error| first_line(&error))? {
        match packet.payload {
            Some(TsPayload::Pmt(table)) => {
                let h264 = table.es_info.iter().find(|es| es.stream_type == StreamType::H264);
                video = video.or(h264.map(|es| es.elementary_pid));
            }
            Some(TsPayload::PesStart(pes)) if Some(packet.header.pid) == video => {
                found.end(open.take(), at);
                let pts = pes.header.pts.ok_or("a picture has no time")?.as_u64();
                open = Some(Open { offset: at, pts, head: pes.data.to_vec() });
            }
            Some(TsPayload::PesContinuation(more)) if Some(packet.header.pid) == video => {
                if let Some(open) = open.as_mut().filter(|o| o.head.len() < LOOKED_AT_BYTES) {
                    open.head.extend_from_slice(&more);
                }
            }
            Some(_) | None => {}
        }
        only_tables &= open.is_none();
        at += TsPacket::SIZE as u64;
        if only_tables {
            found.tables_len = at;
        }
    }
    found.end(open, at);
    Ok(found)
}

impl KeyFrames {
    /// A picture ends where the next one begins.
    fn end(&mut self, open: Option<Open>, at: u64) {
        if let Some(Open { offset, pts, head }) = open
            && is_key_frame(&head)
        {
            self.frames.push(KeyFrame { offset, len: at - offset, pts });
        }
    }
}

/// The error without the places in the library that it went through.
fn first_line(error: &mpeg2ts::Error) -> String {
    let text = error.to_string();
    text.split(" (at ").next().unwrap_or_default().trim().to_owned()
}

/// Whether the first slice of an access unit is that of an IDR picture (ITU-T H.264, table 7-1).
fn is_key_frame(head: &[u8]) -> bool {
    const SLICE: u8 = 1;
    const IDR_SLICE: u8 = 5;
    let mut kinds = head
        .windows(4)
        .filter(|window| window[..3] == [0, 0, 1])
        .map(|window| window[3] & 0x1F)
        .filter(|kind| (SLICE..=IDR_SLICE).contains(kind));
    kinds.next() == Some(IDR_SLICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_slice_decides() {
        let idr = [0, 0, 0, 1, 0x09, 0xF0, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 9];
        assert!(is_key_frame(&idr));
        assert!(!is_key_frame(&[0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x41, 9, 0, 0, 1, 0x65, 9]));
        assert!(!is_key_frame(&[]));
    }

    #[test]
    fn what_is_no_transport_stream_says_so() {
        assert!(find(None, b"not a transport stream").is_err());
        assert_eq!(find(None, &[]).unwrap(), KeyFrames::default());
    }
}
