//! Frames with alpha, of changing size and in unusual pixel formats.

use std::path::PathBuf;

use super::support::media;
use super::support::stream::transcode;

#[test]
fn transparent_frames_are_shown_on_black() {
    // Red: the left half is transparent by 50 %, the right half is opaque.
    let source =
        "color=red:s=320x240:r=10:d=1,format=rgba,geq=r=255:g=0:b=0:a='if(lt(X,160),128,255)'";
    let codecs: [(&str, &[&str]); 3] = [
        ("quicktime.mov", &["-pix_fmt", "argb", "-c:v", "qtrle"]),
        ("prores.mov", &["-pix_fmt", "yuva444p10le", "-c:v", "prores_ks", "-profile:v", "4444"]),
        ("png.mov", &["-c:v", "png"]),
    ];
    for (name, codec) in codecs {
        let arguments = [&["-f", "lavfi", "-i", source], codec].concat();
        let Some(clip) = media::generated(name, &arguments) else { return };
        let stream = transcode(&clip);
        let playlist = stream.path("240p/index.m3u8");
        // Red in BT.709 is 63, 102, 240.
        for (part, expected) in
            [("100:200:20:20", [39.0, 115.0, 184.0]), ("100:200:200:20", [63.0, 102.0, 240.0])]
        {
            let found = media::mean_yuv(&playlist, "0.5", part);
            let near =
                found.iter().zip(expected).all(|(found, is): (&f64, f64)| (found - is).abs() < 3.0);
            assert!(near, "{name}, {part}: {found:?}, not {expected:?}");
        }
    }
}

#[test]
fn a_size_that_changes_in_mid_stream_keeps_its_proportions() {
    // Grey of 16:9 for two seconds, then of 4:3, then of 16:9 in half the size. The noise makes
    // segments large enough for ffmpeg to recognise them.
    for (name, format) in [("camera.ts", "mpegts"), ("recording.mkv", "matroska")] {
        let part = |size: &str| {
            let source = format!("color=gray:s={size}:r=25:d=2,noise=alls=20:allf=t");
            let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-f", "mpegts"];
            let arguments = [&["-f", "lavfi", "-i", &source], &encode[..]].concat();
            media::generated(&format!("grey_{size}.ts"), &arguments)
        };
        let parts: Option<Vec<PathBuf>> =
            ["1280x720", "640x480", "640x360"].map(part).into_iter().collect();
        let Some(parts) = parts else { return };
        let lines = parts.iter().map(|part| format!("file '{}'", part.display()));
        let list = lines.collect::<Vec<_>>().join("\n");
        let inputs = ["-f", "concat", "-safe", "0", "-i", "list.txt", "-c", "copy", "-f", format];
        let joined = media::generated_with(name, &inputs, &[("list.txt", &list)]);
        let Some(clip) = joined else { return };
        let stream = transcode(&clip);
        let playlist = stream.path("720p/index.m3u8");
        let (width, height, frames) = media::size_and_frames(&stream.index("720p"));
        assert_eq!((width, height), (1280, 720), "{name}: the size of its beginning");
        assert!((150..=152).contains(&frames), "{name}: {frames} frames");
        let is_grey = |secs: &str, part: &str| media::mean_yuv(&playlist, secs, part)[0] > 110.0;
        for (secs, at_the_side) in [("1", true), ("3", false), ("5", true)] {
            assert!(is_grey(secs, "400:700:440:10"), "{name}, {secs} s: the middle is grey");
            for part in ["140:700:10:10", "140:700:1130:10"] {
                assert_eq!(is_grey(secs, part), at_the_side, "{name}, {secs} s: {part}");
            }
        }
    }
}

/// Grey, more than eight bits and RGB: AV1 decoders output these in layouts of their own.
#[test]
fn av1_of_every_layout_keeps_its_colours() {
    let libaom = ["-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "20"];
    // Red in BT.709, and the luma alone of red in BT.601, which untagged small frames have.
    let (red, grey) = ([63.0, 102.0, 240.0], [81.0, 128.0, 128.0]);
    // ffmpeg tags grey of 10 bits as full range, and scales nothing.
    let full_grey = [85.6, 128.0, 128.0];
    for (format, expected) in [
        ("yuv420p", red),
        ("yuv420p10le", red),
        ("yuv422p12le", red),
        ("yuv444p10le", red),
        ("gbrp", red),
        ("gbrp10le", red),
        ("gray", grey),
        ("gray10le", full_grey),
    ] {
        // ffmpeg would convert red to grey of full range.
        let plane = if format.starts_with("gray") { ",extractplanes=y" } else { "" };
        let frames = format!("color=red:s=320x240:r=10:d=1,format=yuv420p{plane}");
        let source = ["-f", "lavfi", "-i", &frames, "-pix_fmt", format];
        let arguments = [&source[..], &libaom].concat();
        let Some(clip) = media::generated("av1.mkv", &arguments) else { return };
        let stream = transcode(&clip);
        let playlist = stream.path("240p/index.m3u8");
        let found = media::mean_yuv(&playlist, "0.5", "100:100:100:100");
        let near =
            found.iter().zip(expected).all(|(found, is): (&f64, f64)| (found - is).abs() < 4.0);
        assert!(near, "{format}: {found:?}, not {expected:?}");
    }
}
