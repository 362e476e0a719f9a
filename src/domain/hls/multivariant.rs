//! The multivariant playlist: variants, audio renditions and subtitles (RFC 8216, 4.3.4).

use crate::domain::media::Fraction;

use super::text::push_line;

/// Average bit rate of the variant to list first, in bit/s: many players start with the first one
/// (Apple's authoring rule 1.32).
const FIRST_VARIANT_BPS: u64 = 2_000_000;
/// `GROUP-ID` of the audio renditions.
const AUDIO_GROUP: &str = "audio";
/// `GROUP-ID` of the subtitles.
pub(super) const SUBTITLES_GROUP: &str = "subtitles";

/// One `EXT-X-STREAM-INF`: a video rendition together with the audio group.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// URI of the video's media playlist.
    pub uri: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second.
    pub fps: Fraction,
    /// Codec string of the video.
    pub codec: String,
    /// Peak segment bit rate of the video alone, in bit/s.
    pub peak_bps: u64,
    /// Average segment bit rate of the video alone, in bit/s.
    pub average_bps: u64,
    /// I-frame playlist of the video, once it exists.
    pub iframes: Option<IFramePlaylist>,
}

/// One `EXT-X-I-FRAME-STREAM-INF`; size and codec are those of the variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IFramePlaylist {
    /// URI of the I-frame playlist, relative to the multivariant playlist.
    pub uri: String,
    /// Peak bit rate in bit/s (RFC 8216, 4.1).
    pub peak_bps: u64,
    /// Average bit rate in bit/s (RFC 8216, 4.1).
    pub average_bps: u64,
}

/// One `EXT-X-MEDIA` of type AUDIO.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioRendition {
    /// URI of its media playlist.
    pub uri: String,
    /// Language (BCP 47).
    pub language: String,
    /// `NAME`, which players show in their menu; quotes and control characters are dropped.
    pub title: String,
    /// Whether players select it if the viewer states no preference (`DEFAULT`).
    pub is_default: bool,
    /// Number of channels.
    pub channels: u32,
    /// Codec string.
    pub codec: String,
    /// Peak segment bit rate in bit/s.
    pub peak_bps: u64,
    /// Average segment bit rate in bit/s.
    pub average_bps: u64,
}

/// One `EXT-X-MEDIA` of type SUBTITLES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtitleRendition {
    /// URI of its media playlist.
    pub uri: String,
    /// Language (BCP 47).
    pub language: String,
    /// `NAME`, which players show in their menu; quotes and control characters are dropped.
    pub title: String,
}

/// Renders the multivariant playlist. Without variants, the audio is the stream.
#[must_use]
pub fn render(
    variants: &[Variant],
    audio: &[AudioRendition],
    subtitles: &[SubtitleRendition],
) -> String {
    let mut text = String::new();
    push_line(&mut text, format_args!("#EXTM3U"));
    push_line(&mut text, format_args!("#EXT-X-VERSION:6"));
    push_line(&mut text, format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    let is_audio_only = variants.is_empty();
    // A single audio rendition is the variant itself and needs no group.
    for rendition in audio.iter().filter(|_| !is_audio_only || audio.len() > 1) {
        audio_media(&mut text, rendition, is_audio_only);
    }
    for rendition in subtitles {
        subtitles_media(&mut text, rendition);
    }
    for variant in in_order(variants, audio) {
        stream_inf(&mut text, variant, audio, !subtitles.is_empty());
    }
    if is_audio_only {
        audio_stream_inf(&mut text, audio);
    }
    for variant in in_order(variants, audio) {
        if let Some(iframes) = &variant.iframes {
            i_frame_stream_inf(&mut text, variant, iframes);
        }
    }
    text
}

/// In an audio-only stream the default rendition is the variant itself and has no URI (RFC 8216,
/// 4.3.4.1).
fn audio_media(text: &mut String, rendition: &AudioRendition, is_audio_only: bool) {
    let uri = if is_audio_only && rendition.is_default {
        String::new()
    } else {
        format!(",URI=\"{}\"", quotable(&rendition.uri))
    };
    let is_default = if rendition.is_default { "YES" } else { "NO" };
    push_line(
        text,
        format_args!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"{}\",LANGUAGE=\"{}\",\
             DEFAULT={is_default},AUTOSELECT=YES,CHANNELS=\"{}\"{uri}",
            quotable(&rendition.title),
            quotable(&rendition.language),
            rendition.channels,
        ),
    );
}

fn subtitles_media(text: &mut String, rendition: &SubtitleRendition) {
    push_line(
        text,
        format_args!(
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{SUBTITLES_GROUP}\",NAME=\"{}\",\
             LANGUAGE=\"{}\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI=\"{}\"",
            quotable(&rendition.title),
            quotable(&rendition.language),
            quotable(&rendition.uri)
        ),
    );
}

/// `BANDWIDTH` is the largest sum over all playable combinations (Apple's authoring rule 9.13).
/// Subtitles are left out: they are a few kbit/s.
fn stream_inf(text: &mut String, variant: &Variant, audio: &[AudioRendition], has_subtitles: bool) {
    let (peak, average) = largest_rates(audio);
    let (peak, average) = (variant.peak_bps + peak, variant.average_bps + average);
    let mut codecs = vec![variant.codec.as_str()];
    for rendition in audio {
        if !codecs.contains(&rendition.codec.as_str()) {
            codecs.push(&rendition.codec);
        }
    }
    let group = |is_there: bool, kind: &str, name: &str| {
        if is_there { format!(",{kind}=\"{name}\"") } else { String::new() }
    };
    let audio_group = group(!audio.is_empty(), "AUDIO", AUDIO_GROUP);
    let subtitles_group = group(has_subtitles, "SUBTITLES", SUBTITLES_GROUP);
    push_line(
        text,
        format_args!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\",\
             RESOLUTION={}x{},FRAME-RATE={:.3}{audio_group}{subtitles_group}",
            codecs.join(","),
            variant.width,
            variant.height,
            variant.fps.as_f64()
        ),
    );
    push_line(text, format_args!("{}", variant.uri));
}

/// Largest peak and largest average of the audio renditions, in bit/s: one plays at a time.
fn largest_rates(audio: &[AudioRendition]) -> (u64, u64) {
    let largest = |rate: fn(&AudioRendition) -> u64| audio.iter().map(rate).max().unwrap_or(0);
    (largest(|rendition| rendition.peak_bps), largest(|rendition| rendition.average_bps))
}

/// The one variant of an audio-only stream.
fn audio_stream_inf(text: &mut String, audio: &[AudioRendition]) {
    let Some(default) = audio.iter().find(|rendition| rendition.is_default).or(audio.first())
    else {
        return;
    };
    let (peak, average) = largest_rates(audio);
    let group = if audio.len() > 1 { format!(",AUDIO=\"{AUDIO_GROUP}\"") } else { String::new() };
    push_line(
        text,
        format_args!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"{group}",
            default.codec
        ),
    );
    push_line(text, format_args!("{}", default.uri));
}

fn i_frame_stream_inf(text: &mut String, variant: &Variant, iframes: &IFramePlaylist) {
    push_line(
        text,
        format_args!(
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\",\
             RESOLUTION={}x{},URI=\"{}\"",
            iframes.peak_bps,
            iframes.average_bps,
            variant.codec,
            variant.width,
            variant.height,
            iframes.uri
        ),
    );
}

/// The variants in the order of the playlist: first the one whose rate, audio included, is nearest
/// to [`FIRST_VARIANT_BPS`], then the others by falling rate.
fn in_order<'a>(variants: &'a [Variant], audio: &[AudioRendition]) -> Vec<&'a Variant> {
    let (_, audio_bps) = largest_rates(audio);
    let mut order: Vec<&Variant> = variants.iter().collect();
    order.sort_by_key(|variant| std::cmp::Reverse(variant.average_bps));
    let nearest = order
        .iter()
        .enumerate()
        .min_by_key(|(_, variant)| (variant.average_bps + audio_bps).abs_diff(FIRST_VARIANT_BPS))
        .map(|(at, _)| at);
    if let Some(at) = nearest {
        order[..=at].rotate_right(1);
    }
    order
}

/// Drops the characters that a quoted string cannot hold (RFC 8216, 4.2).
pub(super) fn quotable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '"').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(height: u32, average_bps: u64) -> Variant {
        Variant {
            uri: format!("1-ab/{height}p/index.m3u8"),
            width: height * 16 / 9,
            height,
            fps: Fraction::new(30000, 1001),
            codec: "avc1.64001f".to_owned(),
            peak_bps: average_bps * 3 / 2,
            average_bps,
            iframes: (height == 720).then(|| IFramePlaylist {
                uri: "1-ab/720p/iframes.m3u8".to_owned(),
                peak_bps: 300_000,
                average_bps: 250_000,
            }),
        }
    }

    fn audio(language: &str, is_default: bool) -> AudioRendition {
        AudioRendition {
            uri: format!("1-ab/audio-{language}/index.m3u8"),
            language: language.to_owned(),
            title: language.to_owned(),
            is_default,
            channels: 2,
            codec: "mp4a.40.2".to_owned(),
            peak_bps: 140_000,
            average_bps: 130_000,
        }
    }

    #[test]
    fn variants_with_two_audio_renditions() {
        let variants = [variant(1080, 4_500_000), variant(720, 2_500_000), variant(360, 700_000)];
        insta::assert_snapshot!(render(&variants, &[audio("en", true), audio("de", false)], &[]), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="1-ab/audio-en/index.m3u8"
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="de",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="1-ab/audio-de/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=3890000,AVERAGE-BANDWIDTH=2630000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"
        1-ab/720p/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=6890000,AVERAGE-BANDWIDTH=4630000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,AUDIO="audio"
        1-ab/1080p/index.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=1190000,AVERAGE-BANDWIDTH=830000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio"
        1-ab/360p/index.m3u8
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=250000,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="1-ab/720p/iframes.m3u8"
        "#);
    }

    #[test]
    fn the_first_variant_is_nearest_to_2_mbps_with_its_audio() {
        // Without audio 720p is nearer: 0.54 Mbit/s above rather than 0.63 below.
        let variants = [variant(720, 2_540_000), variant(480, 1_370_000), variant(360, 800_000)];
        let first = |renditions: &[AudioRendition]| {
            let text = render(&variants, renditions, &[]);
            text.lines().find(|line| !line.starts_with('#')).map(str::to_owned)
        };
        assert_eq!(first(&[audio("en", true)]).unwrap(), "1-ab/480p/index.m3u8");
        assert_eq!(first(&[]).unwrap(), "1-ab/720p/index.m3u8");
    }

    #[test]
    fn an_audio_only_stream_is_one_variant() {
        insta::assert_snapshot!(render(&[], &[audio("en", true)], &[]), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=130000,CODECS="mp4a.40.2"
        1-ab/audio-en/index.m3u8
        "#);
        insta::assert_snapshot!(render(&[], &[audio("en", true), audio("de", false)], &[]), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="de",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="1-ab/audio-de/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=130000,CODECS="mp4a.40.2",AUDIO="audio"
        1-ab/audio-en/index.m3u8
        "#);
    }

    #[test]
    fn another_parser_reads_the_playlist() {
        let hostile = AudioRendition { title: "a\"b\nc".to_owned(), ..audio("en", true) };
        let text = render(&[variant(360, 700_000)], &[hostile], &[]);
        let playlist = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
        assert_eq!(playlist.variants.len(), 1);
        assert_eq!(playlist.variants[0].bandwidth, 1_190_000);
        assert_eq!(playlist.alternatives[0].name, "abc");
        let without_audio = render(&[variant(360, 700_000)], &[], &[]);
        assert!(!without_audio.contains("AUDIO"));
    }

    #[test]
    fn subtitles_belong_to_every_variant() {
        let subtitles = SubtitleRendition {
            uri: "1-ab/subtitles-de/index.m3u8".to_owned(),
            language: "de".to_owned(),
            title: "\"Deutsch\"".to_owned(),
        };
        let variants = [variant(720, 2_500_000), variant(360, 700_000)];
        let text = render(&variants, &[audio("en", true)], &[subtitles]);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("SUBTITLES")).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="1-ab/subtitles-de/index.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=3890000,AVERAGE-BANDWIDTH=2630000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio",SUBTITLES="subtitles"
        #EXT-X-STREAM-INF:BANDWIDTH=1190000,AVERAGE-BANDWIDTH=830000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio",SUBTITLES="subtitles"
        "#);
        let playlist = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
        let group = |v: &m3u8_rs::VariantStream| v.subtitles.clone();
        assert_eq!(playlist.variants.iter().filter_map(group).count(), 2);
        assert!(playlist.alternatives[1].autoselect && !playlist.alternatives[1].default);
    }
}
