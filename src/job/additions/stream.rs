//! Puts what is kept of a video into one of its streams.

use std::sync::Arc;

use super::kept::{self, Kept};
use crate::domain::event::EventKind;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::key_frames;
use crate::domain::hls::names::{self, Layout};
use crate::domain::hls::published::{VodPlaylist, smallest_video};
use crate::domain::hls::text_tracks::with_text_tracks;
use crate::domain::job::VideoId;
use crate::domain::record::{self, JobRecord, OwnPoster};
use crate::domain::text_track::{PublishedTrack, parse, rendition_name};
use crate::domain::video::RenditionView;
use crate::encryption::{self, Encryption};
use crate::job::adapters::read_text;
use crate::job::context::Context;
use crate::job::error::Error;
use crate::publish::{CueTrack, Finished, Object, Target, decrypt_segment};
use crate::store::{self, Bucket, Home};

/// A stream whose video is uploaded.
pub(in crate::job) struct Stream<'a> {
    pub(in crate::job) private: &'a Bucket,
    pub(in crate::job) home: &'a Home,
    pub(in crate::job) id: &'a VideoId,
    /// Its folder.
    pub(in crate::job) folder: &'a str,
    /// Its `main.m3u8`.
    pub(in crate::job) main: &'a str,
    /// The key of its segments, if they are encrypted.
    pub(in crate::job) key: Option<&'a StreamKey>,
}

/// A stream with additions that nobody is shown yet.
pub(in crate::job) struct Added {
    /// The `main.m3u8` that is to show them.
    pub(in crate::job) main: String,
    /// All its added text tracks.
    pub(in crate::job) tracks: Vec<PublishedTrack>,
    /// The renditions of these text tracks.
    pub(in crate::job) renditions: Vec<RenditionView>,
    /// The poster that was chosen.
    pub(in crate::job) own_poster: Option<OwnPoster>,
    /// URIs of the playlists that were uploaded, relative to `main.m3u8`.
    pub(in crate::job) uploaded: Vec<String>,
}

/// Additions that a stream has already.
#[derive(Clone, Copy, Default)]
pub(in crate::job) struct Present<'a> {
    pub(in crate::job) tracks: &'a [PublishedTrack],
    pub(in crate::job) own_poster: Option<&'a OwnPoster>,
}

/// Times of the video, which all text tracks follow.
struct Times {
    target_duration_secs: u32,
    durations_ns: Vec<u64>,
    first_pts: u64,
}

impl Stream<'_> {
    /// Uploads what is kept and not in the stream yet.
    pub(in crate::job) async fn add(
        &self,
        target: &Arc<dyn Target>,
        kept: &Kept,
        present: Present<'_>,
    ) -> Result<Added, Error> {
        let layout = Layout::of_attempt(self.id, self.folder);
        let mut added = Added {
            main: self.main.to_owned(),
            tracks: Vec::new(),
            renditions: Vec::new(),
            own_poster: self.poster(target, kept, present.own_poster).await?,
            uploaded: Vec::new(),
        };
        let present = present.tracks;
        // Subtitles have the times of video, and players show them on it.
        let has_work = !kept.tracks.is_empty() || !present.is_empty();
        let Some(video) = smallest_video(self.main).filter(|_| has_work) else {
            return Ok(added);
        };
        let times = self.times(video).await?;
        for (language, version) in &kept.tracks {
            let known = present
                .iter()
                .find(|track| track.language == *language && track.version == *version);
            if let Some(track) = known {
                added.tracks.push(track.clone());
                continue;
            }
            let Some(track) = kept::track(self.private, self.id, language).await? else { continue };
            let cues = match parse::cues(&track.text) {
                Ok(cues) => cues,
                Err(error) => {
                    tracing::warn!(id = %self.id, language, %error, "failed to parse a text track");
                    continue;
                }
            };
            if let Err(reason) = parse::check_rendered(&cues, &times.durations_ns) {
                tracing::warn!(id = %self.id, language, reason, "failed to render a text track");
                continue;
            }
            let name = rendition_name(language, &hex::encode(rand::random::<[u8; 4]>()));
            let rendition = CueTrack {
                layout: &layout,
                rendition: &name,
                key: self.key,
                target_duration_secs: times.target_duration_secs,
                durations_ns: &times.durations_ns,
                first_pts: times.first_pts,
            };
            rendition.publish(target, &cues).await?;
            added.uploaded.push(layout.uri(&name, names::INDEX));
            added.tracks.push(track.published(version, name));
        }
        let segments = u32::try_from(times.durations_ns.len()).unwrap_or(u32::MAX);
        let views = added.tracks.iter().map(|track| RenditionView {
            name: track.rendition.clone(),
            label: None,
            width: None,
            height: None,
            segments,
            peak_bps: None,
            average_bps: None,
        });
        added.renditions = views.collect();
        let uri = |rendition: &str| layout.uri(rendition, names::INDEX);
        added.main = with_text_tracks(self.main, &added.tracks, uri);
        Ok(added)
    }

    /// Uploads the poster that is kept, unless the stream has it.
    async fn poster(
        &self,
        target: &Arc<dyn Target>,
        kept: &Kept,
        present: Option<&OwnPoster>,
    ) -> Result<Option<OwnPoster>, Error> {
        let Some(version) = &kept.poster else { return Ok(None) };
        if let Some(present) = present.filter(|present| present.version == *version) {
            return Ok(Some(present.clone()));
        }
        let found = self.private.find_whole(&record::poster_key(self.id)).await?;
        let Some(found) = found else { return Ok(None) };
        let layout = Layout::of_attempt(self.id, self.folder);
        let name = names::own_poster(&hex::encode(rand::random::<[u8; 4]>()));
        let key = layout.key_of_stream_file(&name);
        target.put(Object::poster(key, found.bytes)).await?;
        let path = layout.uri_of_stream_file(&name);
        Ok(Some(OwnPoster { version: found.etag, path }))
    }

    /// Reads the times of the video, whose media playlist has this URI.
    async fn times(&self, video: &str) -> Result<Times, Error> {
        let unreadable = |key: &str, reason: &str| {
            let (key, reason) = (key.to_owned(), reason.to_owned());
            Error::Store(store::Error::Rejected { operation: "read", key, reason })
        };
        let key = format!("{}/{video}", self.id);
        let playlist = VodPlaylist::parse(&read_text(self.home, &key).await?);
        let playlist = playlist.ok_or_else(|| unreadable(&key, "it is no VOD playlist"))?;
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let init = match &playlist.map {
            Some(uri) => Some(self.home.read(&format!("{folder}/{uri}")).await?.bytes),
            None => None,
        };
        let Some(first) = playlist.segments.first() else {
            return Err(unreadable(&key, "it has no segment"));
        };
        let key = format!("{folder}/{}", first.uri);
        let mut bytes = self.home.read(&key).await?.bytes;
        if let Some(iv) = &first.iv {
            let plain = self.key.and_then(|key| decrypt_segment(&key.key, iv, &bytes));
            bytes =
                plain.ok_or_else(|| unreadable(&key, "it is encrypted with another key"))?.into();
        }
        let found = key_frames::find(init.as_deref(), &bytes);
        let found = found.map_err(|error| unreadable(&key, &error.to_string()))?;
        let first_pts = found.frames.first().map(|frame| frame.pts);
        Ok(Times {
            target_duration_secs: playlist.target_duration_secs,
            durations_ns: playlist.durations_ns(),
            first_pts: first_pts.ok_or_else(|| unreadable(&key, "it has no key frame"))?,
        })
    }

    /// The key of the segments of a published stream, if they are encrypted.
    pub(in crate::job) async fn key_of(
        encryption: &Encryption,
        home: &Home,
        record: &JobRecord,
        main: &str,
    ) -> Result<Option<StreamKey>, Error> {
        let Some(video) = smallest_video(main) else { return Ok(None) };
        let (id, folder) = (record.id.as_str(), &record.attempt_id);
        let playlist = VodPlaylist::parse(&read_text(home, &format!("{id}/{video}")).await?);
        let Some(uri) = playlist.and_then(|playlist| playlist.key_uri) else { return Ok(None) };
        let key = match uri.strip_prefix("../key?v=") {
            Some(version) => encryption.master_key_of(version, id, folder),
            None => encryption.key_of(id).await?.map(|key| key.key),
        };
        let key = key.ok_or(encryption::Error::Settings)?;
        Ok(Some(StreamKey { key, uri }))
    }
}

/// Puts what is kept of a video into a stream that is uploaded and not shown yet.
pub(in crate::job) async fn add_to_finished(
    private: &Bucket,
    home: &Home,
    id: &VideoId,
    folder: &str,
    finished: Finished,
    key: Option<&StreamKey>,
) -> Result<(Finished, Added), Error> {
    let main = finished.main();
    let kept = Kept::list(private, id).await?;
    let stream = Stream { private, home, id, folder, main: &main, key };
    let added = stream.add(finished.target(), &kept, Present::default()).await?;
    Ok((finished.with_main(added.main.clone()), added))
}

/// Records that these text tracks are in the stream of a video, each version of a track once.
pub(in crate::job) async fn note_tracks(
    context: &Context,
    id: &VideoId,
    tracks: &[PublishedTrack],
) {
    for track in tracks {
        let cause = format!("track-{}-{}", track.language, track.version);
        context.events.note(id, EventKind::TextTrackReady, &cause).await;
    }
}
