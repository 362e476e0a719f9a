//! `ladderd transcode`: what is in the folder, read back by others.

use std::path::Path;

use super::support::{Need, corpus, has, media, program, skip};

fn transcode(input: &Path, outdir: &Path) -> std::process::Output {
    program().arg("transcode").arg(input).arg(outdir).arg("--json").output().unwrap()
}

fn uri(dir: &Path, rendition: &str) -> String {
    dir.join(rendition).join("index.m3u8").display().to_string()
}

#[test]
fn a_1080p_film_becomes_four_rungs_with_aligned_key_frames() {
    let Some(input) = corpus("bbb_1080p24_30s_aac51.mp4") else { return };
    if !has("ffprobe") {
        return skip(Need::Ffmpeg, "ffprobe is not there");
    }
    let dir = tempfile::tempdir().unwrap();
    let output = transcode(&input, dir.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rungs =
        [("1080p", 1920, 1080), ("720p", 1280, 720), ("480p", 854, 480), ("360p", 640, 360)];
    let expected: Vec<f64> = (0..15).map(|n| 3600.0 + 2.0 * f64::from(n)).collect();
    for (name, width, height) in rungs {
        let uri = uri(dir.path(), name);
        assert_eq!(media::decode_errors(&uri), "", "{name}");
        // 30 s at 24 frames per second, none lost and none made up.
        assert_eq!(media::picture(&uri), (width, height, 720), "{name}");
        let keys: Vec<f64> =
            media::key_frame_times(&uri).iter().map(|time| time.parse().unwrap()).collect();
        assert_eq!(keys, expected, "{name}: a key frame every 2 s");
    }
    assert_eq!(media::decode_errors(&uri(dir.path(), "audio-und")), "");
    check_playlists(dir.path());
}

/// Segments begin at the same times on all rungs, and codecs are what ffprobe finds.
fn check_playlists(dir: &Path) {
    let main = std::fs::read(dir.join("main.m3u8")).unwrap();
    let playlist = m3u8_rs::parse_master_playlist_res(&main).unwrap();
    let plain: Vec<_> = playlist.variants.iter().filter(|v| !v.is_i_frame).collect();
    assert_eq!((plain.len(), playlist.variants.len()), (4, 8), "each with its I-frames");
    assert_eq!(playlist.alternatives.len(), 1);
    for variant in plain {
        let text = std::fs::read(dir.join(&variant.uri)).unwrap();
        let media = m3u8_rs::parse_media_playlist_res(&text).unwrap();
        let durations: Vec<f32> = media.segments.iter().map(|segment| segment.duration).collect();
        assert_eq!(durations, [2.0, 2.0, 2.0, 6.0, 6.0, 6.0, 6.0], "{}", variant.uri);
        assert_eq!(media.target_duration, 6);
        let folder = dir.join(variant.uri.strip_suffix("index.m3u8").unwrap());
        let bits: u64 = media
            .segments
            .iter()
            .map(|segment| std::fs::metadata(folder.join(&segment.uri)).unwrap().len() * 8)
            .sum();
        // The stated average is that of the video's own bytes and the sound's.
        let stated = variant.average_bandwidth.unwrap();
        let video = bits / 30;
        assert!(stated > video && stated < video + 250_000, "{}: {stated} {video}", variant.uri);
        assert!(variant.bandwidth >= stated);
        let codecs = variant.codecs.as_deref().unwrap();
        assert!(codecs.starts_with("avc1.64") && codecs.ends_with(",mp4a.40.2"), "{codecs}");
    }
}

#[test]
fn fractional_rates_keep_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let Some(clip) = media::clip(dir.path(), 360, "30000/1001", 14) else { return };
    let out = dir.path().join("out");
    let output = transcode(&clip, &out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read(out.join("360p/index.m3u8")).unwrap();
    let media = m3u8_rs::parse_media_playlist_res(&text).unwrap();
    assert_eq!(media.target_duration, 6);
    let durations: Vec<f32> = media.segments.iter().map(|segment| segment.duration).collect();
    assert_eq!(durations[..4], [2.002, 2.002, 2.002, 6.006]);
    let total: f32 = durations.iter().sum();
    assert!((total - 14.0).abs() < 0.05, "{durations:?}");
    assert_eq!(media::decode_errors(&uri(&out, "360p")), "");
}

#[test]
fn sound_and_picture_stay_together() {
    let dir = tempfile::tempdir().unwrap();
    let Some(clip) = media::flashes(dir.path()) else { return };
    let out = dir.path().join("out");
    let output = transcode(&clip, &out);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (flashes, tones) = media::flash_times(&out.join("main.m3u8").display().to_string());
    assert_eq!((flashes.len(), tones.len()), (5, 5), "{flashes:?} {tones:?}");
    for (n, (flash, tone)) in (1..).zip(flashes.iter().zip(&tones)) {
        let expected = 2.0 * f64::from(n);
        assert!((flash - expected).abs() < 0.001, "the flash at {expected} came at {flash}");
        // A sample of AAC is known to a few milliseconds; people hear from 40 ms on.
        assert!((tone - flash).abs() < 0.01, "flash at {flash}, tone at {tone}");
    }
}

#[test]
fn a_stream_that_is_left_out_may_be_the_longest() {
    let Some(input) = corpus("nasa_two_video_two_audio_two_sub.mp4") else { return };
    let dir = tempfile::tempdir().unwrap();
    let output = transcode(&input, dir.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_small_silent_video_gets_a_rung_of_its_own_size_and_a_smaller_one() {
    let Some(input) = corpus("tiny_16x16_10fps.mp4") else { return };
    let dir = tempfile::tempdir().unwrap();
    let output = transcode(&input, dir.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let main = std::fs::read(dir.path().join("main.m3u8")).unwrap();
    let playlist = m3u8_rs::parse_master_playlist_res(&main).unwrap();
    let plain: Vec<_> = playlist.variants.iter().filter(|v| !v.is_i_frame).collect();
    assert_eq!(plain.len(), 2);
    assert_eq!(
        (plain[0].uri.as_str(), plain[1].uri.as_str()),
        ("16p/index.m3u8", "10p/index.m3u8")
    );
    assert_eq!(media::decode_errors(&uri(dir.path(), "16p")), "");
}

#[test]
fn sound_alone_becomes_a_stream_of_sound() {
    for (file, renditions, secs) in
        [("audioonly_aac_10s.mp4", 1, 10.0_f32), ("audioonly_two_tracks_stereo_51.mp4", 2, 10.0)]
    {
        let Some(input) = corpus(file) else { return };
        let dir = tempfile::tempdir().unwrap();
        let output = transcode(&input, dir.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let main = std::fs::read(dir.path().join("main.m3u8")).unwrap();
        let playlist = m3u8_rs::parse_master_playlist_res(&main).unwrap();
        assert_eq!(playlist.variants.len(), 1, "{file}");
        let first = playlist.variants[0].uri.clone();
        let others = playlist.alternatives.iter().filter_map(|media| media.uri.clone());
        let uris: Vec<String> = std::iter::once(first).chain(others).collect();
        assert_eq!(uris.len(), renditions, "{file}: {uris:?}");
        for uri in uris {
            let path = dir.path().join(&uri);
            assert_eq!(media::decode_errors(path.to_str().unwrap()), "", "{file}: {uri}");
            let text = std::fs::read(&path).unwrap();
            let media = m3u8_rs::parse_media_playlist_res(&text).unwrap();
            let durations: Vec<f32> = media.segments.iter().map(|s| s.duration).collect();
            let total: f32 = durations.iter().sum();
            assert!((total - secs).abs() < 0.1, "{file}: {uri}: {durations:?}");
            assert!((durations[0] - 2.0).abs() < 0.03, "{file}: {uri}: {durations:?}");
        }
        let check = program().arg("check").arg(dir.path()).output().unwrap();
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    }
}

#[test]
fn a_failure_leaves_no_playlist_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("text.mp4");
    std::fs::write(&input, "no video").unwrap();
    let out = dir.path().join("out");
    let output = transcode(&input, &out);
    assert_eq!(output.status.code(), Some(1));
    let last = String::from_utf8(output.stdout).unwrap();
    let last: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(
        (last["event"].as_str(), last["code"].as_str()),
        (Some("failed"), Some("not-media"))
    );
    assert!(!out.join("main.m3u8").try_exists().unwrap());
}
