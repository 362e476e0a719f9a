//! The multivariant playlist: every variant, every audio rendition and all subtitles.

use crate::domain::media::Fraction;

use super::media_playlist::line;

/// The rate near which the first listed variant lies: many players begin with it (Apple's
/// authoring rule 1.32).
const FIRST_VARIANT_BPS: u64 = 2_000_000;
/// Name of the one group of audio renditions.
const AUDIO_GROUP: &str = "audio";
/// Name of the one group of subtitles.
const SUBTITLES_GROUP: &str = "subtitles";

/// One `EXT-X-STREAM-INF`: a video rendition with the audio group.
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
    /// Peak segment bitrate of the video in bit/s.
    pub peak_bps: u64,
    /// Average segment bitrate of the video in bit/s.
    pub average_bps: u64,
    /// Its I-frame playlist, where there is one.
    pub iframes: Option<IFrames>,
}

/// One `EXT-X-I-FRAME-STREAM-INF`, of the size and codec of its variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IFrames {
    /// The I-frame playlist, relative to the multivariant playlist.
    pub uri: String,
    /// Peak bitrate in bit/s (RFC 8216, 4.1).
    pub peak_bps: u64,
    /// Average bitrate in bit/s (RFC 8216, 4.1).
    pub average_bps: u64,
}

/// One `EXT-X-MEDIA` of type AUDIO.
#[derive(Clone, Debug, PartialEq)]
pub struct AudioRendition {
    /// URI of its media playlist.
    pub uri: String,
    /// BCP 47 tag.
    pub language: String,
    /// Name for the player's menu, without quotes and control characters.
    pub title: String,
    /// Whether a player takes it unless told otherwise.
    pub is_default: bool,
    /// Number of channels.
    pub channels: u32,
    /// Codec string.
    pub codec: String,
    /// Peak segment bitrate in bit/s.
    pub peak_bps: u64,
    /// Average segment bitrate in bit/s.
    pub average_bps: u64,
}

/// One `EXT-X-MEDIA` of type SUBTITLES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubtitleRendition {
    /// URI of its media playlist.
    pub uri: String,
    /// BCP 47 tag.
    pub language: String,
    /// Name for the player's menu, without quotes and control characters.
    pub title: String,
}

/// The text of the multivariant playlist.
#[must_use]
pub fn render(
    variants: &[Variant],
    audio: &[AudioRendition],
    subtitles: &[SubtitleRendition],
) -> String {
    let mut text = String::new();
    line(&mut text, format_args!("#EXTM3U"));
    line(&mut text, format_args!("#EXT-X-VERSION:6"));
    line(&mut text, format_args!("#EXT-X-INDEPENDENT-SEGMENTS"));
    // Of a variant that is sound alone, the default rendition is what its own playlist holds
    // (RFC 8216, 4.3.4.1: without a URI), and a single one needs no group.
    let alone = variants.is_empty();
    for sound in audio.iter().filter(|_| !alone || audio.len() > 1) {
        let uri = if alone && sound.is_default {
            String::new()
        } else {
            format!(",URI=\"{}\"", quotable(&sound.uri))
        };
        let is_default = if sound.is_default { "YES" } else { "NO" };
        line(
            &mut text,
            format_args!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"{}\",LANGUAGE=\"{}\",\
                 DEFAULT={is_default},AUTOSELECT=YES,CHANNELS=\"{}\"{uri}",
                quotable(&sound.title),
                quotable(&sound.language),
                sound.channels,
            ),
        );
    }
    for texts in subtitles {
        line(
            &mut text,
            format_args!(
                "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{SUBTITLES_GROUP}\",NAME=\"{}\",\
                 LANGUAGE=\"{}\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI=\"{}\"",
                quotable(&texts.title),
                quotable(&texts.language),
                quotable(&texts.uri)
            ),
        );
    }
    for variant in in_order(variants, audio) {
        stream_inf(&mut text, variant, audio, !subtitles.is_empty());
    }
    if alone {
        sound_stream_inf(&mut text, audio);
    }
    for variant in in_order(variants, audio) {
        if let Some(iframes) = &variant.iframes {
            i_frame_stream_inf(&mut text, variant, iframes);
        }
    }
    text
}

/// BANDWIDTH is the largest sum of any playable combination (Apple's authoring rule 9.13); text is
/// too little to count.
fn stream_inf(text: &mut String, variant: &Variant, audio: &[AudioRendition], has_subtitles: bool) {
    let (peak, average) = loudest(audio);
    let (peak, average) = (variant.peak_bps + peak, variant.average_bps + average);
    let mut codecs = vec![variant.codec.as_str()];
    for sound in audio {
        if !codecs.contains(&sound.codec.as_str()) {
            codecs.push(&sound.codec);
        }
    }
    let group = |is_there: bool, kind: &str, name: &str| {
        if is_there { format!(",{kind}=\"{name}\"") } else { String::new() }
    };
    let of_audio = group(!audio.is_empty(), "AUDIO", AUDIO_GROUP);
    let of_subtitles = group(has_subtitles, "SUBTITLES", SUBTITLES_GROUP);
    line(
        text,
        format_args!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\",\
             RESOLUTION={}x{},FRAME-RATE={:.3}{of_audio}{of_subtitles}",
            codecs.join(","),
            variant.width,
            variant.height,
            variant.fps.as_f64()
        ),
    );
    line(text, format_args!("{}", variant.uri));
}

/// The largest peak and the largest average of the sounds, of which one plays at a time.
fn loudest(audio: &[AudioRendition]) -> (u64, u64) {
    let largest = |rate: fn(&AudioRendition) -> u64| audio.iter().map(rate).max().unwrap_or(0);
    (largest(|sound| sound.peak_bps), largest(|sound| sound.average_bps))
}

/// The one variant of a stream without a picture.
fn sound_stream_inf(text: &mut String, audio: &[AudioRendition]) {
    let Some(default) = audio.iter().find(|sound| sound.is_default).or(audio.first()) else {
        return;
    };
    let (peak, average) = loudest(audio);
    let group = if audio.len() > 1 { format!(",AUDIO=\"{AUDIO_GROUP}\"") } else { String::new() };
    line(
        text,
        format_args!(
            "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"{group}",
            default.codec
        ),
    );
    line(text, format_args!("{}", default.uri));
}

fn i_frame_stream_inf(text: &mut String, variant: &Variant, iframes: &IFrames) {
    line(
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

/// The variant that is nearest to [`FIRST_VARIANT_BPS`] with its sound first, then the others from
/// the best down.
fn in_order<'a>(variants: &'a [Variant], audio: &[AudioRendition]) -> Vec<&'a Variant> {
    let (_, of_sound) = loudest(audio);
    let mut order: Vec<&Variant> = variants.iter().collect();
    order.sort_by_key(|variant| std::cmp::Reverse(variant.average_bps));
    let nearest = order
        .iter()
        .enumerate()
        .min_by_key(|(_, variant)| (variant.average_bps + of_sound).abs_diff(FIRST_VARIANT_BPS))
        .map(|(at, _)| at);
    if let Some(at) = nearest {
        order[..=at].rotate_right(1);
    }
    order
}

/// A quoted string holds neither quotes nor line ends (RFC 8216, 4.2).
fn quotable(text: &str) -> String {
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
            iframes: (height == 720).then(|| IFrames {
                uri: "1-ab/720p/iframes.m3u8".to_owned(),
                peak_bps: 300_000,
                average_bps: 250_000,
            }),
        }
    }

    fn sound(language: &str, is_default: bool) -> AudioRendition {
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
    fn a_playlist_reads_like_this() {
        let variants = [variant(1080, 4_500_000), variant(720, 2_500_000), variant(360, 700_000)];
        insta::assert_snapshot!(render(&variants, &[sound("en", true), sound("de", false)], &[]), @r#"
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
    fn the_first_variant_is_the_nearest_with_its_sound() {
        // Without sound 720p were: 0.54 Mb/s above and not 0.63 below.
        let variants = [variant(720, 2_540_000), variant(480, 1_370_000), variant(360, 800_000)];
        let first = |sounds: &[AudioRendition]| {
            let text = render(&variants, sounds, &[]);
            text.lines().find(|line| !line.starts_with('#')).map(str::to_owned)
        };
        assert_eq!(first(&[sound("en", true)]).unwrap(), "1-ab/480p/index.m3u8");
        assert_eq!(first(&[]).unwrap(), "1-ab/720p/index.m3u8");
    }

    #[test]
    fn sound_alone_is_a_variant() {
        insta::assert_snapshot!(render(&[], &[sound("en", true)], &[]), @r#"
        #EXTM3U
        #EXT-X-VERSION:6
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-STREAM-INF:BANDWIDTH=140000,AVERAGE-BANDWIDTH=130000,CODECS="mp4a.40.2"
        1-ab/audio-en/index.m3u8
        "#);
        insta::assert_snapshot!(render(&[], &[sound("en", true), sound("de", false)], &[]), @r#"
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
    fn another_parser_reads_what_was_written() {
        let hostile = AudioRendition { title: "a\"b\nc".to_owned(), ..sound("en", true) };
        let text = render(&[variant(360, 700_000)], &[hostile], &[]);
        let playlist = m3u8_rs::parse_master_playlist_res(text.as_bytes()).unwrap();
        assert_eq!(playlist.variants.len(), 1);
        assert_eq!(playlist.variants[0].bandwidth, 1_190_000);
        assert_eq!(playlist.alternatives[0].name, "abc");
        let silent = render(&[variant(360, 700_000)], &[], &[]);
        assert!(!silent.contains("AUDIO"));
    }

    #[test]
    fn subtitles_belong_to_every_variant() {
        let subtitles = SubtitleRendition {
            uri: "1-ab/subtitles-de/index.m3u8".to_owned(),
            language: "de".to_owned(),
            title: "\"Deutsch\"".to_owned(),
        };
        let variants = [variant(720, 2_500_000), variant(360, 700_000)];
        let text = render(&variants, &[sound("en", true)], &[subtitles]);
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
