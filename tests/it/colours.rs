//! Colours, fields and orientation of the output, measured by ffmpeg. Expected codes follow from the colour
//! of the source and BT.709.

use std::path::PathBuf;

use super::support::stream::transcode;
use super::support::{corpus_file, media};

/// A brick red, and its codes in BT.709 of limited range.
const BRICK: &str = "0xC04020";
const BRICK_CODES: [f64; 3] = [92.4, 101.1, 185.5];
/// Largest difference of a patch, of 255.
const TOLERANCE: f64 = 3.0;

/// Half a second of one colour in this matrix and range, with these tags in the bitstream.
fn brick(name: &str, size: &str, to: &str, tags: &str) -> Option<PathBuf> {
    let source =
        format!("color={BRICK}:s={size}:r=10:d=0.5,format=rgb24,scale={to},format=yuv420p");
    let input = ["-f", "lavfi", "-i", &source, "-c:v", "libx264", "-qp", "1"];
    media::generated(name, &[&input[..], &["-x264-params", tags]].concat())
}

fn assert_codes(name: &str, found: [f64; 3], expected: [f64; 3]) {
    let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= TOLERANCE);
    assert!(near, "{name}: {found:?}, not {expected:?}");
}

#[test]
fn every_matrix_and_range_becomes_bt709_of_limited_range() {
    let (bt601, bt709) = ("out_color_matrix=bt601", "out_color_matrix=bt709");
    let full = |matrix: &str| format!("{matrix}:out_range=pc");
    let table = [
        // Tagged in the bitstream alone, completely and by range only.
        ("full_range.mkv", "640x360", full(bt601), "fullrange=on:colormatrix=smpte170m"),
        ("full_range.ts", "1280x720", full(bt709), "fullrange=on"),
        ("full_range_sd.mp4", "640x360", full(bt601), "fullrange=on"),
        ("bt601.mp4", "1280x720", bt601.to_owned(), "fullrange=off:colormatrix=bt470bg"),
        ("bt709.mp4", "640x360", bt709.to_owned(), "fullrange=off:colormatrix=bt709"),
        // Untagged.
        ("untagged_sd.mp4", "640x360", bt601.to_owned(), "fullrange=off"),
        ("untagged_hd.mp4", "1280x720", bt709.to_owned(), "fullrange=off"),
    ];
    for (name, size, to, tags) in table {
        let Some(clip) = brick(name, size, &to, tags) else { return };
        let stream = transcode(&clip);
        stream.check().assert_sound();
        for rung in stream.plan()["video"]["rungs"].as_array().unwrap() {
            let rung = rung["name"].as_str().unwrap();
            let codes =
                media::mean_yuv(&stream.path(&format!("{rung}/index.m3u8")), "0.2", "iw:ih");
            assert_codes(&format!("{name} {rung}"), codes, BRICK_CODES);
            let colours = media::colours(&stream.index(rung));
            assert!(colours.starts_with("High yuv420p"), "{name}: {colours}");
            assert!(colours.ends_with("bt709 bt709 bt709"), "{name}: {colours}");
            assert_eq!(media::range(&stream.index(rung)), "tv", "{name}");
        }
    }
}

#[test]
fn motion_jpeg_of_full_range_becomes_limited() {
    let source = format!("color={BRICK}:s=320x240:r=10:d=1,format=yuvj422p");
    let codec = ["-f", "lavfi", "-i", &source, "-c:v", "mjpeg", "-q:v", "2"];
    for name in ["jpeg.avi", "jpeg.mov"] {
        let Some(clip) = media::generated(name, &codec) else { return };
        let stream = transcode(&clip);
        let codes = media::mean_yuv(&stream.path("240p/index.m3u8"), "0.5", "iw:ih");
        assert_codes(name, codes, BRICK_CODES);
        assert_eq!(media::range(&stream.index("240p")), "tv", "{name}");
    }
}

/// VP8 knows the matrix of BT.601 alone (RFC 6386, 9.2).
#[test]
fn large_frames_of_vp8_have_the_matrix_of_bt601() {
    let source =
        format!("color={BRICK}:s=1280x720:r=10:d=1,format=rgb24,scale=out_color_matrix=bt601");
    let codec = ["-pix_fmt", "yuv420p", "-c:v", "libvpx", "-b:v", "4M", "-deadline", "realtime"];
    let clip =
        media::generated("vp8_hd.webm", &[&["-f", "lavfi", "-i", &source], &codec[..]].concat());
    let Some(clip) = clip else { return };
    let stream = transcode(&clip);
    let codes = media::mean_yuv(&stream.path("720p/index.m3u8"), "0.5", "iw:ih");
    assert_codes("VP8", codes, BRICK_CODES);
}

/// A moving pattern of fields in this codec.
fn fields(name: &str, codec: &[&str]) -> Option<PathBuf> {
    let source = "testsrc2=s=720x576:r=50:d=2,tinterlace=interleave_top,fieldorder=tff";
    media::generated(name, &[&["-f", "lavfi", "-i", source], codec].concat())
}

#[test]
fn no_interlaced_frame_leaves() {
    let flags = ["-flags", "+ildct+ilme", "-top", "1"];
    let prores = ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"];
    let mpeg2 = ["-c:v", "mpeg2video", "-q:v", "3"];
    let codecs: [(&str, &[&str]); 2] = [("prores.mov", &prores), ("mpeg2.ts", &mpeg2)];
    for (name, codec) in codecs {
        let Some(clip) = fields(name, &[codec, &flags].concat()) else { return };
        let stream = transcode(&clip);
        stream.check().assert_sound();
        let [interlaced, progressive] = media::interlaced_and_progressive(&stream.index("480p"));
        assert!(progressive > 10 * interlaced, "{name}: {interlaced} frames with combs");
    }
}

#[test]
fn telecined_film_becomes_film_again() {
    // ffmpeg's encoder cannot repeat fields, so the clip is one of the corpus.
    let name = "pattern_480_soft_telecine.ts";
    let Some(clip) = corpus_file(&format!("dev2/{name}")) else { return };
    let stream = transcode(&clip);
    let fps = &stream.plan()["video"]["fps"];
    assert_eq!((&fps["num"], &fps["den"]), (&24_000.into(), &1001.into()), "{name}");
    let (_, _, frames) = media::size_and_frames(&stream.index("480p"));
    assert!((238..=241).contains(&frames), "{frames} frames, not 240");
    assert!(media::repeated_frames(&stream.index("480p")) <= 2, "{name}");
}

#[test]
fn a_hidden_first_track_is_not_shown() {
    let small = "color=red:s=320x240:r=10:d=1";
    let large = "color=blue:s=640x480:r=10:d=1";
    let inputs = ["-f", "lavfi", "-i", small, "-f", "lavfi", "-i", large];
    let maps = ["-map", "0", "-map", "1", "-c:v", "libx264", "-pix_fmt", "yuv420p"];
    let hidden = ["-disposition:v:0", "0", "-disposition:v:1", "default"];
    let Some(clip) = media::generated("hidden.mp4", &[&inputs[..], &maps, &hidden].concat()) else {
        return;
    };
    let stream = transcode(&clip);
    let rung = &stream.plan()["video"]["rungs"][0];
    assert_eq!((&rung["width"], &rung["height"]), (&640.into(), &480.into()));
}

#[test]
fn of_two_programmes_the_larger_video_is_encoded() {
    let sources = ["testsrc2=s=320x240:r=25:d=2", "testsrc2=s=640x480:r=25:d=2"];
    let inputs = ["-f", "lavfi", "-i", sources[0], "-f", "lavfi", "-i", sources[1]];
    let maps = ["-map", "0", "-map", "1", "-c:v", "libx264", "-preset", "ultrafast"];
    let programs = ["-program", "program_num=1:st=0", "-program", "program_num=2:st=1"];
    let arguments = [&inputs[..], &maps, &["-pix_fmt", "yuv420p"], &programs].concat();
    let Some(clip) = media::generated("two_programmes.ts", &arguments) else { return };
    let stream = transcode(&clip);
    assert_eq!(media::size_and_frames(&stream.index("480p")), (640, 480, 50));
    let notes = stream.plan()["notes"].to_string();
    assert!(notes.contains("1 more programmes skipped"), "{notes}");
}

#[test]
fn a_cover_in_the_first_track_is_not_the_video() {
    let (cover, film) = ("color=red:s=640x480:r=1:d=1", "testsrc2=s=320x240:r=25:d=2");
    let inputs = ["-f", "lavfi", "-i", cover, "-f", "lavfi", "-i", film, "-map", "0", "-map", "1"];
    let still = ["-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p"];
    let moving = ["-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p"];
    for name in ["cover.mp4", "cover.mov"] {
        let Some(clip) = media::generated(name, &[&inputs[..], &still, &moving].concat()) else {
            return;
        };
        let stream = transcode(&clip);
        assert_eq!(media::size_and_frames(&stream.index("240p")), (320, 240, 50), "{name}");
    }
}

#[test]
fn motion_jpeg_has_the_pixels_that_its_frames_state() {
    let source = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=1,setsar=4/3"];
    let codec = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"];
    for name in ["wide_pixels.avi", "wide_pixels.mov"] {
        let Some(clip) = media::generated(name, &[&source[..], &codec].concat()) else { return };
        let stream = transcode(&clip);
        let (width, height, _) = media::size_and_frames(&stream.index("240p"));
        assert_eq!((width, height), (426, 240), "{name}");
    }
}
