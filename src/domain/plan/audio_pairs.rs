//! Tracks of one channel that are the left and the right side of one sound.

use crate::domain::media::{AudioStream, Speaker};

/// Pairs each audio stream with the one that holds the right channel, if it holds the left one: the neighbour with
/// the other side, of the same format and language. Streams of right channels that are paired are left out.
/// Nothing is paired beside a track of another loudspeaker, as the two sides are part of surround sound then.
pub(super) fn paired(streams: &[AudioStream]) -> Vec<(&AudioStream, Option<&AudioStream>)> {
    let is_surround = streams.iter().any(|stream| stream.speaker == Some(Speaker::Other));
    let mut found = Vec::new();
    let mut rest = streams;
    while let [first, others @ ..] = rest {
        let second = others.first().filter(|second| !is_surround && are_sides(first, second));
        rest = if second.is_some() { &others[1..] } else { others };
        found.push(match second {
            Some(second) if first.speaker == Some(Speaker::Right) => (second, Some(first)),
            second => (first, second),
        });
    }
    found
}

fn are_sides(one: &AudioStream, other: &AudioStream) -> bool {
    let format =
        |stream: &AudioStream| (stream.codec.clone(), stream.sample_rate_hz, stream.channels);
    let sides = (one.speaker, other.speaker);
    matches!(
        sides,
        (Some(Speaker::Left), Some(Speaker::Right)) | (Some(Speaker::Right), Some(Speaker::Left))
    ) && format(one) == format(other)
        && one.channels == 1
        && one.language == other.language
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Option<Speaker> = Some(Speaker::Left);
    const RIGHT: Option<Speaker> = Some(Speaker::Right);
    const OTHER: Option<Speaker> = Some(Speaker::Other);

    fn stream(id: &str, speaker: Option<Speaker>) -> AudioStream {
        let stream_id = id.to_owned();
        AudioStream { stream_id, channels: 1, speaker, ..AudioStream::plain(None, None) }
    }

    fn text(streams: &[AudioStream]) -> String {
        let pairs = paired(streams).into_iter().map(|(stream, right)| {
            let right = right.map_or(String::new(), |right| format!("+{}", right.stream_id));
            format!("{}{right}", stream.stream_id)
        });
        pairs.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn neighbours_of_opposite_sides_are_one_sound() {
        let [left, right] = [stream("l", LEFT), stream("r", RIGHT)];
        let plain = stream("m", None);
        let french = AudioStream { language: Some("fr".to_owned()), ..right.clone() };
        let other_rate = AudioStream { sample_rate_hz: 44_100, ..right.clone() };
        let table = [
            (vec![left.clone(), right.clone()], "l+r"),
            (vec![right.clone(), left.clone()], "l+r"),
            (vec![left.clone(), right.clone(), left.clone(), right.clone()], "l+r l+r"),
            (vec![plain.clone(), left.clone(), right.clone(), plain.clone()], "m l+r m"),
            (vec![left.clone(), plain.clone(), right.clone()], "l m r"),
            (vec![left.clone(), left.clone(), right.clone()], "l l+r"),
            (vec![left.clone(), french], "l r"),
            (vec![left.clone(), other_rate], "l r"),
            (vec![plain.clone(), plain], "m m"),
            // Tracks of surround sound.
            (vec![left.clone(), right, stream("c", OTHER)], "l r c"),
            (vec![left], "l"),
            (vec![], ""),
        ];
        for (streams, expected) in table {
            assert_eq!(text(&streams), expected, "{streams:?}");
        }
    }
}
