//! Decodes the worker's output into protocol frames.

use bytes::{Buf, BytesMut};
use tokio_util::codec::Decoder;

use crate::domain::thumbnail::Thumbnail;
use crate::worker::protocol::{
    DATA, EVENT, Event, INIT, MAX_DATA_BYTES, MAX_EVENT_BYTES, MAX_INIT_BYTES, MAX_THUMBNAIL_BYTES,
    THUMBNAIL,
};

/// Bytes of kind and length.
const HEAD_BYTES: usize = 5;

/// One protocol frame.
#[derive(Debug)]
pub(super) enum Frame {
    /// An event.
    Event(Box<Event>),
    /// The initialization section of a rendition.
    Init {
        /// Index of the rendition.
        rendition: u16,
        /// The initialization section.
        bytes: BytesMut,
    },
    /// Bytes of a segment.
    Data {
        /// Index of the rendition.
        rendition: u16,
        /// Number of the segment.
        number: u32,
        /// The bytes.
        bytes: BytesMut,
    },
    /// A thumbnail and its JPEG.
    Thumbnail(Thumbnail, BytesMut),
}

/// Longest frame of a kind in bytes; `None` for no kind.
fn max_bytes(kind: u8) -> Option<u32> {
    match kind {
        EVENT => Some(MAX_EVENT_BYTES),
        DATA => Some(MAX_DATA_BYTES),
        THUMBNAIL => Some(MAX_THUMBNAIL_BYTES),
        INIT => Some(MAX_INIT_BYTES),
        _ => None,
    }
}

/// The decoder. It keeps no more than one frame.
#[derive(Debug)]
pub(super) struct Frames;

impl Decoder for Frames {
    type Item = Frame;
    type Error = std::io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> std::io::Result<Option<Frame>> {
        let Some(mut head) = buffer.get(..HEAD_BYTES) else { return Ok(None) };
        let (kind, len) = (head.get_u8(), head.get_u32());
        if max_bytes(kind).is_none_or(|most| len > most) {
            return Err(std::io::Error::other(format!("a frame of kind {kind:#x}, {len} bytes")));
        }
        let end = HEAD_BYTES + len as usize;
        if buffer.len() < end {
            buffer.reserve(end - buffer.len());
            return Ok(None);
        }
        let mut payload = buffer.split_to(end);
        payload.advance(HEAD_BYTES);
        match kind {
            EVENT => Ok(Some(Frame::Event(serde_json::from_slice(&payload)?))),
            DATA if payload.len() >= 6 => {
                let (rendition, number) = (payload.get_u16(), payload.get_u32());
                Ok(Some(Frame::Data { rendition, number, bytes: payload }))
            }
            THUMBNAIL if payload.len() >= 4 => {
                let len = payload.get_u32() as usize;
                let Some(text) = payload.get(..len) else {
                    return Err(std::io::Error::other("a thumbnail without its description"));
                };
                let thumbnail = serde_json::from_slice(text)?;
                payload.advance(len);
                Ok(Some(Frame::Thumbnail(thumbnail, payload)))
            }
            INIT if payload.len() >= 2 => {
                let rendition = payload.get_u16();
                Ok(Some(Frame::Init { rendition, bytes: payload }))
            }
            _ => Err(std::io::Error::other(format!("a frame of kind {kind:#x}, {len} bytes"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn frames_come_out_however_the_pipe_cuts_them() {
        let mut stream = frame(EVENT, br#"{"event":"progress","position_ns":7}"#);
        stream.extend(frame(DATA, &[0, 3, 0, 0, 0, 9, 0xAA, 0xBB]));
        let sheet = br#"{"thumbnail":"storyboard-sheet","number":1,"tiles":2}"#;
        let len = u32::try_from(sheet.len()).unwrap().to_be_bytes();
        stream.extend(frame(THUMBNAIL, &[&len, &sheet[..], b"jpeg"].concat()));
        stream.extend(frame(INIT, &[0, 4, 0xCC]));
        let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
        for byte in stream {
            buffer.extend_from_slice(&[byte]);
            seen.extend(Frames.decode(&mut buffer).unwrap());
        }
        let Frame::Event(event) = &seen[0] else { panic!("no event comes first") };
        assert!(matches!(**event, Event::Progress { position_ns: 7 }));
        let Frame::Data { rendition: 3, number: 9, bytes } = &seen[1] else {
            panic!("{:?}", seen[1])
        };
        assert_eq!(bytes[..], [0xAA, 0xBB]);
        let Frame::Thumbnail(Thumbnail::StoryboardSheet { number: 1, tiles: 2 }, jpeg) = &seen[2]
        else {
            panic!("{:?}", seen[2])
        };
        assert_eq!(jpeg[..], *b"jpeg");
        let Frame::Init { rendition: 4, bytes } = &seen[3] else { panic!("{:?}", seen[3]) };
        assert_eq!(bytes[..], [0xCC]);
        assert!(buffer.is_empty());
    }

    #[test]
    fn nonsense_is_refused() {
        let long = frame(THUMBNAIL, &[0xFF; 8]);
        for bytes in [frame(b'X', b""), frame(DATA, b"short"), frame(EVENT, b"no json"), long] {
            assert!(Frames.decode(&mut BytesMut::from(&bytes[..])).is_err());
        }
        // Refused by their heads, before a byte of them is kept.
        for (kind, most) in [
            (EVENT, MAX_EVENT_BYTES),
            (DATA, MAX_DATA_BYTES),
            (THUMBNAIL, MAX_THUMBNAIL_BYTES),
            (INIT, MAX_INIT_BYTES),
        ] {
            let head = |len: u32| BytesMut::from(&[&[kind], &len.to_be_bytes()[..]].concat()[..]);
            assert!(Frames.decode(&mut head(most + 1)).is_err(), "kind {kind:#x}");
            assert!(Frames.decode(&mut head(most)).unwrap().is_none(), "kind {kind:#x}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_an_error(
            kind in prop::sample::select(vec![EVENT, DATA, THUMBNAIL, INIT, b'X']),
            payload in prop::collection::vec(any::<u8>(), 0..64),
            rest in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let mut buffer = BytesMut::from(&[frame(kind, &payload), rest].concat()[..]);
            // It takes something with each frame, so this ends.
            while let Ok(Some(_)) = Frames.decode(&mut buffer) {}
        }
    }
}
