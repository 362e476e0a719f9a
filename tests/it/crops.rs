//! Frames of which the container hides a part (`clap` of MP4 and `QuickTime`).
//!
//! ffmpeg 5.1 shows the whole frames, so the output is compared with the part that is cut out of them by name.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::doubles::Doubles;
use super::support::media;
use super::support::stream::{Stream, Transcode, transcode};

/// A moving scene of 280x200 in a frame of 320x240, at 16 columns and 24 rows; the rest is magenta.
const SCENE: &str = "testsrc2=size=280x200:rate=25:duration=2,pad=320:240:16:24:magenta";

/// The clean aperture around the scene: its centre is 4 columns left of that of the frame, and 4 rows below it.
const APERTURE: [i32; 8] = [280, 1, 200, 1, -4, 1, 4, 1];

/// The boxes around a sample entry of H.264.
const AROUND: [&[u8; 4]; 7] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"];

/// The film without an aperture, and the same with [`APERTURE`].
fn films(name: &str, more: &[&str]) -> Option<(PathBuf, PathBuf)> {
    let scene =
        ["-f", "lavfi", "-i", SCENE, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "12"];
    let whole = media::generated(name, &[&scene[..], more].concat())?;
    let cropped = whole.with_file_name(format!("cropped_{name}"));
    std::fs::write(&cropped, with_aperture(std::fs::read(&whole).unwrap())).unwrap();
    Some((whole, cropped))
}

/// Adds the aperture to the sample entry. Nothing that moves by it is named by an offset: `moov` is last.
fn with_aperture(mut bytes: Vec<u8>) -> Vec<u8> {
    let clap = [&40_u32.to_be_bytes(), &b"clap"[..], &APERTURE.map(i32::to_be_bytes).concat()];
    let clap = clap.concat();
    let (mut at, mut end) = (0, 0);
    for kind in AROUND {
        at += bytes[at..].windows(4).position(|window| window == kind).unwrap();
        let size = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap());
        end = at - 4 + usize::try_from(size).unwrap();
        let size = size + u32::try_from(clap.len()).unwrap();
        bytes[at - 4..at].copy_from_slice(&size.to_be_bytes());
    }
    bytes.splice(end..end, clap);
    bytes
}

/// The largest rung shows the scene and nothing else.
fn assert_shows_scene(stream: &Stream, whole: &Path, size: (u32, u32), turn: &str) {
    let index = stream.index(stream.plan()["video"]["rungs"][0]["name"].as_str().unwrap());
    let (width, height, frames) = media::size_and_frames(&index);
    assert_eq!((width, height, frames), (size.0, size.1, 50));
    let scene = format!("crop=280:200:16:24{turn}");
    let same = media::ssim(Path::new(&index), "null", whole, &scene);
    assert!(same > 0.9, "{same}");
    // Four rows and columns further, the border is seen.
    let other = media::ssim(Path::new(&index), "null", whole, &format!("crop=280:200:12:20{turn}"));
    assert!(other < same - 0.05, "{other} {same}");
    stream.check().assert_sound();
}

#[test]
fn the_clean_aperture_is_what_viewers_see() {
    let Some((whole, cropped)) = films("scene.mp4", &[]) else { return };
    assert_shows_scene(&transcode(&cropped), &whole, (280, 200), "");
}

#[test]
fn a_turned_film_is_cropped_before_it_is_turned() {
    let Some((whole, _)) = films("scene.mp4", &[]) else { return };
    let input = whole.display().to_string();
    let turn = ["-i", &input, "-c", "copy", "-metadata:s:v", "rotate=90"];
    let Some(turned) = media::generated("turned.mov", &turn) else { return };
    let cropped = turned.with_file_name("cropped_turned.mov");
    std::fs::write(&cropped, with_aperture(std::fs::read(&turned).unwrap())).unwrap();
    assert_shows_scene(&transcode(&cropped), &whole, (200, 280), ",transpose=cclock");
}

#[test]
fn a_gpu_gets_cropped_frames_from_a_software_decoder() {
    let Some((whole, cropped)) = films("scene.mp4", &[]) else { return };
    for set in ["nvcodec 1.26.11+", "va 1.22.0"] {
        let stream = Transcode::new(&cropped).on(&Doubles::new(set)).run();
        assert_eq!(stream.plan()["decoder"], Value::Null, "{set}");
        assert_ne!(stream.plan()["backend"], "cpu", "{set}");
        assert_shows_scene(&stream, &whole, (280, 200), "");
    }
}
