//! Adds the chapters of the container to the result of the probe.

use crate::domain::media::MediaInfo;
use crate::worker::elements::range_source::Client;
use crate::worker::probe::{matroska, mp4, track_number};

/// Adds the chapters, and removes the text tracks that hold them from the subtitles.
pub(super) fn add(media: &mut MediaInfo, client: &Client) {
    let of_mp4 = mp4::chapters(client);
    let is_chapters = |stream_id: &str| {
        let number = track_number::of_stream_id(stream_id);
        of_mp4.tracks.iter().any(|track| Some(u64::from(*track)) == number)
    };
    media.subtitles.retain(|stream| !is_chapters(&stream.stream_id));
    media.chapters = of_mp4.chapters;
    if media.chapters.is_empty() {
        media.chapters = matroska::chapters(client);
    }
}
