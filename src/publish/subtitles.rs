//! Subtitles: collected while the worker encodes, uploaded once all segments of the video are.
//!
//! A subtitle segment covers the same time as a video segment, and a cue may arrive late. An event
//! playlist of subtitles would have to promise for every segment that no cue is missing, so there is
//! none: viewers see subtitles after the flip.

use std::sync::Arc;

use super::cue_track::CueTrack;
use super::error::{Error, Incomplete};
use super::measured::UploadedRendition;
use super::multivariant::StreamPlaylists;
use super::object::Target;
use crate::domain::hls::webvtt::{Cue, CueBudget};

/// The cues of all subtitle renditions.
pub(super) struct Subtitles {
    /// Cues by rendition.
    cues: Vec<Vec<Cue>>,
    budget: CueBudget,
}

impl Subtitles {
    pub(super) fn new(renditions: usize) -> Self {
        Self { cues: vec![Vec::new(); renditions], budget: CueBudget::default() }
    }

    /// Adds a cue. Drops it if the budget is used up; the worker has sent a warning then.
    pub(super) fn add(&mut self, rendition: u16, cue: Cue) -> Result<(), Error> {
        let cues = self.cues.get_mut(usize::from(rendition));
        let cues = cues.ok_or(Incomplete::UnknownSubtitles(rendition))?;
        if self.budget.charge(&cue) {
            cues.push(cue);
        }
        Ok(())
    }

    /// Uploads all segments, then the playlist of each rendition. Segments have the times of those of
    /// `video`.
    pub(super) async fn publish(
        self,
        target: &Arc<dyn Target>,
        playlists: &StreamPlaylists,
        video: &UploadedRendition,
    ) -> Result<(), Error> {
        let durations_ns: Vec<u64> = video.segments.iter().map(|s| s.duration_ns).collect();
        for (plan, cues) in playlists.plan().subtitles.iter().zip(self.cues) {
            let track = CueTrack {
                layout: playlists.layout(),
                rendition: &plan.name,
                key: playlists.key(),
                target_duration_secs: playlists.plan().video.target_duration_secs(),
                durations_ns: &durations_ns,
                first_pts: video.first_pts,
            };
            track.publish(target, &cues).await?;
        }
        Ok(())
    }
}
