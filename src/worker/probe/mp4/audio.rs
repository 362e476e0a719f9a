//! Facts of the audio tracks of an MP4 or `QuickTime` file: whether players play them without being asked, and
//! the loudspeaker of tracks of one channel.

use mp4_atom::Tkhd;

use super::{Mp4Box, ReadAt, STSD_BYTES, movie};
use crate::domain::media::Speaker;
use crate::worker::elements::range_source::Client;

/// Bytes of an audio sample entry before its boxes, the header included, by its version: those of `QuickTime` have
/// more fields from version to version.
const ENTRY_BYTES: [u64; 3] = [36, 52, 72];
/// Offset of the version in an audio sample entry.
const ENTRY_VERSION: usize = 16;
/// The layouts of `chan` that name loudspeakers one by one: by a label for each channel, and by bits.
const BY_LABELS: u32 = 0;
const BY_BITS: u32 = 1 << 16;

/// Facts of an audio track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AudioTrack {
    /// Track id.
    pub(crate) id: u32,
    /// Whether players play it; others are alternatives that viewers may choose (ISO 14496-12, 8.3.2).
    pub(crate) is_enabled: bool,
    /// The loudspeaker, if the track has one channel and names it (`chan`).
    pub(crate) speaker: Option<Speaker>,
}

/// Returns the audio tracks; files of other formats have none.
pub(crate) fn audio_tracks(client: &Client) -> Vec<AudioTrack> {
    tracks(&|at, target| client.read(at, target).unwrap_or(0))
}

fn tracks(read: ReadAt<'_>) -> Vec<AudioTrack> {
    let tracks = movie(read).into_iter().flat_map(|movie| movie.tracks(read));
    tracks.filter_map(|track| audio_track(read, track)).collect()
}

fn audio_track(read: ReadAt<'_>, track: Mp4Box) -> Option<AudioTrack> {
    let header: Tkhd = track.child(read, *b"tkhd")?.decode(read)?;
    let media = track.child(read, *b"mdia")?;
    (media.handler(read)? == *b"soun").then(|| AudioTrack {
        id: header.track_id,
        is_enabled: header.enabled,
        speaker: speaker(read, media),
    })
}

fn speaker(read: ReadAt<'_>, media: Mp4Box) -> Option<Speaker> {
    let table = media.child(read, *b"minf")?.child(read, *b"stbl")?;
    let description = table.child(read, *b"stsd")?;
    let entry = description.children_from(read, description.begin + STSD_BYTES).next()?;
    let version = *entry.bytes(read).get(ENTRY_VERSION..)?.first_chunk::<2>()?;
    let boxes = ENTRY_BYTES.get(usize::from(u16::from_be_bytes(version)))?;
    let mut boxes = entry.children_from(read, entry.begin + boxes);
    let chan = boxes.find(|child| child.kind == *b"chan")?.bytes(read);
    let mut words = chan.get(12..)?.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
    let (layout, bits, channels) = (words.next()?, words.next()?, words.next()?);
    match (layout, bits, channels, words.next()) {
        (BY_BITS, 1, ..) | (BY_LABELS, _, 1, Some(1)) => Some(Speaker::Left),
        (BY_BITS, 2, ..) | (BY_LABELS, _, 1, Some(2)) => Some(Speaker::Right),
        (BY_BITS, bits, ..) if bits.is_power_of_two() => Some(Speaker::Other),
        (BY_LABELS, _, 1, Some(_)) => Some(Speaker::Other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mp4_box, reader};
    use super::*;

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// A sample entry of this version with the numbers of a `chan` box.
    fn entry(version: u8, chan: &[u32]) -> Vec<u8> {
        let mut entry = vec![0; usize::try_from(ENTRY_BYTES[usize::from(version)]).unwrap() - 8];
        entry[ENTRY_VERSION + 1 - 8] = version;
        entry.extend(mp4_box(*b"chan", &[numbers(&[0]), numbers(chan)].concat()));
        mp4_box(*b"sowt", &entry)
    }

    fn track(id: u8, handler: [u8; 4], flags: u8, entry: &[u8]) -> Vec<u8> {
        let mut head = [0; 84];
        (head[3], head[15]) = (flags, id);
        let hdlr = mp4_box(*b"hdlr", &[&[0; 8][..], &handler, &[0; 13]].concat());
        let stsd = mp4_box(*b"stsd", &[&numbers(&[0, 1]), entry].concat());
        let minf = mp4_box(*b"minf", &mp4_box(*b"stbl", &stsd));
        let mdia = mp4_box(*b"mdia", &[hdlr, minf].concat());
        mp4_box(*b"trak", &[mp4_box(*b"tkhd", &head), mdia].concat())
    }

    fn file(tracks: &[Vec<u8>]) -> Vec<u8> {
        [mp4_box(*b"ftyp", b"isom\0\0\0\0"), mp4_box(*b"moov", &tracks.concat())].concat()
    }

    fn read(file: &[u8]) -> Vec<AudioTrack> {
        tracks(&reader(file))
    }

    #[test]
    fn audio_tracks_are_read_with_their_flags() {
        let flagged = |id, handler, flags| track(id, handler, flags, &[]);
        let tracks = [
            flagged(1, *b"vide", 2),
            flagged(2, *b"soun", 2),
            flagged(3, *b"soun", 3),
            flagged(4, *b"soun", 0),
        ];
        let found = read(&file(&tracks));
        let found: Vec<_> = found.iter().map(|track| (track.id, track.is_enabled)).collect();
        assert_eq!(found, [(2, false), (3, true), (4, false)]);
        assert!(read(b"RIFF\0\0\0\0AVI LIST").is_empty());
    }

    #[test]
    fn the_loudspeaker_of_one_channel_is_read() {
        let table: [(u8, &[u32], Option<Speaker>); 11] = [
            (0, &[BY_BITS, 1, 0], Some(Speaker::Left)),
            (1, &[BY_BITS, 2, 0], Some(Speaker::Right)),
            (2, &[BY_LABELS, 0, 1, 1, 0, 0, 0, 0], Some(Speaker::Left)),
            (1, &[BY_LABELS, 0, 1, 2, 0, 0, 0, 0], Some(Speaker::Right)),
            (1, &[BY_LABELS, 0, 1, 3, 0, 0, 0, 0], Some(Speaker::Other)),
            (1, &[BY_BITS, 4, 0], Some(Speaker::Other)),
            // Two channels, a named layout (stereo), and none.
            (1, &[BY_LABELS, 0, 2, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0], None),
            (1, &[BY_BITS, 3, 0], None),
            (1, &[0x65_0002, 0, 0], None),
            (1, &[BY_LABELS, 0, 1], None),
            (1, &[], None),
        ];
        for (version, chan, expected) in table {
            let whole = file(&[track(2, *b"soun", 1, &entry(version, chan))]);
            assert_eq!(read(&whole)[0].speaker, expected, "{version} {chan:?}");
            for cut in 0..whole.len() {
                assert!(read(&whole[..cut]).len() <= 1);
            }
        }
    }
}
