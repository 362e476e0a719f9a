//! Output of ffmpeg for a file: frames as thumbnails with their timestamps, and mono sound.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::colour_space::{Matrix, Tags};

/// Side of a thumbnail in pixels. Thumbnails are square whatever the shape of the frame, so that
/// turned and mirrored frames can be compared with upright ones.
pub const SIDE: usize = 48;
pub const PIXELS: usize = SIDE * SIDE;

/// Rate of the decoded sound in samples per second.
pub const SOUND_RATE: usize = 8000;

/// A frame: its time as the file says it, and its thumbnail.
#[derive(Clone)]
pub struct Frame {
    pub secs: f64,
    /// Planes of red, green and blue, as its tags say that a screen shows them.
    pub rgb: Vec<u8>,
    /// Planes of luma and colour differences, as they are coded.
    pub codes: Vec<u8>,
}

/// The frames of one video stream, in the order in which a player shows them.
#[derive(Clone)]
pub struct Video {
    pub frames: Vec<Frame>,
    /// Width and height after rotation, in stored pixels.
    pub size: (u32, u32),
    /// Width of a pixel divided by its height, after rotation.
    pub pixel_aspect: f64,
    /// ffmpeg's name of the pixel format.
    pub pixel_format: String,
    pub tags: Tags,
    /// Number of frames that are flagged as interlaced.
    pub interlaced: usize,
}

impl Video {
    /// Width of the shown frame divided by its height.
    pub fn aspect(&self) -> f64 {
        f64::from(self.size.0) * self.pixel_aspect / f64::from(self.size.1)
    }

    /// Median distance of two frames in seconds; 40 ms for a single frame.
    pub fn interval(&self) -> f64 {
        let gaps = self.frames.windows(2).map(|pair| pair[1].secs - pair[0].secs);
        median(gaps.filter(|gap| *gap > 0.000_5).collect()).unwrap_or(0.04)
    }

    pub fn start(&self) -> Option<f64> {
        self.frames.first().map(|frame| frame.secs)
    }

    /// End of the last frame in seconds.
    pub fn end(&self) -> Option<f64> {
        self.frames.last().map(|frame| frame.secs + self.interval())
    }
}

/// Mono sound at [`SOUND_RATE`], without gaps: where the file has none, there is silence.
#[derive(Clone)]
pub struct Sound {
    /// Time of the first sample as the file says it.
    pub start: f64,
    pub samples: Vec<i16>,
}

impl Sound {
    /// Time after the last sample.
    pub fn end(&self) -> f64 {
        self.start + self.samples.len() as f64 / SOUND_RATE as f64
    }
}

/// One elementary stream of a file: the n-th of its kind.
#[derive(Clone, Debug)]
pub struct Input {
    pub path: PathBuf,
    pub index: usize,
}

impl Input {
    pub fn first(path: &Path) -> Self {
        Self { path: path.to_owned(), index: 0 }
    }
}

/// Decodes a video stream, cover art excluded. `None` where there is no frame. HDR is converted to
/// SDR by `tonemap`, interlaced frames become a frame for each
/// field, as either field may be shown.
pub fn video(input: &Input) -> Option<Video> {
    let plain = decode_video(input, "")?;
    let mut before = Vec::new();
    if plain.interlaced > 0 {
        before.push("bwdif=mode=send_field:deint=interlaced");
    }
    if plain.tags.is_hdr() {
        before.push(TO_SDR);
    }
    if before.is_empty() {
        return Some(plain);
    }
    let mut shown = decode_video(input, &format!("{},", before.join(",")))?;
    (shown.interlaced, shown.size) = (plain.interlaced, plain.size);
    (shown.pixel_aspect, shown.pixel_format) = (plain.pixel_aspect, plain.pixel_format);
    shown.tags = plain.tags;
    Some(shown)
}

/// Tone mapping at a size that costs little: white is the 203 cd/m² of BT.2408, and brighter light is
/// clipped. ffmpeg 5.1 has no BT.2390, which differs above its knee only.
const TO_SDR: &str = "scale=96:96:flags=area,zscale=t=linear:npl=203,format=gbrpf32le,\
    zscale=p=bt709,tonemap=clip:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv444p";

fn decode_video(input: &Input, before: &str) -> Option<Video> {
    // Codes stay as they are: both sides of the conversion have the same range and matrix.
    let codes = "in_range=pc:out_range=pc:in_color_matrix=bt709:out_color_matrix=bt709";
    let graph = format!(
        "{before}showinfo=checksum=0,\
         scale={SIDE}:{SIDE}:flags=area+accurate_rnd:{codes},format=yuv444p"
    );
    let map = format!("0:V:{}", input.index);
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostats", "-nostdin", "-copyts", "-i"])
        .arg(&input.path)
        .args(["-map", &map, "-vf", &graph, "-fps_mode", "passthrough"])
        .args(["-f", "rawvideo", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let log = ShownFrames::read(&said);
    let (size, pixel_aspect) = (log.size?, log.pixel_aspect);
    let mut tags = log.tags;
    tags.complete(&log.pixel_format, size);
    let planes = output.stdout.chunks_exact(3 * PIXELS);
    let frames = log.secs.iter().zip(planes);
    let mut frames: Vec<Frame> = frames
        .map(|(secs, yuv)| Frame { secs: *secs, rgb: tags.to_rgb(yuv), codes: yuv.to_vec() })
        .collect();
    frames.sort_by(|a, b| a.secs.total_cmp(&b.secs));
    let (pixel_format, interlaced) = (log.pixel_format, log.interlaced);
    let video = Video { frames, size, pixel_aspect, pixel_format, tags, interlaced };
    (!video.frames.is_empty()).then_some(video)
}

/// Output of the `showinfo` filter.
#[derive(Default)]
struct ShownFrames {
    secs: Vec<f64>,
    size: Option<(u32, u32)>,
    pixel_aspect: f64,
    pixel_format: String,
    tags: Tags,
    interlaced: usize,
}

impl ShownFrames {
    fn read(said: &str) -> Self {
        let mut found = Self { pixel_aspect: 1.0, ..Self::default() };
        let mut time_base = 0.001;
        for line in said.lines().filter(|line| line.contains("_showinfo_")) {
            if let Some(base) = field(line, "config in time_base: ").and_then(ratio) {
                time_base = base;
            } else if let Some(pts) = field(line, " pts:") {
                found.add_frame(line, pts, time_base);
            } else if let Some(range) = field(line, "color_range:") {
                // The first frame speaks for the stream.
                if found.secs.len() == 1 {
                    found.tags = Tags::named(
                        range,
                        field(line, "color_space:").unwrap_or_default(),
                        field(line, "color_primaries:").unwrap_or_default(),
                        field(line, "color_trc:").unwrap_or_default(),
                    );
                }
            }
        }
        found
    }

    fn add_frame(&mut self, line: &str, pts: &str, time_base: f64) {
        let last = self.secs.last().copied().unwrap_or(0.0);
        self.secs.push(pts.parse::<f64>().map_or(last + 0.04, |pts| pts * time_base));
        self.interlaced += usize::from(field(line, " i:").is_some_and(|of| of != "P"));
        if self.size.is_none() {
            let size = field(line, " s:").and_then(|size| size.split_once('x'));
            self.size = size.and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
            let aspect = field(line, " sar:").and_then(ratio).filter(|aspect| *aspect > 0.0);
            self.pixel_aspect = aspect.unwrap_or(1.0);
            field(line, " fmt:").unwrap_or_default().clone_into(&mut self.pixel_format);
        }
    }
}

/// The word after this label.
fn field<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let rest = line.split_once(label)?.1.trim_start();
    rest.split([' ', ',']).next()
}

/// The value of `1/25` or `4:3`.
fn ratio(text: &str) -> Option<f64> {
    let (above, below) = text.split_once(['/', ':'])?;
    Some(above.parse::<f64>().ok()? / below.parse::<f64>().ok()?.max(1.0))
}

/// End of the last frame by the duration that the container gives it, in seconds: a recorder of screens
/// writes none for as long as nothing moves.
pub fn declared_end(input: &Input) -> Option<f64> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", &format!("V:{}", input.index)])
        .args(["-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0"])
        .arg(&input.path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let end = |line: &str| {
        let mut numbers = line.split(',').map(|number| number.parse::<f64>().ok());
        Some(numbers.next()?? + numbers.next()??)
    };
    said.lines().filter_map(end).max_by(f64::total_cmp)
}

/// Decodes an audio stream. `None` where there is no sample.
pub fn sound(input: &Input) -> Option<Sound> {
    // The first channel speaks for layouts that ffmpeg cannot mix.
    ["", "pan=mono|c0=c0,"].into_iter().find_map(|before| decode_sound(input, before))
}

fn decode_sound(input: &Input, before: &str) -> Option<Sound> {
    let graph = format!(
        "{before}aformat=sample_fmts=s16:channel_layouts=mono:sample_rates={SOUND_RATE},ashowinfo"
    );
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostats", "-nostdin", "-copyts", "-i"])
        .arg(&input.path)
        .args(["-map", &format!("0:a:{}", input.index), "-af", &graph, "-f", "s16le", "-"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let bytes = output.stdout.chunks_exact(2);
    let samples: Vec<i16> = bytes.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut chunks: Vec<(f64, usize)> = Vec::new();
    for line in said.lines().filter(|line| line.contains("_ashowinfo_")) {
        let number = |label| field(line, label).and_then(|text| text.parse::<f64>().ok());
        let Some(count) = field(line, " nb_samples:").and_then(|text| text.parse().ok()) else {
            continue;
        };
        let after = chunks.last().map_or(0.0, |(at, count)| at + count_secs(*count));
        chunks.push((number(" pts:").map_or(after, |pts| pts / 8000.0), count));
    }
    placed(&chunks, &samples)
}

fn count_secs(samples: usize) -> f64 {
    samples as f64 / SOUND_RATE as f64
}

/// The samples at their times.
fn placed(chunks: &[(f64, usize)], samples: &[i16]) -> Option<Sound> {
    let start = chunks.first()?.0;
    let mut found: Vec<i16> = Vec::new();
    let mut rest = samples;
    for (at, count) in chunks {
        let (own, others) = rest.split_at((*count).min(rest.len()));
        rest = others;
        let from = ((at - start).clamp(0.0, 7200.0) * 8000.0).round() as usize;
        // Rounding makes gaps of a sample.
        let from = if from.abs_diff(found.len()) <= 8 { found.len() } else { from };
        found.resize(found.len().max(from + own.len()), 0);
        found[from..from + own.len()].copy_from_slice(own);
    }
    (!found.is_empty()).then_some(Sound { start, samples: found })
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl Tags {
    /// Fills in what the stream leaves open, as players do: limited range, and the matrix by size.
    fn complete(&mut self, pixel_format: &str, size: (u32, u32)) {
        let is_rgb = ["rgb", "bgr", "gbr", "pal8", "argb", "abgr", "0rgb", "0bgr"];
        if is_rgb.iter().any(|name| pixel_format.starts_with(name)) {
            // `decode_video` converts it to these.
            (self.is_full_range, self.matrix) = (true, Matrix::Bt709);
        } else if pixel_format.starts_with("yuvj") {
            self.is_full_range = true;
        }
        if self.matrix == Matrix::Unknown {
            let is_hd = size.0.max(size.1) > 1024 || size.0.min(size.1) > 576;
            self.matrix = if is_hd { Matrix::Bt709 } else { Matrix::Bt601 };
        }
    }
}
