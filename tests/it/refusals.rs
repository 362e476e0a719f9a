//! Files that are no videos, and videos that cannot be read: each is refused with its code and a sentence that
//! says what the file is. And some that only look so, which are encoded.

use std::path::{Path, PathBuf};

use super::support::{corpus_file, has_ffmpeg, media, run};

/// The sentence and the code of a refused file.
fn refusal(input: &Path) -> (String, String) {
    let run = run::plan(input);
    let said = run.stderr.trim_end().rsplit('\n').next().unwrap_or_default().to_owned();
    (run.outcome(), said)
}

fn assert_refused(input: &Path, code: &str, words: &str) {
    let (outcome, said) = refusal(input);
    assert_eq!(outcome, code, "{}: {said}", input.display());
    assert!(said.contains(words), "{}: {said}", input.display());
    for meaningless in ["stream error", "plug-in", "Missing decoder", "GStreamer"] {
        assert!(!said.contains(meaningless), "{}: {said}", input.display());
    }
}

#[test]
fn files_that_are_no_videos_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let zip = [b"PK\x03\x04\x14\0\0\0\0\0", &[0; 20][..], b"film.mp4", &[7; 500]].concat();
    let heic = [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\x08meta", &[0; 100][..]].concat();
    let zeros = vec![0; 50_000];
    let files: [(&str, &[u8], &str, &str); 8] = [
        ("text.mp4", b"Minutes of the meeting\n", "not-media", "a text file"),
        (
            "page.mp4",
            b"<!DOCTYPE html>\n<html><body>Sign in</body></html>",
            "not-media",
            "a web page",
        ),
        ("film.mp4", &zip, "not-media", "an archive (ZIP)"),
        (
            "paper.mov",
            b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n1 0 obj<<>>endobj\n",
            "not-media",
            "a PDF document",
        ),
        ("list.ts", b"#EXTM3U\n#EXTINF:6,\nhttp://h/a.ts\n", "not-media", "a playlist (M3U8)"),
        ("photo.mov", &heic, "no-video", "a photo (HEIC)"),
        ("zeros.mp4", &zeros, "not-media", "nothing but zeros"),
        ("._film.mp4", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ", "not-media", "AppleDouble"),
    ];
    for (name, bytes, code, words) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        assert_refused(&path, code, words);
    }
}

#[test]
fn images_are_named() {
    for (name, words) in [
        ("a.jpg", "a photo (JPEG)"),
        ("a.png", "an image (PNG)"),
        ("a.bmp", "an image (BMP)"),
        ("a.gif", "an image (GIF)"),
        ("a.webp", "an image (WebP)"),
    ] {
        let arguments = ["-f", "lavfi", "-i", "testsrc=s=320x240", "-frames:v", "1"];
        let Some(path) = media::generated(name, &arguments) else { return };
        assert_refused(&path, "no-video", words);
    }
}

/// A file of the second part of the corpus.
fn second_corpus(file: &str) -> Option<PathBuf> {
    corpus_file(&format!("dev2/{file}"))
}

#[test]
fn videos_that_cannot_be_read_are_refused_with_their_formats() {
    let table = [
        ("dnxhr_lb_720p.mxf", "undecodable", "MXF with a structure or codec"),
        ("surveillance_mpeg4_8_alaw.mxf", "undecodable", "MXF with a structure or codec"),
        ("vp9_profile1_440.webm", "undecodable", "On2 VP9"),
        ("wmv3_drm.wmv", "encrypted", "protected (DRM)"),
        ("webm_no_streams.webm", "no-video", "no streams"),
    ];
    for (file, code, words) in table {
        let Some(path) = second_corpus(file) else { return };
        assert_refused(&path, code, words);
    }
}

/// Transcodes the file and returns the size of its best rendition and the number of its frames.
fn best(input: &Path) -> (u32, u32, u32) {
    let out = tempfile::tempdir().unwrap();
    let run = run::transcode(input, out.path(), &[]);
    assert_eq!(run.outcome(), "ready", "{run:?}");
    let plan = &run.event("planned").unwrap()["plan"];
    assert_eq!(plan["notes"].to_string().matches("skipped").count(), 0, "{plan:#}");
    let name = plan["video"]["rungs"][0]["name"].as_str().unwrap();
    media::size_and_frames(&out.path().join(name).join("index.m3u8").display().to_string())
}

#[test]
fn codecs_that_demuxers_do_not_know_are_decoded() {
    if !has_ffmpeg() {
        return;
    }
    for (file, size) in
        [("dnxhr_hqx_12bit_1080p.mov", (640, 360)), ("gotomeeting_g2m2_1024x768.wmv", (480, 360))]
    {
        let Some(path) = second_corpus(file) else { return };
        let (width, height, _) = best(&path);
        assert_eq!((width, height), size, "{file}");
    }
    let source = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1"];
    let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-bsf:v", "h264_mp4toannexb"];
    let arguments = [&source[..], &encode, &["-vtag", "SMV2"]].concat();
    let Some(recorder) = media::generated("recorder.avi", &arguments) else { return };
    assert_eq!(best(&recorder), (320, 240, 25));
}
