//! Removes small objects of the private bucket whose video never came to be, or is gone.

use futures_util::TryStreamExt;

use super::Housekeeping;
use super::sweep::Found;
use crate::domain::job::VideoId;
use crate::domain::record::{
    self, ADDITIONS_PREFIX, EXTERNAL_IDS_PREFIX, ExternalId, HELD_FOR, UploadRecord,
    external_id_key,
};
use crate::job::error::Error;
use crate::store::{Entry, Removal};

impl Housekeeping {
    /// Removes text tracks, posters and choices that were added to uploads that never came. Returns the number of
    /// removed objects.
    pub(super) async fn sweep_additions(&self, found: &Found) -> Result<usize, Error> {
        let private = &self.context.private;
        let mut entries = private.entries(ADDITIONS_PREFIX);
        let mut removed = 0;
        while let Some(entry) = entries.try_next().await? {
            let path =
                entry.key.strip_prefix(ADDITIONS_PREFIX).and_then(|path| path.split_once('/'));
            let Some(id) = path.and_then(|(id, _)| VideoId::parse(id)) else { continue };
            if found.needs_additions(&id) || !self.is_orphan_age(&entry) {
                continue;
            }
            // The upload may have been asked for since the listing.
            if private.find(&record::upload_record_key(&id)).await?.is_none() {
                removed += self.remove_entry(&entry).await?;
            }
        }
        Ok(removed)
    }

    /// Removes notes of ids in other systems whose request failed before it made a video. Each note is read at one
    /// of some sweeps, because reading costs a request. Returns the number of removed notes.
    pub(super) async fn sweep_external_ids(&self) -> Result<usize, Error> {
        let private = &self.context.private;
        let mut entries = private.entries(EXTERNAL_IDS_PREFIX);
        let mut removed = 0;
        while let Some(entry) = entries.try_next().await? {
            if !self.is_orphan_age(&entry) || !self.is_turn_of(&entry.key) {
                continue;
            }
            let note: Option<ExternalId> = private.read_json(&entry.key).await?;
            let settled = note.filter(|note| self.age(Some(note.taken_at)) >= HELD_FOR);
            let Some(note) = settled else { continue };
            let record_key = record::upload_record_key(&note.video);
            let upload: Option<UploadRecord> = private.read_json(&record_key).await?;
            let has_it = upload
                .and_then(|upload| upload.metadata.external_id)
                .is_some_and(|external_id| external_id_key(&external_id) == entry.key);
            if !has_it {
                removed += self.remove_entry(&entry).await?;
            }
        }
        Ok(removed)
    }

    fn is_orphan_age(&self, entry: &Entry) -> bool {
        self.age(entry.last_modified).as_secs() >= self.config.orphan_age_secs
    }

    /// Removes this version of an object. Returns 1.
    pub(super) async fn remove_entry(&self, entry: &Entry) -> Result<usize, Error> {
        let (Removal::Gone | Removal::Changed) =
            self.context.private.delete_version(&entry.key, &entry.etag).await?;
        Ok(1)
    }
}
