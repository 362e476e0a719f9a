//! TS streams of `ladderd transcode`, read back by ffmpeg and by an independent parser.

use super::support::stream::{Stream, Transcode, transcode};
use super::support::{corpus, has_ffmpeg, media};

#[test]
fn a_1080p_film_becomes_four_rungs_with_aligned_key_frames() {
    let film = corpus("bbb_1080p24_30s_aac51.mp4").or_else(|| media::clip(1080, "24", 30));
    let Some(input) = film else { return };
    if !has_ffmpeg() {
        return;
    }
    let stream = transcode(&input);
    let rungs =
        [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)];
    let expected: Vec<f64> = (0..15).map(|n| 3600.0 + 2.0 * f64::from(n)).collect();
    for (name, width, height) in rungs {
        let index = stream.index(name);
        assert_eq!(media::decode_errors(&index), "", "{name}");
        // 30 s at 24 frames per second: none is lost and none is repeated.
        assert_eq!(media::size_and_frames(&index), (width, height, 720), "{name}");
        assert_eq!(media::key_frame_times(&index), expected, "{name}: a key frame every 2 s");
    }
    assert_eq!(media::decode_errors(&stream.index("audio-und")), "");
    assert_playlists(&stream);
}

/// Segments begin at the same times on all rungs; codecs and rates are those of the segments.
fn assert_playlists(stream: &Stream) {
    let main = stream.multivariant();
    let variants: Vec<_> = main.variants.iter().filter(|v| !v.is_i_frame).collect();
    assert_eq!((variants.len(), main.variants.len()), (4, 8), "each with its I-frames");
    assert_eq!(main.alternatives.len(), 1);
    for variant in variants {
        let media = stream.playlist(&variant.uri);
        let durations: Vec<f32> = media.segments.iter().map(|segment| segment.duration).collect();
        assert_eq!(durations, [2.0, 2.0, 2.0, 6.0, 6.0, 6.0, 6.0], "{}", variant.uri);
        assert_eq!(media.target_duration, 6);
        let folder = stream.path(variant.uri.strip_suffix("index.m3u8").unwrap());
        let bits: u64 = media
            .segments
            .iter()
            .map(|segment| std::fs::metadata(folder.join(&segment.uri)).unwrap().len() * 8)
            .sum();
        // The stated average is that of the video's own bytes and those of the audio.
        let stated = variant.average_bandwidth.unwrap();
        let video = bits / 30;
        assert!(stated > video && stated < video + 250_000, "{}: {stated} {video}", variant.uri);
        assert!(variant.bandwidth >= stated);
        let codecs = variant.codecs.as_deref().unwrap();
        assert!(codecs.starts_with("avc1.64") && codecs.ends_with(",mp4a.40.2"), "{codecs}");
    }
}

#[test]
fn fractional_rates_keep_their_durations() {
    let Some(clip) = media::clip(360, "30000/1001", 14) else { return };
    let stream = transcode(&clip);
    assert_eq!(stream.playlist("360p/index.m3u8").target_duration, 6);
    let durations = stream.durations("360p");
    assert_eq!(durations[..4], [2.002, 2.002, 2.002, 6.006]);
    let total: f32 = durations.iter().sum();
    assert!((total - 14.0).abs() < 0.05, "{durations:?}");
    assert_eq!(media::decode_errors(&stream.index("360p")), "");
}

#[test]
fn audio_and_video_stay_in_sync() {
    let Some(clip) = media::flashes() else { return };
    let (flashes, tones) = media::flash_times(&transcode(&clip).main());
    assert_eq!((flashes.len(), tones.len()), (5, 5), "{flashes:?} {tones:?}");
    for (n, (flash, tone)) in (1..).zip(flashes.iter().zip(&tones)) {
        let expected = 2.0 * f64::from(n);
        assert!((flash - expected).abs() < 0.001, "the flash at {expected} came at {flash}");
        // An AAC frame of 1,024 samples is placed to a few milliseconds; people hear 40 ms.
        assert!((tone - flash).abs() < 0.01, "flash at {flash}, tone at {tone}");
    }
}

#[test]
fn the_longest_stream_may_be_one_that_is_left_out() {
    let Some(input) = corpus("nasa_two_video_two_audio_two_sub.mp4") else { return };
    transcode(&input);
}

#[test]
fn a_tiny_silent_video_gets_a_rung_of_its_own_size_and_a_smaller_one() {
    let tiny = corpus("tiny_16x16_10fps.mp4").or_else(|| media::silent_clip(16, 16, "10", 1));
    let Some(input) = tiny else { return };
    let stream = transcode(&input);
    let main = stream.multivariant();
    let variants = main.variants.iter().filter(|v| !v.is_i_frame);
    let uris: Vec<&str> = variants.map(|variant| variant.uri.as_str()).collect();
    assert_eq!(uris, ["16p/index.m3u8", "10p/index.m3u8"]);
    assert_eq!(media::decode_errors(&stream.index("16p")), "");
}

#[test]
fn audio_alone_becomes_an_audio_stream() {
    let tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=10", "-c:a", "aac"];
    let two = [&tone[..4], &tone[..4], &["-map", "0", "-map", "1"], &tone[4..]].concat();
    let sources = [
        ("audioonly_aac_10s.mp4", 1, media::generated("tone.mp4", &tone)),
        ("audioonly_two_tracks_stereo_51.mp4", 2, media::generated("two_tones.mp4", &two)),
    ];
    for (file, renditions, generated) in sources {
        let Some(input) = corpus(file).or(generated) else { return };
        let stream = transcode(&input);
        let main = stream.multivariant();
        assert_eq!(main.variants.len(), 1, "{file}");
        let first = main.variants[0].uri.clone();
        let others = main.alternatives.iter().filter_map(|media| media.uri.clone());
        let uris: Vec<String> = std::iter::once(first).chain(others).collect();
        assert_eq!(uris.len(), renditions, "{file}: {uris:?}");
        for uri in uris {
            assert_eq!(media::decode_errors(stream.path(&uri).to_str().unwrap()), "", "{uri}");
            let playlist = stream.playlist(&uri);
            let durations: Vec<f32> = playlist.segments.iter().map(|s| s.duration).collect();
            let total: f32 = durations.iter().sum();
            assert!((total - 10.0).abs() < 0.1, "{file}: {uri}: {durations:?}");
            assert!((durations[0] - 2.0).abs() < 0.03, "{file}: {uri}: {durations:?}");
        }
        stream.check().assert_sound();
    }
}

#[test]
fn a_failure_leaves_no_playlist_and_reports_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let (input, out) = (dir.path().join("text.mp4"), dir.path().join("out"));
    std::fs::write(&input, "no video").unwrap();
    let output = Transcode::new(&input).into_folder(&out).output();
    assert_eq!(output.status.code(), Some(1));
    let last = String::from_utf8(output.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(
        (last["event"].as_str(), last["code"].as_str()),
        (Some("failed"), Some("not-media"))
    );
    assert!(!out.join("main.m3u8").try_exists().unwrap());
}
