//! Hostile files: attempts to read other files, to open connections and to exhaust memory.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::support::{corpus, media, run};

/// Memory limit of the workers here, and the size of the libraries that they map besides.
const MEMORY_BYTES: u64 = 400_000_000;
const LIBRARIES_BYTES: u64 = 250_000_000;

/// Memory in which 64 tracks can be probed: each has three threads, with stacks of 8 MiB.
const TRACKS_MEMORY_BYTES: u64 = 3_000_000_000;

/// A listener that must see no connection.
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

/// Transcodes the file with little memory. Returns the outcome.
fn attack(input: &Path) -> String {
    attack_with(input, MEMORY_BYTES)
}

/// Transcodes the file with this memory limit. Returns the outcome.
fn attack_with(input: &Path, memory_bytes: u64) -> String {
    let out = tempfile::tempdir().unwrap();
    let memory = memory_bytes.to_string();
    let memory = ("jobs.worker_memory_bytes", memory.as_str());
    let run = run::transcode(input, out.path(), &[memory]);
    let most_bytes = memory_bytes + LIBRARIES_BYTES;
    assert!(run.peak_bytes < most_bytes, "{} bytes: {run:?}", run.peak_bytes);
    assert!(!run.stdout.contains("root:"), "{run:?}");
    let outcome = run.outcome();
    println!("{}: {outcome}, {} MB, {:?}", input.display(), run.peak_bytes >> 20, run.took);
    outcome
}

#[test]
fn playlists_and_session_descriptions_are_refused() {
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
fn a_movie_cannot_read_its_samples_from_another_file() {
    let (dir, trap) = (tempfile::tempdir().unwrap(), Trap::new());
    let Some(clip) = media::clip(144, "25", 1) else { return };
    let clip = std::fs::read(clip).unwrap();
    for url in ["file:///etc/passwd".to_owned(), trap.url()] {
        let mut bytes = clip.clone();
        let reference = [&[0, 0, 0, 0], url.as_bytes(), &[0]].concat();
        let path = [b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref", b"url "];
        let end = bytes.len();
        replace(&mut bytes, (0, end), &path, &reference);
        let input = dir.path().join("elsewhere.mp4");
        std::fs::write(&input, &bytes).unwrap();
        // The reference is ignored: its own bytes are decoded, or it fails.
        let outcome = attack(&input);
        assert!(["ready", "source-damaged"].contains(&outcome.as_str()), "{outcome}");
        trap.assert_untouched(&url);
    }
}

/// Replaces the payload of the box at the end of this path and corrects the sizes of all boxes around
/// it. The `moov` lies behind the samples, so no offset changes. Returns the growth in bytes.
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
fn a_frame_of_16_by_4000_needs_little_memory() {
    let narrow = corpus("extreme_16x4000.ts").or_else(|| media::silent_clip(16, 4000, "5", 1));
    let Some(input) = narrow else { return };
    assert_eq!(attack(&input), "ready");
}

#[test]
fn frames_with_huge_sizes_in_their_headers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let raw = dir.path().join("raw.y4m");
    let frame = [&b"YUV4MPEG2 W30000 H30000 F25:1 C420\nFRAME\n"[..], &[0; 4096]].concat();
    std::fs::write(&raw, frame).unwrap();
    let outcome = attack(&raw);
    assert!(["picture-too-large", "source-damaged"].contains(&outcome.as_str()), "{outcome}");

    let source = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=5:d=1", "-c:v", "mjpeg"];
    let Some(jpeg) = media::generated("small.avi", &source) else { return };
    let mut bytes = std::fs::read(jpeg).unwrap();
    let huge = 30_000_u32;
    let places = |bytes: &[u8], what: &[u8]| -> Vec<usize> {
        (0..bytes.len() - what.len()).filter(|at| bytes[*at..].starts_with(what)).collect()
    };
    // Both headers of the container, and the one of each frame.
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
    let huge_jpeg = dir.path().join("huge.avi");
    std::fs::write(&huge_jpeg, bytes).unwrap();
    assert_refused(&attack(&huge_jpeg), "picture-too-large");
}

#[test]
fn huge_frames_in_a_small_file_are_refused_or_reach_the_memory_limit() {
    let colour = |size: &str| -> Option<PathBuf> {
        let source = format!("color=red:s={size}:r=5:d=1");
        let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
        let arguments = [&["-f", "lavfi", "-i", &source], &encode[..]].concat();
        media::generated(&format!("{size}.mp4"), &arguments)
    };
    let Some(beyond) = colour("8000x8000") else { return };
    assert!(std::fs::metadata(&beyond).unwrap().len() < 1 << 20, "a small file");
    assert_refused(&attack(&beyond), "picture-too-large");
    // The largest allowed size, which needs more memory than the limit. The element that fails to
    // allocate first differs with the limit, and so does its error.
    let largest = colour("8192x4320").unwrap();
    for memory_bytes in [400, 450, 500].map(|mega| mega * 1_000_000) {
        assert_eq!(attack_with(&largest, memory_bytes), "memory-limit", "{memory_bytes} bytes");
    }
}

#[test]
fn a_thousand_tracks_are_too_many() {
    let source = ["-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac"];
    let Some(tone) = media::generated("short_tone.mp4", &source) else { return };
    let tone = tone.to_str().unwrap();
    let maps = std::iter::repeat_n(["-map", "0:a"], 1000).flatten();
    let arguments: Vec<&str> = ["-i", tone].into_iter().chain(maps).chain(["-c", "copy"]).collect();
    // Memory for the threads of as many tracks as are allowed is enough: the others get none.
    let many = media::generated("many_tracks.mp4", &arguments).unwrap();
    assert_eq!(attack_with(&many, TRACKS_MEMORY_BYTES), "too-many-tracks");
}

/// Refused by this limit, or by the memory limit if the probe reaches that first: it decodes a frame.
fn assert_refused(outcome: &str, limit: &str) {
    assert!([limit, "memory-limit"].contains(&outcome), "{outcome}, not {limit}");
}
