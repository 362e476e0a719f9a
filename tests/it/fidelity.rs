//! The judge of outputs (`support/fidelity`) is judged itself: a good output has no finding, and each
//! kind of damage is found by its name. No output here is one of ours.

use std::path::{Path, PathBuf};

use super::support::fidelity::{self, Clip, Limits, Report};
use super::support::{media, run};

const H264: [&str; 6] = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "16"];
/// Tags of every output.
const BT709: [&str; 10] = [
    "-pix_fmt",
    "yuv420p",
    "-color_range",
    "tv",
    "-colorspace",
    "bt709",
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
];

/// 3 s of a moving pattern with a white frame and a beep at each whole second, over a quiet tone.
fn source() -> Option<PathBuf> {
    let video = "testsrc2=s=320x180:r=25:d=3,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.039)',\
        scale=out_color_matrix=bt709:out_range=tv,format=yuv420p";
    let audio = "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),\
        0.05*(0.6+0.4*sin(5*t*t))*sin(2*PI*300*t))':s=48000:d=3";
    let inputs = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio];
    media::generated("judged.mp4", &[&inputs[..], &H264, &BT709, &["-c:a", "aac"]].concat())
}

/// The source encoded once more, through these filters.
fn output(source: &Path, video: &str, audio: &str, more: &[&str]) -> Option<PathBuf> {
    let input = source.display().to_string();
    let filters = ["-vf", video, "-af", audio];
    let codecs = [&H264[..], &BT709, &["-c:a", "aac"]].concat();
    media::generated("output.mp4", &[&["-i", &input], &filters[..], &codecs, more].concat())
}

fn judge(source: &Path, output: &Path) -> Report {
    fidelity::judge(&Clip::file(source), &Clip::file(output), &Limits::default())
}

/// Video filters, audio filters, further arguments, and the names of the findings.
type Damage = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

/// Panics where damage is not found, or is taken for something else.
fn assert_found(damages: &[Damage]) {
    let Some(source) = source() else { return };
    for (video, audio, more, names) in damages {
        let Some(output) = output(&source, video, audio, more) else { return };
        let report = judge(&source, &output);
        assert_eq!(report.findings.names(), *names, "{video} {audio} {more:?}:\n{report}");
    }
}

#[test]
fn a_good_output_has_no_finding() {
    assert_found(&[
        ("null", "anull", &[], &[]),
        ("scale=214:120,setsar=1", "volume=0.7", &["-b:v", "300k"], &[]),
        // Later by a frame is allowed.
        ("tpad=start=1:start_mode=clone", "anull", &[], &[]),
    ]);
}

#[test]
fn frames_at_wrong_times_are_found() {
    assert_found(&[
        ("tpad=start=4:start_mode=clone", "anull", &[], &["av-offset", "frames-late"]),
        (
            "trim=start_frame=4,setpts=PTS-STARTPTS,tpad=stop=4:stop_mode=clone",
            "anull",
            &[],
            &["av-offset", "frames-early", "frames-lost"],
        ),
        // Every tenth frame is lost, and the one before stands for it.
        ("select='not(eq(mod(n,10),5))',fps=25", "anull", &[], &["frames-lost"]),
        ("select='not(between(n,30,50))',fps=25", "anull", &[], &["frames-lost", "frozen"]),
        ("shuffleframes=0 2 1 3 4 5 6 7 8 9 10 11 12 13 14", "anull", &[], &["wrong-order"]),
        ("fps=20", "anull", &[], &["rate-low"]),
        ("drawbox=c=gray:t=fill:enable='between(n,30,32)'", "anull", &[], &["foreign-frames"]),
        ("null", "anull", &["-t", "2"], &["frames-lost", "sound-missing", "too-short"]),
    ]);
}

#[test]
fn wrong_shapes_and_colours_are_found() {
    assert_found(&[
        ("transpose=clock", "anull", &[], &["rotated", "wrong-size"]),
        ("hflip,vflip", "anull", &[], &["rotated"]),
        ("hflip", "anull", &[], &["mirrored"]),
        ("scale=320:240,setsar=1", "anull", &[], &["wrong-size"]),
        ("setsar=4/3", "anull", &[], &["wrong-size"]),
        ("scale=in_range=tv:out_range=pc,setparams=range=tv", "anull", &[], &["range"]),
        ("scale=in_range=pc:out_range=tv,setparams=range=tv", "anull", &[], &["range"]),
        (
            "scale=in_color_matrix=bt709:out_color_matrix=bt601,setparams=colorspace=bt709",
            "anull",
            &[],
            &["matrix"],
        ),
        ("eq=brightness=0.06", "anull", &[], &["colour"]),
        (
            "scale=in_range=tv:out_range=pc",
            "anull",
            &["-pix_fmt", "yuvj420p", "-color_range", "pc"],
            &["pixel-format", "tags"],
        ),
        ("null", "anull", &["-colorspace", "smpte170m"], &["matrix", "tags"]),
        ("setfield=tff", "anull", &["-flags", "+ildct+ilme"], &["interlaced"]),
    ]);
}

#[test]
fn wrong_sound_is_found() {
    assert_found(&[
        ("null", "volume=0", &[], &["silent"]),
        ("null", "anull", &["-an"], &["silent"]),
        ("null", "volume=0:enable='between(t,1.3,1.8)'", &[], &["sound-missing"]),
        ("null", "adelay=120,atrim=end=3", &[], &["av-offset", "sound-offset"]),
        (
            "null",
            "atrim=start=0.12,asetpts=PTS-STARTPTS,apad=pad_dur=0.12",
            &[],
            &["av-offset", "sound-offset"],
        ),
    ]);
}

#[test]
fn a_static_scene_is_ambiguous() {
    let video = "smptehdbars=s=320x180:r=25:d=1,format=yuv420p";
    let source = ["-f", "lavfi", "-i", video];
    let arguments = [&source[..], &H264, &BT709].concat();
    let Some(source) = media::generated("static.mp4", &arguments) else { return };
    let report = judge(&source, &source);
    assert_eq!(report.findings.names(), ["ambiguous"], "{report}");
}

/// High dynamic range that is passed on as it is looks dull.
#[test]
fn hdr_without_tone_mapping_is_found() {
    let video = "testsrc2=s=320x180:r=25:d=0.4,format=yuv420p10le";
    let tags = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited:\
        log-level=error:pools=1";
    let input = ["-f", "lavfi", "-i", video];
    let hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", tags];
    let Some(source) = media::generated("pq.mp4", &[&input[..], &hevc].concat()) else { return };
    let input = ["-i", &source.display().to_string()];
    let arguments = [&input[..], &H264, &BT709].concat();
    let Some(output) = media::generated("dull.mp4", &arguments) else { return };
    let report = judge(&source, &output);
    assert_eq!(report.findings.names(), ["tone"], "{report}");
}

/// Judges one file: `make judge FILE=clip.mp4`. `OUTPUT` is a stream that is there already, a folder
/// or a file; otherwise the file is transcoded with the ladder of the corpus.
#[test]
#[ignore = "prints the judgement on one file: make judge"]
fn judge_one() {
    let named = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
    let file = named("LADDERD_JUDGE").expect("LADDERD_JUDGE names a file");
    let (file, out) = (Path::new(&file), tempfile::tempdir().unwrap());
    let output = named("LADDERD_JUDGE_OUTPUT").map_or_else(
        || {
            let run = run::transcode(file, out.path(), &[]);
            println!("{} after {:.1} s", run.outcome(), run.took.as_secs_f64());
            out.path().to_owned()
        },
        PathBuf::from,
    );
    let output = if output.is_dir() { Clip::hls(&output) } else { Clip::file(&output) };
    let report = fidelity::judge(&Clip::file(file), &output, &Limits::default());
    println!("{}: {:?}\n{report}", file.display(), report.findings.names());
}
