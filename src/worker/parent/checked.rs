//! The checks between the wire and the rest of the daemon: turns frames into checked types.
//!
//! A job has stages: probe, plan, encode, end. Each frame belongs to one of them, and everything in it is
//! bounded by what the daemon asked for. Nothing here reads a clock or waits.

mod allowance;
mod encoding;
mod rendition;
mod thumbnails;

use std::time::Duration;

use self::allowance::Allowance;
use self::encoding::Encoding;
use super::frames::Frame;
use super::misbehaviour::Misbehaviour;
use super::report::{Output, Report};
use crate::domain::failure_code::FailureCode;
use crate::domain::media::MediaInfo;
use crate::domain::plan::Plan;
use crate::domain::plan_check::{self, Order};
use crate::domain::standstill::Standstill;
use crate::domain::untrusted::{self, NAME_CHARS, SENTENCE_CHARS};
use crate::domain::warning::WarningCode;
use crate::worker::protocol::{Event, Failure, MAX_STEPS, MAX_WARNINGS, Reached, WorkerRequest};

/// Most characters of the debug text of a failure or a warning.
const DEBUG_CHARS: usize = 4_000;

/// Meaning of a frame.
#[derive(Debug)]
pub(super) enum Checked {
    /// Output to pass on.
    Output(Output),
    /// The worker stands still at this stream.
    StandsStill(Standstill),
    /// The worker has done a step. Times and counts are what it says.
    Reached(Reached),
    /// The worker is done; nothing may follow. The time is the end of the longest rendition, in nanoseconds.
    Done {
        /// That end.
        duration_ns: u64,
    },
    /// The worker gave up.
    Failed(Failure),
}

impl From<Report> for Checked {
    fn from(report: Report) -> Self {
        Self::Output(Output::Report(report))
    }
}

/// The checker of one worker.
#[derive(Debug)]
pub(super) struct Checker {
    request: WorkerRequest,
    stage: Stage,
    warnings: u32,
    steps: u32,
    progress: Allowance,
}

#[derive(Debug)]
enum Stage {
    /// A poster is made, and nothing else.
    Still {
        /// It has arrived.
        has_poster: bool,
    },
    /// A file is made, and nothing else.
    Remux {
        /// Bytes that have arrived.
        received: u64,
    },
    /// Nothing is known yet.
    Probing,
    /// The probe, as the worker reported it.
    Planning(Box<MediaInfo>),
    /// The plan is final.
    Encoding(Box<Plan>, Box<Encoding>),
    /// Nothing may follow.
    Ended,
}

/// Most bytes of a file that is made of so many bytes of segments: the frames, and 40 bytes for the tables of each
/// of them, which has more.
fn most_bytes(source_bytes: u64) -> u64 {
    source_bytes.saturating_mul(2).saturating_add(64 << 20)
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Self::Still { .. } => "while it makes a poster",
            Self::Remux { .. } => "while it makes a file",
            Self::Probing => "before its probe",
            Self::Planning(_) => "before its plan",
            Self::Encoding(..) => "during its encode",
            Self::Ended => "after its end",
        }
    }
}

impl Checker {
    /// A checker of a worker that got this request.
    pub(super) fn new(request: WorkerRequest) -> Self {
        let stage = match (request.still, &request.remux) {
            (Some(_), _) => Stage::Still { has_poster: false },
            (None, Some(_)) => Stage::Remux { received: 0 },
            (None, None) => Stage::Probing,
        };
        Self { request, stage, warnings: 0, steps: 0, progress: Allowance::default() }
    }

    /// Whether the worker has not reported its probe yet.
    pub(super) fn is_probing(&self) -> bool {
        matches!(self.stage, Stage::Probing | Stage::Still { .. } | Stage::Remux { .. })
    }

    /// Checks the next frame, which came this long after the start of the worker. `None` if there is
    /// nothing to pass on.
    ///
    /// # Errors
    /// If no worker of ours sends it.
    pub(super) fn frame(
        &mut self,
        frame: Frame,
        at: Duration,
    ) -> Result<Option<Checked>, Misbehaviour> {
        match frame {
            Frame::Event(event) => self.event(*event, at),
            Frame::Data { rendition, number, bytes } => {
                if let Stage::Remux { received } = &mut self.stage {
                    *received += bytes.len() as u64;
                    if *received > most_bytes(self.request.source_bytes) {
                        return Err(Misbehaviour::TooMuch("bytes of a file"));
                    }
                    return Ok(Some(Checked::Output(Output::Piece(bytes.freeze()))));
                }
                self.encoding("bytes")?.data(rendition, number, &bytes).map(|()| None)
            }
            Frame::Init { rendition, bytes } => {
                let encoding = self.encoding("an initialization section")?;
                encoding.init(rendition, bytes).map(|()| None)
            }
            Frame::Thumbnail(thumbnail, jpeg) => {
                match &mut self.stage {
                    Stage::Still { has_poster } => {
                        thumbnails::accept_still(thumbnail, &jpeg, has_poster)?;
                    }
                    Stage::Remux { .. }
                    | Stage::Probing
                    | Stage::Planning(_)
                    | Stage::Encoding(..)
                    | Stage::Ended => {
                        self.encoding("a thumbnail")?.thumbnail(thumbnail, &jpeg)?;
                    }
                }
                Ok(Some(Checked::Output(Output::Thumbnail(thumbnail, jpeg.freeze()))))
            }
        }
    }

    fn event(&mut self, event: Event, at: Duration) -> Result<Option<Checked>, Misbehaviour> {
        let report = match event {
            Event::Probed { media } => self.probed(media)?,
            Event::Planned { plan } => self.planned(&plan)?,
            Event::Restarted => self.restarted()?,
            Event::Rendition { rendition, codec } => {
                self.encoding("a codec")?.codec(rendition, &codec)?;
                Report::Rendition { rendition, codec }
            }
            Event::Progress { position_ns } => {
                let position_ns = self.encoding("progress")?.progress(position_ns);
                if !self.progress.take(at) {
                    return Err(Misbehaviour::TooMuch("reports of progress"));
                }
                Report::Progress { position_ns }
            }
            Event::Segment { rendition, number, start_ns, duration_ns } => {
                let encoding = self.encoding("a segment")?;
                let segment = encoding.segment(rendition, number, (start_ns, duration_ns))?;
                return Ok(Some(Checked::Output(Output::Segment(segment))));
            }
            Event::Cue { subtitles, cue } => {
                let cue = self.encoding("a cue")?.cue(subtitles, cue)?;
                return Ok(cue.map(|cue| Report::Cue { subtitles, cue }.into()));
            }
            Event::Warning { code, message, debug } => self.warning(code, &message, debug)?,
            Event::StandsStill(standstill) => {
                self.encoding("a standstill")?;
                if !self.progress.take(at) {
                    return Err(Misbehaviour::TooMuch("reports of progress"));
                }
                let element = untrusted::one_line(&standstill.element, NAME_CHARS);
                return Ok(Some(Checked::StandsStill(Standstill { element, ..standstill })));
            }
            Event::Reached(reached) => return self.reached(reached).map(Some),
            Event::Done { .. } => {
                let is_made = match self.stage {
                    Stage::Still { has_poster } => has_poster,
                    Stage::Remux { received } => received > 0,
                    Stage::Probing | Stage::Planning(_) | Stage::Encoding(..) | Stage::Ended => {
                        false
                    }
                };
                let duration_ns = if is_made { 0 } else { self.encoding("its end")?.done()? };
                self.stage = Stage::Ended;
                return Ok(Some(Checked::Done { duration_ns }));
            }
            Event::Failed(failure) => return self.failed(failure).map(Some),
        };
        Ok(Some(report.into()))
    }

    fn probed(&mut self, media: MediaInfo) -> Result<Report, Misbehaviour> {
        let Stage::Probing = self.stage else { return Err(self.out_of_turn("a probe")) };
        self.stage = Stage::Planning(Box::new(media.clone()));
        Ok(Report::Probed { media: media.with_short_texts() })
    }

    fn planned(&mut self, reported: &Plan) -> Result<Report, Misbehaviour> {
        let Stage::Planning(media) = &self.stage else { return Err(self.out_of_turn("a plan")) };
        let WorkerRequest { ladder, encode, limits, backends, .. } = &self.request;
        let plan = plan_check::check(reported, media, Order { ladder, encode, limits, backends })?;
        self.stage = if self.request.plan_only {
            Stage::Ended
        } else {
            Stage::Encoding(Box::new(plan.clone()), Box::new(Encoding::new(&plan, limits)))
        };
        Ok(Report::Planned { plan: Box::new(plan) })
    }

    fn reached(&mut self, reached: Reached) -> Result<Checked, Misbehaviour> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Misbehaviour::TooMuch("steps"));
        }
        if !reached.step.is_of_worker() {
            return Err(Misbehaviour::Wrong("step"));
        }
        if let Stage::Ended = self.stage {
            return Err(self.out_of_turn("a step"));
        }
        Ok(Checked::Reached(reached))
    }

    fn restarted(&mut self) -> Result<Report, Misbehaviour> {
        let limits = &self.request.limits;
        match &mut self.stage {
            Stage::Encoding(plan, encoding) => encoding.restart(plan, limits)?,
            Stage::Still { .. }
            | Stage::Remux { .. }
            | Stage::Probing
            | Stage::Planning(_)
            | Stage::Ended => {
                return Err(self.out_of_turn("a restart"));
            }
        }
        Ok(Report::Restarted)
    }

    fn warning(
        &mut self,
        code: Option<WarningCode>,
        message: &str,
        debug: Option<String>,
    ) -> Result<Report, Misbehaviour> {
        if let Stage::Ended = self.stage {
            return Err(self.out_of_turn("a warning"));
        }
        self.warnings += 1;
        if self.warnings > MAX_WARNINGS {
            return Err(Misbehaviour::TooMuch("warnings"));
        }
        let message = untrusted::one_line(message, SENTENCE_CHARS);
        let debug = debug.map(|text| untrusted::one_line(&text, DEBUG_CHARS));
        Ok(Report::Warning { code, message, debug })
    }

    fn failed(&mut self, failure: Failure) -> Result<Checked, Misbehaviour> {
        let before_probe = self.is_probing();
        if let Stage::Ended = self.stage {
            return Err(self.out_of_turn("a failure"));
        }
        // These come before the first read of the source, and do not count against the video.
        let is_of_start = matches!(
            failure.code,
            FailureCode::GstreamerInit | FailureCode::SandboxIncomplete | FailureCode::WorkerOrder
        );
        if !failure.code.may_come_from_worker() || is_of_start && !before_probe {
            return Err(Misbehaviour::Reason(failure.code));
        }
        self.stage = Stage::Ended;
        Ok(Checked::Failed(Failure {
            message: untrusted::one_line(&failure.message, SENTENCE_CHARS),
            element: failure.element.map(|name| untrusted::one_line(&name, NAME_CHARS)),
            debug: failure.debug.map(|text| untrusted::lines(&text, DEBUG_CHARS)),
            ..failure
        }))
    }

    fn encoding(&mut self, what: &'static str) -> Result<&mut Encoding, Misbehaviour> {
        let stage = self.stage.name();
        match &mut self.stage {
            Stage::Encoding(_, encoding) => Ok(encoding),
            Stage::Still { .. }
            | Stage::Remux { .. }
            | Stage::Probing
            | Stage::Planning(_)
            | Stage::Ended => Err(Misbehaviour::OutOfTurn { what, stage }),
        }
    }

    fn out_of_turn(&self, what: &'static str) -> Misbehaviour {
        Misbehaviour::OutOfTurn { what, stage: self.stage.name() }
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
