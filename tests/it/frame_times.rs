//! Times of frames and sounds: transport streams whose clock is rare, missing or changes, programmes that
//! change, slides, and ends that are missing.

use std::path::{Path, PathBuf};

use super::support::edit_lists::with_edits;
use super::support::fidelity::{self, Clip, Limits};
use super::support::media;
use super::support::run;
use super::support::stream::transcode;

/// A flash and a beep at every whole second.
const FLASHES: &str =
    "testsrc2=s=320x240:r=25:d=6,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.039)'";
const BEEPS: &str = "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:d=6";

/// The clip as a transport stream.
fn clip(name: &str, options: &[&str]) -> Option<PathBuf> {
    let inputs = ["-f", "lavfi", "-i", FLASHES, "-f", "lavfi", "-i", BEEPS];
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50"];
    media::generated(name, &[&inputs[..], &video, options, &["-f", "mpegts"]].concat())
}

/// Asserts that frames and sounds of the output come when those of the source come.
fn assert_in_time(source: &Path, bytes: &Path) {
    let stream = transcode(bytes);
    let report =
        fidelity::judge(&Clip::file(source), &Clip::hls(&stream.path("")), &Limits::default());
    assert_eq!(report.findings.names(), [""; 0], "{report}");
}

#[test]
fn program_clock_references_are_rare_or_missing() {
    let Some(rare) = clip("rare.ts", &["-c:a", "aac", "-pcr_period", "1900"]) else { return };
    assert_in_time(&rare, &rare);

    let mut bytes = std::fs::read(&rare).unwrap();
    for packet in bytes.chunks_exact_mut(188) {
        let has_reference = packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0;
        if has_reference {
            packet[5] &= !0x10;
            packet[6..12].fill(0xff);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let without = dir.path().join("none.ts");
    std::fs::write(&without, bytes).unwrap();
    assert_in_time(&rare, &without);
}

/// The second part has another audio codec, other PIDs, or a clock of another day.
#[test]
fn a_broadcast_goes_on_in_another_way() {
    let Some(first) = clip("first.ts", &["-c:a", "ac3"]) else { return };
    let ways: [(&str, &[&str]); 3] = [
        ("codec.ts", &["-c:a", "aac", "-output_ts_offset", "6"]),
        ("pids.ts", &["-c:a", "ac3", "-mpegts_start_pid", "0x200", "-output_ts_offset", "6"]),
        ("clock.ts", &["-c:a", "ac3", "-output_ts_offset", "50000"]),
    ];
    for (name, options) in ways {
        let Some(second) = clip(name, options) else { return };
        let dir = tempfile::tempdir().unwrap();
        let joined = dir.path().join(name);
        let parts = [&first, &second].map(|part| std::fs::read(part).unwrap());
        std::fs::write(&joined, parts.concat()).unwrap();
        let stream = transcode(&joined);
        let (_, _, frames) = media::size_and_frames(&stream.index("240p"));
        assert!((300..=303).contains(&frames), "{name}: {frames} frames");
        let beeps = media::beeps(&stream.index("audio-und"));
        assert_eq!(beeps.len(), 12, "{name}: {beeps:?}");
        for (secs, beep) in (0_u32..).zip(beeps) {
            assert!(
                (beep - f64::from(secs)).abs() < 0.06,
                "{name}: a beep at {beep} s, not {secs} s"
            );
        }
    }
}

/// A recording from which a part was cut, with a pause in its place. Its tracks begin before and behind what is
/// shown.
#[test]
fn only_edits_are_shown_each_at_its_time() {
    let dark = FLASHES.replace("testsrc2=", "color=c=black:");
    let inputs = ["-f", "lavfi", "-i", &dark, "-f", "lavfi", "-i", BEEPS];
    let options = ["-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac"];
    let scale = ["-video_track_timescale", "1000"];
    let clip = media::generated("edits.mp4", &[&inputs[..], &options, &scale].concat());
    let Some(clip) = clip else { return };
    let edits = |handler: &[u8]| {
        // The first frame is shown 80 ms late, and the encoder's priming comes before the first sample.
        let [scale, begin] = if handler == b"vide" { [1, 80] } else { [48, 1024] };
        let at = |ms: u32| Some(ms * scale + begin);
        vec![(2000, at(520)), (1000, None), (2500, at(3520))]
    };
    let dir = tempfile::tempdir().unwrap();
    let edited = dir.path().join("edited.mp4");
    std::fs::write(&edited, with_edits(&std::fs::read(&clip).unwrap(), &edits)).unwrap();
    let stream = transcode(&edited);
    let (_, _, frames) = media::size_and_frames(&stream.index("240p"));
    assert!((137..=138).contains(&frames), "{frames} frames in 5.5 s");
    let (begins, _) = media::flash_times(&stream.index("240p"));
    let beeps = media::beeps(&stream.index("audio-und"));
    // The end of the video ends the last darkness.
    assert_eq!((begins.len(), beeps.len()), (5, 4), "{begins:?} {beeps:?}");
    for ((flash, beep), expected) in begins.iter().zip(beeps).zip([0.48, 1.48, 3.48, 4.48]) {
        assert!((flash - expected).abs() < 0.05, "a flash at {flash} s, not {expected} s");
        assert!((beep - expected).abs() < 0.05, "a beep at {beep} s, not {expected} s");
    }
}

#[test]
fn a_slide_never_appears_before_its_time() {
    // A slide of four seconds, one of five, and then some of a second each.
    let slides = "testsrc2=s=320x240:r=1:d=6,settb=1/1000,setpts='if(eq(N,0),0,if(eq(N,1),4000,9000+(N-2)*1000))'";
    let encode = ["-vsync", "passthrough", "-c:v", "libx264", "-preset", "ultrafast"];
    let arguments = [&["-f", "lavfi", "-i", slides], &encode[..]].concat();
    let Some(slides) = media::generated("slides.mkv", &arguments) else { return };
    assert_in_time(&slides, &slides);
}

#[test]
fn a_source_whose_end_is_missing_is_published_or_refused() {
    let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-movflags", "faststart"];
    let arguments = [&["-f", "lavfi", "-i", FLASHES], &encode[..]].concat();
    let Some(whole) = media::generated("whole.mp4", &arguments) else { return };
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.mp4");
    let bytes = std::fs::read(whole).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();

    let published = run::transcode(&cut, &dir.path().join("published"), &[]);
    assert_eq!(published.outcome(), "ready");
    let warning = published.event("warning").unwrap();
    assert_eq!(warning["code"], "source-truncated");
    let told = warning["message"].as_str().unwrap();
    assert!(told.contains(" of 6.0 s"), "{told}");

    let refused =
        run::transcode(&cut, &dir.path().join("refused"), &[("limits.truncated", "refuse")]);
    assert_eq!(refused.outcome(), "source-truncated");
}
