//! Facts of a published stream, from the text of its playlists as `multivariant` and `media_playlist` write them.

use super::key::Iv;

/// The video rendition that facts of a stream are read from: the one with the lowest rate.
///
/// Returns the URI of its media playlist. `None` if the stream has no video.
#[must_use]
pub fn smallest_video(main: &str) -> Option<&str> {
    variants(main).min_by_key(|variant| variant.bandwidth).map(|variant| variant.uri)
}

/// Largest height in pixels of the rendition whose frames become posters.
const POSTER_HEIGHT_PX: u32 = 720;

/// The video rendition whose frames become posters: the largest up to 720p, or else the smallest.
///
/// Returns the URI of its media playlist. `None` if the stream has no video.
#[must_use]
pub fn poster_video(main: &str) -> Option<&str> {
    let short = |variant: &VideoVariant<'_>| variant.width.min(variant.height);
    let fitting = variants(main).filter(|variant| short(variant) <= POSTER_HEIGHT_PX);
    let largest = fitting.max_by_key(|variant| (short(variant), variant.bandwidth));
    largest.map(|variant| variant.uri).or_else(|| smallest_video(main))
}

/// URI of the media playlist of the main audio of a stream with video. `None` if it has no audio.
#[must_use]
pub fn audio_of(main: &str) -> Option<&str> {
    let tracks = main.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:TYPE=AUDIO,"));
    let default = tracks.clone().find(|line| line.contains(",DEFAULT=YES,"));
    quoted(default.or(tracks.clone().next())?, ",URI=\"")
}

/// A variant with video.
struct VideoVariant<'a> {
    bandwidth: u64,
    width: u32,
    height: u32,
    uri: &'a str,
}

fn variants(main: &str) -> impl Iterator<Item = VideoVariant<'_>> {
    let pairs = main.lines().zip(main.lines().skip(1));
    pairs.filter_map(|(tag, uri)| {
        let attributes = tag.strip_prefix("#EXT-X-STREAM-INF:")?;
        let number = attributes.split(',').find_map(|part| part.strip_prefix("BANDWIDTH="));
        let bandwidth = number.and_then(|number| number.parse().ok())?;
        let (_, size) = attributes.split_once(",RESOLUTION=")?;
        let (width, height) = size.split(',').next()?.split_once('x')?;
        let (width, height) = (width.parse().ok()?, height.parse().ok()?);
        Some(VideoVariant { bandwidth, width, height, uri })
    })
}

/// A segment of a VOD playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSegment {
    /// URI, relative to the playlist.
    pub uri: String,
    /// Duration in nanoseconds.
    pub duration_ns: u64,
    /// Initialization vector, if it is encrypted.
    pub iv: Option<Iv>,
}

/// A VOD playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VodPlaylist {
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target_duration_secs: u32,
    /// URI of the initialization section, if there is one.
    pub map: Option<String>,
    /// URI of the key, if the segments are encrypted. They have one key.
    pub key_uri: Option<String>,
    /// The segments in order.
    pub segments: Vec<PublishedSegment>,
}

impl VodPlaylist {
    /// Parses a playlist. `None` if it has no segment, or a line that ours never have.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut playlist = Self::default();
        let (mut duration_ns, mut iv) = (None, None);
        for line in text.lines() {
            if let Some(secs) = line.strip_prefix("#EXT-X-TARGETDURATION:") {
                playlist.target_duration_secs = secs.parse().ok()?;
            } else if let Some(attributes) = line.strip_prefix("#EXT-X-MAP:") {
                playlist.map = Some(quoted(attributes, "URI=\"")?.to_owned());
            } else if let Some(attributes) = line.strip_prefix("#EXT-X-KEY:") {
                playlist.key_uri = Some(quoted(attributes, "URI=\"")?.to_owned());
                iv = Some(parse_iv(attributes)?);
            } else if let Some(secs) = line.strip_prefix("#EXTINF:") {
                duration_ns = Some(nanoseconds(secs.split(',').next()?)?);
            } else if !line.starts_with('#') && !line.is_empty() {
                let (uri, duration_ns) = (line.to_owned(), duration_ns.take()?);
                playlist.segments.push(PublishedSegment { uri, duration_ns, iv: iv.take() });
            }
        }
        Some(playlist).filter(|playlist| !playlist.segments.is_empty())
    }

    /// The segment that is shown at this time in nanoseconds, and the time within it. `None` behind the end.
    #[must_use]
    pub fn at(&self, time_ns: u64) -> Option<(&PublishedSegment, u64)> {
        let mut left_ns = time_ns;
        for segment in &self.segments {
            if left_ns < segment.duration_ns {
                return Some((segment, left_ns));
            }
            left_ns -= segment.duration_ns;
        }
        None
    }

    /// Durations of the segments in nanoseconds.
    #[must_use]
    pub fn durations_ns(&self) -> Vec<u64> {
        self.segments.iter().map(|segment| segment.duration_ns).collect()
    }
}

fn quoted<'a>(attributes: &'a str, begin: &str) -> Option<&'a str> {
    let (_, rest) = attributes.split_once(begin)?;
    rest.split_once('"').map(|(value, _)| value)
}

fn parse_iv(attributes: &str) -> Option<Iv> {
    let (_, digits) = attributes.split_once(",IV=0x")?;
    let mut iv = Iv::default();
    hex::decode_to_slice(digits.get(..32)?, &mut iv).ok()?;
    Some(iv)
}

/// Parses seconds with six decimals.
fn nanoseconds(text: &str) -> Option<u64> {
    let (secs, us) = text.split_once('.').filter(|(_, us)| us.len() == 6)?;
    let secs: u64 = secs.parse().ok()?;
    Some(secs.checked_mul(1_000_000_000)? + us.parse::<u64>().ok()? * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::hls::key::KeyTag;
    use crate::domain::hls::media_playlist::{Header, Map, PlaylistKind, render};

    #[test]
    fn a_playlist_that_was_rendered_is_parsed() {
        let name = |number: u32| format!("seg_{number:05}.m4s");
        let map = Map { uri: "init.mp4".to_owned(), first_bytes: None };
        let ivs = [[7; 16], [0xAB; 16]];
        let key = KeyTag { uri: "../key?v=1", ivs: &ivs };
        let header =
            Header { target_duration_secs: 6, map: Some(&map), begins_at: None, key: Some(key) };
        let durations = [6_006_000_000, 1_234_567_000];
        let text = render(PlaylistKind::Vod, header, &durations, name);
        let parsed = VodPlaylist::parse(&text).unwrap();
        let segment = |number, duration_ns, iv| PublishedSegment {
            uri: name(number),
            duration_ns,
            iv: Some(iv),
        };
        let expected = VodPlaylist {
            target_duration_secs: 6,
            map: Some("init.mp4".to_owned()),
            key_uri: Some("../key?v=1".to_owned()),
            segments: vec![segment(0, durations[0], ivs[0]), segment(1, durations[1], ivs[1])],
        };
        assert_eq!(parsed, expected);
        assert_eq!(parsed.durations_ns(), durations);
        for (at, number) in [(0, 0), (6_005_999_999, 0), (6_006_000_000, 1), (7_240_566_999, 1)] {
            let (found, offset) = parsed.at(at).unwrap();
            assert_eq!(
                (&found.uri, offset),
                (&name(number), at - u64::from(number) * durations[0])
            );
        }
        assert_eq!(parsed.at(7_240_567_000), None);
        let plain = Header { map: None, key: None, ..header };
        let plain = VodPlaylist::parse(&render(PlaylistKind::Vod, plain, &durations, name));
        assert!(plain.unwrap().segments.iter().all(|segment| segment.iv.is_none()));
        for wrong in
            ["", "#EXTM3U\n", "seg.ts\n", "#EXTINF:6,\nseg.ts\n", &text.replace("IV=0x", "IV=")]
        {
            assert_eq!(VodPlaylist::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_video_with_the_lowest_rate_stands_for_the_stream() {
        let inf = |rate: u32, more: &str| {
            format!(
                "#EXT-X-STREAM-INF:BANDWIDTH={rate},AVERAGE-BANDWIDTH=1,CODECS=\"a,b\"{more}\n{rate}/index.m3u8\n"
            )
        };
        let video = ",RESOLUTION=2x2";
        let main = format!("#EXTM3U\n{}{}{}", inf(3, video), inf(2, video), inf(1, ""));
        assert_eq!(smallest_video(&main), Some("2/index.m3u8"));
        assert_eq!(smallest_video(&inf(1, "")), None);
        let audio = |default, uri| {
            format!("#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"x\",DEFAULT={default},URI=\"{uri}\"\n")
        };
        assert_eq!(audio_of(&[audio("NO", "a"), audio("YES", "b")].concat()), Some("b"));
        assert_eq!(audio_of(&audio("NO", "a")), Some("a"));
        assert_eq!(audio_of(&main), None);
        let sized = |rate, size: &str| inf(rate, &format!(",RESOLUTION={size}"));
        let main = [sized(9, "1920x1080"), sized(5, "720x1280"), sized(2, "640x360")].concat();
        assert_eq!(poster_video(&main), Some("5/index.m3u8"));
        assert_eq!(poster_video(&sized(9, "1920x1080")), Some("9/index.m3u8"));
        assert_eq!(smallest_video(""), None);
    }
}
