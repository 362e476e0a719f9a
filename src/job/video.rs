//! One video that a message asks for: looks at its source, takes the claim, and runs an attempt.

use tokio_util::sync::CancellationToken;

use super::additions::Additions;
use super::attempt::{Attempt, Number};
use super::board::Ticket;
use super::claim::{Claim, End, Taken};
use super::context::{Context, VideoJob};
use super::deletion::{self, Deletions, Looked};
use super::error::Error;
use super::outcome::Failure;
use super::records::{self, Versioned};
use super::settled::Settled;
use super::signals::Signals;
use super::source_state::{RecordedVersion, SourceState, treat_source};
use super::unsettled::Unsettled;
use crate::backend::Slot;
use crate::domain::event::{self, EventKind};
use crate::domain::job::{JobRequest, VideoId};
use crate::domain::record::{self, JobOutcome};
use crate::domain::trace::Step;
use crate::domain::video::{VideoState, VideoView};
use crate::domain::view;
use crate::metrics::Stage;
use crate::store::{self, Head, Home};
use crate::tracer::Tracer;

/// One video that a message asks for.
pub(super) struct Job<'a> {
    pub(super) context: &'a Context,
    pub(super) request: &'a JobRequest,
    pub(super) id: VideoId,
    /// The job's slot in the pool of backends.
    pub(super) slot: &'a Slot,
    /// The trace of the attempt.
    pub(super) tracer: Tracer,
}

impl Job<'_> {
    /// Publishes the version of the source that exists now, whichever version the message meant. Events
    /// of one key may therefore arrive in any order and more than once.
    pub(super) async fn publish(
        &self,
        stop: &CancellationToken,
        lost: &CancellationToken,
    ) -> Result<Settled, Failure> {
        let (private, key) = (&self.context.private, &self.request.key);
        let looking = self.tracer.step(Step::LookUp);
        let head = match SourceState::look(private, key).await? {
            SourceState::Present(head) => head,
            SourceState::Absent(absent) => {
                tracing::warn!(key, "source does not exist");
                return Ok(Settled::source_absent(absent));
            }
        };
        let deletions = Deletions::of(self.context);
        let looked = deletions.look(&self.id, &deletion::version_of(&head)).await?;
        if let Looked::Deleted(covered) = looked {
            tracing::info!(key, "the video is deleted");
            return Ok(Settled::deleted(covered));
        }
        let home = self.home().await?;
        if let Some(recorded) = self.recorded(home, &head).await? {
            let settled = self.settle_recorded(&head, &recorded).await?;
            // Who published it may have died before it looked for them.
            self.settle_additions(&self.view_of(home, &recorded)).await;
            return Ok(settled);
        }
        let cancel = CancellationToken::new();
        let board = &self.context.board;
        let ticket = board.start(self.first_view(), cancel.clone()).ok_or(Error::Busy)?;
        ticket.trace_to(&self.tracer);
        // Another client of the store may have removed it since the first look.
        if let SourceState::Absent(absent) = SourceState::look(private, key).await? {
            return Ok(Settled::source_absent(absent));
        }
        let upload = records::upload_record(private, self.request, &head, self.context.visibility);
        let upload = upload.await?;
        self.show_home(&ticket, self.context.homes.of(upload.visibility));
        let source = format!("{}/{}", upload.created_at, head.etag);
        let created_at = upload.created_at.clone();
        ticket.update(|view| {
            view.filename = upload.filename;
            view.priority = upload.priority;
            view.metadata = upload.metadata;
            view.timings.created_at = Some(upload.created_at);
        });
        drop(looking);
        let folder = format!("a{}", hex::encode(rand::random::<[u8; 6]>()));
        let view = ticket.subscribe();
        let taken = Claim::take(self.context, &self.id, &folder, &head.etag, view);
        let Taken { claim, attempt, deaths, unfinished, waiting } =
            self.tracer.during(Step::Claim, taken).await?;
        ticket.update(|view| view.attempt = attempt);
        self.context.changes.note(&self.id);
        let signals = Signals { stop, cancel: &cancel, lost, claim: Some(&claim) };
        let looked = async {
            let looked = self.look_again(&deletions);
            let looked = self.tracer.during(Step::LookAgain, looked).await?;
            // An upload by the API has the first one already.
            let causes =
                [(EventKind::VideoCreated, created_at), (EventKind::VideoUploaded, source)];
            let recorded = self.context.events.record_all(&self.id, &causes, Some(ticket.view()));
            self.tracer.during(Step::Events, recorded).await?;
            Ok::<_, Error>(looked)
        };
        let ended = match Box::pin(looked).await {
            Ok((home, earlier)) => {
                self.show_home(&ticket, home);
                let recorded = earlier.clone().and_then(|(r, _)| RecordedVersion::of(r, &head));
                if let Some(recorded) = recorded {
                    self.settle_recorded(&head, &recorded).await.map_err(Unsettled::from)
                } else {
                    if attempt == 1 && waiting.is_none() && earlier.is_none() {
                        self.note_wait(&head);
                    }
                    let number = Number { attempt, deaths };
                    let job = self.video_job(home, &head, &ticket);
                    let (claim, folder) = (&claim, folder.as_str());
                    let run = Attempt { job, claim, folder, number, earlier, waiting };
                    Box::pin(run.run(&signals, unfinished)).await
                }
            }
            Err(error) => Err(error.into()),
        };
        self.release(claim, &folder, &ended).await;
        let view = ticket.view();
        drop(ticket);
        if !matches!(ended, Err(Unsettled::Retried(_))) {
            self.settle_additions(&view).await;
        }
        self.context.changes.note(&self.id);
        ended.map_err(|unsettled| Failure::of_attempt(attempt, unsettled))
    }

    /// Notes how long the source has waited for its first attempt.
    fn note_wait(&self, head: &Head) {
        let Some(arrived) = head.last_modified else { return };
        let age = self.context.private.clock().age(arrived);
        self.context.metrics.jobs.took(Stage::Queue, age);
    }

    /// Puts into the stream what somebody has added during the job, who has found its claim.
    async fn settle_additions(&self, view: &VideoView) {
        if let Err(error) = Additions::of(self.context).settle(&self.id, view).await {
            tracing::warn!(%error, "failed to add what was added meanwhile, the next addition does");
        }
    }

    /// Looks once more, with the claim: nobody moves the video to another home from now on, and its completion
    /// record may have been written between the first look and the claim.
    async fn look_again(&self, deletions: &Deletions) -> Result<(&Home, Option<Versioned>), Error> {
        // A delete writes its tombstone first and then looks for claims, so one of the two finds the other.
        if deletions.is_deleted(&self.id).await? {
            return Err(Error::Cancelled);
        }
        // Somebody removed the record since it was read or written: who may watch the video is unknown.
        let key = record::upload_record_key(&self.id);
        if self.context.private.find(&key).await?.is_none() {
            return Err(Error::Busy);
        }
        let home = self.home().await?;
        Ok((home, records::job_record_of(home, &self.id).await?))
    }

    async fn home(&self) -> Result<&Home, store::Error> {
        records::home_of(&self.context.private, &self.context.homes, &self.id).await
    }

    fn show_home(&self, ticket: &Ticket, home: &Home) {
        ticket.update(|view| {
            view.visibility = home.visibility();
            view.playback_url = self.context.urls.main(&self.id, view.visibility);
        });
    }

    fn video_job<'b>(&'b self, home: &'b Home, head: &'b Head, ticket: &'b Ticket) -> VideoJob<'b> {
        let (context, request, id, slot) = (self.context, self.request, &self.id, self.slot);
        VideoJob { context, request, id, home, slot, head, ticket, tracer: &self.tracer }
    }

    /// Releases the claim with how this attempt ended.
    async fn release(&self, claim: Claim, folder: &str, ended: &Result<Settled, Unsettled>) {
        let released = match ended {
            Ok(_) | Err(Unsettled::GivenUp(..)) => claim.end(End::Done).await,
            Err(Unsettled::Retried(Error::ClaimLost)) => Ok(()),
            // A delete on this box waits until nothing of the attempt is left.
            Err(Unsettled::Retried(Error::Cancelled)) => {
                drop(claim);
                records::withdraw(self.context, &self.id, folder).await
            }
            Err(Unsettled::Retried(error)) => claim.end(End::after(error)).await,
        };
        if let Err(error) = released {
            tracing::warn!(%error, "failed to release the claim, it will expire");
        }
    }

    /// The completion record of this version, as evidence.
    async fn recorded(
        &self,
        home: &Home,
        head: &Head,
    ) -> Result<Option<RecordedVersion>, store::Error> {
        let record = records::job_record_of(home, &self.id).await?;
        Ok(record.and_then(|(record, _)| RecordedVersion::of(record, head)))
    }

    async fn settle_recorded(
        &self,
        head: &Head,
        recorded: &RecordedVersion,
    ) -> Result<Settled, Error> {
        tracing::info!("this version is published already");
        // Who published it may have died before it recorded that.
        let causes = event::all_of_job(recorded.record());
        self.context.events.record_all(&self.id, &causes, None).await?;
        if recorded.record().latest_outcome() == JobOutcome::Ready {
            treat_source(self.context, self.request, head).await?;
        }
        Ok(Settled::already_recorded(recorded))
    }

    fn view_of(&self, home: &Home, recorded: &RecordedVersion) -> VideoView {
        let mut view = self.first_view();
        view.visibility = home.visibility();
        view.playback_url = self.context.urls.main(&self.id, view.visibility);
        view::finished(&mut view, recorded.record().clone());
        view
    }

    fn first_view(&self) -> VideoView {
        let visibility = self.context.visibility;
        let playback_url = self.context.urls.main(&self.id, visibility);
        let filename = records::filename(&self.request.key).to_owned();
        let mut view =
            VideoView::new(self.id.as_str(), filename, VideoState::Running, playback_url);
        view.visibility = visibility;
        view.timings.started_at = Some(jiff::Timestamp::now().to_string());
        view
    }
}
