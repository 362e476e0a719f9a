//! Subtitles: the text that goes by, as cues on the job's timeline.
//!
//! They are taken where the demuxer's pads end. No element parses them and nothing waits for them:
//! whatever is wrong with a track costs a warning, never the job.

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
use crate::worker::timeline::segmenter::segment;

/// What `decodebin` gives out as it is, beside what it does anyway.
const TAKEN_AS_IT_IS: [&str; 3] =
    ["application/x-ass", "application/x-ssa", "application/x-subtitle-unknown"];
/// Bytes of a buffer that are read: the text of a screen is shorter.
const MOST_BYTES: usize = 16 << 10;
/// How long the last cues may take on their way when all else has ended.
const LAST_CUES: Duration = Duration::from_secs(5);

/// The subtitle streams of a plan.
pub(crate) struct Subtitles {
    /// Those that have not been found: index in the plan, name and format, by stream id.
    waiting: Mutex<HashMap<String, (u16, String, SubtitleText)>>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Streams that have not ended.
    open: Mutex<usize>,
    ended: Condvar,
    budget: Mutex<CueBudget>,
    output: Arc<Output>,
}

impl Subtitles {
    /// Of this plan.
    pub(crate) fn new(plan: &Plan, output: &Arc<Output>) -> Self {
        let waiting = (0_u16..).zip(&plan.subtitles).map(|(index, subtitles)| {
            (subtitles.stream_id.clone(), (index, subtitles.name.clone(), subtitles.text))
        });
        Self {
            waiting: Mutex::new(waiting.collect()),
            shared: Arc::new(Shared {
                open: Mutex::new(0),
                ended: Condvar::new(),
                budget: Mutex::default(),
                output: Arc::clone(output),
            }),
        }
    }

    /// Lets `decodebin` give out the formats that are read here.
    pub(crate) fn expose(decode: &gst::Element) {
        let mut caps = decode.property::<gst::Caps>("caps");
        for name in TAKEN_AS_IT_IS {
            caps.make_mut().append(gst::Caps::new_empty_simple(name));
        }
        decode.set_property("caps", caps);
    }

    /// Takes what comes out of this pad, if it is one of the streams, and lets none of it through.
    /// Each buffer is shown to `seen` before.
    pub(crate) fn watch(
        &self,
        pad: &gst::Pad,
        seen: impl Fn(&gst::Pad, &gst::Buffer) + Send + Sync + 'static,
    ) -> bool {
        let id = pad.stream_id().unwrap_or_default();
        let Some((index, name, text)) = self.waiting.lock().remove(id.as_str()) else {
            return false;
        };
        *self.shared.open.lock() += 1;
        let taker = Taker { index, name, text, shared: Arc::clone(&self.shared) };
        let warned = Mutex::default();
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(mask, move |pad, info| match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                seen(pad, buffer);
                if let Err(fault) = taker.take(pad, buffer) {
                    taker.warn(fault, &warned);
                }
                gst::PadProbeReturn::Drop
            }
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                taker.end();
                gst::PadProbeReturn::Ok
            }
            _ => gst::PadProbeReturn::Ok,
        });
        true
    }

    /// Warns of the streams that were never found.
    pub(crate) fn all_pads_are_there(&self) {
        for (_, name, _) in self.waiting.lock().values() {
            let message = format!("{name} stays empty: its stream cannot be found again");
            self.shared.output.event(&Event::Warning { message });
        }
    }

    /// All else has ended: waits until the last cues have come, for a moment.
    pub(crate) fn finish(&self) {
        let mut open = self.shared.open.lock();
        // What is not there by then is left out: it was told, or the file is cut off.
        self.shared.ended.wait_while_for(&mut open, |open| *open > 0, LAST_CUES);
    }
}

/// What makes a track incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Unreadable,
    Full,
}

/// Takes one stream.
struct Taker {
    index: u16,
    name: String,
    text: SubtitleText,
    shared: Arc<Shared>,
}

impl Taker {
    fn take(&self, pad: &gst::Pad, buffer: &gst::Buffer) -> Result<(), Fault> {
        let bytes = buffer.map_readable().map_err(|_| Fault::Unreadable)?;
        let bytes = bytes.get(..MOST_BYTES).unwrap_or(&bytes);
        let text = String::from_utf8_lossy(bytes);
        // A text that was cut may end in half a character.
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
        // What is silent, or lies outside of what is shown, is no fault.
        let times = when(pad, buffer).filter(|_| !text.is_empty());
        if let Some((start_ns, duration_ns)) = times {
            let cue = Cue { start_ns, duration_ns, text };
            if !self.shared.budget.lock().charge(&cue) {
                return Err(Fault::Full);
            }
            self.shared.output.event(&Event::Cue { subtitles: self.index, cue });
        }
        Ok(())
    }

    /// Tells a fault once.
    fn warn(&self, fault: Fault, warned: &Mutex<Vec<Fault>>) {
        let mut warned = warned.lock();
        if warned.contains(&fault) {
            return;
        }
        warned.push(fault);
        let what = match fault {
            Fault::Unreadable => "some of the text cannot be read",
            Fault::Full => "there is more text than is kept",
        };
        let message = format!("{} is incomplete: {what}", self.name);
        self.shared.output.event(&Event::Warning { message });
    }

    fn end(&self) {
        let mut open = self.shared.open.lock();
        *open = open.saturating_sub(1);
        self.shared.ended.notify_all();
    }
}

/// Whether the pad says that there are tags in its text.
fn has_markup(pad: &gst::Pad) -> bool {
    let caps = pad.current_caps();
    let format = caps.and_then(|caps| caps.structure(0)?.get::<String>("format").ok());
    format.is_some_and(|format| format == "pango-markup")
}

/// When a buffer is shown and for how long, in nanoseconds of running time: the job's timeline.
fn when(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<(u64, Option<u64>)> {
    let segment = segment(pad)?;
    let pts = buffer.pts()?;
    let Some(lasts) = buffer.duration() else {
        return Some((segment.to_running_time(pts)?.nseconds(), None));
    };
    let (start, end) = segment.clip(pts, pts + lasts)?;
    let (start, end) = (segment.to_running_time(start)?, segment.to_running_time(end)?);
    Some((start.nseconds(), Some(end.saturating_sub(start).nseconds())))
}
