//! The judgement on one file: figures and findings.

use std::fmt;

use super::colour::Colour;
use super::decode::Video;
use super::sound::Hearing;
use super::timing::Timing;

/// The limits of a judgement.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Share of the distinct frames that must be shown.
    pub shown: f64,
    /// Output frames by which a frame may be early; at most 0.1 s each.
    pub early: f64,
    /// Seconds by which a frame may stand after the next one is due.
    pub late_secs: f64,
    /// Seconds by which sound may be early or late, alone and against the frames.
    pub sound_secs: f64,
    /// Levels of 255 by which flat patches may differ, channel by channel.
    pub patch: f32,
    /// The same for HDR against ffmpeg's tone mapping, which has another curve.
    pub tone_patch: f32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shown: 0.98,
            early: 1.0,
            late_secs: 0.04,
            sound_secs: 0.04,
            patch: 3.0,
            tone_patch: 32.0,
        }
    }
}

/// Something that is wrong, by its name.
#[derive(Clone, Debug)]
pub struct Finding {
    pub name: &'static str,
    pub text: String,
}

/// All that is wrong.
#[derive(Clone, Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    pub fn add(&mut self, name: &'static str, text: &str) {
        self.0.push(Finding { name, text: text.to_owned() });
    }

    /// The names, sorted, each once.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.iter().map(|finding| finding.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// A judgement.
#[derive(Default)]
pub struct Report {
    pub findings: Findings,
    /// Source and output, as ffmpeg sees them.
    pub streams: Vec<String>,
    pub timing: Option<Timing>,
    pub colour: Option<Colour>,
    pub hearing: Option<Hearing>,
    /// Sound after the frames, in seconds, by flashes and beeps: source and output.
    pub sync: Option<(f64, f64)>,
}

impl Report {
    pub fn add_stream(&mut self, of: &str, video: Option<&Video>, sound: Option<(f64, f64)>) {
        let video = video.map_or_else(
            || "no frames".to_owned(),
            |video| {
                format!(
                    "{}x{} pixel aspect {:.4} {} {}, {} frames ({} interlaced), {:.3} to {:.3} s",
                    video.size.0,
                    video.size.1,
                    video.pixel_aspect,
                    video.pixel_format,
                    video.tags.text,
                    video.frames.len(),
                    video.interlaced,
                    video.start().unwrap_or(f64::NAN),
                    video.end().unwrap_or(f64::NAN)
                )
            },
        );
        let sound = sound.map_or_else(
            || "no sound".to_owned(),
            |(from, to)| format!("sound {from:.3} to {to:.3} s"),
        );
        self.streams.push(format!("{of}: {video}; {sound}"));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.streams {
            writeln!(f, "  {line}")?;
        }
        if let Some(timing) = &self.timing {
            writeln!(
                f,
                "  frames: {} distinct, {} expected, {} shown; appear after {:+.3} s (median), \
                 earliest {:.3} s before, latest {:.3} s after their time; longest standstill {:.3} \
                 s; {:.3} fps of {:.3}; noise {:.2} levels",
                timing.distinct,
                timing.expected,
                timing.shown,
                timing.median,
                timing.early,
                timing.late,
                timing.frozen,
                1.0 / timing.intervals.1,
                1.0 / timing.intervals.0,
                timing.noise
            )?;
        }
        if let Some(colour) = &self.colour {
            writeln!(f, "  colours: {colour}")?;
        }
        if let Some(hearing) = &self.hearing {
            writeln!(f, "  sound: {hearing}")?;
        }
        if let Some((source, output)) = self.sync {
            writeln!(
                f,
                "  flash to beep: {source:+.3} s in the source, {output:+.3} s in the output"
            )?;
        }
        for finding in &self.findings.0 {
            writeln!(f, "  {}: {}", finding.name, finding.text)?;
        }
        if self.findings.0.is_empty() {
            writeln!(f, "  no finding")?;
        }
        Ok(())
    }
}
