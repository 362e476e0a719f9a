//! The video stream that is encoded, and its colours.

use crate::domain::colour::Colour;
use crate::domain::media::{MediaInfo, VideoStream};

/// Share of the frames of the longest stream below which a stream is no moving video beside it: the large
/// still of a motion photo, or a cover.
const STILL_SHARE: u32 = 10;

/// The stream of moving video that is encoded: the first that moves and that viewers are shown. One that moves
/// counts before a still, even if only the still is shown, as covers are. `None` if there are still images only.
#[must_use]
pub fn main_video(media: &MediaInfo) -> Option<&VideoStream> {
    let moving = || media.video.iter().filter(|stream| !stream.is_image);
    let most = moving().filter_map(|stream| stream.frames).max().unwrap_or(0);
    let is_still = |stream: &VideoStream| {
        stream.frames.is_some_and(|frames| frames.saturating_mul(STILL_SHARE) < most)
    };
    moving().min_by_key(|stream| (is_still(stream), stream.is_disabled))
}

/// Colours of a stream. What the bitstream states counts before what the container states; adds a note if
/// both differ.
pub(super) fn colour(stream: &VideoStream, notes: &mut Vec<String>) -> Colour {
    let (bitstream, container) =
        (stream.bitstream_colour.sanitized(), stream.container_colour.sanitized());
    let conflicts = bitstream.conflicts(container);
    if !conflicts.is_empty() {
        let parts = conflicts.join(", ");
        notes.push(format!(
            "colours taken from the video stream: the container states another {parts}"
        ));
    }
    bitstream.or(container).completed((stream.width, stream.height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::colour::{Range, Stated};

    fn stream(name: &str, frames: Option<u32>) -> VideoStream {
        VideoStream { stream_id: name.to_owned(), frames, ..VideoStream::plain(640, 360) }
    }

    #[test]
    fn the_first_stream_that_is_shown_and_moves_is_encoded() {
        let disabled = |stream| VideoStream { is_disabled: true, ..stream };
        let image = |stream| VideoStream { is_image: true, ..stream };
        let [a, b, still] =
            [stream("a", Some(300)), stream("b", Some(300)), stream("still", Some(1))];
        let few = stream("few", Some(12));
        let unknown = stream("unknown", None);
        let table = [
            (vec![a.clone(), b.clone()], Some("a")),
            (vec![disabled(a.clone()), b.clone()], Some("b")),
            (vec![disabled(a.clone()), disabled(b.clone())], Some("a")),
            // A cover, and the large frames of a motion photo.
            (vec![still.clone(), a.clone()], Some("a")),
            (vec![few.clone(), a.clone()], Some("a")),
            (vec![image(a.clone()), b.clone()], Some("b")),
            (vec![still.clone(), disabled(a.clone())], Some("a")),
            (vec![still.clone(), disabled(a.clone()), b.clone()], Some("b")),
            // Streams that are only shorter, and of unknown length.
            (vec![stream("short", Some(200)), a.clone()], Some("short")),
            (vec![unknown.clone(), a.clone()], Some("unknown")),
            (vec![still.clone(), unknown], Some("still")),
            (vec![still.clone()], Some("still")),
            (vec![image(a)], None),
            (vec![], None),
        ];
        for (video, expected) in table {
            let media = MediaInfo { video, ..MediaInfo::default() };
            let found = main_video(&media).map(|stream| stream.stream_id.as_str());
            assert_eq!(found, expected, "{:?}", media.video);
        }
    }

    #[test]
    fn a_conflict_of_container_and_bitstream_is_noted() {
        let bitstream_colour = Stated { range: Some(Range::Full), ..Stated::default() };
        let colour_of = |container_colour| {
            let stream =
                VideoStream { container_colour, bitstream_colour, ..VideoStream::plain(640, 360) };
            let mut notes = Vec::new();
            (colour(&stream, &mut notes), notes)
        };
        let (found, notes) = colour_of(Stated { matrix: 1, ..Stated::default() });
        assert_eq!((found.range, found.matrix, notes.len()), (Range::Full, 1, 0));
        let (found, notes) = colour_of(Stated { range: Some(Range::Limited), ..Stated::default() });
        assert_eq!((found.range, found.matrix), (Range::Full, 6));
        assert_eq!(notes.len(), 1);
        assert!(notes[0].ends_with("another range"), "{notes:?}");
    }
}
