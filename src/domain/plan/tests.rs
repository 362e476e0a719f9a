use proptest::prelude::*;

use super::*;
use crate::domain::media::{AudioStream, SubtitleStream, SubtitleText, Undecodable};
use crate::domain::outcome::Fault;

fn stream(width: u32, height: u32) -> VideoStream {
    VideoStream::plain(width, height)
}

fn planned(stream: VideoStream) -> Result<Plan, Error> {
    let media = MediaInfo { video: vec![stream], ..MediaInfo::default() };
    plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu")
}

#[test]
fn rates_are_kept_snapped_halved_or_assumed() {
    let table = [
        ((24, 1), (24, 1), 48),
        ((24000, 1001), (24000, 1001), 48),
        ((2997, 100), (30000, 1001), 60),
        ((5994, 100), (60000, 1001), 120),
        ((25, 1), (25, 1), 50),
        ((60, 1), (60, 1), 120),
        ((120, 1), (60, 1), 120),
        ((240, 1), (60, 1), 120),
        ((11988, 100), (60000, 1001), 120),
        // Phones state such rates for 60.
        ((60_031, 1000), (60, 1), 120),
        ((59_999, 1000), (60, 1), 120),
        ((2398, 100), (24000, 1001), 48),
        ((8797, 1000), (8797, 1000), 18),
        // Clocks, not rates.
        ((600, 1), (30, 1), 60),
        ((90_000, 1), (30, 1), 60),
        ((u32::MAX, 1), (30, 1), 60),
        ((0, 1), (30, 1), 60),
        ((1, 2), (1, 1), 2),
        ((15, 1), (15, 1), 30),
        ((959_617, 31_997), (29_991, 1000), 60),
    ];
    for ((num, den), (out_num, out_den), gop) in table {
        let source = VideoStream { fps: Fraction::new(num, den), ..stream(640, 360) };
        let video = planned(source).unwrap_or_else(|error| panic!("{error}")).video;
        assert_eq!(video.fps, Fraction::new(out_num, out_den), "{num}/{den}");
        assert_eq!((video.gop_frames, video.segment_frames), (gop, gop * 3), "{num}/{den}");
        // A frame lasts a whole number of ticks.
        let (scale, fps) = (u64::from(video.timescale()), video.fps);
        assert!((10_000..100_000).contains(&scale), "{scale}");
        assert_eq!(scale * u64::from(fps.den) % u64::from(fps.num), 0, "{num}/{den}");
    }
}

#[test]
fn a_changed_rate_has_a_note() {
    let notes = |num, den| {
        let source = VideoStream { fps: Fraction::new(num, den), ..stream(640, 360) };
        planned(source).unwrap_or_else(|error| panic!("{error}")).notes
    };
    assert_eq!(notes(120, 1), ["frame rate changed from 120/1 to 60/1"]);
    assert_eq!(notes(1, 2), ["frame rate changed from 1/2 to 1/1"]);
    assert_eq!(notes(0, 1), ["frame rate set to 30/1: the source is variable or states none"]);
    assert_eq!(notes(2997, 100), Vec::<String>::new());
    assert_eq!(notes(24, 1), Vec::<String>::new());
}

#[test]
fn segments_last_six_seconds_of_whole_frames() {
    let source = VideoStream { fps: Fraction::new(30000, 1001), ..stream(640, 360) };
    let video = planned(source).unwrap_or_else(|error| panic!("{error}")).video;
    assert_eq!(video.segment_ns(), 6_006_000_000);
    assert_eq!(video.target_duration_secs(), 6);
}

#[test]
fn the_first_segment_may_be_cut_into_its_gops() {
    let begins = |short_first_segments| {
        let source = VideoStream { fps: Fraction::new(30000, 1001), ..stream(640, 360) };
        let media = MediaInfo { video: vec![source], ..MediaInfo::default() };
        let encode = EncodeConfig { short_first_segments, ..EncodeConfig::default() };
        let plan = plan(&media, &Ladder::default(), &encode, "cpu");
        let video = plan.unwrap_or_else(|error| panic!("{error}")).video;
        let begins: Vec<u64> = (1..600).filter(|frame| video.begins_segment(*frame)).collect();
        // Audio is cut at the same times.
        let mut ends = Vec::new();
        for ms in 0..20_000 {
            let end = video.segment_end_ns(ms * 1_000_000);
            assert!(end > ms * 1_000_000);
            if ends.last() != Some(&end) {
                ends.push(end);
            }
        }
        let times: Vec<u64> = begins.iter().map(|frame| video.frame_time_ns(*frame)).collect();
        assert_eq!(ends[..times.len()], times);
        begins
    };
    assert_eq!(begins(true), [60, 120, 180, 360, 540]);
    assert_eq!(begins(false), [180, 360, 540]);
}

#[test]
fn sources_that_cannot_be_published_have_a_code() {
    let cover = VideoStream { is_image: true, ..stream(600, 600) };
    let prores = Undecodable { description: "Apple ProRes".to_owned(), is_video: true };
    let table = [
        (MediaInfo::default(), "no-video"),
        (MediaInfo { video: vec![cover], ..MediaInfo::default() }, "no-video"),
        (MediaInfo { undecodable: vec![prores], ..MediaInfo::default() }, "undecodable"),
        (MediaInfo { video: vec![stream(1, 1)], ..MediaInfo::default() }, "picture-too-small"),
    ];
    for (media, code) in table {
        let result = plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu");
        assert_eq!(result.map_err(|error| error.code().as_str()), Err(code));
    }
}

#[test]
fn audio_only_sources_have_the_segments_of_video() {
    let cover = VideoStream { is_image: true, ..stream(600, 600) };
    let audio = vec![AudioStream::plain(Some("en"), None), AudioStream::plain(Some("de"), None)];
    let media = MediaInfo { video: vec![cover], audio, ..MediaInfo::default() };
    let plan = plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu");
    let plan = plan.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(plan.rendition_names().collect::<Vec<_>>(), ["audio-en", "audio-de"]);
    assert_eq!((plan.video.segment_ns(), plan.video.target_duration_secs()), (6_000_000_000, 6));
    assert_eq!(plan.thumbnails, None);
}

fn audio_plans(audio: Vec<AudioStream>) -> Vec<AudioPlan> {
    let media = MediaInfo { video: vec![stream(640, 360)], audio, ..MediaInfo::default() };
    let plan = plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu");
    plan.unwrap_or_else(|error| panic!("{error}")).audio
}

#[test]
fn the_first_enabled_audio_stream_is_the_default() {
    let stream = |language, is_disabled| AudioStream {
        is_disabled,
        ..AudioStream::plain(Some(language), None)
    };
    let unplayable = AudioStream { channels: 0, ..stream("es", false) };
    let table = [
        (vec![stream("en", false), stream("fr", false)], "audio-en"),
        (vec![stream("en", true), stream("fr", false), stream("de", false)], "audio-fr"),
        (vec![stream("en", true), stream("fr", true)], "audio-en"),
        (vec![stream("en", true), unplayable, stream("fr", false)], "audio-fr"),
    ];
    for (streams, expected) in table {
        let planned = audio_plans(streams);
        let default = planned.iter().filter(|audio| audio.is_default);
        assert_eq!(default.map(|audio| audio.name.as_str()).collect::<Vec<_>>(), [expected]);
        assert_eq!(planned[0].name, "audio-en", "the order stays");
    }
}

#[test]
fn audio_renditions_have_unique_names_and_titles() {
    let stream = AudioStream::plain;
    let planned = audio_plans(vec![
        stream(Some("en"), None),
        stream(Some("eng"), Some("Director's \"cut\"")),
        stream(None, None),
        stream(Some("../x"), None),
        // Cameras give all streams the same title.
        stream(Some("de"), Some("Core Media Audio")),
        stream(Some("fr"), Some("Core Media Audio")),
        stream(Some("fr"), Some("Core Media Audio (2)")),
    ]);
    let seen: Vec<_> = planned
        .iter()
        .map(|audio| (audio.name.as_str(), audio.title.as_str(), audio.is_default))
        .collect();
    assert_eq!(
        seen,
        [
            ("audio-en", "en", true),
            ("audio-en-2", "Director's cut", false),
            ("audio-und", "Audio", false),
            ("audio-und-2", "Audio (2)", false),
            ("audio-de", "Core Media Audio", false),
            ("audio-fr", "Core Media Audio (2)", false),
            ("audio-fr-2", "Core Media Audio (2) (2)", false),
        ]
    );
}

#[test]
fn text_subtitles_get_renditions_and_others_a_note() {
    let subtitles = |codec: &str, text: Option<SubtitleText>, language: Option<&str>| {
        let language = language.map(str::to_owned);
        let (stream_id, codec, title) = (format!("s/{codec}"), codec.to_owned(), None);
        SubtitleStream { stream_id, codec, text, language, title }
    };
    let raw = Some(SubtitleText::Raw);
    let subtitles = vec![
        subtitles("text/x-raw", raw, Some("eng")),
        subtitles("subpicture/x-pgs", None, Some("fre")),
        subtitles("S_TEXT/ASS", Some(SubtitleText::Ass), Some("en")),
        SubtitleStream { title: Some("\"All\"".to_owned()), ..subtitles("text/x-raw", raw, None) },
        subtitles("application/x-teletext", None, None),
        // A stream without an id cannot be found in the pipeline.
        SubtitleStream { stream_id: String::new(), ..subtitles("text/x-raw", raw, Some("de")) },
    ];
    let media = MediaInfo { video: vec![stream(640, 360)], subtitles, ..MediaInfo::default() };
    let plan = plan(&media, &Ladder::default(), &EncodeConfig::default(), "cpu");
    let plan = plan.unwrap_or_else(|error| panic!("{error}"));
    let planned = plan.subtitles.iter();
    let names: Vec<_> =
        planned.map(|s| (s.name.as_str(), s.language.as_str(), s.title.as_str())).collect();
    assert_eq!(
        names,
        [
            ("subtitles-en", "en", "en"),
            ("subtitles-en-2", "en", "en (2)"),
            ("subtitles-und", "und", "All"),
        ]
    );
    assert_eq!(
        plan.notes,
        [
            "subtitle stream (fr) skipped: subpicture/x-pgs holds bitmaps, not text",
            "subtitle stream (und) skipped: application/x-teletext is not a supported text format",
            "subtitle stream (de) skipped: text/x-raw is not a supported text format",
        ]
    );
    assert_eq!(plan.rendition_names().count(), 2, "they are not encoded");
}

#[test]
fn languages_become_their_shortest_tag() {
    let table = [
        ("eng", "en"),
        ("GER", "de"),
        ("deu", "de"),
        ("pt-BR", "pt"),
        ("zh_Hans", "zh"),
        ("gsw", "gsw"),
        ("und", "und"),
        ("", "und"),
        ("english", "und"),
        ("e1", "und"),
        ("-", "und"),
    ];
    for (code, tag) in table {
        let planned = audio_plans(vec![AudioStream::plain(Some(code), None)]);
        assert_eq!(planned[0].language, tag, "{code}");
    }
}

proptest! {
    #[test]
    fn a_segment_rounds_to_at_most_the_target(num in 1_u32..200_000, den in 1_u32..2000) {
        let source = VideoStream { fps: Fraction::new(num, den), ..stream(640, 360) };
        let video = planned(source).unwrap_or_else(|error| panic!("{error}")).video;
        prop_assert!(video.fps.as_f64() <= 60.0 && video.fps.as_f64() >= 0.999);
        // Audio is cut at the first frame behind the cut of the video.
        let longest_ns = video.segment_ns() + 1024 * 1_000_000_000 / 48_000;
        let rounded = (longest_ns + 500_000_000) / 1_000_000_000;
        prop_assert!(rounded <= u64::from(video.target_duration_secs()));
        prop_assert_eq!(video.frames_in_ns(video.frame_time_ns(1234)), 1234);
    }
    #[test]
    fn names_and_titles_of_audio_never_repeat(
        audio in prop::collection::vec((prop::option::of("[a-z]{2}"), prop::option::of("[ab] \\(2\\)|[ab]")), 0..12),
    ) {
        let streams = audio.iter().map(|(language, title)| AudioStream::plain(language.as_deref(), title.as_deref()));
        let planned = audio_plans(streams.collect());
        let count = |of: fn(&AudioPlan) -> &String| planned.iter().map(of).collect::<std::collections::BTreeSet<_>>().len();
        prop_assert_eq!(count(|audio| &audio.name), planned.len());
        prop_assert_eq!(count(|audio| &audio.title), planned.len());
        prop_assert_eq!(planned.iter().filter(|audio| audio.is_default).count(), usize::from(!planned.is_empty()));
    }
}
