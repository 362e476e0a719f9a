//! Videos that the tests make, and ffmpeg as the judge of what came out.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Need, has, skip};

/// Encodes what these ffmpeg sources make, or says SKIP where there is no ffmpeg.
fn encode(path: PathBuf, picture: &str, sound: &str) -> Option<PathBuf> {
    if !has("ffmpeg") {
        skip(Need::Ffmpeg, "ffmpeg is not there");
        return None;
    }
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    Some(path)
}

/// Makes a clip with sound.
pub fn clip(dir: &Path, height: u32, fps: &str, secs: u32) -> Option<PathBuf> {
    let size = format!("{}x{height}", (height * 16 / 9).next_multiple_of(2));
    let picture = format!("testsrc2=size={size}:rate={fps}:duration={secs}");
    let sound = format!("sine=frequency=440:sample_rate=44100:duration={secs}");
    encode(dir.join(format!("clip_{height}p_{secs}s.mp4")), &picture, &sound)
}

/// Decodes everything. Returns what ffmpeg complains of.
pub fn decode_errors(input: &str) -> String {
    let output =
        Command::new("ffmpeg").args(["-v", "error", "-i", input, "-f", "null", "-"]).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { said } else { format!("{}: {said}", output.status) }
}

/// Times of the key frames in seconds, as text.
pub fn key_frame_times(input: &str) -> Vec<String> {
    let args = ["-v", "error", "-skip_frame", "nokey", "-select_streams", "v:0"];
    let entries = ["-show_entries", "frame=pts_time", "-of", "csv=p=0", input];
    let output = Command::new("ffprobe").args(args).args(entries).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| line.trim_end_matches(',').to_owned())
        .filter(|l| !l.is_empty())
        .collect()
}

/// Width, height and number of frames of the first video stream.
pub fn picture(input: &str) -> (u32, u32, u32) {
    let args = ["-v", "error", "-select_streams", "v:0", "-count_packets"];
    let entries =
        ["-show_entries", "stream=width,height,nb_read_packets", "-of", "default=nk=1:nw=1", input];
    let output = Command::new("ffprobe").args(args).args(entries).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // A transport stream lists its stream once more under its program.
    let numbers: Vec<u32> = text.lines().take(3).map(|line| line.parse().unwrap()).collect();
    (numbers[0], numbers[1], numbers[2])
}

/// When the first stream begins, in seconds.
pub fn start_time(input: &str) -> f64 {
    let entries = ["-v", "error", "-show_entries", "stream=start_time", "-of", "csv=p=0", input];
    let output = Command::new("ffprobe").args(entries).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap().trim().parse().unwrap()
}

/// Number of pictures that can be decoded of a file.
pub fn pictures_decoded(file: &Path) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-v", "quiet", "-i"])
        .arg(file)
        .args(["-f", "framecrc", "-"])
        .output()
        .unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().filter(|line| !line.starts_with('#')).count()
}

/// Makes 12 s of black and silence with a flash and a tone of 0.1 s every 2 s, at the same times.
pub fn flashes(dir: &Path) -> Option<PathBuf> {
    let picture = "color=black:s=640x360:r=30:d=12,\
                   drawbox=color=white:t=fill:enable='lt(mod(t+0.0001,2),0.1)*gte(t,1)'";
    let sound = "aevalsrc='if(lt(mod(t,2),0.1)*gte(t,1),sin(2*PI*1000*t),0)':s=48000:d=12";
    encode(dir.join("flashes.mp4"), picture, sound)
}

/// Makes 6 s of a test picture that is black up to 1.5 s.
pub fn fading_in(dir: &Path) -> Option<PathBuf> {
    let picture = "testsrc2=size=640x360:rate=25:duration=6,fade=in:st=1.5:d=0.2";
    encode(dir.join("fading_in.mp4"), picture, "sine=frequency=440:duration=6")
}

/// Makes 13 s of a test picture with sound and subtitles in two languages.
pub fn subtitled(dir: &Path) -> Option<PathBuf> {
    const ENGLISH: &str = "1\n00:00:00,500 --> 00:00:01,500\n<i>Slanted</i> & <b>bold</b>\n\n\
        2\n00:00:05,000 --> 00:00:07,250\nOver the border,\nin two lines\n\n\
        3\n00:00:08,000 --> 00:00:09,000\n1 < 2 > 0\n\n";
    const GERMAN: &str = "1\n00:00:05,100 --> 00:00:20,000\nÜber das Ende hinaus\n\n";
    let clip = clip(dir, 180, "25", 13)?;
    let path = dir.join("subtitled.mkv");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-i"]).arg(&clip);
    for (name, text) in [("en.srt", ENGLISH), ("de.srt", GERMAN)] {
        std::fs::write(dir.join(name), text).unwrap();
        ffmpeg.arg("-i").arg(dir.join(name));
    }
    ffmpeg.args(["-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-c:s", "srt"]);
    ffmpeg.args(["-metadata:s:s:0", "language=eng", "-metadata:s:s:0", "title=All words"]);
    let made = ffmpeg.args(["-metadata:s:s:1", "language=ger"]).arg(&path).status().unwrap();
    assert!(made.success());
    Some(path)
}

/// When flashes and tones begin, in seconds from the start.
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

/// How alike two pictures are to the eye, 0 to 1, both scaled to the same size: SSIM.
/// `of_first` and `of_second` are filters that pick and crop them.
pub fn likeness(first: &Path, of_first: &str, second: &Path, of_second: &str) -> f64 {
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

/// Channels of the first audio stream.
pub fn channels(input: &str) -> u32 {
    let entries = ["-v", "error", "-show_entries", "stream=channels", "-of", "csv=p=0", input];
    let output = Command::new("ffprobe").args(entries).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap().trim().parse().unwrap()
}

/// The mean of luma, blue and red of the picture at this time, in this part of it (`crop`'s
/// `width:height:x:y`; `iw` and `ih` are all of it).
pub fn mean(input: &Path, secs: &str, part: &str) -> [f64; 3] {
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
