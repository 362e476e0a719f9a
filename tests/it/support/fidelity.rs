//! Judges an output by its source. Both are decoded by ffmpeg, independently of the program under
//! test; frames are matched by thumbnails, sound by its loudness over time.
//!
//! Time 0 is the start of the earliest stream, in source and output.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of frames, pixels and samples are small"
)]

pub mod colour;
pub mod colour_space;
pub mod decode;
pub mod matching;
pub mod orientation;
pub mod report;
pub mod signature;
pub mod sound;
pub mod sync;
pub mod timing;

use std::path::Path;

use decode::{Input, Sound, Video};
use matching::Timeline;
pub use report::{Limits, Report};

/// The streams of a source or an output that belong together.
#[derive(Clone, Debug, Default)]
pub struct Clip {
    pub video: Option<Input>,
    pub audio: Option<Input>,
    /// Frames at the beginning that are damaged, and not counted.
    pub broken: usize,
}

impl Clip {
    /// The first video and audio streams of a file.
    pub fn file(path: &Path) -> Self {
        let input = || Some(Input::first(path));
        Self { video: input(), audio: input(), broken: 0 }
    }

    /// The largest rung and the first audio rendition of a stream in a folder.
    pub fn hls(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("main.m3u8")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let pixels = |line: &str| {
            let size = line.split_once("RESOLUTION=")?.1.split(',').next()?;
            let (width, height) = size.split_once('x')?;
            Some(width.parse::<u64>().ok()? * height.parse::<u64>().ok()?)
        };
        let variants = lines.windows(2).filter(|pair| pair[0].starts_with("#EXT-X-STREAM-INF:"));
        let video = variants
            .filter_map(|pair| Some((pixels(pair[0])?, pair[1])))
            .max_by_key(|(pixels, _)| *pixels)
            .map(|(_, uri)| uri);
        let audio = lines
            .iter()
            .find(|line| line.starts_with("#EXT-X-MEDIA:TYPE=AUDIO"))
            .and_then(|line| line.split_once("URI=\"")?.1.split('"').next());
        let audio = audio.or_else(|| {
            // Streams without video have their audio as the variant.
            let is_variant = |pair: &&[&str]| pair[0].starts_with("#EXT-X-STREAM-INF:");
            video.is_none().then(|| lines.windows(2).find(is_variant).map(|pair| pair[1]))?
        });
        let input = |uri: &str| Input::first(&folder.join(uri));
        Self { video: video.map(input), audio: audio.map(input), broken: 0 }
    }
}

/// Judges an output by its source.
pub fn judge(source: &Clip, output: &Clip, limits: &Limits) -> Report {
    let mut report = Report::default();
    let video = |clip: &Clip| {
        let mut video = clip.video.as_ref().and_then(decode::video)?;
        video.frames.drain(..clip.broken.min(video.frames.len() - 1));
        Some(video)
    };
    let sound = |clip: &Clip| clip.audio.as_ref().and_then(decode::sound);
    let (own, own_sound) = (video(source), sound(source));
    let (mut made, made_sound) = (video(output), sound(output));
    let begins = |video: &Option<Video>, sound: &Option<Sound>| {
        [video.as_ref().and_then(Video::start), sound.as_ref().map(|sound| sound.start)]
    };
    let start = common_start(begins(&own, &own_sound), begins(&made, &made_sound));
    let span = |sound: &Option<Sound>| sound.as_ref().map(|sound| (sound.start, sound.end()));
    report.add_stream("source", own.as_ref(), span(&own_sound));
    report.add_stream("output", made.as_ref(), span(&made_sound));

    match (&own, &mut made) {
        (Some(own), Some(made)) => judge_video(own, made, start, limits, &mut report),
        (Some(_), None) => report.findings.add("frames-lost", "the output has no frame"),
        (None, _) => (),
    }
    let sounds = (own_sound.as_ref(), made_sound.as_ref());
    report.hearing = sound::judge(sounds.0, sounds.1, start, limits, &mut report.findings);
    if let (Some(own), Some(made), (Some(own_sound), Some(made_sound))) = (&own, &made, sounds) {
        let was = sync::flash_to_beep(own, own_sound, start.0);
        let is = sync::flash_to_beep(made, made_sound, start.1);
        report.sync = was.zip(is);
        if let Some((was, is)) = report.sync
            && (is - was).abs() > limits.sound_secs + 0.005
        {
            let text =
                format!("beeps come {is:+.3} s after their flash, {was:+.3} s in the source");
            report.findings.add("av-offset", &text);
        }
    }
    judge_end(
        source,
        [&own, &made].map(Option::as_ref),
        [&own_sound, &made_sound].map(Option::as_ref),
        start,
        &mut report,
    );
    report
}

/// Starts of source and output: those of their earliest streams. Streams that the output lacks have a
/// finding of their own, and do not count here.
fn common_start(own: [Option<f64>; 2], made: [Option<f64>; 2]) -> (f64, f64) {
    let earliest = |starts: [Option<f64>; 2]| starts.into_iter().flatten().reduce(f64::min);
    let both = [0, 1].map(|n| own[n].filter(|_| made[n].is_some()));
    let own = earliest(both).or_else(|| earliest(own));
    (own.unwrap_or(0.0), earliest(made).unwrap_or(0.0))
}

fn judge_video(
    own: &Video,
    made: &mut Video,
    start: (f64, f64),
    limits: &Limits,
    report: &mut Report,
) {
    colour::judge_tags(made, &mut report.findings);
    orientation::judge_shape(own, made, &mut report.findings);
    let source = Timeline::new(own, start.0);
    orientation::judge(&source, made, start.1, &mut report.findings);
    let output = Timeline::new(made, start.1);
    let shown = matching::find(&source, &output);
    let timing = timing::judge(&source, &output, &shown, limits, &mut report.findings);
    report.colour = colour::judge(own, made, &shown, limits, &mut report.findings);
    report.timing = Some(timing);
}

/// The output is as long as the source, within two frames and 100 ms.
fn judge_end(
    source: &Clip,
    video: [Option<&Video>; 2],
    sound: [Option<&Sound>; 2],
    start: (f64, f64),
    report: &mut Report,
) {
    let end = |n: usize| {
        let ends = [video[n].and_then(Video::end), sound[n].map(Sound::end)];
        ends.into_iter().flatten().fold(f64::NEG_INFINITY, f64::max)
    };
    let tolerated = 2.0 * video[1].map_or(0.0, Video::interval).min(0.5) + 0.1;
    let (own, made) = (end(0) - start.0, end(1) - start.1);
    if (made - own).abs() <= tolerated {
        return;
    }
    let declared = source.video.as_ref().and_then(decode::declared_end).unwrap_or(own);
    if made < own {
        report.findings.add("too-short", &format!("{made:.3} s of {own:.3} s"));
    } else if made > declared - start.0 + tolerated {
        report.findings.add("too-long", &format!("{made:.3} s of {own:.3} s"));
    }
}
