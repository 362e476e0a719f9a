//! What one sees of sources that are not just pictures of one size.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Need, has, media, program, skip};

/// Runs ffmpeg with these arguments and this file to write.
fn made(path: PathBuf, arguments: &[&str]) -> Option<PathBuf> {
    if !has("ffmpeg") {
        skip(Need::Ffmpeg, "ffmpeg is not there");
        return None;
    }
    let mut ffmpeg = Command::new("ffmpeg");
    let made = ffmpeg.args(["-v", "error", "-y"]).args(arguments).arg(&path).status().unwrap();
    assert!(made.success(), "{arguments:?}");
    Some(path)
}

fn transcode(clip: &Path) -> PathBuf {
    let out = clip.with_extension("out");
    let output = program().arg("transcode").arg(clip).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

#[test]
fn what_is_transparent_is_seen_on_black() {
    // The left half of red at 50 %, the right half not transparent at all.
    let picture =
        "color=red:s=320x240:r=10:d=1,format=rgba,geq=r=255:g=0:b=0:a='if(lt(X,160),128,255)'";
    let codecs: [(&str, &[&str]); 3] = [
        ("quicktime.mov", &["-pix_fmt", "argb", "-c:v", "qtrle"]),
        ("prores.mov", &["-pix_fmt", "yuva444p10le", "-c:v", "prores_ks", "-profile:v", "4444"]),
        ("png.mov", &["-c:v", "png"]),
    ];
    for (name, codec) in codecs {
        let dir = tempfile::tempdir().unwrap();
        let arguments = [&["-f", "lavfi", "-i", picture], codec].concat();
        let Some(clip) = made(dir.path().join(name), &arguments) else { return };
        let playlist = transcode(&clip).join("240p/index.m3u8");
        // BT.601, as in all that is small and says nothing: red is 81, 90, 240.
        for (part, expected) in
            [("100:200:20:20", [48.0, 109.0, 184.0]), ("100:200:200:20", [81.0, 90.0, 240.0])]
        {
            let found = media::mean(&playlist, "0.5", part);
            let near =
                found.iter().zip(expected).all(|(found, is): (&f64, f64)| (found - is).abs() < 3.0);
            assert!(near, "{name}, {part}: {found:?}, not {expected:?}");
        }
    }
}

#[test]
fn a_size_that_changes_in_mid_stream_keeps_its_proportions() {
    // Grey, 16:9 for two seconds, then 4:3, then 16:9 of half the size. With noise: ffmpeg takes the
    // smallest segments for something else.
    for (name, kind) in [("camera.ts", "mpegts"), ("recording.mkv", "matroska")] {
        let dir = tempfile::tempdir().unwrap();
        let part = |number: usize, size: &str| {
            let picture = format!("color=gray:s={size}:r=25:d=2,noise=alls=20:allf=t");
            let encoded = ["-c:v", "libx264", "-preset", "ultrafast", "-f", "mpegts"];
            let arguments = [&["-f", "lavfi", "-i", &picture], &encoded[..]].concat();
            made(dir.path().join(format!("{number}.ts")), &arguments)
        };
        let Some(first) = part(0, "1280x720") else { return };
        part(1, "640x480");
        part(2, "640x360");
        let list = first.with_file_name("list.txt");
        std::fs::write(&list, "file 0.ts\nfile 1.ts\nfile 2.ts\n").unwrap();
        let joined = ["-f", "concat", "-i", list.to_str().unwrap(), "-c", "copy", "-f", kind];
        let Some(clip) = made(dir.path().join(name), &joined) else { return };
        let playlist = transcode(&clip).join("720p/index.m3u8");
        let (width, height, pictures) = media::picture(playlist.to_str().unwrap());
        assert_eq!((width, height), (1280, 720), "{name}: the size of its beginning");
        assert!((150..=152).contains(&pictures), "{name}: {pictures} pictures");
        let is_grey = |secs: &str, part: &str| media::mean(&playlist, secs, part)[0] > 110.0;
        for (secs, at_the_side) in [("1", true), ("3", false), ("5", true)] {
            assert!(is_grey(secs, "400:700:440:10"), "{name}, {secs} s: the middle is seen");
            for part in ["140:700:10:10", "140:700:1130:10"] {
                assert_eq!(is_grey(secs, part), at_the_side, "{name}, {secs} s: {part}");
            }
        }
    }
}

/// Grey, more than eight bits and RGB: what decoders hand on in layouts of their own.
#[test]
fn av1_of_every_layout_keeps_its_colours() {
    let libaom = ["-c:v", "libaom-av1", "-cpu-used", "8", "-crf", "20"];
    // BT.601, limited range: red; and its grey.
    let (red, grey) = ([81.0, 90.0, 240.0], [81.0, 128.0, 128.0]);
    for (format, expected) in [
        ("yuv420p", red),
        ("yuv420p10le", red),
        ("yuv422p12le", red),
        ("yuv444p10le", red),
        ("gbrp", red),
        ("gbrp10le", red),
        ("gray", grey),
        ("gray10le", grey),
    ] {
        let dir = tempfile::tempdir().unwrap();
        // ffmpeg makes grey of full range, which AV1 does not say.
        let plane = if format.starts_with("gray") { ",extractplanes=y" } else { "" };
        let picture = format!("color=red:s=320x240:r=10:d=1,format=yuv420p{plane}");
        let source = ["-f", "lavfi", "-i", &picture, "-pix_fmt", format];
        let path = dir.path().join("film.mkv");
        let Some(clip) = made(path, &[&source[..], &libaom].concat()) else { return };
        let found =
            media::mean(&transcode(&clip).join("240p/index.m3u8"), "0.5", "100:100:100:100");
        let near =
            found.iter().zip(expected).all(|(found, is): (&f64, f64)| (found - is).abs() < 4.0);
        assert!(near, "{format}: {found:?}, not {expected:?}");
    }
}
