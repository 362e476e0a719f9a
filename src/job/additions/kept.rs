//! Additions as they are kept in the private bucket.

use crate::domain::job::VideoId;
use crate::domain::record::{self, JobRecord};
use crate::domain::text_track::KeptTrack;
use crate::domain::tombstone::{Stage, Tombstone, tombstone_key};
use crate::store::{self, Bucket};

/// The additions of a video that are kept, by their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Language and entity tag of each text track, by language.
    pub(super) tracks: Vec<(String, String)>,
    /// Entity tag of the poster.
    pub(super) poster: Option<String>,
}

impl Kept {
    /// Lists what is kept of a video.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn list(private: &Bucket, id: &VideoId) -> Result<Self, store::Error> {
        let (prefix, poster) = (record::tracks_prefix(id), record::poster_key(id));
        let mut kept = Self::default();
        for entry in private.list(&record::additions_prefix(id)).await? {
            let name = entry.key.strip_prefix(&prefix).and_then(|name| name.strip_suffix(".json"));
            if let Some(language) = name {
                kept.tracks.push((language.to_owned(), entry.etag));
            } else if entry.key == poster {
                kept.poster = Some(entry.etag);
            }
        }
        Ok(kept)
    }

    /// Reads the text tracks that are kept of a video, in the order of their languages.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn read_tracks(
        private: &Bucket,
        id: &VideoId,
    ) -> Result<Vec<KeptTrack>, store::Error> {
        let mut tracks = Vec::new();
        for (language, _) in Self::list(private, id).await?.tracks {
            tracks.extend(track(private, id, &language).await?);
        }
        Ok(tracks)
    }

    /// Whether something that was just written for a video may stay: the video is there and not deleted. A delete
    /// writes its tombstone first and then lists what is to be removed, so one of the two finds the other.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn may_stay(private: &Bucket, id: &VideoId) -> Result<bool, store::Error> {
        let tombstone = private.read_json::<Tombstone>(&tombstone_key(id)).await?;
        if tombstone.is_some_and(|tombstone| tombstone.stage != Stage::Lifted) {
            return Ok(false);
        }
        Ok(private.find(&record::upload_record_key(id)).await?.is_some())
    }

    /// Whether there is a text track in this language.
    #[must_use]
    pub fn has_track(&self, language: &str) -> bool {
        self.tracks.iter().any(|(known, _)| known == language)
    }

    /// Number of text tracks.
    #[must_use]
    pub fn tracks(&self) -> usize {
        self.tracks.len()
    }

    /// Whether the stream of this record has what is kept, and no more.
    #[must_use]
    pub fn is_in(&self, record: &JobRecord) -> bool {
        let published = record.text_tracks.iter().map(|track| (&track.language, &track.version));
        let tracks = self.tracks.iter().map(|(language, version)| (language, version));
        let poster = record.own_poster.as_ref().map(|poster| &poster.version);
        tracks.eq(published) && self.poster.as_ref() == poster
    }
}

/// Reads a text track that is kept. `None` if there is none.
///
/// # Errors
/// If the store fails.
pub(super) async fn track(
    private: &Bucket,
    id: &VideoId,
    language: &str,
) -> Result<Option<KeptTrack>, store::Error> {
    private.read_json(&record::track_key(id, language)).await
}
