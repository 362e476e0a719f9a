//! Fragmented MP4 (ISO 14496-12): where its key frames lie, and H.264 as it stands in it.

use mp4_atom::{Atom, Decode, Header, Moof, Moov};

use super::key_frames::{KeyFrame, KeyFrames};

/// Flag of a sample that is no key frame (ISO 14496-12, 8.8.3.1).
const NO_KEY_FRAME: u32 = 0x1_0000;
/// Ticks in a second of the clock that key frames are told in.
const CLOCK_HZ: u64 = 90_000;
/// Bytes of the length before each unit of H.264.
const LENGTH_BYTES: usize = 4;

/// Finds the key frames of a segment that begin a fragment, each of which is a GOP here. Its range is
/// that of the fragment from its head to the end of that first picture.
///
/// # Errors
/// What is wrong where it is no fragmented MP4.
pub fn find(init: &[u8], segment: &[u8]) -> Result<KeyFrames, String> {
    let timescale = timescale(init)?;
    let mut found = KeyFrames::default();
    for piece in boxes(segment) {
        let (at, header, mut body) = piece?;
        if header.kind == Moof::KIND {
            let moof = Moof::decode_body(&mut body).map_err(|error| error.to_string())?;
            found.frames.extend(first_picture(&moof, at, timescale)?);
        }
    }
    Ok(found)
}

/// Ticks in a second of the first track.
fn timescale(init: &[u8]) -> Result<u64, String> {
    for piece in boxes(init) {
        let (_, header, mut body) = piece?;
        if header.kind == Moov::KIND {
            let moov = Moov::decode_body(&mut body).map_err(|error| error.to_string())?;
            let track = moov.trak.first().ok_or("the initialization section has no track")?;
            return Ok(u64::from(track.mdia.mdhd.timescale.max(1)));
        }
    }
    Err("there is no initialization section".to_owned())
}

/// The outermost boxes: where each begins, its head and its body.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = Result<(usize, Header, &[u8]), String>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let at = bytes.len() - rest.len();
        let mut behind = rest;
        let cut_off = || format!("the box at byte {at} is cut off");
        let piece = match (rest.is_empty(), Header::decode(&mut behind)) {
            (true, _) => return None,
            (false, Ok(header)) => {
                let body = behind.get(..header.size.unwrap_or(behind.len()));
                body.map(|body| (at, header, body)).ok_or_else(cut_off)
            }
            (false, Err(_)) => Err(cut_off()),
        };
        rest = piece.as_ref().map_or(&[][..], |(_, _, body)| &behind[body.len()..]);
        Some(piece)
    })
}

/// The first picture of a fragment whose head begins at this byte, if it is a key frame.
fn first_picture(moof: &Moof, at: usize, timescale: u64) -> Result<Option<KeyFrame>, String> {
    let Some(track) = moof.traf.first() else { return Ok(None) };
    let Some((run, first)) = track.trun.first().and_then(|run| Some((run, run.samples.get(0)?)))
    else {
        return Ok(None);
    };
    if first.flags.or(track.tfhd.default_sample_flags).unwrap_or(0) & NO_KEY_FRAME != 0 {
        return Ok(None);
    }
    let (Some(begin), Some(offset), Some(size)) =
        (&track.tfdt, run.data_offset, first.size.or(track.tfhd.default_sample_size))
    else {
        return Err(format!("the fragment at byte {at} does not say where its pictures lie"));
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

/// A picture without the parameter sets in it: behind `avc1` they stand in the initialization section
/// alone (ISO 14496-15). `None` where it has none, or is no sequence of units.
#[must_use]
pub fn without_parameter_sets(picture: &[u8]) -> Option<Vec<u8>> {
    const SETS: std::ops::RangeInclusive<u8> = 7..=8;
    let mut kept = Vec::with_capacity(picture.len());
    let mut rest = picture;
    while let Some((length, behind)) = rest.split_first_chunk::<LENGTH_BYTES>() {
        let unit = behind.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        if !unit.first().is_some_and(|head| SETS.contains(&(head & 0x1F))) {
            kept.extend_from_slice(length);
            kept.extend_from_slice(unit);
        }
        rest = &behind[unit.len()..];
    }
    (rest.is_empty() && kept.len() < picture.len()).then_some(kept)
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

    /// A fragment of two pictures with no pictures behind it.
    fn fragment(begin: u64, flags: u32) -> Vec<u8> {
        let entry = |size, flags| TrunEntry {
            size: Some(size),
            flags: Some(flags),
            cts: Some(0),
            duration: Some(1001),
        };
        let samples = vec![entry(700, flags), entry(90, NO_KEY_FRAME)].into();
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
    fn a_key_frame_reaches_from_the_head_of_its_fragment_to_its_own_end() {
        let first = fragment(60_060, 0);
        let segment =
            [&first[..], &fragment(120_120, NO_KEY_FRAME), &fragment(180_180, 0)].concat();
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
    fn what_is_no_fragment_says_so() {
        assert!(find(&init(), b"not a fragment").is_err());
        assert!(find(b"", &fragment(0, 0)).is_err());
        assert_eq!(find(&init(), &[]).unwrap(), KeyFrames::default());
    }

    #[test]
    fn parameter_sets_go_and_all_else_stays() {
        let delimiter = [0, 0, 0, 2, 0x09, 0xF0];
        let sets = [0, 0, 0, 2, 0x67, 1, 0, 0, 0, 1, 0x68];
        let slice = [0, 0, 0, 3, 0x65, 7, 8];
        let picture = [&delimiter[..], &sets[..], &slice[..]].concat();
        let without = without_parameter_sets(&picture).unwrap();
        assert_eq!(without, [&delimiter[..], &slice[..]].concat());
        assert_eq!(without_parameter_sets(&without), None);
        assert_eq!(without_parameter_sets(&picture[..9]), None);
    }
}
