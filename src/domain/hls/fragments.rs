//! Fragmented MP4 (ISO 14496-12): key frames of a segment, and H.264 as it stands in one.

use mp4_atom::{Atom, Decode, Header, Moof, Moov};

use super::key_frame::{Error, KeyFrame, KeyFrames};

/// Flag `sample_is_non_sync_sample` (ISO 14496-12, 8.8.3.1).
const NON_SYNC_SAMPLE: u32 = 0x1_0000;
/// Ticks per second of [`KeyFrame::pts`].
const CLOCK_HZ: u64 = 90_000;
/// Bytes of the length before each NAL unit.
const LENGTH_BYTES: usize = 4;

/// Finds the key frames that begin a fragment; each of our fragments is one GOP. The range of a key
/// frame reaches from the beginning of the `moof` box to the end of the frame.
///
/// # Errors
/// [`Error`] if the bytes are not fragmented MP4.
pub fn find(init: &[u8], segment: &[u8]) -> Result<KeyFrames, Error> {
    let timescale = timescale(init)?;
    let mut found = KeyFrames::default();
    for item in boxes(segment) {
        let (at, header, mut body) = item?;
        if header.kind == Moof::KIND {
            let moof = Moof::decode_body(&mut body).map_err(|error| damaged("moof", at, &error))?;
            found.frames.extend(first_frame(&moof, at, timescale)?);
        }
    }
    Ok(found)
}

/// Ticks per second of the first track.
fn timescale(init: &[u8]) -> Result<u64, Error> {
    for item in boxes(init) {
        let (at, header, mut body) = item?;
        if header.kind == Moov::KIND {
            let moov = Moov::decode_body(&mut body).map_err(|error| damaged("moov", at, &error))?;
            let track = moov.trak.first().ok_or(Error::NoTrack)?;
            return Ok(u64::from(track.mdia.mdhd.timescale.max(1)));
        }
    }
    Err(Error::NoTrack)
}

fn damaged(kind: &'static str, at: usize, error: &mp4_atom::Error) -> Error {
    Error::Box { kind, at, reason: error.to_string() }
}

/// The outermost boxes: offset, header and body of each.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = Result<(usize, Header, &[u8]), Error>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let at = bytes.len() - rest.len();
        let mut behind = rest;
        let item = match (rest.is_empty(), Header::decode(&mut behind)) {
            (true, _) => return None,
            (false, Ok(header)) => {
                let body = behind.get(..header.size.unwrap_or(behind.len()));
                body.map(|body| (at, header, body)).ok_or(Error::CutOff(at))
            }
            (false, Err(_)) => Err(Error::CutOff(at)),
        };
        rest = item.as_ref().map_or(&[][..], |(_, _, body)| &behind[body.len()..]);
        Some(item)
    })
}

/// The first frame of the fragment whose `moof` box is at this offset, if it is a key frame.
fn first_frame(moof: &Moof, at: usize, timescale: u64) -> Result<Option<KeyFrame>, Error> {
    let Some(track) = moof.traf.first() else { return Ok(None) };
    let Some((run, first)) = track.trun.first().and_then(|run| Some((run, run.samples.get(0)?)))
    else {
        return Ok(None);
    };
    if first.flags.or(track.tfhd.default_sample_flags).unwrap_or(0) & NON_SYNC_SAMPLE != 0 {
        return Ok(None);
    }
    let (Some(begin), Some(offset), Some(size)) =
        (&track.tfdt, run.data_offset, first.size.or(track.tfhd.default_sample_size))
    else {
        return Err(Error::NoPlace(at));
    };
    let time = begin.base_media_decode_time.saturating_add_signed(first.cts.unwrap_or(0));
    let pts = (u128::from(time) * u128::from(CLOCK_HZ) + u128::from(timescale) / 2)
        / u128::from(timescale);
    Ok(Some(KeyFrame {
        offset: at as u64,
        len: u64::try_from(offset).unwrap_or(0) + u64::from(size),
        pts: u64::try_from(pts).unwrap_or(u64::MAX),
    }))
}

/// Removes the parameter sets from a frame: with sample entry `avc1` they stand in the initialization
/// section only (ISO 14496-15). `None` if the frame has none, or is not a sequence of NAL units.
#[must_use]
pub fn without_parameter_sets(frame: &[u8]) -> Option<Vec<u8>> {
    const PARAMETER_SETS: std::ops::RangeInclusive<u8> = 7..=8;
    let mut kept = Vec::with_capacity(frame.len());
    let mut rest = frame;
    while let Some((length, behind)) = rest.split_first_chunk::<LENGTH_BYTES>() {
        let unit = behind.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        if !unit.first().is_some_and(|head| PARAMETER_SETS.contains(&(head & 0x1F))) {
            kept.extend_from_slice(length);
            kept.extend_from_slice(unit);
        }
        rest = &behind[unit.len()..];
    }
    (rest.is_empty() && kept.len() < frame.len()).then_some(kept)
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Encode, Mdhd, Mdia, Mfhd, Tfdt, Tfhd, Traf, Trak, Trun, TrunEntry};

    use super::*;

    fn init() -> Vec<u8> {
        let mdhd = Mdhd { timescale: 30_000, language: "und".to_owned(), ..Mdhd::default() };
        let track = Trak { mdia: Mdia { mdhd, ..Mdia::default() }, ..Trak::default() };
        let mut bytes = Vec::new();
        Moov { trak: vec![track], ..Moov::default() }.encode(&mut bytes).unwrap();
        bytes
    }

    /// A `moof` box that describes two frames, without their data.
    fn fragment(begin: u64, flags: u32) -> Vec<u8> {
        let entry = |size, flags| TrunEntry {
            size: Some(size),
            flags: Some(flags),
            cts: Some(0),
            duration: Some(1001),
        };
        let samples = vec![entry(700, flags), entry(90, NON_SYNC_SAMPLE)].into();
        let traf = Traf {
            tfhd: Tfhd { track_id: 1, ..Tfhd::default() },
            tfdt: Some(Tfdt { base_media_decode_time: begin }),
            trun: vec![Trun { data_offset: Some(500), samples }],
            ..Traf::default()
        };
        let mut bytes = Vec::new();
        Moof { mfhd: Mfhd { sequence_number: 1 }, traf: vec![traf] }.encode(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_key_frame_reaches_from_its_moof_box_to_its_own_end() {
        let first = fragment(60_060, 0);
        let segment =
            [&first[..], &fragment(120_120, NON_SYNC_SAMPLE), &fragment(180_180, 0)].concat();
        let found = find(&init(), &segment).unwrap();
        let offset = segment.len() as u64 - first.len() as u64;
        assert_eq!(
            found.frames,
            [
                KeyFrame { offset: 0, len: 1200, pts: 180_180 },
                KeyFrame { offset, len: 1200, pts: 540_540 },
            ]
        );
    }

    #[test]
    fn bytes_that_are_no_fragments_are_an_error() {
        assert!(find(&init(), b"not a fragment").is_err());
        assert!(find(b"", &fragment(0, 0)).is_err());
        assert_eq!(find(&init(), &[]).unwrap(), KeyFrames::default());
    }

    #[test]
    fn only_parameter_sets_are_removed() {
        let delimiter = [0, 0, 0, 2, 0x09, 0xF0];
        let sets = [0, 0, 0, 2, 0x67, 1, 0, 0, 0, 1, 0x68];
        let slice = [0, 0, 0, 3, 0x65, 7, 8];
        let frame = [&delimiter[..], &sets[..], &slice[..]].concat();
        let without = without_parameter_sets(&frame).unwrap();
        assert_eq!(without, [&delimiter[..], &slice[..]].concat());
        assert_eq!(without_parameter_sets(&without), None);
        assert_eq!(without_parameter_sets(&frame[..9]), None);
    }
}
