//! Who may flip a video: the claim object of the private bucket, written conditionally.
//!
//! A claim is taken before an attempt and renewed while it runs, with what every box shows of it.
//! A holder that finds at a renewal, or before the flip, that somebody else has written, stops.

mod moving;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::context::Context;
use super::error::{Blame, Error};
use crate::domain::claim::{self, ClaimRecord, ClaimState, Commit, Verdict};
use crate::domain::job::VideoId;
use crate::domain::record;
use crate::domain::video::VideoView;
use crate::domain::waiting::{Hindrance, Waiting};
use crate::metrics::{self, Jobs, Renewal};
use crate::store::{self, Bucket, Precondition};

/// How often a claim is tried for where others write it at the same moment.
const TRIES: u32 = 5;
/// How long a claim has to last on a store without conditional writes before it counts as taken:
/// whoever wrote it at the same moment shows by then.
const SETTLE: Duration = Duration::from_secs(2);

/// A claim that was taken. It is renewed until this is dropped.
pub(super) struct Claim {
    shared: Arc<Shared>,
    lost: CancellationToken,
    _renewal: DropGuard,
}

/// The claim that was taken.
pub(super) struct Taken {
    pub(super) claim: Claim,
    /// Number of this attempt at this version of the source, from 1.
    pub(super) attempt: u32,
    /// Attempts at this version that died together with their daemon.
    pub(super) deaths: u32,
    /// The work that an earlier attempt had left when it died.
    pub(super) unfinished: Option<Box<Commit>>,
    /// The fault of the surroundings that the last attempt ended with.
    pub(super) waiting: Option<Waiting>,
}

struct Shared {
    bucket: Bucket,
    key: String,
    written: Mutex<Written>,
}

/// The claim as it was written last, and the version that this made.
struct Written {
    record: ClaimRecord,
    etag: String,
}

/// Reads a claim and how long ago it was written, by the store's clock.
pub(super) async fn read(
    bucket: &Bucket,
    id: &VideoId,
) -> Result<Option<(ClaimRecord, Duration, String)>, store::Error> {
    let Some(whole) = bucket.find_whole(&record::claim_key(id)).await? else { return Ok(None) };
    let age = whole.last_modified.map_or(Duration::ZERO, |at| bucket.clock().age(at));
    // A claim of another release is as good as none, but for its version.
    let unreadable = |_| ClaimRecord::without_attempt(ClaimState::Released, "");
    let record = serde_json::from_slice(&whole.bytes).unwrap_or_else(unreadable);
    Ok(Some((record, age, whole.etag)))
}

/// Result of a cancellation.
pub(super) struct Cancelled {
    /// An attempt was alive: it removes the claim once it has ended.
    pub(super) was_alive: bool,
}

/// Takes the claim away from whoever holds it, because the video is to be deleted.
///
/// # Errors
/// If the store fails.
pub(super) async fn cancel(
    bucket: &Bucket,
    id: &VideoId,
    renewal: Duration,
) -> Result<Cancelled, store::Error> {
    for _ in 0..TRIES {
        let Some((record, age, etag)) = read(bucket, id).await? else {
            return Ok(Cancelled { was_alive: false });
        };
        let was_alive = claim::is_alive(&record, age, renewal);
        let next = ClaimRecord { state: ClaimState::Cancelled, view: None, commit: None, ..record };
        // Not the attempt's own write any more.
        let next = ClaimRecord { attempt_id: String::new(), ..next };
        let condition = Precondition::Etag(&etag);
        match bucket.put_json(&record::claim_key(id), &next, None, condition).await {
            Ok(_) => return Ok(Cancelled { was_alive }),
            // It was renewed meanwhile.
            Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Cancelled { was_alive: true })
}

/// Whether no attempt has a claim on the video.
///
/// # Errors
/// If the store fails.
pub(super) async fn claim_is_gone(bucket: &Bucket, id: &VideoId) -> Result<bool, store::Error> {
    Ok(read(bucket, id).await?.is_none())
}

/// The public part of the claim on a video.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimView {
    /// Version of the claim itself.
    pub version: String,
    /// Version of the source that the claim is about.
    pub source_etag: String,
    /// The view of an attempt on another box.
    pub running: Option<VideoView>,
    /// Why the video waits for its next attempt.
    pub waiting: Option<Waiting>,
}

/// Reads the public part of the claim on a video, with one request. `None` if it has none.
///
/// # Errors
/// If the store fails.
pub async fn claim_view(
    bucket: &Bucket,
    id: &VideoId,
    renewal: Duration,
) -> Result<Option<ClaimView>, store::Error> {
    Ok(read(bucket, id).await?.map(|(record, age, version)| {
        let is_alive = claim::is_alive(&record, age, renewal);
        let waiting = record.waiting.filter(|_| record.state == ClaimState::Released);
        let running = record.view.filter(|_| is_alive);
        ClaimView { version, source_etag: record.source_etag, running, waiting }
    }))
}

impl Claim {
    /// Takes the claim unless another attempt is alive.
    ///
    /// # Errors
    /// [`Error::Busy`] if one is.
    pub(super) async fn take(
        context: &Context,
        id: &VideoId,
        attempt_id: &str,
        source_etag: &str,
        view: watch::Receiver<VideoView>,
    ) -> Result<Taken, Error> {
        let renewal = Duration::from_secs(context.config.claim_renewal_secs);
        for _ in 0..TRIES {
            let current = read(&context.private, id).await?;
            let (verdict, etag) = match &current {
                None => {
                    let (unfinished, waiting) = (None, None);
                    (Verdict::Free { attempts: 0, deaths: 0, unfinished, waiting }, None)
                }
                Some((record, age, etag)) => (
                    claim::judge(record, *age, renewal, &context.claimant, source_etag),
                    Some(etag.as_str()),
                ),
            };
            let Verdict::Free { attempts, deaths, unfinished, waiting } = verdict else {
                warn_of_copy(context, current.as_ref().map(|(record, _, _)| record));
                return Err(Error::Busy);
            };
            let record = ClaimRecord {
                attempt_id: attempt_id.to_owned(),
                attempts,
                deaths,
                box_id: context.claimant.box_id.clone(),
                instance: context.claimant.instance.clone(),
                view: Some(view.borrow().clone()),
                // The commit must outlive this attempt, too.
                commit: unfinished.clone(),
                waiting: waiting.clone(),
                ..ClaimRecord::without_attempt(ClaimState::Held, source_etag)
            };
            let shared = Shared::new(&context.private, id, record, etag);
            let condition = etag.map_or(Precondition::Absent, Precondition::Etag);
            match shared.first_write(condition).await {
                Ok(()) => {}
                // Somebody was faster.
                Err(Error::ClaimLost) => continue,
                Err(error) => return Err(error),
            }
            let claim = Self::keep(shared, renewal, view, &context.metrics.jobs);
            return Ok(Taken { claim, attempt: attempts + 1, deaths, unfinished, waiting });
        }
        Err(Error::Busy)
    }

    fn keep(
        shared: Shared,
        renewal: Duration,
        view: watch::Receiver<VideoView>,
        jobs: &Jobs,
    ) -> Self {
        let shared = Arc::new(shared);
        let (lost, ended) = (CancellationToken::new(), CancellationToken::new());
        let renewals = renew(Arc::clone(&shared), renewal, view, lost.clone(), jobs.clone());
        let task = Box::pin(renewals);
        let until = ended.clone();
        tokio::spawn(async move { until.run_until_cancelled(task).await });
        Self { shared, lost, _renewal: ended.drop_guard() }
    }

    /// Completes when somebody else has written the claim, with what that means.
    pub(super) async fn ended(&self) -> Error {
        self.lost.cancelled().await;
        match self.shared.read_back().await {
            Ok(Some((record, _))) if record.state == ClaimState::Cancelled => Error::Cancelled,
            Ok(_) | Err(_) => Error::ClaimLost,
        }
    }

    /// Makes sure, by writing it again, that the claim is still ours.
    pub(super) async fn hold(&self) -> Result<(), Error> {
        self.shared.write(|_| ()).await
    }

    /// Notes what is left to do: from here on, whoever comes next does it if we do not.
    pub(super) async fn commit(&self, commit: Commit) -> Result<(), Error> {
        self.shared.write(|record| record.commit = Some(Box::new(commit))).await
    }

    /// Writes how it ended, if the claim is still ours.
    pub(super) async fn end(self, end: End) -> Result<(), Error> {
        let now = self.shared.bucket.clock().now();
        self.shared
            .write(|record| {
                record.view = None;
                match end {
                    End::Done => {
                        record.state = ClaimState::Done;
                        record.commit = None;
                        record.waiting = None;
                    }
                    End::Failed => {
                        record.state = ClaimState::Released;
                        record.attempts += 1;
                        record.waiting = None;
                    }
                    End::Hindered(fault) => {
                        record.state = ClaimState::Released;
                        record.waiting = Some(Waiting::after(record.waiting.as_ref(), fault, now));
                    }
                    End::GivenBack => record.state = ClaimState::Released,
                }
            })
            .await
    }
}

/// How an attempt ended, for its claim.
pub(super) enum End {
    /// The completion record is written.
    Done,
    /// The attempt is one of those that a message may have. Its message is in the queue.
    Failed,
    /// The surroundings failed. The message is in the queue.
    Hindered(Hindrance),
    /// Nothing failed: the daemon stops. The message is in the queue.
    GivenBack,
}

impl End {
    /// How an attempt ended that failed with this error and is tried again.
    pub(super) fn after(error: &Error) -> Self {
        match error.hindrance() {
            Some(fault) => Self::Hindered(fault),
            None if error.blame() == Blame::Video => Self::Failed,
            None => Self::GivenBack,
        }
    }
}

/// Warns if the claim was written by another machine under the name of this one.
fn warn_of_copy(context: &Context, record: Option<&ClaimRecord>) {
    if record.is_some_and(|record| context.claimant.is_copied(record)) {
        tracing::warn!(
            box_id = context.claimant.box_id,
            "another machine has the name of this box: delete `box-id` in the data_dir of one of them and \
             restart it"
        );
    }
}

async fn renew(
    shared: Arc<Shared>,
    renewal: Duration,
    view: watch::Receiver<VideoView>,
    lost: CancellationToken,
    jobs: Jobs,
) {
    let renewed = |result| jobs.renewed(metrics::Lease::Claim, result);
    loop {
        tokio::time::sleep(renewal).await;
        let view = view.borrow().clone();
        match shared.write(|record| record.view = Some(view)).await {
            Ok(()) => renewed(Renewal::Ok),
            Err(Error::ClaimLost) => break,
            // A box that takes the claim meanwhile is found at the next renewal.
            Err(error) => {
                renewed(Renewal::Failed);
                tracing::warn!(%error, "the claim could not be renewed; trying again");
            }
        }
    }
    renewed(Renewal::Lost);
    lost.cancel();
}

impl Shared {
    fn new(bucket: &Bucket, id: &VideoId, record: ClaimRecord, etag: Option<&str>) -> Self {
        let written = Mutex::new(Written { record, etag: etag.unwrap_or_default().to_owned() });
        Self { bucket: bucket.clone(), key: record::claim_key(id), written }
    }

    async fn first_write(&self, condition: Precondition<'_>) -> Result<(), Error> {
        let mut written = self.written.lock().await;
        let record = written.record.clone();
        written.etag = self.put(&record, condition).await?;
        if !self.bucket.has_conditional_writes() {
            tokio::time::sleep(SETTLE).await;
            self.must_be_ours(&record).await?;
        }
        Ok(())
    }

    /// Changes the claim, if it is still ours.
    async fn write(&self, change: impl FnOnce(&mut ClaimRecord)) -> Result<(), Error> {
        let mut written = self.written.lock().await;
        let mut next = written.record.clone();
        change(&mut next);
        next.renewal += 1;
        if !self.bucket.has_conditional_writes() {
            self.must_be_ours(&written.record).await?;
        }
        let etag = self.put(&next, Precondition::Etag(&written.etag)).await?;
        *written = Written { record: next, etag };
        Ok(())
    }

    async fn put(
        &self,
        record: &ClaimRecord,
        condition: Precondition<'_>,
    ) -> Result<String, Error> {
        let mut seen: Option<String> = None;
        for _ in 0..TRIES {
            let condition = seen.as_deref().map_or(condition, Precondition::Etag);
            match self.bucket.put_json(&self.key, record, None, condition).await {
                Ok(etag) => return Ok(etag),
                Err(store::Error::PreconditionFailed { .. } | store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            // An earlier request of ours may have been done without an answer to it.
            match self.read_back().await? {
                Some((found, etag)) if found == *record => return Ok(etag),
                Some((found, etag)) if found.attempt_id == record.attempt_id => seen = Some(etag),
                Some(_) | None => return Err(Error::ClaimLost),
            }
        }
        Err(Error::ClaimLost)
    }

    async fn must_be_ours(&self, record: &ClaimRecord) -> Result<(), Error> {
        match self.read_back().await? {
            Some((found, _)) if found.attempt_id == record.attempt_id => Ok(()),
            Some(_) | None => Err(Error::ClaimLost),
        }
    }

    async fn read_back(&self) -> Result<Option<(ClaimRecord, String)>, Error> {
        Ok(self.bucket.read_json_version(&self.key).await?)
    }
}
