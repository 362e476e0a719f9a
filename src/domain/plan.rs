//! The plan of a job: everything that is decided before a byte is encoded.

mod audio;
mod audio_pairs;
mod error;
mod language;
mod names;
mod rate;
mod rungs;
mod source;
mod subtitles;
mod thumbnails;
mod video;

use serde::{Deserialize, Serialize};

use super::chapters::{self, Chapter};
use super::encode::{EncodeConfig, SegmentFormat};
use super::ladder::Ladder;
use super::media::{Fraction, MediaInfo, VideoStream};

pub use audio::AudioPlan;
pub use error::Error;
pub use language::shortest as shortest_language;
pub use source::main_video;
pub use subtitles::SubtitlePlan;
pub use thumbnails::{StoryboardPlan, ThumbnailPlan};
pub use video::{PlannedRung, VideoPlan};

/// Frame rate of the grid that audio-only streams are cut by: a second is a whole number of frames.
const AUDIO_ONLY_FPS: Fraction = Fraction::new(25, 1);

/// The plan of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Label of the backend that encodes: the recipe, and the device unless it is the first.
    pub backend: String,
    /// Element that decodes on the device; `None` if the source is decoded in software.
    #[serde(default)]
    pub decoder: Option<String>,
    /// Duration that the container states, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// Whether that duration is a guess.
    #[serde(default)]
    pub is_duration_estimated: bool,
    /// Whether bytes are missing at the end of the source.
    #[serde(default)]
    pub is_cut: bool,
    /// Frame rate, segment grid and rungs.
    pub video: VideoPlan,
    /// Audio renditions; empty for a source without audio.
    pub audio: Vec<AudioPlan>,
    /// Subtitle renditions.
    #[serde(default)]
    pub subtitles: Vec<SubtitlePlan>,
    /// Chapters by their start.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
    /// Poster and storyboard; `None` in an audio-only job.
    #[serde(rename = "pictures")]
    pub thumbnails: Option<ThumbnailPlan>,
    /// Format of the segments.
    pub segment: SegmentFormat,
    /// Remarks for the person who uploaded the source: skipped streams, changed rates.
    pub notes: Vec<String>,
}

impl Plan {
    /// Names of the encoded renditions in the order of their indices: the rungs, then the audio.
    pub fn rendition_names(&self) -> impl Iterator<Item = &str> {
        let rungs = self.video.rungs.iter().map(|rung| rung.name.as_str());
        rungs.chain(self.audio.iter().map(|audio| audio.name.as_str()))
    }
}

/// Plans the output of a job. `backend` is the label of the backend that will encode.
///
/// # Errors
/// [`Error`] if the source cannot be published.
pub fn plan(
    media: &MediaInfo,
    ladder: &Ladder,
    encode: &EncodeConfig,
    backend: &str,
) -> Result<Plan, Error> {
    let mut notes = Vec::new();
    let stream = choose_video(media)?;
    let moving = media.video.iter().filter(|stream| !stream.is_image).count();
    if moving > 1 {
        notes.push(format!("{} more video streams skipped: one is encoded", moving - 1));
    }
    if media.skipped_programs > 0 {
        let skipped = media.skipped_programs;
        notes.push(format!(
            "{skipped} more programmes skipped: the one with the most pixels is encoded"
        ));
    }
    for format in media.undecodable.iter().filter(|stream| !stream.is_video) {
        notes.push(format!("stream skipped: no decoder for {}", format.description));
    }
    let colour = stream.map(|stream| source::colour(stream, &mut notes)).unwrap_or_default();
    let video = match stream {
        Some(stream) => {
            let fps = rate::output_rate(stream, &mut notes);
            VideoPlan {
                stream_id: stream.stream_id.clone(),
                orientation: stream.orientation,
                crop: stream.crop,
                deinterlace: stream.interlaced,
                evens_times: stream.is_telecined,
                colour,
                pixel_aspect: stream.replaces_aspect.then_some(stream.pixel_aspect),
                dynamic_range: colour.dynamic_range(),
                rungs: rungs::rungs(stream, ladder, fps, &mut notes)?,
                ..VideoPlan::grid(fps, encode)
            }
        }
        None => VideoPlan::grid(AUDIO_ONLY_FPS, encode),
    };
    let audio = audio::plan_audio(&media.audio, encode, &mut notes);
    if stream.is_none() && audio.is_empty() {
        return Err(Error::NoVideo { found: "audio that cannot be played".to_owned() });
    }
    let mut subtitles = subtitles::plan_subtitles(&media.subtitles, &mut notes);
    if stream.is_none() && !subtitles.is_empty() {
        // Subtitle segments have the times of video segments, and players show them on video.
        notes.push("subtitles skipped: there is no video".to_owned());
        subtitles.clear();
    }
    let chapters = chapters::plan_chapters(&media.chapters, &mut notes);
    Ok(Plan {
        backend: backend.to_owned(),
        decoder: None,
        duration_ns: media.duration_ns,
        is_duration_estimated: media.is_duration_estimated,
        is_cut: media.is_cut,
        thumbnails: thumbnails::plan_thumbnails(&video, media.duration_ns),
        video,
        audio,
        subtitles,
        chapters,
        segment: encode.segment,
        notes,
    })
}

/// The main stream of moving video; `None` in an audio-only source, which may have cover art.
fn choose_video(media: &MediaInfo) -> Result<Option<&VideoStream>, Error> {
    if let Some(stream) = main_video(media) {
        return Ok(Some(stream));
    }
    let formats: Vec<&str> = media
        .undecodable
        .iter()
        .filter(|stream| stream.is_video)
        .map(|stream| stream.description.as_str())
        .collect();
    if !formats.is_empty() {
        return Err(Error::Undecodable { formats: formats.join(", ") });
    }
    if !media.audio.is_empty() {
        return Ok(None);
    }
    let found =
        if media.video.is_empty() { "no stream that can be played" } else { "only a still image" };
    Err(Error::NoVideo { found: found.to_owned() })
}

#[cfg(test)]
mod tests;
