//! From one backend to the next, in the same attempt.

use super::adapters::Unflipped;
use super::attempt::{Attempt, Signals};
use super::board::Ticket;
use super::claim::Claim;
use super::records::{self, Versioned};
use super::video::Job;
use super::{Context, Error};
use crate::check;
use crate::check::keys::Keys;
use crate::domain::conformance::Report;
use crate::domain::failure_code::FailureCode;
use crate::domain::hls::key::StreamKey;
use crate::domain::hls::names;
use crate::domain::outcome::Fault;
use crate::domain::video::BackendFailure;
use crate::publish::{self, Finished};
use crate::store::Head;
use crate::worker::parent;

/// An attempt that has its claim.
pub(super) struct Run<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) head: &'a Head,
    pub(super) ticket: &'a Ticket,
    pub(super) claim: &'a Claim,
    /// Folder of the attempt.
    pub(super) folder: &'a str,
    pub(super) attempt: u32,
    /// The completion record of an earlier version.
    pub(super) earlier: Option<Versioned>,
}

/// A stream that is uploaded but for its flip.
pub(super) struct Encoded {
    pub(super) whole: Finished,
    /// Its folder.
    pub(super) folder: String,
    /// How it keeps the rules.
    pub(super) report: Report,
}

impl Run<'_> {
    /// Encodes on one backend after the other until one does it well. Each begins the whole ladder
    /// anew, in a folder of its own.
    pub(super) async fn encode(
        &self,
        signals: &Signals<'_>,
        key: Option<&StreamKey>,
    ) -> Result<Encoded, Error> {
        let (context, id, slot) = (self.job.context, &self.job.id, self.job.slot);
        let mut failed = Vec::new();
        loop {
            let folder = match failed.len() {
                0 => self.folder.to_owned(),
                before => format!("{}-{}", self.folder, before + 1),
            };
            let ended = Box::pin(self.encode_once(signals, key, &folder, &failed)).await;
            // None is to blame before one was chosen.
            let Some(backend) = self.ticket.view().backend else { return ended };
            let has_other = |failure: &BackendFailure| {
                let failed = [&failed[..], std::slice::from_ref(&failure.backend)].concat();
                !context.backends.candidates(slot, &failed).is_empty()
            };
            let Some(failure) = failure(&ended, backend).filter(has_other) else { return ended };
            let earlier = self.earlier.as_ref().map(|(record, _)| record);
            let swept = records::sweep(&context.public, id, earlier, self.claim);
            signals.guard(Box::pin(swept)).await?;
            failed.push(failure.backend.clone());
            signals.guard(note(context, self.ticket, failure)).await?;
        }
    }

    async fn encode_once(
        &self,
        signals: &Signals<'_>,
        key: Option<&StreamKey>,
        folder: &str,
        failed: &[String],
    ) -> Result<Encoded, Error> {
        let (context, id, slot) = (self.job.context, &self.job.id, self.job.slot);
        self.ticket.update(|view| view.backend = None);
        let attempt = Attempt {
            context,
            request: self.job.request,
            id,
            folder,
            head: self.head,
            ticket: self.ticket,
            key: key.cloned(),
            backends: context.backends.candidates(slot, failed),
            slot,
        };
        let whole = Box::pin(attempt.run(signals)).await?;
        let checked = async { Ok(self.check(&whole, key).await) };
        let report = signals.guard(Box::pin(checked)).await?;
        Ok(Encoded { whole, folder: folder.to_owned(), report })
    }

    /// Holds what was really uploaded against the rules.
    async fn check(&self, whole: &Finished, key: Option<&StreamKey>) -> Report {
        let (bucket, id) = (&self.job.context.public, &self.job.id);
        let files = Unflipped { bucket, id, main: whole.main() };
        // The key at hand, and not the one that players are given: their server may not know us.
        let keys = key.map_or_else(Keys::none, |key| Keys::known(key.key.0));
        let report = Box::pin(check::check(&files, &keys, names::MAIN)).await;
        for finding in &report.findings {
            tracing::warn!(
                rule = finding.rule,
                place = finding.place,
                message = finding.message,
                "the stream breaks a rule"
            );
        }
        report
    }
}

/// The backend's failure that an end may be; none where another backend cannot do better.
fn failure(ended: &Result<Encoded, Error>, backend: String) -> Option<BackendFailure> {
    let failure = |element, code: FailureCode, message| {
        let code = code.as_str().to_owned();
        Some(BackendFailure { backend, element, code, message, quarantined: false })
    };
    match ended {
        Ok(encoded) => {
            let error = Error::NotConformant(encoded.report.musts().next()?.clone());
            failure(None, error.code(), error.to_string())
        }
        Err(Error::Worker(error)) if error.may_be_the_backends() => {
            let element = match error {
                parent::Error::Failed(failure) => failure.element.clone(),
                parent::Error::Spawn(_)
                | parent::Error::Source(_)
                | parent::Error::Died { .. }
                | parent::Error::Memory
                | parent::Error::Stalled { .. }
                | parent::Error::Protocol(_) => None,
            };
            failure(element, error.code(), error.to_string())
        }
        // An encoder that makes nothing, or something else, comes to this, too.
        Err(error @ (Error::Publish(publish::Error::Incomplete(_)) | Error::Unfinished)) => {
            failure(None, error.code(), error.to_string())
        }
        Err(_) => None,
    }
}

/// Shows the failure, once the backend's trial has told whether it still works.
async fn note(context: &Context, ticket: &Ticket, failure: BackendFailure) -> Result<(), Error> {
    let works = context.backends.still_works(&failure.backend).await;
    let failure = BackendFailure { quarantined: !works, ..failure };
    tracing::warn!(
        backend = failure.backend,
        element = failure.element,
        code = failure.code,
        error = failure.message,
        quarantined = failure.quarantined,
        "the backend failed: the video is begun anew on the next"
    );
    context.metrics.fell_back();
    ticket.update(|view| {
        view.playable = false;
        view.progress = 0.0;
        view.timings.playable_at = None;
        view.backend_failures.push(failure);
    });
    Ok(())
}
