//! Subtitles: text streams become cues on the job's timeline.
//!
//! The text is read at the demuxer's pads. No element parses it and nothing waits for it: a fault in a
//! track causes a warning and never fails the job.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use parking_lot::{Condvar, Mutex};

use crate::domain::hls::webvtt::{Cue, CueBudget, markup};
use crate::domain::media::SubtitleText;
use crate::domain::plan::Plan;
use crate::worker::output::Output;
use crate::worker::protocol::Event;
use crate::worker::timeline::timestamps::segment_of;

/// Formats that `decodebin` outputs undecoded, in addition to its defaults.
const UNDECODED_FORMATS: [&str; 3] =
    ["application/x-ass", "application/x-ssa", "application/x-subtitle-unknown"];
/// Bytes of a buffer that are read; the text of one screen is shorter.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// Time that the last cues get once all other streams have ended.
const LAST_CUES_GRACE: Duration = Duration::from_secs(5);

/// The subtitle streams of a plan.
pub(crate) struct Subtitles {
    /// Streams without a pad yet: index in the plan, name and format, by stream id.
    missing: Mutex<HashMap<String, (u16, String, SubtitleText)>>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Streams that have not ended.
    open: Mutex<usize>,
    ended: Condvar,
    budget: Mutex<CueBudget>,
    output: Arc<Output>,
    start_ns: u64,
}

impl Subtitles {
    /// The subtitle streams of this plan. The job's timeline begins at `start_ns` of theirs.
    pub(crate) fn new(plan: &Plan, output: &Arc<Output>, start_ns: u64) -> Self {
        let missing = (0_u16..).zip(&plan.subtitles).map(|(index, subtitles)| {
            (subtitles.stream_id.clone(), (index, subtitles.name.clone(), subtitles.text))
        });
        Self {
            missing: Mutex::new(missing.collect()),
            shared: Arc::new(Shared {
                open: Mutex::new(0),
                ended: Condvar::new(),
                budget: Mutex::default(),
                output: Arc::clone(output),
                start_ns,
            }),
        }
    }

    /// Makes `decodebin` output the formats that are read here.
    pub(crate) fn expose_formats(decode: &gst::Element) {
        let mut caps = decode.property::<gst::Caps>("caps");
        for name in UNDECODED_FORMATS {
            caps.make_mut().append(gst::Caps::new_empty_simple(name));
        }
        decode.set_property("caps", caps);
    }

    /// Reads the buffers of this pad if it is a subtitle stream of the plan; nothing passes it then. `on_buffer`
    /// gets each buffer first. Returns false for any other pad.
    pub(crate) fn watch(
        &self,
        pad: &gst::Pad,
        on_buffer: impl Fn(&gst::Pad, &gst::Buffer) + Send + Sync + 'static,
    ) -> bool {
        let id = pad.stream_id().unwrap_or_default();
        let Some((index, name, text)) = self.missing.lock().remove(id.as_str()) else {
            return false;
        };
        *self.shared.open.lock() += 1;
        let reader = StreamReader { index, name, text, shared: Arc::clone(&self.shared) };
        let warned = Mutex::default();
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        // Runs on the stream's streaming thread: parses text, and writes events to the pipe.
        pad.add_probe(mask, move |pad, info| match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                on_buffer(pad, buffer);
                if let Err(fault) = reader.read(pad, buffer) {
                    reader.warn(fault, &warned);
                }
                gst::PadProbeReturn::Drop
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                reader.end();
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        });
        true
    }

    /// Warns of streams that have no pad, once the decoder has no more pads.
    pub(crate) fn warn_of_missing(&self) {
        for (_, name, _) in self.missing.lock().values() {
            let message = format!("{name} stays empty: its stream cannot be found again");
            self.shared.output.warn(message);
        }
    }

    /// Waits for the last cues, at most [`LAST_CUES_GRACE`], once all other streams have ended.
    pub(crate) fn finish(&self) {
        let mut open = self.shared.open.lock();
        // Later cues are lost: a warning was sent, or the file is cut off.
        self.shared.ended.wait_while_for(&mut open, |open| *open > 0, LAST_CUES_GRACE);
    }
}

/// Why a track is incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Unreadable,
    Full,
}

/// Reads one stream.
struct StreamReader {
    index: u16,
    name: String,
    text: SubtitleText,
    shared: Arc<Shared>,
}

impl StreamReader {
    fn read(&self, pad: &gst::Pad, buffer: &gst::Buffer) -> Result<(), Fault> {
        let bytes = buffer.map_readable().map_err(|_| Fault::Unreadable)?;
        let bytes = bytes.get(..MAX_TEXT_BYTES).unwrap_or(&bytes);
        let text = String::from_utf8_lossy(bytes);
        // Text that was cut may end within a character.
        if std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_some()) {
            return Err(Fault::Unreadable);
        }
        let text = match self.text {
            SubtitleText::Raw if has_markup(pad) => markup::of_markup(&text),
            SubtitleText::Raw => markup::of_plain(&text),
            SubtitleText::Ass => markup::of_ass(&text),
            SubtitleText::WebVtt => markup::of_webvtt(&text),
            SubtitleText::WebVttBlock => markup::of_webvtt_block(&text),
        };
        // Empty text, and text outside of the segment, is no fault.
        let times = cue_times(pad, buffer).filter(|_| !text.is_empty());
        if let Some((start_ns, duration_ns)) = times {
            let start_ns = start_ns.saturating_sub(self.shared.start_ns);
            let cue = Cue { start_ns, duration_ns, text, settings: String::new() };
            if !self.shared.budget.lock().charge(&cue) {
                return Err(Fault::Full);
            }
            self.shared.output.event(&Event::Cue { subtitles: self.index, cue });
        }
        Ok(())
    }

    /// Sends one warning per kind of fault.
    fn warn(&self, fault: Fault, warned: &Mutex<Vec<Fault>>) {
        let mut warned = warned.lock();
        if warned.contains(&fault) {
            return;
        }
        warned.push(fault);
        let what = match fault {
            Fault::Unreadable => "some of the text cannot be read",
            Fault::Full => "there is more text than a video may have",
        };
        let message = format!("{} is incomplete: {what}", self.name);
        self.shared.output.warn(message);
    }

    fn end(&self) {
        let mut open = self.shared.open.lock();
        *open = open.saturating_sub(1);
        self.shared.ended.notify_all();
    }
}

/// Whether the caps of the pad say that the text has markup.
fn has_markup(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps();
    let format = caps.and_then(|caps| caps.structure(0)?.get::<String>("format").ok());
    format.is_some_and(|format| format == "pango-markup")
}

/// Start and duration of a buffer on the job's timeline, in nanoseconds.
fn cue_times(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<(u64, Option<u64>)> {
    let segment = segment_of(pad)?;
    let pts = buffer.pts()?;
    let Some(duration) = buffer.duration() else {
        return Some((segment.to_running_time(pts)?.nseconds(), None));
    };
    let (start, end) = segment.clip(pts, pts + duration)?;
    let (start, end) = (segment.to_running_time(start)?, segment.to_running_time(end)?);
    Some((start.nseconds(), Some(end.saturating_sub(start).nseconds())))
}
