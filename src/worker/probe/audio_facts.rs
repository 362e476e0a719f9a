//! Completes audio streams by facts that the discoverer does not report: their order, which are disabled, and
//! the loudspeakers of those of one channel.

use crate::domain::edits::Edits;
use crate::domain::media::MediaInfo;
use crate::worker::elements::range_source::Client;
use crate::worker::probe::mp4;
use crate::worker::probe::track_number;

/// The key of a partition pack, with which an MXF file begins (SMPTE ST 377-1), up to the kind of the partition.
const PARTITION_PACK: [u8; 13] =
    [0x06, 0x0E, 0x2B, 0x34, 0x02, 0x05, 0x01, 0x01, 0x0D, 0x01, 0x02, 0x01, 0x01];

/// Adds the facts of the file to its audio streams.
pub(super) fn add(media: &mut MediaInfo, client: &Client) {
    if media.audio.len() < 2 {
        return;
    }
    let mut head = [0; PARTITION_PACK.len()];
    let is_mxf = client.read(0, &mut head).is_ok() && head == PARTITION_PACK;
    if is_mxf {
        // The demuxer of MXF lists its tracks from the last to the first.
        media.audio.sort_by_key(|stream| track_number::of_stream_id(&stream.stream_id));
    }
    let tracks = mp4::audio_tracks(client);
    for stream in &mut media.audio {
        let number = track_number::of_stream_id(&stream.stream_id);
        let track = tracks.iter().find(|track| Some(track.id.into()) == number);
        stream.is_disabled = track.is_some_and(|track| !track.is_enabled);
        stream.speaker = track.filter(|_| stream.channels == 1).and_then(|track| track.speaker);
    }
}

/// Takes the loudspeakers from tracks that are shown at different times: they are no sides of one sound, as the
/// edits of a rendition are those of one track.
pub(crate) fn keep_speakers_of_same_edits(media: &mut MediaInfo, edits: &Edits) {
    let named = media.audio.iter().filter(|stream| stream.speaker.is_some());
    let mut lists = named.map(|stream| edits.of_stream(&stream.stream_id));
    let first = lists.next();
    if lists.any(|list| Some(list) != first) {
        for stream in &mut media.audio {
            stream.speaker = None;
        }
    }
}
