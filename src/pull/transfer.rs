//! The bytes of one pull, from the server of the URL into a multipart upload.
//!
//! They pass through memory one part at a time, in their order, so the parts that the store has are the beginning
//! of the file. A try that breaks off goes on behind them.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::{Error, Weight};
use super::fetch::{self, Answer};
use super::held::Held;
use super::parts::Parts;
use crate::domain::backoff;
use crate::domain::failure_code::FailureCode;
use crate::domain::pull::{PullUpload, Version, beginning, part_size_bytes};
use crate::domain::record::{self, UploadRecord};
use crate::domain::video::VideoError;
use crate::store::{self, CompletedPart};

/// Pauses between two tries.
const PAUSES: backoff::Policy = backoff::Policy { first_secs: 2, max_secs: 30 };
/// Times that the upload record is changed for a size, where others change it at the same moment.
const RECORD_TRIES: u32 = 5;

/// Works at a pull until its end, or until `stop`.
pub(super) async fn run(parts: &Parts, mut held: Held, stop: &CancellationToken) {
    let id = held.record.id.clone();
    let host = held.record.view().host;
    tracing::info!(%id, host, "pulling a source");
    let ended = stop.run_until_cancelled(Box::pin(tries(parts, &mut held))).await;
    let settled = match ended {
        None => {
            held.release().await;
            Ok(())
        }
        Some(Ok(())) => {
            tracing::info!(%id, "pulled a source");
            held.finish().await.map_err(Error::from)
        }
        Some(Err(Error::Lost)) => {
            tracing::info!(%id, "the pull is another box's, or its video is deleted");
            Ok(())
        }
        Some(Err(error)) => {
            tracing::warn!(%id, host, %error, "failed to pull a source");
            give_up(parts, &mut held, error.shown()).await
        }
    };
    if let Err(error) = settled {
        tracing::warn!(%id, %error, "failed to note the end of a pull");
    }
    parts.changes.note(&id);
}

/// Records that the pull has failed, and then gives it up: nobody comes back to it after that.
async fn give_up(parts: &Parts, held: &mut Held, error: VideoError) -> Result<(), Error> {
    held.renew(held.record.pulled_bytes).await?;
    parts.events.record_failed_pull(&held.record, &error).await?;
    held.fail(error).await
}

/// Tries until one succeeds, or until it is no use.
async fn tries(parts: &Parts, held: &mut Held) -> Result<(), Error> {
    let (mut pauses, mut faults) = (0, 0);
    let most = parts.config.max_attempts;
    loop {
        let before = held.record.pulled_bytes;
        let Err(error) = attempt(parts, held).await else { return Ok(()) };
        if held.record.pulled_bytes > before {
            (pauses, faults) = (0, 0);
        }
        faults += u32::from(error.weight() == Weight::Counts);
        if error.weight() == Weight::Final || faults >= most {
            return Err(error);
        }
        check_age(parts, held)?;
        pauses += 1;
        tracing::info!(id = %held.record.id, %error, "a pull broke off, it goes on");
        pause(parts, held, backoff::delay(pauses, &PAUSES, rand::random())).await?;
    }
}

/// Waits, and keeps the record ours.
async fn pause(parts: &Parts, held: &mut Held, wait: Duration) -> Result<(), Error> {
    let until = Instant::now() + wait;
    while Instant::now() < until {
        tokio::time::sleep_until(until.min(Instant::now() + parts.renewal)).await;
        let pulled = held.record.pulled_bytes;
        match held.renew(pulled).await {
            Err(Error::Lost) => return Err(Error::Lost),
            // The next try meets it, too.
            Ok(()) | Err(Error::Store(_) | Error::Source { .. }) => {}
        }
    }
    Ok(())
}

fn check_age(parts: &Parts, held: &Held) -> Result<(), Error> {
    let limit = parts.config.max_secs;
    if held.age() < Duration::from_secs(limit) {
        return Ok(());
    }
    Err(Error::lasting(FailureCode::PullTimeout, format!("It took longer than {limit} s.")))
}

/// One try: goes on behind the parts that the store has.
async fn attempt(parts: &Parts, held: &mut Held) -> Result<(), Error> {
    let private = &parts.private;
    let stall = Duration::from_secs(parts.config.stall_secs);
    let (mut stored, stored_bytes) = match stored_parts(parts, held).await? {
        Stored::Complete => return Ok(()),
        Stored::Parts(stored, bytes) => (stored, bytes),
    };
    let known = held.record.upload.clone();
    let resumed =
        known.as_ref().filter(|upload| upload.version.is_resumable() && !stored.is_empty());
    let offset = resumed.map_or(0, |_| stored_bytes);
    let if_range = resumed.and_then(|upload| upload.version.validator.as_deref());
    let url = held.record.url.clone();
    let is_whole = resumed.is_some_and(|upload| upload.version.size_bytes == Some(offset));
    if !is_whole {
        let answer = fetch::get(&parts.outgoing, &url, offset, if_range, stall).await?;
        if let Some(mut answer) = answer {
            if let Some(upload) = resumed {
                if !answer.version.is_same(&upload.version) {
                    return Err(fetch::changed());
                }
                let known_bytes = upload.version.size_bytes;
                answer.version.size_bytes = answer.version.size_bytes.or(known_bytes);
            }
            if answer.offset == 0 {
                stored.clear();
            }
            receive(parts, held, answer, &mut stored).await?;
        } else {
            // All of a file whose size was not stated is there.
            held.record.pulled_bytes = offset;
        }
    }
    let upload = held.record.upload.clone().ok_or(Error::Lost)?;
    let size_bytes = held.record.pulled_bytes;
    note_size(parts, held, size_bytes).await?;
    held.renew(size_bytes).await?;
    let Err(error) = private.complete_multipart(&held.record.key, &upload.id, &stored).await else {
        return Ok(());
    };
    // Another box, or a request that was sent twice, has completed it.
    if private.find(&held.record.key).await?.is_some() { Ok(()) } else { Err(error.into()) }
}

/// Parts of a pull that the store has.
enum Stored {
    /// The source: a crash came after the end of its upload.
    Complete,
    /// The first parts of it, and how many bytes they are.
    Parts(Vec<CompletedPart>, u64),
}

/// The parts that the store has, from the first on and without a gap.
async fn stored_parts(parts: &Parts, held: &mut Held) -> Result<Stored, Error> {
    let private = &parts.private;
    if private.find(&held.record.key).await?.is_some() {
        return Ok(Stored::Complete);
    }
    let Some(upload) = held.record.upload.clone() else {
        return Ok(Stored::Parts(Vec::new(), 0));
    };
    let listed = match private.list_parts(&held.record.key, &upload.id).await {
        Ok(listed) => listed,
        Err(store::Error::NotFound { .. }) => {
            held.write(|record| record.upload = None).await?;
            return Ok(Stored::Parts(Vec::new(), 0));
        }
        Err(error) => return Err(error.into()),
    };
    let sizes: Vec<_> = listed.iter().map(|part| (part.number, part.size_bytes)).collect();
    let (count, pulled) = beginning(&upload, &sizes);
    let stored = listed.into_iter().take(count);
    let stored = stored.map(|part| CompletedPart { number: part.number, etag: part.etag });
    let stored = stored.collect();
    if upload.version.size_bytes == Some(pulled) {
        held.write(|record| record.pulled_bytes = pulled).await?;
    }
    Ok(Stored::Parts(stored, pulled))
}

/// Uploads the rest of the file part by part. A server may send it in pieces.
async fn receive(
    parts: &Parts,
    held: &mut Held,
    answer: Answer,
    stored: &mut Vec<CompletedPart>,
) -> Result<(), Error> {
    let (offset, version) = (answer.offset, answer.version.clone());
    let total = version.size_bytes;
    check_size(parts, total.unwrap_or_default())?;
    if total == Some(0) {
        return Err(fetch::empty());
    }
    let is_begun = |upload: &PullUpload| offset > 0 || upload.version == version;
    let upload = match held.record.upload.clone().filter(is_begun) {
        Some(upload) => upload,
        None => begin(parts, held, version.clone()).await?,
    };
    let part_bytes = usize::try_from(upload.part_size_bytes).unwrap_or(usize::MAX);
    let (mut buffer, mut received) = (BytesMut::new(), offset);
    let mut piece = Some(answer);
    while let Some(answer) = piece {
        let end = answer.end;
        let mut body = Body { parts, stream: answer.response.bytes_stream() };
        while let Some(chunk) = body.next(held).await? {
            received += chunk.len() as u64;
            check_size(parts, received)?;
            buffer.extend_from_slice(&chunk);
            while buffer.len() >= part_bytes {
                let part = buffer.split_to(part_bytes).freeze();
                put_part(parts, held, &upload, part, stored).await?;
            }
        }
        let is_end = total == Some(received);
        piece = match end {
            Some(end) if end == received && !is_end => {
                next_piece(parts, held, received, &version).await?
            }
            Some(_) if !is_end => return Err(broke_off()),
            Some(_) | None => None,
        };
    }
    if received == 0 {
        return Err(fetch::empty());
    }
    if total.is_some_and(|total| total != received) {
        return Err(broke_off());
    }
    if !buffer.is_empty() {
        put_part(parts, held, &upload, buffer.freeze(), stored).await?;
    }
    Ok(())
}

/// The piece of this version of the file that begins at this offset. `None` if the file ends there.
async fn next_piece(
    parts: &Parts,
    held: &Held,
    offset: u64,
    version: &Version,
) -> Result<Option<Answer>, Error> {
    let stall = Duration::from_secs(parts.config.stall_secs);
    let (url, if_range) = (&held.record.url, version.validator.as_deref());
    let piece = fetch::get(&parts.outgoing, url, offset, if_range, stall).await?;
    let belongs = |piece: &Answer| {
        piece.offset == offset && version.is_resumable() && piece.version.is_same(version)
    };
    if piece.as_ref().is_none_or(belongs) { Ok(piece) } else { Err(fetch::changed()) }
}

/// Uploads the part that follows.
async fn put_part(
    parts: &Parts,
    held: &mut Held,
    upload: &PullUpload,
    part: bytes::Bytes,
    stored: &mut Vec<CompletedPart>,
) -> Result<(), Error> {
    let (key, number) = (held.record.key.clone(), number_after(stored));
    let pulled = upload.part_size_bytes * stored.len() as u64 + part.len() as u64;
    let etag = parts.private.upload_part(&key, &upload.id, number, part).await?;
    stored.push(CompletedPart { number, etag });
    held.record.pulled_bytes = pulled;
    Ok(())
}

fn broke_off() -> Error {
    Error::passing(FailureCode::PullFailed, "It broke off before the end.")
}

/// Number of the part that follows.
fn number_after(stored: &[CompletedPart]) -> u32 {
    stored.last().map_or(1, |part| part.number + 1)
}

/// Begins the upload of this version.
async fn begin(parts: &Parts, held: &mut Held, version: Version) -> Result<PullUpload, Error> {
    let (private, key) = (&parts.private, held.record.key.clone());
    if let Some(old) = &held.record.upload {
        private.abort_multipart(&key, &old.id).await?;
    }
    let part_size_bytes =
        part_size_bytes(version.size_bytes, parts.max_size_bytes, parts.config.part_size_bytes);
    let id = private.create_multipart(&key, "application/octet-stream").await?;
    let upload = PullUpload { id, part_size_bytes, version };
    let noted = upload.clone();
    held.write(|record| {
        record.upload = Some(noted);
        record.pulled_bytes = 0;
    })
    .await?;
    parts.changes.note(&held.record.id);
    Ok(upload)
}

fn check_size(parts: &Parts, size_bytes: u64) -> Result<(), Error> {
    let limit = parts.max_size_bytes;
    if size_bytes <= limit {
        return Ok(());
    }
    let message = format!("It has more than {limit} bytes.");
    Err(Error::lasting(FailureCode::PullTooLarge, message))
}

/// Writes the size of the source into the upload record of its video.
async fn note_size(parts: &Parts, held: &Held, size_bytes: u64) -> Result<(), Error> {
    let (private, key) = (&parts.private, record::upload_record_key(&held.record.id));
    for _ in 0..RECORD_TRIES {
        let found = private.read_json_version::<UploadRecord>(&key).await?;
        let (record, etag) = found.ok_or(Error::Lost)?;
        let record = UploadRecord { size_bytes, ..record };
        match private.replace_json(&key, &record, None, Some(&etag)).await {
            Err(store::Error::PreconditionFailed { .. }) => {}
            written => return Ok(written.map(drop)?),
        }
    }
    // The job takes the size of the object.
    Ok(())
}

/// The body of an answer, which is watched: for a stall, for the time of the whole pull, and for the record.
struct Body<'a, S> {
    parts: &'a Parts,
    stream: S,
}

impl<S: Stream<Item = reqwest::Result<bytes::Bytes>> + Unpin> Body<'_, S> {
    /// The next bytes; `None` at the end.
    async fn next(&mut self, held: &mut Held) -> Result<Option<bytes::Bytes>, Error> {
        let stall = Duration::from_secs(self.parts.config.stall_secs);
        let deadline = Instant::now() + stall;
        loop {
            let renewal = held.written_at + self.parts.renewal;
            if Instant::now() >= renewal {
                self.renew(held).await?;
                continue;
            }
            match tokio::time::timeout_at(deadline.min(renewal), self.stream.next()).await {
                Ok(chunk) => return chunk.transpose().map_err(fetch::failed),
                Err(_) if Instant::now() >= deadline => return Err(fetch::stalled(stall)),
                // It is time for the renewal.
                Err(_) => {}
            }
        }
    }

    async fn renew(&self, held: &mut Held) -> Result<(), Error> {
        check_age(self.parts, held)?;
        let pulled = held.record.pulled_bytes;
        held.renew(pulled).await
    }
}
