//! The audio tracks of an MP4 or `QuickTime` file: whether players play them without being asked.

use mp4_atom::Tkhd;

use super::{Mp4Box, ReadAt, is_mp4};
use crate::worker::elements::range_source::Client;

/// Returns the ids of the audio tracks that are disabled: alternatives that viewers may choose (ISO 14496-12,
/// 8.3.2). Files of other formats have none.
pub(crate) fn disabled_audio(client: &Client) -> Vec<u32> {
    disabled(&|at, target| client.read(at, target).unwrap_or(0))
}

fn disabled(read: ReadAt<'_>) -> Vec<u32> {
    let moov = Mp4Box::FILE.child(read, *b"moov").filter(|_| is_mp4(read));
    let tracks = moov.into_iter().flat_map(|moov| moov.children(read));
    tracks
        .filter(|child| child.kind == *b"trak")
        .filter_map(|track| disabled_track(read, track))
        .collect()
}

/// The id of an audio track that is disabled.
fn disabled_track(read: ReadAt<'_>, track: Mp4Box) -> Option<u32> {
    let handler = track.child(read, *b"mdia")?.child(read, *b"hdlr")?.bytes(read);
    let header: Tkhd = track.child(read, *b"tkhd")?.decode(read)?;
    (handler.get(16..20) == Some(b"soun") && !header.enabled).then_some(header.track_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mp4_box(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len() + 8).unwrap();
        [&len.to_be_bytes(), &kind[..], body].concat()
    }

    fn track(id: u8, handler: [u8; 4], flags: u8) -> Vec<u8> {
        let mut head = [0; 84];
        (head[3], head[15]) = (flags, id);
        let hdlr = mp4_box(*b"hdlr", &[&[0; 8][..], &handler, &[0; 13]].concat());
        mp4_box(*b"trak", &[mp4_box(*b"tkhd", &head), mp4_box(*b"mdia", &hdlr)].concat())
    }

    #[test]
    fn disabled_audio_tracks_are_found() {
        let tracks = [
            track(1, *b"vide", 2),
            track(2, *b"soun", 2),
            track(3, *b"soun", 3),
            track(4, *b"soun", 0),
        ];
        let file =
            [mp4_box(*b"ftyp", b"isom\0\0\0\0"), mp4_box(*b"moov", &tracks.concat())].concat();
        let read = |file: &[u8]| {
            disabled(&|at, target| {
                let rest = usize::try_from(at).ok().and_then(|at| file.get(at..));
                let rest = rest.unwrap_or_default();
                let len = rest.len().min(target.len());
                target[..len].copy_from_slice(&rest[..len]);
                len
            })
        };
        assert_eq!(read(&file), [2, 4]);
        for cut in 0..file.len() {
            assert!(read(&file[..cut]).len() <= 2);
        }
        assert!(read(b"RIFF\0\0\0\0AVI LIST").is_empty());
    }
}
