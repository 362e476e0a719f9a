//! Clips that ffmpeg makes for the tests, and ffmpeg's and ffprobe's reading of what came out.
//!
//! Clips lie in `target/tmp/media`. They are made once, by the first test that asks, and shared by
//! all that follow.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::has_ffmpeg;

/// Video that every player decodes, quickly encoded.
const H264_AAC: [&str; 8] =
    ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"];

/// A file of this name that ffmpeg makes with these arguments. Nothing (reported as a skip) without
/// ffmpeg.
pub fn generated(name: &str, arguments: &[&str]) -> Option<PathBuf> {
    generated_with(name, arguments, &[])
}

/// The same with text files to read, by name: ffmpeg runs in their folder.
pub fn generated_with(name: &str, arguments: &[&str], texts: &[(&str, &str)]) -> Option<PathBuf> {
    if !has_ffmpeg() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (name, arguments, texts).hash(&mut hasher);
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("media");
    let folder = all.join(format!("{:016x}", hasher.finish()));
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    std::fs::create_dir_all(&folder).unwrap();
    // Made elsewhere and moved: another test may make the same file at the same time.
    let scratch = tempfile::tempdir_in(&all).unwrap();
    for (name, text) in texts {
        std::fs::write(scratch.path().join(name), text).unwrap();
    }
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(arguments)
        .arg(name)
        .current_dir(scratch.path())
        .status()
        .unwrap();
    assert!(made.success(), "ffmpeg {arguments:?}");
    std::fs::rename(scratch.path().join(name), &path).unwrap();
    Some(path)
}

/// H.264 and AAC from these lavfi sources.
fn encoded(name: &str, video: &str, audio: &str) -> Option<PathBuf> {
    let inputs = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio];
    generated(name, &[&inputs[..], &H264_AAC].concat())
}

/// A moving test pattern of 16:9 with a tone of 440 Hz.
pub fn clip(height: u32, fps: &str, secs: u32) -> Option<PathBuf> {
    let size = format!("{}x{height}", (height * 16 / 9).next_multiple_of(2));
    let video = format!("testsrc2=size={size}:rate={fps}:duration={secs}");
    let audio = format!("sine=frequency=440:sample_rate=44100:duration={secs}");
    encoded(&format!("clip_{height}p_{secs}s.mp4"), &video, &audio)
}

/// A test pattern without audio.
pub fn silent_clip(width: u32, height: u32, fps: &str, secs: u32) -> Option<PathBuf> {
    let video = format!("testsrc2=size={width}x{height}:rate={fps}:duration={secs}");
    let inputs = ["-f", "lavfi", "-i", &video];
    generated(&format!("silent_{width}x{height}.mp4"), &[&inputs[..], &H264_AAC[..6]].concat())
}

/// 12 s of black and silence. From 2 s on, a white flash and a tone of 0.1 s begin together every
/// 2 s.
pub fn flashes() -> Option<PathBuf> {
    let video = "color=black:s=640x360:r=30:d=12,\
                 drawbox=color=white:t=fill:enable='lt(mod(t+0.0001,2),0.1)*gte(t,1)'";
    let audio = "aevalsrc='if(lt(mod(t,2),0.1)*gte(t,1),sin(2*PI*1000*t),0)':s=48000:d=12";
    encoded("flashes.mp4", video, audio)
}

/// 6 s of a test pattern that is black up to 1.5 s.
pub fn fading_in() -> Option<PathBuf> {
    let video = "testsrc2=size=640x360:rate=25:duration=6,fade=in:st=1.5:d=0.2";
    encoded("fading_in.mp4", video, "sine=frequency=440:duration=6")
}

/// 13 s of a test pattern with audio and subtitles in English and German.
pub fn subtitled() -> Option<PathBuf> {
    const ENGLISH: &str = "1\n00:00:00,500 --> 00:00:01,500\n<i>Slanted</i> & <b>bold</b>\n\n\
        2\n00:00:05,000 --> 00:00:07,250\nOver the border,\nin two lines\n\n\
        3\n00:00:08,000 --> 00:00:09,000\n1 < 2 > 0\n\n";
    const GERMAN: &str = "1\n00:00:05,100 --> 00:00:20,000\nÜber das Ende hinaus\n\n";
    let clip = clip(180, "25", 13)?.display().to_string();
    let inputs = ["-i", &clip, "-i", "en.srt", "-i", "de.srt"];
    let maps = ["-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-c:s", "srt"];
    let english = ["-metadata:s:s:0", "language=eng", "-metadata:s:s:0", "title=All words"];
    let german = ["-metadata:s:s:1", "language=ger"];
    let arguments = [&inputs[..], &maps, &english, &german].concat();
    generated_with("subtitled.mkv", &arguments, &[("en.srt", ENGLISH), ("de.srt", GERMAN)])
}

/// Decodes all streams. Returns ffmpeg's errors.
pub fn decode_errors(input: &str) -> String {
    let output =
        Command::new("ffmpeg").args(["-v", "error", "-i", input, "-f", "null", "-"]).output();
    let output = output.unwrap();
    // The null muxer counts in frames of a rate that ffmpeg guesses; its complaint is not about data.
    let of_muxer = |line: &&str| line.contains("non monotonically increasing dts to muxer");
    let said = String::from_utf8_lossy(&output.stderr);
    let said: String = said.lines().filter(|line| !of_muxer(line)).collect();
    if output.status.success() { said } else { format!("{}: {said}", output.status) }
}

/// Output of ffprobe with these arguments.
fn ffprobe(arguments: &[&str], input: &str) -> String {
    let output =
        Command::new("ffprobe").args(["-v", "error"]).args(arguments).arg(input).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Timestamps of the key frames in seconds.
pub fn key_frame_times(input: &str) -> Vec<f64> {
    let frames = ["-skip_frame", "nokey", "-select_streams", "v:0"];
    let entries = ["-show_entries", "frame=pts_time", "-of", "csv=p=0"];
    let text = ffprobe(&[&frames[..], &entries].concat(), input);
    let times = text.lines().map(|line| line.trim_end_matches(',')).filter(|line| !line.is_empty());
    times.map(|time| time.parse().unwrap()).collect()
}

/// Width, height and number of frames of the first video stream.
pub fn size_and_frames(input: &str) -> (u32, u32, u32) {
    let streams = ["-select_streams", "v:0", "-count_packets"];
    let entries =
        ["-show_entries", "stream=width,height,nb_read_packets", "-of", "default=nk=1:nw=1"];
    let text = ffprobe(&[&streams[..], &entries].concat(), input);
    // A transport stream lists its stream once more under its program.
    let numbers: Vec<u32> = text.lines().take(3).map(|line| line.parse().unwrap()).collect();
    (numbers[0], numbers[1], numbers[2])
}

/// Matrix, transfer function, primaries, pixel format and profile of the first video stream.
pub fn colours(input: &str) -> String {
    let entries = "stream=color_space,color_transfer,color_primaries,pix_fmt,profile";
    let streams = ["-select_streams", "v:0", "-show_entries", entries, "-of", "default=nk=1:nw=1"];
    ffprobe(&streams, input).lines().take(5).collect::<Vec<_>>().join(" ")
}

/// Range of the first video stream: `tv` or `pc`.
pub fn range(input: &str) -> String {
    let entries = ["-show_entries", "stream=color_range", "-of", "default=nk=1:nw=1"];
    let text = ffprobe(&[&["-select_streams", "v:0"][..], &entries].concat(), input);
    text.lines().next().unwrap_or_default().to_owned()
}

/// Number of frames with combs and without, by their rows.
pub fn interlaced_and_progressive(input: &str) -> [u32; 2] {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-i", input, "-vf", "idet", "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counts = said.rsplit("Multi frame detection:").next().unwrap();
    let count = |label: &str| -> u32 {
        let rest = counts.split(label).nth(1).unwrap_or_else(|| panic!("{said}"));
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    [count("TFF:") + count("BFF:"), count("Progressive:")]
}

/// Number of frames that hardly differ from the one before.
pub fn repeated_frames(input: &str) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-v", "quiet", "-i", input, "-vf", "mpdecimate", "-vsync", "vfr"])
        .args(["-f", "framecrc", "-"])
        .output()
        .unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let shown = lines.lines().filter(|line| !line.starts_with('#')).count();
    frames_decoded(Path::new(input)) - shown
}

/// Start of the first stream in seconds.
pub fn start_time(input: &str) -> f64 {
    let text = ffprobe(&["-show_entries", "stream=start_time", "-of", "csv=p=0"], input);
    text.lines().next().unwrap().trim().parse().unwrap()
}

/// Channels of the first audio stream.
pub fn channels(input: &str) -> u32 {
    let text = ffprobe(&["-show_entries", "stream=channels", "-of", "csv=p=0"], input);
    text.lines().next().unwrap().trim().parse().unwrap()
}

/// Number of frames that ffmpeg decodes of a file.
pub fn frames_decoded(file: &Path) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-v", "quiet", "-i"])
        .arg(file)
        .args(["-f", "framecrc", "-"])
        .output()
        .unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().filter(|line| !line.starts_with('#')).count()
}

/// Starts of the flashes and of the tones of [`flashes`], in seconds.
pub fn flash_times(input: &str) -> (Vec<f64>, Vec<f64>) {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-i", input, "-vf", "blackdetect=d=0.1:pix_th=0.5"])
        .args(["-af", "silencedetect=n=-30dB:d=0.2", "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let times = |label: &str| {
        let number =
            |rest: &str| rest.split([' ', '\n']).find(|word| !word.is_empty())?.parse().ok();
        // The end of the file ends the last darkness and silence, too.
        said.split(label).skip(1).filter_map(number).filter(|time| *time < 11.0).collect()
    };
    (times("black_end:"), times("silence_end:"))
}

/// Similarity of two frames (SSIM, 0 to 1) after both are scaled to one size. `of_first` and
/// `of_second` are ffmpeg filters that pick and crop the frames.
pub fn ssim(first: &Path, of_first: &str, second: &Path, of_second: &str) -> f64 {
    let graph = format!(
        "[0:v]{of_first},scale=256:144,format=yuv420p,setpts=0[a];\
         [1:v]{of_second},scale=256:144,format=yuv420p,setpts=0[b];[a][b]ssim"
    );
    let output = Command::new("ffmpeg")
        .arg("-hide_banner")
        .args(["-i".as_ref(), first.as_os_str(), "-i".as_ref(), second.as_os_str()])
        .args(["-lavfi", &graph, "-frames:v", "1", "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let all = said.rsplit("All:").next().unwrap_or_default();
    all.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

/// Mean luma, blue and red difference (8 bits) of the frame at this time, in this part of it
/// (`crop`'s `width:height:x:y`; `iw:ih` is all of it).
pub fn mean_yuv(input: &Path, secs: &str, part: &str) -> [f64; 3] {
    let graph = format!("crop={part},signalstats,metadata=print:file=-");
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-ss", secs, "-i"])
        .arg(input)
        .args(["-frames:v", "1", "-vf", &graph, "-f", "null", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    ["YAVG", "UAVG", "VAVG"].map(|name| {
        let value = said.split(&format!("signalstats.{name}=")).nth(1).unwrap();
        value.lines().next().unwrap().parse().unwrap()
    })
}

/// Begin of each beep in seconds, from the start of the stream: of each sound that follows 0.3 s of silence.
pub fn beeps(input: &str) -> Vec<f64> {
    let filter = "silencedetect=n=-30dB:d=0.3";
    let arguments = ["-hide_banner", "-nostats", "-i", input, "-af", filter, "-f", "null", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let times = |key: &str| -> Vec<f64> {
        let values =
            log.lines().filter_map(|line| line.split_once(key)?.1.split_whitespace().next());
        values.map(|secs| secs.parse().unwrap()).collect()
    };
    let (starts, ends) = (times("silence_start: "), times("silence_end: "));
    // A stream that begins with a beep has it before the first silence; the last silence ends with the stream.
    let first = starts.first().filter(|start| **start > 0.01).map(|_| 0.0);
    let count = starts.len();
    first.into_iter().chain(ends.into_iter().take(count - 1)).collect()
}
