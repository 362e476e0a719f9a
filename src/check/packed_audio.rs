//! Packed audio (RFC 8216, 3.4): ID3 tags with a timestamp, and audio frames.

use super::audio_frames::{self, Framing};
use super::segment::{Segment, on_clock};

/// Rule for packed audio.
const RULE: &str = "RFC 8216 3.4";
/// Owner of the ID3 frame with the timestamp.
const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";

/// Whether the bytes begin as packed audio does.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"ID3") || bytes.starts_with(b"fLaC") || Framing::of(bytes).is_some()
}

/// Reads a segment.
pub(super) fn read(bytes: &[u8]) -> Segment {
    let mut segment = Segment::default();
    let (mut rest, mut time) = (bytes, None);
    while rest.starts_with(b"ID3") {
        let Some((tag, behind)) = first_tag(rest) else {
            segment.fault(RULE, "an ID3 tag is cut off");
            return segment;
        };
        time = time.or_else(|| timestamp(tag));
        rest = behind;
    }
    if time.is_none() {
        let text = "the segment does not begin with an ID3 tag that has the timestamp of its first \
                    sample (PRIV com.apple.streaming.transportStreamTimestamp)";
        segment.fault(RULE, text);
    }
    if rest.starts_with(b"fLaC") {
        segment.fault(RULE, "FLAC cannot be packed audio: it needs fragmented MP4");
        segment.audio_streams = 1;
        return segment;
    }
    let Some(framing) = Framing::of(rest) else {
        segment.not_checked("the audio is neither AAC with ADTS headers, nor MP3, AC-3 or E-AC-3");
        return segment;
    };
    let found = audio_frames::split(framing, rest);
    segment.audio_streams = 1;
    segment.audio = audio_frames::sum(&found.frames, on_clock(i128::from(time.unwrap_or(0))));
    if let Some(audio) = &segment.audio {
        segment.codec(audio.codec.into());
    }
    // Tags of other kinds may stand at the end of a file.
    let is_tag = |at: &&usize| rest[**at..].starts_with(b"TAG") || rest[**at..].starts_with(b"ID3");
    if let Some(at) = found.lost.iter().find(|at| !is_tag(at)) {
        segment.fault(RULE, format!("no audio frame begins at byte {at} behind the ID3 tags"));
    }
    if found.cut > 0 && found.lost.is_empty() {
        segment.fault(RULE, format!("the last audio frame is cut off behind {} bytes", found.cut));
    }
    segment
}

/// The body of the ID3 tag that the bytes begin with, and the bytes behind it (ID3v2.4.0, 3.1).
fn first_tag(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(10)?;
    let (tag, behind) = rest.split_at_checked(syncsafe(&head[6..])?)?;
    let has_footer = head[3] >= 4 && head[5] & 0x10 != 0;
    Some((tag, if has_footer { behind.get(10..)? } else { behind }))
}

/// Four bytes of seven bits each.
fn syncsafe(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.get(..4)?;
    Some(bytes.iter().fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7F)))
}

/// The timestamp in a tag: ticks of 90 kHz in 33 bits.
fn timestamp(tag: &[u8]) -> Option<u64> {
    let mut rest = tag;
    while let Some((head, behind)) = rest.split_at_checked(10) {
        let size = syncsafe(&head[4..8])?;
        let (body, next) = behind.split_at_checked(size)?;
        if head.starts_with(b"PRIV")
            && let Some(value) = body.strip_prefix(OWNER)
        {
            return Some(u64::from_be_bytes(value.get(..8)?.try_into().ok()?));
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: [u8; 16] = *b"\xff\xf1\x50\x80\x02\x1f\xfc123456789";

    fn tag(time: u64) -> Vec<u8> {
        let body = [OWNER, &time.to_be_bytes()].concat();
        let size = u8::try_from(body.len()).unwrap();
        let head = [&b"PRIV\0\0\0"[..], &[size], &[0, 0]].concat();
        [&b"ID3\x04\0\0\0\0\0"[..], &[size + 10], &head, &body].concat()
    }

    #[test]
    fn timestamps_and_frames_are_read() {
        let frames = [FRAME, FRAME].concat();
        let table = [
            ([tag(90_000), frames.clone()].concat(), 0, 2),
            ([tag(90_000), frames.clone(), b"TAG, of the end".to_vec()].concat(), 0, 2),
            (frames.clone(), 1, 2),
            ([tag(90_000), frames[..20].to_vec()].concat(), 1, 1),
            ([tag(90_000), FRAME.to_vec(), b"noise, noise".to_vec(), frames].concat(), 1, 3),
            (tag(90_000)[..30].to_vec(), 1, 0),
            ([tag(90_000), b"fLaC0123".to_vec()].concat(), 1, 0),
            ([tag(90_000), b"OggS0123".to_vec()].concat(), 0, 0),
        ];
        for (number, (bytes, faults, count)) in table.into_iter().enumerate() {
            assert_eq!(is_packed(&bytes), number < 8, "{number}");
            let segment = read(&bytes);
            assert_eq!(segment.faults.len(), faults, "{number}: {segment:?}");
            assert!(segment.faults.iter().all(|fault| fault.rule == RULE));
            assert_eq!(segment.audio.map_or(0, |audio| audio.frames), count, "{number}");
            if faults == 0 && count > 0 {
                assert_eq!(segment.audio.unwrap().first_pts, 90_000, "{number}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(read(&bytes));
            drop(read(&[&b"ID3\x04\0\0\0\0\0\x40"[..], &bytes].concat()));
        }
    }
}
