//! MPEG transport streams (ISO 13818-1): key frames of their H.264 stream.

use mpeg2ts::es::StreamType;
use mpeg2ts::ts::{ReadTsPacket, TsPacket, TsPacketReader, TsPayload};

use super::key_frame::{Error, KeyFrame, KeyFrames};

/// Bytes of an access unit that are searched for its first slice. Parameter sets and SEI messages
/// precede the slice and are shorter than this in what our encoders write.
const SEARCHED_BYTES: usize = 4096;

/// An access unit that is being read.
struct AccessUnit {
    offset: u64,
    pts: u64,
    /// The first [`SEARCHED_BYTES`], or a packet more.
    head: Vec<u8>,
}

/// Finds the key frames of the first H.264 stream.
///
/// # Errors
/// [`Error`] if the bytes are not a transport stream.
pub(super) fn find(segment: &[u8]) -> Result<KeyFrames, Error> {
    let mut reader = TsPacketReader::new(segment);
    let mut found = KeyFrames::default();
    let mut video = None;
    let mut unit: Option<AccessUnit> = None;
    let mut at = 0;
    let mut only_tables = true;
    while let Some(packet) = reader.read_ts_packet().map_err(|error| damaged(&error))? {
        match packet.payload {
            Some(TsPayload::Pmt(table)) => {
                let h264 = table.es_info.iter().find(|es| es.stream_type == StreamType::H264);
                video = video.or(h264.map(|es| es.elementary_pid));
            }
            Some(TsPayload::PesStart(pes)) if Some(packet.header.pid) == video => {
                found.frames.extend(unit.take().and_then(|unit| unit.key_frame(at)));
                let pts = pes.header.pts.ok_or(Error::NoPts)?.as_u64();
                unit = Some(AccessUnit { offset: at, pts, head: pes.data.to_vec() });
            }
            Some(TsPayload::PesContinuation(more)) if Some(packet.header.pid) == video => {
                if let Some(unit) = unit.as_mut().filter(|u| u.head.len() < SEARCHED_BYTES) {
                    unit.head.extend_from_slice(&more);
                }
            }
            Some(_) | None => {}
        }
        only_tables &= unit.is_none();
        at += TsPacket::SIZE as u64;
        if only_tables {
            found.tables_len = at;
        }
    }
    found.frames.extend(unit.and_then(|unit| unit.key_frame(at)));
    Ok(found)
}

impl AccessUnit {
    /// The unit as a key frame, if it is one. It ends at `end`, where the next unit begins.
    fn key_frame(self, end: u64) -> Option<KeyFrame> {
        let Self { offset, pts, head } = self;
        is_idr(&head).then_some(KeyFrame { offset, len: end - offset, pts })
    }
}

/// The parser's message without its trace of source lines.
fn damaged(error: &mpeg2ts::Error) -> Error {
    let text = error.to_string();
    Error::Transport(text.split(" (at ").next().unwrap_or_default().trim().to_owned())
}

/// Whether the first slice of an access unit belongs to an IDR (ITU-T H.264, table 7-1).
fn is_idr(head: &[u8]) -> bool {
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
    fn the_first_slice_decides_whether_a_unit_is_an_idr() {
        let idr = [0, 0, 0, 1, 0x09, 0xF0, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 9];
        assert!(is_idr(&idr));
        assert!(!is_idr(&[0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x41, 9, 0, 0, 1, 0x65, 9]));
        assert!(!is_idr(&[]));
    }

    #[test]
    fn bytes_that_are_no_transport_stream_are_an_error() {
        assert!(find(b"not a transport stream").is_err());
        assert_eq!(find(&[]).unwrap(), KeyFrames::default());
    }
}
