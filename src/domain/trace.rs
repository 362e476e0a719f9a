//! The trace of an attempt: the steps from the last byte of a source to its first segments, with their times.

use serde::{Deserialize, Serialize};

/// Most spans of a trace. An attempt at a plan with ten renditions has about sixty.
pub const MAX_SPANS: usize = 128;
/// Columns of the bars of a waterfall.
const BAR_COLUMNS: f64 = 48.0;

/// A step of an attempt.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The event waits: from the last byte of the source until a box receives the message.
    Queue,
    /// The message is moved to where its priority waits, if it has to.
    Place,
    /// Source, tombstone and records are looked up.
    LookUp,
    /// The claim is taken.
    Claim,
    /// Records are looked up once more, with the claim.
    LookAgain,
    /// Events are recorded.
    Events,
    /// Remains of earlier attempts are removed.
    Sweep,
    /// The key of the stream is asked for.
    Key,
    /// The target and the choice of encode settings are looked up.
    Target,
    /// The process of the worker starts and gets its request.
    Start,
    /// The worker enters its sandbox.
    Sandbox,
    /// GStreamer initializes in the worker.
    Gstreamer,
    /// The worker discovers the streams of the source.
    Discover,
    /// The worker measures frame times.
    FrameTimes,
    /// The worker plans and chooses its backend.
    Plan,
    /// The worker builds the pipeline.
    Graph,
    /// The pipeline decodes until the first frame reaches the ladder.
    FirstFrame,
    /// A rendition is encoded until its first packet.
    Encode,
    /// A rendition is encoded and muxed from its first packet to the end of its first segment.
    Segment,
    /// The first segment of a rendition is uploaded.
    Upload,
    /// The event playlist of a rendition is written for the first time.
    EventPlaylist,
    /// `main.m3u8` is written for the first time: the stream plays.
    Main,
    /// The worker runs, from its start to the end of its encode.
    Worker,
    /// The last playlists are written, and the thumbnails.
    Finish,
    /// Additions of users join the stream.
    Additions,
    /// The uploaded stream is checked.
    Gate,
    /// The end is committed, and `main.m3u8` shows it.
    Flip,
}

impl Step {
    /// Whether a worker reports it, at its end.
    #[must_use]
    pub fn is_of_worker(self) -> bool {
        matches!(
            self,
            Self::Start
                | Self::Sandbox
                | Self::Gstreamer
                | Self::Discover
                | Self::FrameTimes
                | Self::Plan
                | Self::Graph
                | Self::FirstFrame
                | Self::Encode
        )
    }

    /// Name for people: the one of the JSON text.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Place => "place",
            Self::LookUp => "look-up",
            Self::Claim => "claim",
            Self::LookAgain => "look-again",
            Self::Events => "events",
            Self::Sweep => "sweep",
            Self::Key => "key",
            Self::Target => "target",
            Self::Start => "start",
            Self::Sandbox => "sandbox",
            Self::Gstreamer => "gstreamer",
            Self::Discover => "discover",
            Self::FrameTimes => "frame-times",
            Self::Plan => "plan",
            Self::Graph => "graph",
            Self::FirstFrame => "first-frame",
            Self::Encode => "encode",
            Self::Segment => "segment",
            Self::Upload => "upload",
            Self::EventPlaylist => "event-playlist",
            Self::Main => "main",
            Self::Worker => "worker",
            Self::Finish => "finish",
            Self::Additions => "additions",
            Self::Gate => "gate",
            Self::Flip => "flip",
        }
    }
}

/// Work of a worker during a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Work {
    /// Processor time of all its threads in milliseconds, as the worker says.
    pub cpu_ms: f64,
    /// Reads of the source: round trips to the daemon, as the worker says.
    pub reads: u64,
    /// Bytes of these reads.
    pub read_bytes: u64,
    /// Ranged requests to the store that began meanwhile.
    pub requests: u64,
    /// Bytes that those asked for.
    pub request_bytes: u64,
}

/// One step with its times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Span {
    /// The step.
    pub step: Step,
    /// Name of the rendition, if it is a step of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendition: Option<String>,
    /// Begin in milliseconds since the source was stored, or since a box received the message where that is unknown.
    pub start_ms: f64,
    /// End, likewise.
    pub end_ms: f64,
    /// Work that the worker did meanwhile, for its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
}

/// The steps of an attempt, in the order of their begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Trace {
    /// The steps.
    pub spans: Vec<Span>,
}

impl Trace {
    /// Milliseconds until the stream played, if it did.
    #[must_use]
    pub fn playable_ms(&self) -> Option<f64> {
        self.spans.iter().find(|span| span.step == Step::Main).map(|span| span.end_ms)
    }

    /// The trace as plain text under a line of headings: one line per step, with a bar between its begin and its end. The scale ends when the
    /// stream plays; later steps have no bar.
    #[must_use]
    pub fn waterfall(&self) -> String {
        let last_ms = self.spans.iter().map(|span| span.end_ms).fold(0.0, f64::max);
        let scale_ms = self.playable_ms().unwrap_or(last_ms).max(1.0);
        let line = |span: &Span| {
            let name = match &span.rendition {
                Some(rendition) => format!("{} {rendition}", span.step.name()),
                None => span.step.name().to_owned(),
            };
            let (start, took) = (span.start_ms, span.end_ms - span.start_ms);
            let bar = bar(span.start_ms / scale_ms, span.end_ms / scale_ms);
            let work = span.work.map(described).unwrap_or_default();
            let line = format!("{name:<24} {start:>9.1} {took:>9.1}  {bar}{work}");
            line.trim_end().to_owned() + "\n"
        };
        let end = match self.playable_ms() {
            Some(ms) => format!("plays after {ms:.0} ms\n"),
            None => "does not play yet\n".to_owned(),
        };
        let head = format!("{:<24} {:>9} {:>9}\n", "step", "at ms", "lasts ms");
        let lines = self.spans.iter().map(line);
        std::iter::once(head).chain(lines).chain([end]).collect()
    }
}

/// A bar from one share of the scale to another.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, not negative")]
fn bar(start: f64, end: f64) -> String {
    if start > 1.0 {
        return String::new();
    }
    let column = |share: f64| (share.clamp(0.0, 1.0) * BAR_COLUMNS).round() as usize;
    let (from, to) = (column(start), column(end));
    let mark = if from == to { "|".to_owned() } else { "#".repeat(to - from) };
    " ".repeat(from) + &mark
}

/// The work of a span for people.
fn described(work: Work) -> String {
    let cpu = format!("  {:.0} ms CPU", work.cpu_ms);
    if work.reads == 0 && work.requests == 0 {
        return cpu;
    }
    let kib = |bytes: u64| bytes >> 10;
    let Work { reads, read_bytes, requests, request_bytes, .. } = work;
    format!(
        "{cpu}; {reads} reads, {} KiB; {requests} GETs, {} KiB",
        kib(read_bytes),
        kib(request_bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(step: Step, start_ms: f64, end_ms: f64) -> Span {
        Span { step, rendition: None, start_ms, end_ms, work: None }
    }

    #[test]
    fn a_waterfall_has_a_line_per_step_and_ends_when_the_stream_plays() {
        let work =
            Work { cpu_ms: 7.4, reads: 3, read_bytes: 2048, requests: 1, request_bytes: 1 << 20 };
        let spans = vec![
            span(Step::Queue, 0.0, 24.0),
            Span { work: Some(work), ..span(Step::Discover, 24.0, 48.0) },
            Span { rendition: Some("1080p".to_owned()), ..span(Step::Encode, 48.0, 96.0) },
            span(Step::Main, 96.0, 96.0),
            span(Step::Gate, 200.0, 210.0),
        ];
        let expected = [
            "step                         at ms  lasts ms",
            "queue                          0.0      24.0  ############",
            "discover                      24.0      24.0              ############  7 ms CPU; 3 reads, 2 KiB; 1 GETs, 1024 KiB",
            "encode 1080p                  48.0      48.0                          ########################",
            "main                          96.0       0.0                                                  |",
            "gate                         200.0      10.0",
            "plays after 96 ms",
        ];
        let text = Trace { spans }.waterfall();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_trace_that_does_not_play_ends_with_its_last_step() {
        let text = Trace { spans: vec![span(Step::Claim, 0.0, 10.0)] }.waterfall();
        assert!(text.contains(&"#".repeat(48)) && text.ends_with("does not play yet\n"), "{text}");
    }

    #[test]
    fn names_are_those_of_the_json_text() {
        for step in [Step::LookUp, Step::FrameTimes, Step::EventPlaylist, Step::Gstreamer] {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
    }
}
