//! Files that are made to do harm: to read what is not theirs, to call somebody, to fill memory.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Need, corpus, has, media, run, skip};

/// What a worker of these tests may fill, and what the libraries that it maps may have besides.
const MEMORY_BYTES: u64 = 400_000_000;
const LIBRARIES_BYTES: u64 = 250_000_000;

/// A listener that nobody may call.
struct Trap(TcpListener);

impl Trap {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}/secret", self.0.local_addr().unwrap())
    }

    fn assert_untouched(&self, what: &str) {
        let kind = self.0.accept().map_err(|error| error.kind());
        assert!(matches!(kind, Err(ErrorKind::WouldBlock)), "{what} called: {kind:?}");
    }
}

/// Runs the file with little memory. Returns how it ended.
fn attack(input: &Path) -> String {
    attack_with(input, MEMORY_BYTES)
}

/// Runs the file with so much memory. Returns how it ended.
fn attack_with(input: &Path, memory_bytes: u64) -> String {
    let out = tempfile::tempdir().unwrap();
    let memory = memory_bytes.to_string();
    let memory = ("LADDERD__JOBS__WORKER_MEMORY_BYTES", memory.as_str());
    let run = run::transcode(input, out.path(), &[memory]);
    let most_bytes = memory_bytes + LIBRARIES_BYTES;
    assert!(run.peak_bytes < most_bytes, "{} bytes: {run:?}", run.peak_bytes);
    assert!(!run.stdout.contains("root:"), "{run:?}");
    let outcome = run.outcome();
    println!("{}: {outcome}, {} MB, {:?}", input.display(), run.peak_bytes >> 20, run.took);
    outcome
}

#[test]
fn playlists_and_descriptions_are_no_videos() {
    let (dir, trap) = (tempfile::tempdir().unwrap(), Trap::new());
    for url in ["file:///etc/passwd".to_owned(), trap.url()] {
        let port = trap.0.local_addr().unwrap().port();
        let texts = [
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n"),
            format!("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\n{url}\n"),
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n\
                 a=control:{url}\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
            ),
            format!("<smil><body><video src=\"{url}\"/></body></smil>"),
            format!("ffconcat version 1.0\nfile '{url}'\n"),
            format!("concat:{url}|{url}"),
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" \
                 type=\"static\"><Period><BaseURL>{url}</BaseURL></Period></MPD>"
            ),
            format!("RTSPtext\nrtsp{url}\n[Reference]\nRef1={url}\n"),
        ];
        for (number, text) in texts.iter().enumerate() {
            let input = dir.path().join(format!("{number}.mp4"));
            std::fs::write(&input, text).unwrap();
            let outcome = attack(&input);
            let refused = ["not-media", "source-damaged", "undecodable", "no-video"];
            assert!(refused.contains(&outcome.as_str()), "{text}: {outcome}");
            trap.assert_untouched(text);
        }
    }
}

#[test]
fn a_movie_reads_its_samples_from_no_other_file() {
    let (dir, trap) = (tempfile::tempdir().unwrap(), Trap::new());
    let Some(clip) = media::clip(dir.path(), 144, "25", 1) else { return };
    let clip = std::fs::read(clip).unwrap();
    for url in ["file:///etc/passwd".to_owned(), trap.url()] {
        let mut bytes = clip.clone();
        let reference = [&[0, 0, 0, 0], url.as_bytes(), &[0]].concat();
        let path = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref", b"url "];
        let end = bytes.len();
        replace(&mut bytes, (0, end), &path, &reference);
        let input = dir.path().join("elsewhere.mp4");
        std::fs::write(&input, &bytes).unwrap();
        // Its own bytes, as the reference is not followed; or nothing.
        let outcome = attack(&input);
        assert!(["ready", "source-damaged"].contains(&outcome.as_str()), "{outcome}");
        trap.assert_untouched(&url);
    }
}

/// Replaces the payload of the box at the end of this path, and corrects the sizes on the way. The
/// `moov` lies behind the samples, so no offset changes. Returns by how much it grew.
fn replace(bytes: &mut Vec<u8>, within: (usize, usize), path: &[&[u8; 4]], with: &[u8]) -> usize {
    let size_at = |bytes: &[u8], at: usize| {
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    };
    let mut at = within.0;
    while &bytes[at + 4..at + 8] != path[0] {
        at += size_at(bytes, at);
        assert!(at < within.1, "no box {path:?}");
    }
    let end = at + size_at(bytes, at);
    let grown = if let [_] = path {
        bytes.splice(at + 8..end, with.iter().copied());
        (at + 8 + with.len()).checked_sub(end).unwrap()
    } else {
        // A `dref` has a version, flags and a number before its boxes.
        let head = if path[0] == b"dref" { 16 } else { 8 };
        replace(bytes, (at + head, end), &path[1..], with)
    };
    let size = u32::try_from(end - at + grown).unwrap();
    bytes[at..at + 4].copy_from_slice(&size.to_be_bytes());
    grown
}

#[test]
fn a_picture_of_one_column_takes_no_memory() {
    let Some(input) = corpus("extreme_16x4000.ts") else { return };
    assert_eq!(attack(&input), "ready");
}

#[test]
fn pictures_that_claim_to_be_huge_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("raw.y4m");
    let frame = [&b"YUV4MPEG2 W30000 H30000 F25:1 C420\nFRAME\n"[..], &[0; 4096]].concat();
    std::fs::write(&raw, frame).unwrap();
    let outcome = attack(&raw);
    assert!(["picture-too-large", "source-damaged"].contains(&outcome.as_str()), "{outcome}");

    let jpeg = dir.path().join("huge.avi");
    if !ffmpeg(&["-f", "lavfi", "-i", "testsrc2=s=320x240:r=5:d=1", "-c:v", "mjpeg"], &jpeg) {
        return;
    }
    let mut bytes = std::fs::read(&jpeg).unwrap();
    let huge = 30_000_u32;
    let places = |bytes: &[u8], what: &[u8]| -> Vec<usize> {
        (0..bytes.len() - what.len()).filter(|at| bytes[*at..].starts_with(what)).collect()
    };
    // Both headers of the container, and that of each picture.
    for (name, offset) in [(b"avih", 40), (b"strf", 12)] {
        for at in places(&bytes, name) {
            let sides = [huge.to_le_bytes(), huge.to_le_bytes()].concat();
            bytes[at + offset..at + offset + 8].copy_from_slice(&sides);
        }
    }
    for at in places(&bytes, &[0xFF, 0xC0, 0, 0x11, 8]) {
        let side = u16::try_from(huge).unwrap().to_be_bytes();
        bytes[at + 5..at + 9].copy_from_slice(&[side, side].concat());
    }
    std::fs::write(&jpeg, bytes).unwrap();
    assert_refused(&attack(&jpeg), "picture-too-large");
}

#[test]
fn one_colour_on_huge_pictures_is_refused_or_ends_at_the_cap() {
    let dir = tempfile::tempdir().unwrap();
    let colour = |size: &str| -> Option<PathBuf> {
        let (path, source) =
            (dir.path().join(format!("{size}.mp4")), format!("color=red:s={size}:r=5:d=1"));
        let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
        let made = ffmpeg(&[&["-f", "lavfi", "-i", &source], &encode[..]].concat(), &path);
        made.then_some(path)
    };
    let Some(beyond) = colour("8000x8000") else { return };
    assert!(std::fs::metadata(&beyond).unwrap().len() < 1 << 20, "a small file");
    assert_refused(&attack(&beyond), "picture-too-large");
    // As large as is allowed, and more than fits into the memory of this worker.
    // Which element is the first to get none differs, and so does what it says then.
    let largest = colour("8192x4320").unwrap();
    for memory_bytes in [400, 450, 500].map(|mega| mega * 1_000_000) {
        assert_eq!(attack_with(&largest, memory_bytes), "memory-limit", "{memory_bytes} bytes");
    }
}

#[test]
fn a_thousand_tracks_are_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let (tone, many) = (dir.path().join("tone.mp4"), dir.path().join("many.mp4"));
    let source = ["-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac"];
    if !ffmpeg(&source, &tone) {
        return;
    }
    let tone = tone.to_str().unwrap();
    let maps = std::iter::repeat_n(["-map", "0:a"], 1000).flatten();
    let arguments: Vec<&str> = ["-i", tone].into_iter().chain(maps).chain(["-c", "copy"]).collect();
    assert!(ffmpeg(&arguments, &many));
    assert_refused(&attack(&many), "too-many-tracks");
}

/// By the limit, or by the cap of memory where the probe comes to that first: it decodes a picture of
/// each track to see what it is.
fn assert_refused(outcome: &str, limit: &str) {
    assert!([limit, "memory-limit"].contains(&outcome), "{outcome}, not {limit}");
}

/// Makes a file. False (said as a skip) where there is no ffmpeg.
fn ffmpeg(arguments: &[&str], to: &Path) -> bool {
    if !has("ffmpeg") {
        skip(Need::Ffmpeg, "ffmpeg is not there");
        return false;
    }
    let quiet = ["-v", "error", "-y"];
    assert!(Command::new("ffmpeg").args(quiet).args(arguments).arg(to).status().unwrap().success());
    true
}
