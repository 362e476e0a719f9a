//! Facts of the video tracks of an MP4 or `QuickTime` file: whether players show them, colours, orientation,
//! the shape of pixels, Dolby Vision.

use mp4_atom::{Colr, Mvhd, Pasp, Tkhd};

use super::{Mp4Box, ReadAt, STSD_BYTES, movie};
use crate::domain::colour::{Range, Stated};
use crate::domain::crop::Aperture;
use crate::domain::media::Fraction;
use crate::domain::orientation::{self, Matrix};
use crate::worker::elements::range_source::Client;
use crate::worker::probe::dolby_vision::DolbyVision;

/// Bytes of a visual sample entry before its boxes (ISO 14496-12, 12.1.3), the header included.
const VISUAL_ENTRY_BYTES: u64 = 86;
/// Offset of width and height in a visual sample entry.
const ENTRY_SIZE: usize = 32;

/// Facts of a video track.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct VideoTrack {
    /// Track id.
    pub(crate) id: u32,
    /// Whether players show it.
    pub(crate) is_enabled: bool,
    /// Number of frames, if the file is not fragmented.
    pub(crate) frames: Option<u32>,
    /// The matrix of the track, followed by that of the movie.
    pub(crate) matrix: Matrix,
    /// Width and height at which the track is shown, before the matrix.
    pub(crate) shown: (f64, f64),
    /// Width and height of its frames.
    pub(crate) coded: (f64, f64),
    /// Aspect ratio of a pixel (`pasp`).
    pub(crate) pixel_aspect: Option<Fraction>,
    /// The part of the frames that is shown (`clap`).
    pub(crate) aperture: Option<Aperture>,
    /// Colours (`colr`).
    pub(crate) colour: Stated,
    /// Dolby Vision (`dvcC`, `dvvC`).
    pub(crate) dolby_vision: Option<DolbyVision>,
}

/// Returns the video tracks; files of other formats have none.
pub(crate) fn video_tracks(client: &Client) -> Vec<VideoTrack> {
    tracks(&|at, target| client.read(at, target).unwrap_or(0))
}

fn tracks(read: ReadAt<'_>) -> Vec<VideoTrack> {
    let Some(movie) = movie(read) else { return Vec::new() };
    let header: Option<Mvhd> = movie.child(read, *b"mvhd").and_then(|mvhd| mvhd.decode(read));
    let matrix = header.map_or(orientation::IDENTITY, |header| linear(&header.matrix));
    movie.tracks(read).filter_map(|track| video_track(read, track, matrix)).collect()
}

fn video_track(read: ReadAt<'_>, track: Mp4Box, movie: Matrix) -> Option<VideoTrack> {
    let header: Tkhd = track.child(read, *b"tkhd")?.decode(read)?;
    let media = track.child(read, *b"mdia")?;
    if media.handler(read) != Some(*b"vide") {
        return None;
    }
    let table = media.child(read, *b"minf")?.child(read, *b"stbl")?;
    let size = |point: &mp4_atom::FixedPoint<u16>| {
        f64::from(point.integer()) + f64::from(point.decimal()) / 65536.0
    };
    let found = VideoTrack {
        id: header.track_id,
        is_enabled: header.enabled,
        frames: frames(read, table),
        matrix: orientation::then(linear(&header.matrix), movie),
        shown: (size(&header.width), size(&header.height)),
        ..VideoTrack::default()
    };
    let description = table.child(read, *b"stsd")?;
    let entry = description.children_from(read, description.begin + STSD_BYTES).next();
    Some(match entry {
        Some(entry) => with_entry(read, found, entry),
        None => found,
    })
}

/// Number of samples in `stsz` or `stz2`; none for fragmented files, which have 0 there.
fn frames(read: ReadAt<'_>, table: Mp4Box) -> Option<u32> {
    let sizes = table.children(read).find(|child| matches!(&child.kind, b"stsz" | b"stz2"))?;
    let bytes = sizes.bytes(read);
    let count = u32::from_be_bytes(bytes.get(16..20)?.try_into().ok()?);
    (count > 0).then_some(count)
}

/// Adds what the boxes of a sample entry state.
fn with_entry(read: ReadAt<'_>, mut track: VideoTrack, entry: Mp4Box) -> VideoTrack {
    let bytes = entry.bytes(read);
    let side = |at: usize| {
        let side = bytes.get(at..at + 2).and_then(|side| side.try_into().ok());
        f64::from(side.map_or(0, u16::from_be_bytes))
    };
    track.coded = (side(ENTRY_SIZE), side(ENTRY_SIZE + 2));
    for child in entry.children_from(read, entry.begin + VISUAL_ENTRY_BYTES) {
        match &child.kind {
            b"colr" => track.colour = colour(read, child).unwrap_or(track.colour),
            b"pasp" => {
                let pasp: Option<Pasp> = child.decode(read);
                track.pixel_aspect = pasp.map(|p| Fraction::new(p.h_spacing, p.v_spacing));
            }
            b"clap" => track.aperture = aperture(&child.bytes(read)),
            b"dvcC" | b"dvvC" | b"dvwC" => {
                let bytes = child.bytes(read);
                track.dolby_vision = bytes.get(8..).and_then(DolbyVision::of_record);
            }
            _ => {}
        }
    }
    track
}

/// The clean aperture of a `clap` box: width, height and both offsets as fractions of 32 bits.
fn aperture(bytes: &[u8]) -> Option<Aperture> {
    let mut words = bytes.get(8..)?.as_chunks::<4>().0.iter().map(|word| i32::from_be_bytes(*word));
    let mut next = || Some(f64::from(words.next()?) / f64::from(words.next()?));
    let size = (next()?, next()?);
    Some(Aperture { size, offset: (next()?, next()?) })
}

/// The colours of a `colr` box; `None` for ICC profiles.
#[expect(clippy::wildcard_enum_match_arm, reason = "the crate's enum may grow")]
fn colour(read: ReadAt<'_>, colr: Mp4Box) -> Option<Stated> {
    let (primaries, transfer, matrix, range) = match colr.decode(read)? {
        Colr::Nclx {
            colour_primaries,
            transfer_characteristics,
            matrix_coefficients,
            full_range_flag,
        } => {
            let range = if full_range_flag { Range::Full } else { Range::Limited };
            (colour_primaries, transfer_characteristics, matrix_coefficients, Some(range))
        }
        Colr::Nclc { colour_primaries, transfer_characteristics, matrix_coefficients } => {
            (colour_primaries, transfer_characteristics, matrix_coefficients, None)
        }
        _ => return None,
    };
    let [primaries, transfer, matrix] =
        [primaries, transfer, matrix].map(|code| u8::try_from(code).unwrap_or_default());
    Some(Stated { range, primaries, transfer, matrix }.sanitized())
}

/// The part of a matrix that turns and stretches, in 16.16 fixed point.
fn linear(matrix: &mp4_atom::Matrix) -> Matrix {
    [[matrix.a, matrix.b], [matrix.c, matrix.d]].map(|row| row.map(|n| f64::from(n) / 65536.0))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mp4_box, reader};
    use super::*;
    use crate::domain::media::Orientation;

    fn matrix(numbers: [f64; 4]) -> Vec<u8> {
        let [a, b, c, d] = numbers;
        let fixed = |n: f64, unit: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "a test")]
            let fixed = (n * unit) as i32;
            fixed.to_be_bytes()
        };
        let row =
            |x, y, z| [fixed(x, 65536.0), fixed(y, 65536.0), fixed(z, 1_073_741_824.0)].concat();
        [row(a, b, 0.0), row(c, d, 0.0), row(0.0, 0.0, 1.0)].concat()
    }

    /// A file with one video track: flags of `tkhd`, its matrix, the boxes of its sample entry.
    fn file(flags: u8, of_track: [f64; 4], of_movie: [f64; 4], boxes: &[u8]) -> Vec<u8> {
        let tkhd = [
            &[0, 0, 0, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..],
            &[0; 24],
            &matrix(of_track),
            &[0, 160, 0, 0, 0, 120, 0, 0],
        ]
        .concat();
        let mvhd = [&[0; 36][..], &matrix(of_movie), &[0; 28]].concat();
        let entry = [&[0; 24][..], &[2, 128, 1, 104], &[0; 50], boxes].concat();
        let stsd = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &mp4_box(*b"hvc1", &entry)].concat();
        let stsz = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 42];
        let stbl = [mp4_box(*b"stsd", &stsd), mp4_box(*b"stsz", &stsz)].concat();
        let hdlr = [&[0; 8][..], b"vide", &[0; 13]].concat();
        let minf = mp4_box(*b"minf", &mp4_box(*b"stbl", &stbl));
        let mdia = [mp4_box(*b"hdlr", &hdlr), minf].concat();
        let trak = [mp4_box(*b"tkhd", &tkhd), mp4_box(*b"mdia", &mdia)].concat();
        let moov = [mp4_box(*b"mvhd", &mvhd), mp4_box(*b"trak", &trak)].concat();
        [mp4_box(*b"ftyp", b"isom\0\0\0\0"), mp4_box(*b"moov", &moov)].concat()
    }

    fn read(file: &[u8]) -> Vec<VideoTrack> {
        tracks(&reader(file))
    }

    const TURN: [f64; 4] = [0.0, 1.0, -1.0, 0.0];
    const NONE: [f64; 4] = [1.0, 0.0, 0.0, 1.0];

    #[test]
    fn a_track_is_read_with_all_that_its_boxes_state() {
        let clap = [1405, 2, 360, 1, -3, 2, 0, 1];
        let boxes = [
            mp4_box(*b"hvcC", &[1; 40]),
            mp4_box(*b"colr", b"nclx\0\x05\0\x01\0\x06\x80"),
            mp4_box(*b"pasp", &[0, 0, 0, 4, 0, 0, 0, 3]),
            mp4_box(*b"clap", &clap.map(i32::to_be_bytes).concat()),
            mp4_box(
                *b"dvvC",
                &[1, 0, 0x10, 0x25, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
        ]
        .concat();
        let whole = file(3, TURN, [1.0, 0.0, 0.0, 2.0], &boxes);
        let track = &read(&whole)[0];
        assert_eq!((track.id, track.is_enabled, track.frames), (7, true, Some(42)));
        assert_eq!((track.shown, track.coded), ((160.0, 120.0), (640.0, 360.0)));
        assert_eq!(track.matrix, [[0.0, 2.0], [-1.0, 0.0]]);
        assert_eq!(orientation::of_matrix(track.matrix), Orientation::Rotate90);
        assert_eq!(track.pixel_aspect, Some(Fraction::new(4, 3)));
        let aperture = Aperture { size: (702.5, 360.0), offset: (-1.5, 0.0) };
        assert_eq!(track.aperture, Some(aperture));
        let colour = Stated { range: Some(Range::Full), primaries: 5, transfer: 1, matrix: 6 };
        assert_eq!(track.colour, colour);
        let dolby_vision = track.dolby_vision.unwrap();
        assert_eq!((dolby_vision.profile, dolby_vision.compatibility), (8, 4));
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).len() <= 1);
        }
    }

    #[test]
    fn quicktime_states_no_range_and_icc_profiles_state_nothing() {
        let nclc = mp4_box(*b"colr", b"nclc\0\x09\0\x12\0\x09");
        let track = &read(&file(2, NONE, NONE, &nclc))[0];
        assert_eq!(track.colour, Stated { range: None, primaries: 9, transfer: 18, matrix: 9 });
        assert!(!track.is_enabled && track.pixel_aspect.is_none());
        let profile = mp4_box(*b"colr", &[&b"prof"[..], &[7; 600]].concat());
        let track = &read(&file(1, NONE, NONE, &profile))[0];
        assert_eq!((track.colour, track.is_enabled), (Stated::default(), true));
        assert_eq!(read(b"RIFF\0\0\0\0AVI LIST"), []);
    }
}
