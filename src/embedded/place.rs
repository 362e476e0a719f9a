//! The place of a new source among those that wait, as its upload record states it.

use std::io::Read;

use rusqlite::Transaction;

use super::blobs::Blobs;
use super::catalog;
use super::event::ObjectCreated;
use crate::domain::job::VideoId;
use crate::domain::record;
use crate::domain::turns::Place;

/// Longest record that is read, in bytes: descriptions of videos have some thousands.
const MAX_BYTES: u64 = 64 << 10;

/// The place of the video of a new source. One without an upload record, or with one that cannot be read, has no
/// owner and normal priority: its event must not be lost for that.
pub(super) fn of_source(
    db: &Transaction<'_>,
    blobs: &Blobs,
    event: &ObjectCreated,
) -> rusqlite::Result<Place> {
    let id = VideoId::of_source(&event.bucket, &event.key);
    let key = record::upload_record_key(&id);
    let Some(object) = catalog::find(db, &event.bucket, &key)? else { return Ok(Place::default()) };
    let parts = catalog::blobs(db, object.id)?;
    let [(name, size)] = parts.as_slice() else { return Ok(Place::default()) };
    let mut text = Vec::new();
    let read = std::fs::File::open(blobs.path(name))
        .and_then(|file| file.take((*size).min(MAX_BYTES)).read_to_end(&mut text));
    let place = read
        .map_err(|error| error.to_string())
        .and_then(|_| serde_json::from_slice(&text).map_err(|error| error.to_string()));
    Ok(place.unwrap_or_else(|error| {
        tracing::warn!(%id, error, "failed to read the place of a video, it gets a normal one");
        Place::default()
    }))
}
